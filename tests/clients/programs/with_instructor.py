"""What an application built on instructor does: forms filled by tools and by JSON schema, whole and piece by piece.

Run in an environment of its own (requirements/clients-instructor.lock); prints one JSON object for each of SCENES.
"""

import json
import os
import traceback

import instructor
from openai import OpenAI
from pydantic import BaseModel

URL, KEY = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"]
QUESTION = [{"role": "user", "content": "Who is it?"}]


class Person(BaseModel):
    name: str
    age: int


def scene(model: str) -> dict[str, object]:
    openai = OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    by_tools = instructor.from_openai(openai, mode=instructor.Mode.TOOLS)
    by_schema = instructor.from_openai(openai, mode=instructor.Mode.JSON_SCHEMA)
    ask = {"model": model, "messages": QUESTION, "max_retries": 1}
    form = by_tools.chat.completions.create(response_model=Person, **ask)
    schema = by_schema.chat.completions.create(response_model=Person, **ask)
    parts = list(by_tools.chat.completions.create_partial(response_model=Person, **ask))
    return {"form": form.model_dump(), "schema": schema.model_dump(), "partial": parts[-1].model_dump()}


def told(given: dict[str, str]) -> dict[str, object]:
    try:
        return scene(**given)
    except Exception:
        return {"failed": traceback.format_exc()}


print(json.dumps([told(given) for given in json.loads(os.environ["SCENES"])]))
