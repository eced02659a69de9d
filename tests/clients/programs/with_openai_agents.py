"""What an agent built on openai-agents does, by way of chat completions or (API=responses) of the Responses API.

Run in an environment of its own (requirements/clients-frameworks.lock); prints one JSON object.
"""

import asyncio
import json
import os

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

URL, KEY, MODEL = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"], os.environ["MODEL"]
CITIES: list[str] = []


class Person(BaseModel):
    name: str
    age: int


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    CITIES.append(city)
    return f"sunny in {city}"


async def main() -> None:
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    kind = OpenAIResponsesModel if os.environ["API"] == "responses" else OpenAIChatCompletionsModel
    model = kind(model=MODEL, openai_client=client)
    plain = Agent(name="plain", instructions="Be brief.", model=model)
    whole = await Runner.run(plain, "Hello! What are you?")
    running = Runner.run_streamed(plain, "Hello! What are you?")
    pieces = [
        event.data.delta
        async for event in running.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    helpful = Agent(name="helpful", instructions="Use tools.", model=model, tools=[get_weather])
    answered = await Runner.run(helpful, "Please call get_weather for Paris.")
    form = await Runner.run(Agent(name="former", model=model, output_type=Person), "Who is it?")
    print(
        json.dumps(
            {
                "whole": whole.final_output,
                "usage": whole.context_wrapper.usage.total_tokens,
                "pieces": len(pieces),
                "streamed": "".join(pieces),
                "cities": CITIES,
                "answered": answered.final_output,
                "form": form.final_output.model_dump(),
            }
        )
    )


asyncio.run(main())
