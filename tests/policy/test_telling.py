import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import ClassifiedBy, Fault, InvalidRequest, Level, RateLimited, every_kind
from ai_gateway.domain.wording import Text, Texts, Wording
from ai_gateway.policy.error_handler import classify
from ai_gateway.policy.telling import tell, without_providers

SAID = ProviderError(400, "OpenAI says canary", "openai_type", "openai_code", "openai.param", 3.0)


def test_without_a_wording_a_fault_is_told_as_it_is() -> None:
    fault = InvalidRequest()
    assert tell(fault, "r", None) is fault
    assert tell(fault, "r", Wording(Texts(codes={"quota": Text("x")}))) is fault


@pytest.mark.parametrize("kind", every_kind())
def test_a_fault_in_other_words_is_the_same_ending(kind: type[Fault]) -> None:
    fault = kind("old", status=499, code="some_code", param="p", level=Level("team", "t"), headers=(("x", "y"),))
    fault.classified_by = ClassifiedBy.COMMON
    told = tell(fault, "r", Wording(Texts(codes={"some_code": Text("new", "do")})))
    assert (told.message, told.action) == ("new", "do")
    alike = set(vars(fault)) - {"message", "action", "detail"}
    assert {name: getattr(told, name) for name in alike} == {name: getattr(fault, name) for name in alike}
    assert (type(told), told.detail) == (kind, ""), "what is for the log is not told again"


@pytest.mark.parametrize("provider", ProviderType)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 422, 429, 498, 500, 503, 529, None])
def test_where_providers_are_hidden_nothing_that_one_has_said_is_told(
    provider: ProviderType, status: int | None
) -> None:
    said = ProviderError(status, SAID.message, SAID.type, SAID.code, SAID.param)
    told = without_providers(classify(provider, said))
    assert told.provider_error is None
    assert told.param is None
    assert "canary" not in told.message + told.action
    assert "openai" not in (told.message + told.action + told.code).lower()


@pytest.mark.parametrize(
    "message",
    [
        "'logprobs' cannot be sent to Anthropic's messages.",
        "'input' must be one text: Amazon Titan embeds one a request.",
        "claude-3 is asleep",
        "The answer of gpt-4o was cut.",
        "See x.ai for that",
    ],
)
def test_where_providers_are_hidden_our_own_sentences_name_none(message: str) -> None:
    told = without_providers(InvalidRequest(message, param="logprobs", action=message))
    assert (told.message, told.action) == (InvalidRequest.default_message, InvalidRequest.default_action)
    assert told.param == "logprobs", "which is the caller's own"


def test_where_providers_are_hidden_our_own_sentences_stay_where_they_name_none() -> None:
    fault = RateLimited("Rate limit exceeded: requests for the team 'Red'.", retry_after_seconds=2.0)
    told = without_providers(fault)
    assert (told.message, told.retry_after_seconds) == (fault.message, 2.0)


@pytest.mark.parametrize("kind", every_kind())
def test_no_class_names_a_provider(kind: type[Fault]) -> None:
    told = without_providers(kind())
    assert (told.message, told.action) == (kind.default_message, kind.default_action)
