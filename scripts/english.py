"""The English language file, made of what the code says: no category and no code can be missing in it.

What the code says in constants is taken from there. Where it puts a sentence together of particulars, the file has the
sentence without them, which people write here: it is kept as long as the code is there.
"""

import json
from typing import Any, Final

import msgspec
from error_codes import Raised, kinds_of, raised, stable_codes

from ai_gateway.domain.faults import Category
from ai_gateway.policy.wording import ENGLISH, ENGLISH_BUDGET

WRITTEN: Final = {
    "body_too_large": "The body is too large.",
    "budget_contended": "Other requests in flight hold what is left of a limit.",
    "budget_exceeded": "${window} ${unit} limit exceeded. Limit: ${limit}, Current: ${current}. ${resets}",
    "conflict": "Something that is there already is in the way.",
    "duplicate_key": "The request body has a key twice.",
    "headers_too_large": "The request's head is too large.",
    "idempotent_reply_not_kept": "The request with this Idempotency-Key was answered, and its answer was not kept.",
    "invalid_field": "A field of the body cannot be taken.",
    "invalid_header": "A header of the request cannot be taken.",
    "invalid_json": "The request body is not a valid JSON object.",
    "invalid_parameter": "A parameter of the address cannot be taken.",
    "invalid_path": "The path of the request is not valid.",
    "invalid_tool_result": "A tool's result has no call before it.",
    "invalid_value": "A value in the request cannot be taken.",
    "invalid_watermark": "The ledger has not come to this watermark yet.",
    "malformed_request": "This is not a valid HTTP request.",
    "method_not_allowed": "This address does not take this method.",
    "model_not_allowed": "This API key may not use this model.",
    "model_not_found": "This model does not exist here.",
    "no_endpoint": "This model has no endpoint that is switched on.",
    "operation_not_served": "This model has no endpoint that does this.",
    "previous_response_not_found": "The previous response was not found.",
    "price_unknown": "The price of this model is not known, and a cost limit is in force.",
    "request_timeout": "The request did not arrive in time.",
    "request_too_large": "The request body is too large.",
    "response_not_found": "There is no such response.",
    "too_large": "The request body has too many members.",
    "unknown_dimension": "Usage cannot be grouped by this.",
    "unknown_url": "There is nothing at this address.",
}


def english_file() -> str:
    codes = sorted({code for of_category in stable_codes().values() for code in of_category})
    places = raised()
    file: dict[str, Any] = {
        "tag": ENGLISH,
        "name": "English",
        "texts": {
            "categories": {
                str(category): {"message": kind.default_message, "suggested_action": kind.default_action}
                for category in Category
                for kind in kinds_of(category)[:1]
            },
            "codes": {code: _text(code, [it for it in places if it.code == code]) for code in codes},
        },
        "budget": msgspec.to_builtins(ENGLISH_BUDGET),
    }
    return json.dumps(file, indent=2, ensure_ascii=False) + "\n"


def _text(code: str, places: list[Raised]) -> dict[str, str]:
    """Of several places that say something, the class's own words if they are among them, else the first."""
    kind = places[0].kind
    own = next((it for it in places if it.kind.default_code == code), None)
    said = [it.message for it in places if it.message is not None]
    message = own.kind.default_message if own is not None else (said or [kind.default_message])[0]
    actions = [it.action for it in places if it.action is not None]
    action = kind.default_action if own is not None or not actions else actions[0]
    return {"message": WRITTEN.get(code, message), "suggested_action": action}
