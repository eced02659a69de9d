"""What a route's rules will do to the answer of one request, decided before it comes: a stream has no later moment, so
conditions see what is known of the request, and texts with variables are filled in here."""

import msgspec

from ai_gateway.domain.rules import (
    AddMetadata,
    AnswerRules,
    AppendText,
    AskHook,
    DropFields,
    Facts,
    Json,
    Normalize,
    PipeText,
    PutField,
    ReplaceNames,
    ResponseRule,
    Tally,
    Template,
)
from ai_gateway.policy.request_transformer import applies
from ai_gateway.policy.scanning import arguments_pipe


class Answering(msgspec.Struct, frozen=True, gc=False):
    """What has to be known of a request to rule its answer. `hidden_as`: the model's name that its caller is told where
    the route hides providers, else None. `created`: Unix seconds."""

    request_id: str
    created: int
    hidden_as: str | None


def answer_rules(
    rules: tuple[ResponseRule, ...], facts: Facts, tally: Tally, answering: Answering
) -> AnswerRules | None:
    """None: nothing is to be done. Raises RuleFailed."""
    in_force = [rule for rule in rules if applies(rule, facts, tally)]
    effects = [rule.effect for rule in in_force]
    if not effects and answering.hidden_as is None:
        return None
    named = [it for it in effects if isinstance(it, ReplaceNames)]
    metadata = [it.values for it in effects if isinstance(it, AddMetadata)]
    return AnswerRules(
        request_id=answering.request_id,
        created=answering.created,
        pipes=tuple(it.make for it in effects if isinstance(it, PipeText)),
        names=tuple(it.replace for it in named if it.in_names),
        drop=tuple(path for it in effects if isinstance(it, DropFields) for path in it.paths),
        put=tuple((it.path, _filled(it.value, facts)) for it in effects if isinstance(it, PutField)),
        metadata={name: text.fill(facts) for values in metadata for name, text in values.items()},
        appended="".join(it.text.fill(facts) for it in effects if isinstance(it, AppendText)),
        hidden_as=answering.hidden_as,
        normalizes=any(isinstance(it, Normalize) for it in effects),
        hooks=tuple((it.number, it.effect.hook) for it in in_force if isinstance(it.effect, AskHook)),
        tally=tally,
        in_force=tuple(rule.number for rule in in_force),
        arguments=arguments_pipe,
    )


def _filled(value: Template | Json, facts: Facts) -> Json:
    return value.fill(facts) if hasattr(value, "fill") else value
