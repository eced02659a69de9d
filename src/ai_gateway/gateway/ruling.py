"""A route's rules on the line: what a caller sent is shaped before anything is held for it or sent anywhere, and what
will become of its answer is decided.

The rules are those of the name that the caller sent, whatever model they pin: a request that was led elsewhere is not
ruled a second time, so no two routes can send it to and fro. What leaves the rules is read again as if it had come so,
because what is held for a request must be enough for what is sent.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import Course
from ai_gateway.domain.faults import Fault, InvalidRequest, NotFound, RuleFailed
from ai_gateway.domain.rules import AnswerRules, RequestForm, RequestRule, RuleError, RuleSet, Tally
from ai_gateway.domain.traffic import Call, Shaped
from ai_gateway.gateway import reading
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.facts import facts_of
from ai_gateway.gateway.guarding import guard_request
from ai_gateway.policy import routing
from ai_gateway.policy.request_facts import RequestFacts
from ai_gateway.policy.request_transformer import applies, apply, give_way
from ai_gateway.policy.response_transformer import Answering, answer_rules
from ai_gateway.providers import Codec
from ai_gateway.providers.shaping.codec import ShapingCodec
from ai_gateway.providers.shaping.requests import form_of
from ai_gateway.providers.translation.normal import normal_codec
from ai_gateway.runtime.stages import Member

_NO_RULES: Final = RuleSet("[]", "")
_MODEL: Final = ("model",)


def plain(call: Call, course: Course) -> tuple[Shaped, Course, Tally | None]:
    """Without rules the caller's fields go on by reference."""
    return Shaped(call, call.fields, course.route, course.drop_unsupported), course, None


async def rule_request(
    doors: Doors, admitted: Admitted, client: Client, call: Call, course: Course
) -> tuple[Shaped, Course, Tally | None]:
    """The shaped request, where it goes (the caller's own course, or that of the model which a rule pinned), and what
    rules found. Raises Blocked, RuleFailed."""
    client.hides_providers = course.hides_providers
    rules = course.rules or _NO_RULES
    if rules.broken is not None:
        raise RuleFailed(detail=f"the rules cannot be compiled: {rules.broken}")
    facts = facts_of(doors, admitted, call, course)
    tally = Tally()
    try:
        asked = call if not rules.request else await _shape(doors, rules.request, facts, tally)
        is_pinned = asked.model != call.model
        goes_to = _led_to(admitted, asked.model, course) if is_pinned else course
        client.hides_providers = goes_to.hides_providers
        hidden_as = call.model if goes_to.hides_models else None
        answering = Answering(call.head.request_id, int(call.head.received_wall), hidden_as)
        answer = answer_rules(rules.response, facts, tally, answering)
    except Fault as refusal:
        refusal.notes = tally.notes()
        raise
    if tally.skipped_rules:
        client.say_besides(("x-gateway-rules-skipped", ",".join(map(str, tally.skipped_rules))))
    named = call.model if is_pinned else None
    shaped = Shaped(asked, asked.fields, course.route, goes_to.drop_unsupported, answer, named)
    return shaped, goes_to, tally


async def _shape(doors: Doors, rules: tuple[RequestRule, ...], facts: RequestFacts, tally: Tally) -> Call:
    call = facts.call
    form = form_of(call.head.operation, call.fields)
    is_shaped = False
    for rule in rules:
        if applies(rule, facts, tally):
            is_shaped = True
            if rule.hook is None:
                apply(rule, form, facts, tally)
            else:
                await _ask(doors, rule, form, facts, tally)
    if not is_shaped:
        return call
    try:
        return reading.call_of(call.head, form.fields())
    except InvalidRequest as error:
        raise RuleFailed(detail=f"after the rules the request is none: {error.message}") from None


async def _ask(doors: Doors, rule: RequestRule, form: RequestForm, facts: RequestFacts, tally: Tally) -> None:
    try:
        await guard_request(doors, rule, form, facts, tally)
    except RuleError as error:
        give_way(rule.number, rule.on_error, error, tally)


def _led_to(admitted: Admitted, model: str, course: Course) -> Course:
    """The model that a rule pinned is its administrator's choice: which models the key may name is no question then.
    Raises RuleFailed where it leads nowhere."""
    try:
        pinned = routing.resolve(admitted.caller.tenant, model)
    except NotFound as error:
        raise RuleFailed(detail=f"a rule pinned a model that is none: {error.message}") from None
    if not course.hides_providers:
        return pinned
    name = f"{course.name} > {pinned.name}"
    shown = course.route or course.pool or course.name
    hides_models = course.hides_models or pinned.hides_models
    return msgspec.structs.replace(pinned, name=name, route=shown, hides_providers=True, hides_models=hides_models)


def codec_under(answer: AnswerRules, member: Member, operation: Operation) -> Codec:
    """What reads the answers of a member for a request whose answer is ruled."""
    codec = member.codec
    if answer.normalizes:
        codec = normal_codec(member.kind, operation) or codec
    return ShapingCodec(codec, answer)
