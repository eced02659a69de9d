// What an application built on the AI SDK does, by way of OpenAI's chat dialect and of Anthropic's.
// Run by Node in the folder that requirements/clients-node was installed in; prints one JSON object for each of SCENES.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";

const { GATEWAY_URL, GATEWAY_KEY, SCENES } = process.env;

async function scene({ model: named, dialect }) {
  const provider =
    dialect === "anthropic"
      ? createAnthropic({ baseURL: `${GATEWAY_URL}/v1`, apiKey: GATEWAY_KEY })
      : createOpenAICompatible({
          name: "gateway",
          baseURL: `${GATEWAY_URL}/v1`,
          apiKey: GATEWAY_KEY,
          includeUsage: true,
          supportsStructuredOutputs: true,
        });
  const model = provider(named);
  const prompt = "Hello! What are you?";

  const whole = await generateText({ model, prompt, maxRetries: 0 });

  const streaming = streamText({ model, prompt, maxRetries: 0 });
  const pieces = [];
  for await (const piece of streaming.textStream) pieces.push(piece);
  const streamedUsage = await streaming.usage;

  const cities = [];
  const tools = {
    get_weather: tool({
      description: "The weather of a city.",
      inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
      execute: async ({ city }) => {
        cities.push(city);
        return `sunny in ${city}`;
      },
    }),
  };
  const ask = { model, tools, prompt: "Please call get_weather for Paris.", stopWhen: stepCountIs(3), maxRetries: 0 };
  const answered = await generateText(ask);
  const answering = streamText(ask);
  let answeredStreamed = "";
  for await (const piece of answering.textStream) answeredStreamed += piece;

  const person = jsonSchema({
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name", "age"],
    additionalProperties: false,
  });
  const form = await generateText({
    model,
    prompt: "Who is it?",
    output: Output.object({ schema: person, name: "person" }),
    maxRetries: 0,
  });

  let raised = null;
  try {
    await generateText({ model: provider("no-such-model"), prompt, maxRetries: 0 });
  } catch (error) {
    raised = [error.name, error.statusCode];
  }

  return {
    whole: whole.text,
    usage: whole.usage.totalTokens,
    pieces: pieces.length,
    streamed: pieces.join(""),
    streamed_usage: streamedUsage.totalTokens,
    cities,
    answered: answered.text,
    answered_streamed: answeredStreamed,
    form: form.output,
    raised,
  };
}

const told = [];
for (const given of JSON.parse(SCENES)) {
  try {
    told.push(await scene(given));
  } catch (error) {
    told.push({ failed: String(error.stack) });
  }
}
console.log(JSON.stringify(told));
