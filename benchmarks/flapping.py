"""A provider that is well for two seconds and ill for two, for a minute, at 300 requests a second, with a healthy
fallback behind it: what the callers notice, and how many calls it costs. Once it fails fast, once it hangs.

    PYTHONPATH=.:src python -m benchmarks.flapping [SECONDS]
"""

import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.ours import MODEL, Ours, our_gateway
from benchmarks.plan import Ask, Open, Plan, Result, Target
from benchmarks.processes import Load, Upstream
from benchmarks.upstream import Knobs, Ledger

RATE: Final = 300.0
PERIOD_SECONDS: Final = 2.0
WAIT_SECONDS: Final = 3
MOST_CALLS: Final = 1.1
WELL: Final = Knobs()
ILL: Final = {
    "failing fast": Knobs(fail_every=1, fail_status=503),
    "hanging": Knobs(delay_seconds=2.0 * WAIT_SECONDS),
}


def main(seconds: float) -> int:
    failed = False
    for name, ill in ILL.items():
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            primary, spare = Upstream(stack), Upstream(stack)
            ours = our_gateway(stack, folder, primary.port)
            target = arrange(ours, primary.port, spare.port)
            result, calls = flap(target, primary, spare, ill, seconds)
        wrong = result.requests - result.right
        a_request = calls / result.requests
        failed = failed or wrong > 0 or a_request > MOST_CALLS
        sys.stdout.write(
            f"{name}: {result.requests:,} requests, {wrong} that the caller saw fail, {a_request:.3f} calls a request, "
            f"p50 {result.latency.p50 / 1000:.1f} ms, p99 {result.latency.p99 / 1000:.1f} ms"
            f"{''.join(f'; {complaint}' for complaint in result.complaints[:3])}\n"
        )
    return 1 if failed else 0


def arrange(ours: Ours, primary: int, spare: int) -> Target:
    for name, port in (("flapping", primary), ("steady", spare)):
        ours.create("/providers", {**ours.provider(name, MODEL), "endpoint_url": f"http://127.0.0.1:{port}/v1"})
    ours.create(
        "/router/load-balancer/pools", {"group_name": "behind", "providers": [{"name": "steady", "model": MODEL}]}
    )
    ours.create(
        "/router/load-balancer/pools",
        {
            "group_name": "front",
            "providers": [{"name": "flapping", "model": MODEL}],
            "fallbacks": ["behind"],
            "timeouts": {"connect": 2, "response": WAIT_SECONDS, "total": 30},
        },
    )
    return Target(port=ours.governed.port, headers=ours.governed.headers, model="front")


def flap(target: Target, primary: Upstream, spare: Upstream, ill: Knobs, seconds: float) -> tuple[Result, int]:
    over = threading.Event()

    def turn() -> None:
        is_well = False
        while not over.wait(PERIOD_SECONDS):
            primary.turn_to(WELL if is_well else ill)
            is_well = not is_well

    turning = threading.Thread(target=turn)
    before = calls_of(primary.ledger()) + calls_of(spare.ledger())
    load = Load(Plan(target, Ask(), Open(RATE, seconds)))
    turning.start()
    try:
        result = load.result()
    finally:
        over.set()
        turning.join()
    return result, calls_of(primary.ledger()) + calls_of(spare.ledger()) - before


def calls_of(ledger: Ledger) -> int:
    """Every request that reached the provider, answered or not."""
    return ledger.requests


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
