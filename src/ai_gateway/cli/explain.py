"""`ai-gateway explain ID`: why one request went where it went, told in the order in which it happened.

What the gateway knows comes as JSON from its admin API; here it becomes lines with the milliseconds since the request
came, since an engineer who asks wants to read what happened and not where it is stored.
"""

from typing import Annotated, Any

import typer

from ai_gateway.cli.admin_api import Refused, Unreachable
from ai_gateway.cli.configuration import Tenant
from ai_gateway.cli.screen import AsJson, Exit, Screen
from ai_gateway.cli.surroundings import admin_api

_WHY = {
    "error": "it failed",
    "fallback": "another endpoint had to take over",
    "retry": "it had to be tried again",
    "detour": "something stood in its way",
    "sampled": "it was drawn as a sample",
}


def explain(
    request: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="As `x-request-id` said it, or the ledger.")],
    *,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Why a request went where it went: what was tried, what stood in the way, how it ended, what it cost.

    Example: `ai-gateway explain req_0193...`
    """
    screen = Screen(as_json=as_json)
    try:
        found = admin_api(screen, tenant).get("requests", request)
    except Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
    except Refused as error:
        screen.stop(Exit.FAILED, [str(error)])
    screen.answer(found, "\n".join(tell(found)))


def tell(found: dict[str, Any]) -> list[str]:
    """The story of a request, as `GET /api/v1/admin/requests/{id}` has it, a line an event."""
    decision: dict[str, Any] | None = found["decision"]
    lines = [_headline(found, decision)]
    if decision is not None:
        lines += [line for _, line in sorted(_events(decision), key=lambda it: it[0])]
        if decision["fault"] is not None:
            fault = decision["fault"]
            lines.append(f"  told   {fault['category']} ({fault['code']}): {fault['message']}")
    lines += [_attempt_line(row) for row in found["attempts"]] if decision is None or not decision["attempts"] else []
    lines += [_running_line(row) for row in found["running"]]
    lines.append(f"  cost   ${found['cost_usd']}")
    return lines


def _headline(found: dict[str, Any], decision: dict[str, Any] | None) -> str:
    if decision is None:
        return f"{found['request_id']}  {found['state']}"
    asked = decision["route"] or decision["model"] or "an unknown model"
    took = f"{float(decision['seconds']) * 1000:.0f} ms"
    kept = "" if decision["why"] is None else f", kept because {_WHY.get(decision['why'], decision['why'])}"
    return f"{found['request_id']}  {asked}: {decision['status']} after {took}{kept}"


def _events(decision: dict[str, Any]) -> list[tuple[float, str]]:
    """(milliseconds since the request came, line), of steps and attempts alike."""
    steps = [(float(it["at_ms"]), _line(it["at_ms"], _step(it))) for it in decision["steps"]]
    tries = [(float(it["started_ms"]), _line(it["started_ms"], _attempt(it))) for it in decision["attempts"]]
    chosen = decision["chosen"]
    if not decision["attempts"] and chosen is not None:
        return [*steps, (0.0, f"  chose  {chosen['endpoint']} ({chosen['model']})")]
    return steps + tries


def _line(at_ms: Any, text: str) -> str:
    return f"  {float(at_ms):8.1f} ms  {text}"


def _step(step: dict[str, Any]) -> str:
    what = str(step["what"]).replace("_", " ")
    where = f" {step['endpoint']}" if step["endpoint"] else ""
    for_long = f" for {float(step['seconds']):.2f} s" if step["seconds"] is not None else ""
    return f"{what}{where}{for_long}: {step['reason']}"


def _attempt(attempt: dict[str, Any]) -> str:
    first = f", first token after {float(attempt['ttft_ms']):.0f} ms" if attempt["ttft_ms"] is not None else ""
    took = f"{float(attempt['total_ms']):.0f} ms"
    return f"tried {attempt['endpoint']} ({attempt['model']}): {attempt['outcome']} in {took}{first}"


def _attempt_line(row: dict[str, Any]) -> str:
    """From the ledger, where no record of the whole request is left."""
    return f"  tried  {row['endpoint']} ({row['model']}): {row['outcome']} in {float(row['total_ms']):.0f} ms"


def _running_line(row: dict[str, Any]) -> str:
    tokens = "" if row["output_tokens"] is None else f", {row['output_tokens']} tokens so far"
    return f"  runs   {row['endpoint']} ({row['sent_as']}) for {float(row['running_seconds']):.1f} s{tokens}"
