"""What an application built on langchain-openai does: ask, stream, call a tool and answer with its result, fill a form.

Run in an environment of its own (requirements/clients-frameworks.lock); prints one JSON object for each of SCENES.
"""

import json
import os
import traceback

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

URL, KEY = os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"]


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


class Person(BaseModel):
    name: str
    age: int


def scene(model: str) -> dict[str, object]:
    llm = ChatOpenAI(base_url=f"{URL}/v1", api_key=KEY, model=model, max_retries=0, stream_usage=True)
    whole = llm.invoke("Hello! What are you?")
    pieces = list(llm.stream("Hello! What are you?"))
    streamed = pieces[0]
    for piece in pieces[1:]:
        streamed += piece
    question = HumanMessage("Please call get_weather for Paris.")
    with_tools = llm.bind_tools([get_weather])
    asked = with_tools.invoke([question])
    asked_streamed = None
    for piece in with_tools.stream([question]):
        asked_streamed = piece if asked_streamed is None else asked_streamed + piece
    call = asked.tool_calls[0]
    answered = with_tools.invoke(
        [question, asked, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    )
    form = llm.with_structured_output(Person, method="function_calling").invoke("Who is it?")
    schema = llm.with_structured_output(Person, method="json_schema").invoke("Who is it?")
    try:
        ChatOpenAI(base_url=f"{URL}/v1", api_key=KEY, model="no-such-model", max_retries=0).invoke("Hello!")
        raised = None
    except Exception as error:
        raised = [kind.__name__ for kind in type(error).__mro__]
    assert isinstance(asked, AIMessage)
    return {
        "whole": whole.content,
        "usage": whole.usage_metadata["total_tokens"],
        "pieces": len(pieces),
        "streamed": streamed.content,
        "streamed_usage": streamed.usage_metadata["total_tokens"],
        "call": [call["name"], sorted(call["args"])],
        "call_streamed": [asked_streamed.tool_calls[0]["name"], sorted(asked_streamed.tool_calls[0]["args"])],
        "answered": answered.content,
        "form": form.model_dump(),
        "schema": schema.model_dump(),
        "raised": raised,
    }


def told(given: dict[str, str]) -> dict[str, object]:
    try:
        return scene(**given)
    except Exception:
        return {"failed": traceback.format_exc()}


print(json.dumps([told(given) for given in json.loads(os.environ["SCENES"])]))
