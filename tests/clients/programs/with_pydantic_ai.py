"""What an agent built on pydantic-ai does, by way of OpenAI's chat dialect or (DIALECT=anthropic) of Anthropic's.

Run in an environment of its own (requirements/clients-frameworks.lock); prints one JSON object.
"""

import asyncio
import json
import os

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

URL, KEY, MODEL = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"], os.environ["MODEL"]


class Person(BaseModel):
    name: str
    age: int


def a_model() -> Model:
    if os.environ["DIALECT"] == "anthropic":
        return AnthropicModel(MODEL, provider=AnthropicProvider(api_key=KEY, base_url=URL))
    return OpenAIChatModel(MODEL, provider=OpenAIProvider(api_key=KEY, base_url=f"{URL}/v1"))


async def main() -> None:
    model = a_model()
    whole = await Agent(model).run("Hello! What are you?")
    pieces: list[str] = []
    async with Agent(model).run_stream("Hello! What are you?") as stream:
        async for piece in stream.stream_text(delta=True, debounce_by=None):
            pieces.append(piece)
    cities: list[str] = []

    agent = Agent(model)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        cities.append(city)
        return f"sunny in {city}"

    answered = await agent.run("Please call get_weather for Paris.")
    form = await Agent(model, output_type=Person).run("Who is it?")
    print(
        json.dumps(
            {
                "whole": whole.output,
                "usage": whole.usage.total_tokens if not callable(whole.usage) else whole.usage().total_tokens,
                "pieces": len(pieces),
                "streamed": "".join(pieces),
                "cities": cities,
                "answered": answered.output,
                "form": form.output.model_dump(),
            }
        )
    )


asyncio.run(main())
