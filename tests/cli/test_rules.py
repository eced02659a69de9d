import json
from pathlib import Path
from typing import Any

import pytest

from ai_gateway.cli.rules import LONGEST_SHOWN, tell
from cli.conftest import Run
from support.admin_server import AdminServer

REQUEST = {"messages": [{"role": "user", "content": "Hello"}]}
PATH = "POST /api/v1/admin/routes/assistant/preview"
GOES_TO = {"name": "assistant", "candidates": [{"endpoint": "first", "provider": "openai", "model": "m"}]}


def a_rule(number: int, **fields: Any) -> dict[str, Any]:
    rule = {"number": number, "name": None, "on": "request", "do": "cap", "applied": True}
    return {**rule, "why": None, "ends": None, "found": [], "changes": [], **fields}


def an_answer(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"rules": list(rules), "ends": None, "goes_to": GOES_TO, "model": "assistant", **fields}


def test_each_rule_is_a_line_and_each_change() -> None:
    changes = [
        {"path": "temperature", "before": 1.5, "after": 0.8},
        {"path": "messages[0]", "after": {"role": "system"}},
        {"path": "user", "before": "bob"},
    ]
    answer = an_answer(
        a_rule(1, name="calm", changes=changes),
        a_rule(2, do="redact", why="Nothing here had to change.", found=["rule 2: redacted email, once"]),
    )
    assert tell(answer) == [
        "* 1 cap on request 'calm'",
        "    ~ temperature = 1.5 -> 0.8",
        '    + messages[0] = {"role": "system"}',
        '    - user = "bob"',
        "- 2 redact on request: Nothing here had to change.",
        "    rule 2: redacted email, once",
        "It asks for assistant, which is served by: first (m)",
    ]


def test_a_request_that_a_rule_ends_goes_nowhere() -> None:
    ends = {"rule": 1, "how": "blocked", "why": "No dragons."}
    assert tell(an_answer(a_rule(1, ends="blocked", why="No dragons."), ends=ends, goes_to=None)) == [
        "x 1 cap on request: No dragons.",
        "The request ends here: No dragons.",
    ]


def test_without_rules_it_is_said() -> None:
    assert tell(an_answer(goes_to={**GOES_TO, "candidates": []})) == [
        "There are no rules.",
        "It asks for assistant, which is served by: nobody",
    ]


def test_a_long_value_is_cut() -> None:
    (_, line, _) = tell(an_answer(a_rule(1, changes=[{"path": "a", "after": "x" * 1000}])))
    assert len(line) < LONGEST_SHOWN + 30


def test_the_gateway_is_asked_what_the_files_say(gateway: AdminServer, run: Run, empty_folder: Path) -> None:
    gateway.answers[PATH] = (200, an_answer())
    for name, content in (("request", REQUEST), ("rules", [{"on": "request"}]), ("answer", {"id": "x"})):
        (empty_folder / f"{name}.json").write_text(json.dumps(content))
    options = ["--operation", "messages", "--key", "laptop", "--budget-used", "80"]
    files = ["--rules", "rules.json", "--response", "answer.json"]
    ended = run("rules", "preview", "assistant", "request.json", *options, *files, AI_GATEWAY_URL=gateway.url)
    assert ended.exit_code == 0, ended.output
    assert gateway.seen[-1].body == {
        "request": REQUEST,
        "operation": "messages",
        "key": "laptop",
        "rules": [{"on": "request"}],
        "response": {"id": "x"},
        "budget_used_percent": 80,
    }


def test_the_request_may_come_from_standard_input(gateway: AdminServer, run: Run) -> None:
    gateway.answers[PATH] = (200, an_answer())
    ended = run("rules", "preview", "assistant", "-", "--json", given=json.dumps(REQUEST), AI_GATEWAY_URL=gateway.url)
    assert json.loads(ended.stdout) == an_answer()
    assert gateway.seen[-1].body == {"request": REQUEST, "operation": "chat"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(422, 3), (404, 1), (401, 1)],
)
def test_a_refusal_is_told_with_its_place(gateway: AdminServer, run: Run, status: int, code: int) -> None:
    gateway.answers[PATH] = (status, {"error": {"message": "It is wrong.", "param": "rules[0].do"}})
    ended = run("rules", "preview", "assistant", "-", given="{}", AI_GATEWAY_URL=gateway.url)
    assert ended.exit_code == code
    assert "It is wrong. (rules[0].do)" in ended.stderr


def test_what_cannot_be_read_is_said(run: Run, empty_folder: Path) -> None:
    (empty_folder / "bad.json").write_text("{")
    (empty_folder / "odd.json").write_bytes(b"\xff")
    for file, code, text in (("none.json", 2, "Cannot read"), ("bad.json", 3, "not JSON"), ("odd.json", 3, "UTF-8")):
        ended = run("rules", "preview", "assistant", file, AI_GATEWAY_URL="http://127.0.0.1:1")
        assert (ended.exit_code, text in ended.stderr) == (code, True), ended.output


def test_a_gateway_that_is_away_is_said(run: Run) -> None:
    ended = run("rules", "preview", "assistant", "-", given="{}", AI_GATEWAY_URL="http://127.0.0.1:1")
    assert ended.exit_code == 4
