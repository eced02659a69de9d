"""Ids of requests and attempts: ours always, sorted by time, and nobody outside can predict or choose one."""

from secrets import token_hex


def request_id(wall: float) -> str:
    """'req_' + 12 hex digits of Unix milliseconds + 16 random ones."""
    return f"req_{int(wall * 1000):012x}{token_hex(8)}"


def attempt_id(request: str, number: int) -> str:
    """The request's id and the attempt's place in it, from 1: unique because the request's id is."""
    return f"att_{request[4:]}_{number}"
