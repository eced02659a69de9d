"""Google's log probabilities in the form of OpenAI's chat."""

from ai_gateway.domain.conversation import Json
from ai_gateway.providers.decoding import as_list, as_object

LEAST: float = -9999.0
"""OpenAI's word for a token that is next to impossible; Google leaves the number out then, or says infinity."""


def logprobs_of(result: object) -> Json:
    """`logprobsResult` -> {"content": [...]}; None where nothing is in it."""
    said = as_object(result)
    tops = [as_list(as_object(it).get("candidates")) for it in as_list(said.get("topCandidates"))]
    content = [
        {**_token(chosen), "top_logprobs": [_token(it) for it in tops[at]] if at < len(tops) else []}
        for at, chosen in enumerate(as_list(said.get("chosenCandidates")))
    ]
    return {"content": content} if content else None


def _token(told: object) -> dict[str, Json]:
    said = as_object(told)
    token, chance = said.get("token"), said.get("logProbability")
    text = token if isinstance(token, str) else ""
    return {
        "token": text,
        "logprob": chance if isinstance(chance, (int, float)) and not isinstance(chance, bool) else LEAST,
        "bytes": list(text.encode("utf-8", "surrogatepass")),
    }
