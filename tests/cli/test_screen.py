import json
from decimal import Decimal

import pytest
import typer

from ai_gateway.cli.screen import Exit, Screen, as_table, encode


def test_people_see_the_text_and_scripts_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=False).answer({"a": 1}, "one")
    assert capsys.readouterr().out == "one\n"
    Screen(as_json=True).answer({"a": 1}, "one")
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_remarks_never_reach_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=False).remark("beside")
    Screen(as_json=True).remark("beside")
    assert capsys.readouterr() == ("", "beside\n")


def test_a_stop_carries_its_code_and_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        Screen(as_json=False).stop(Exit.REFUSED, ["one", "two"])
    assert ended.value.exit_code == 3
    assert capsys.readouterr() == ("", "one\ntwo\n")


def test_a_stop_is_a_document_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        Screen(as_json=True).stop(Exit.UNREACHABLE, ["away"])
    assert json.loads(capsys.readouterr().out) == {"ok": False, "exit_code": 4, "problems": ["away"]}


def test_nothing_spins_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(as_json=False).working("Working ..."):
        pass
    assert capsys.readouterr() == ("", "")


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"id": "a", "models": ["x", "y"], "more": 1}, {"id": "bbbb", "models": None}]
    assert as_table(rows, ("id", "models")) == "ID    MODELS\na     x,y\nbbbb  -"
    assert as_table([], ("id", "models")) == "ID  MODELS"


def test_decimals_are_written_as_their_digits() -> None:
    assert "0.10" in encode({"usd": Decimal("0.10")})
    assert '"0.10"' not in encode({"usd": Decimal("0.10")})
