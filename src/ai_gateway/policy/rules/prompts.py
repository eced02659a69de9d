"""Rules that add words: to the system prompt, to what a user says last, behind an answer."""

from typing import Annotated, Final

import msgspec

from ai_gateway.domain.rules import AppendText as AppendTextEffect
from ai_gateway.domain.rules import Facts, RequestForm, Seat, SystemMode, Tally, Where
from ai_gateway.policy.rules.templates import compile_template
from ai_gateway.policy.rules.written import Kind, Made, OnRequest, OnResponse, Placed, Written

_Text = Annotated[
    str, msgspec.Meta(min_length=1, description="May have variables, such as ${tenant_id}; a dollar is $$.")
]


class SystemPrompt(Written, frozen=True, kw_only=True, tag="system_prompt"):
    """`force`: this is the system prompt, and no other is left. `prepend`, `append`: before or behind the caller's."""

    on: OnRequest
    mode: SystemMode
    text: _Text


class Inject(Written, frozen=True, kw_only=True, tag="inject"):
    """`as` system: at the start or end of the system prompt. `as` user: of what the user says last."""

    on: OnRequest
    seat: Seat = msgspec.field(name="as")
    where: Where
    text: _Text


class AppendText(Written, frozen=True, kw_only=True, tag="append_text"):
    """Behind the last word of an answer, streamed or not; not where the model calls a tool."""

    on: OnResponse
    text: _Text


def make_system_prompt(rule: SystemPrompt, placed: Placed) -> Made:
    text = compile_template(rule.text, placed.at("text"))
    mode = rule.mode

    def give_system_prompt(form: RequestForm, facts: Facts, tally: Tally) -> None:
        filled = text.fill(facts)
        if filled or mode is SystemMode.FORCE:
            form.system(mode, filled)

    return Made(act=give_system_prompt)


def make_inject(rule: Inject, placed: Placed) -> Made:
    text = compile_template(rule.text, placed.at("text"))
    seat, where = rule.seat, rule.where

    def inject(form: RequestForm, facts: Facts, tally: Tally) -> None:
        filled = text.fill(facts)
        if filled:
            form.inject(seat, where, filled)

    return Made(act=inject)


def make_append_text(rule: AppendText, placed: Placed) -> Made:
    return Made(effects=(AppendTextEffect(compile_template(rule.text, placed.at("text"))),))


KINDS: Final = (
    Kind(SystemPrompt, make_system_prompt),
    Kind(Inject, make_inject),
    Kind(AppendText, make_append_text),
)
