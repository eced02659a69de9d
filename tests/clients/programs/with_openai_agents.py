"""What an agent built on openai-agents does, by way of chat completions or (api=responses) of the Responses API.

Run in an environment of its own (requirements/clients-frameworks.lock); prints one JSON object for each of SCENES.
"""

import asyncio
import json
import os
import traceback

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

URL, KEY = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"]


class Person(BaseModel):
    name: str
    age: int


async def scene(model: str, api: str) -> dict[str, object]:
    cities: list[str] = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        cities.append(city)
        return f"sunny in {city}"

    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    kind = OpenAIResponsesModel if api == "responses" else OpenAIChatCompletionsModel
    spoken_to = kind(model=model, openai_client=client)
    plain = Agent(name="plain", instructions="Be brief.", model=spoken_to)
    whole = await Runner.run(plain, "Hello! What are you?")
    running = Runner.run_streamed(plain, "Hello! What are you?")
    pieces = [
        event.data.delta
        async for event in running.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    helpful = Agent(name="helpful", instructions="Use tools.", model=spoken_to, tools=[get_weather])
    answered = await Runner.run(helpful, "Please call get_weather for Paris.")
    form = await Runner.run(Agent(name="former", model=spoken_to, output_type=Person), "Who is it?")
    return {
        "whole": whole.final_output,
        "usage": whole.context_wrapper.usage.total_tokens,
        "pieces": len(pieces),
        "streamed": "".join(pieces),
        "cities": cities,
        "answered": answered.final_output,
        "form": form.final_output.model_dump(),
    }


async def told(given: dict[str, str]) -> dict[str, object]:
    try:
        return await scene(**given)
    except Exception:
        return {"failed": traceback.format_exc()}


async def main() -> None:
    print(json.dumps([await told(given) for given in json.loads(os.environ["SCENES"])]))


asyncio.run(main())
