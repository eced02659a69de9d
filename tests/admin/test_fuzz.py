"""schemathesis over the whole admin API, in this process: whatever is sent, nothing answers 5xx.

The seed is fixed and the examples are bounded, so a run is the same run every time and ends within a minute. Ids are
made up or belong to rows that are there, as a made-up id alone would never get past "missing".
"""

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from admin.belongings import address, crowded_world
from admin.world import OWN, TOKENS, World
from ai_gateway.admin.openapi import openapi_document

_SCHEMA = schemathesis.openapi.from_dict(openapi_document())
_OPERATIONS = {f"{found.ok().method} {found.ok().path}": found.ok() for found in _SCHEMA.get_all_operations()}
_ALLOWED = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", list(_OPERATIONS))
def test_nothing_that_is_sent_makes_a_5xx(name: str, mode: GenerationMode) -> None:
    operation = _OPERATIONS[name]
    world = asyncio.run(crowded_world())

    @_ALLOWED
    @given(case=operation.as_strategy(generation_mode=mode), target=st.sampled_from(["own", "made up"]))
    def send(case: Any, target: str) -> None:
        path = address(operation.path, "own") if target == "own" else _made_up(operation.path, case)
        status = asyncio.run(_send(world, operation.method.upper(), path, case))
        assert status < 500

    if mode is GenerationMode.POSITIVE or _can_be_wrong(operation):
        send()


def _can_be_wrong(operation: Any) -> bool:
    """An operation without a parameter or a body has nothing that could be wrong."""
    return bool(operation.body or operation.query or operation.path_parameters)


def _made_up(path: str, case: Any) -> str:
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path


async def _send(world: World, method: str, path: str, case: Any) -> int:
    headers = {"authorization": f"Bearer {TOKENS['platform']}", "x-tenant-id": OWN}
    query = f"?{urlencode(case.query, doseq=True)}" if isinstance(case.query, dict) and case.query else ""
    sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
    content = json.dumps(sent["json"]).encode() if "json" in sent else sent.get("data")
    answer = await world.raw(method, path + query, content=content or None, headers=headers)
    return answer.status_code
