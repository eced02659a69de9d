"""Which tools a model may be given, by their names."""

from typing import Final, Literal

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import Facts, RequestForm, Tally
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.written import Kind, Lines, Made, OnRequest, Placed, Written


class Tools(Written, frozen=True, kw_only=True, tag="tools"):
    """`allow`: these and no others; `deny`: all but these. A `*` at the end of a name stands for any rest. `otherwise`:
    a tool that is not allowed is left out ("drop"), or the request is refused ("block")."""

    on: OnRequest
    allow: Lines | None = None
    deny: Lines | None = None
    otherwise: Literal["drop", "block"] = "drop"


def make_tools(rule: Tools, placed: Placed) -> Made:
    if (rule.allow is None) == (rule.deny is None):
        raise RuleRefused(placed.at("allow"), "is which tools there may be; give either 'allow' or 'deny'")
    listed = rule.allow if rule.allow is not None else rule.deny or ()
    member = "deny" if rule.allow is None else "allow"
    for index, name in enumerate(listed):
        if "*" in name[:-1]:
            raise RuleRefused(placed.at(f"{member}[{index}]"), "may have a '*' only at its end")
    exact = frozenset(name for name in listed if not name.endswith("*"))
    starts = tuple(name[:-1] for name in listed if name.endswith("*"))
    wanted = rule.allow is not None
    number = placed.number

    def keeps(name: str) -> bool:
        return (name in exact or name.startswith(starts)) is wanted

    def leave_out(form: RequestForm, facts: Facts, tally: Tally) -> None:
        for _ in form.keep_tools(keeps):
            tally.found(number, "left out a tool")

    def refuse(form: RequestForm, facts: Facts, tally: Tally) -> None:
        if not all(map(keeps, form.tool_names())):
            tally.found(number, "blocked a tool")
            raise Blocked(
                "A tool of this request is not allowed by a rule of your organisation.",
                action="Send the request without the tool, or ask your gateway administrator to allow it.",
            )

    return Made(act=leave_out if rule.otherwise == "drop" else refuse)


KINDS: Final = (Kind(Tools, make_tools),)
