"""What an agent built on pydantic-ai does, by way of OpenAI's chat dialect or (dialect=anthropic) of Anthropic's.

Run in an environment of its own (requirements/clients-frameworks.lock); prints one JSON object for each of SCENES.
"""

import asyncio
import json
import os
import traceback

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

URL, KEY = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"]


class Person(BaseModel):
    name: str
    age: int


def a_model(model: str, dialect: str) -> Model:
    if dialect == "anthropic":
        return AnthropicModel(model, provider=AnthropicProvider(api_key=KEY, base_url=URL))
    return OpenAIChatModel(model, provider=OpenAIProvider(api_key=KEY, base_url=f"{URL}/v1"))


async def scene(model: str, dialect: str) -> dict[str, object]:
    spoken_to = a_model(model, dialect)
    whole = await Agent(spoken_to).run("Hello! What are you?")
    pieces: list[str] = []
    async with Agent(spoken_to).run_stream("Hello! What are you?") as stream:
        async for piece in stream.stream_text(delta=True, debounce_by=None):
            pieces.append(piece)
    cities: list[str] = []

    agent = Agent(spoken_to)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        cities.append(city)
        return f"sunny in {city}"

    answered = await agent.run("Please call get_weather for Paris.")
    form = await Agent(spoken_to, output_type=Person).run("Who is it?")
    return {
        "whole": whole.output,
        "usage": whole.usage.total_tokens if not callable(whole.usage) else whole.usage().total_tokens,
        "pieces": len(pieces),
        "streamed": "".join(pieces),
        "cities": cities,
        "answered": answered.output,
        "form": form.output.model_dump(),
    }


async def told(given: dict[str, str]) -> dict[str, object]:
    try:
        return await scene(**given)
    except Exception:
        return {"failed": traceback.format_exc()}


async def main() -> None:
    print(json.dumps([await told(given) for given in json.loads(os.environ["SCENES"])]))


asyncio.run(main())
