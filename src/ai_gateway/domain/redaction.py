"""What a credential looks like in somebody else's text.

Providers echo keys ("Incorrect API key provided: sk-..."), and what they say is shown to callers. So their text is
redacted once, where it is read, and again where a sentence for people is made of it. The patterns err on the side of
taking too much: a lost word in an error message costs nothing.
"""

import re

REDACTED = "[redacted]"

_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?:(?:sk|pk|rk|gsk|xai|csk|pplx|hf|key|ghp|gho|glpat|fw|nvapi|r8|tgp|org|proj|sess)[-_](?=\S{0,60}[\d*])[A-Za-z0-9_\-.*]{6,}"
    r"|sk-[A-Za-z0-9_\-.*]{4,}"
    r"|AIza[A-Za-z0-9_\-*]{8,}"
    r"|(?:AKIA|ASIA)[A-Z0-9*]{8,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,2})"
)
_LABELLED = re.compile(
    r"(?i)\b(bearer|basic|x-api-key|api[-_ ]?key|access[-_ ]?token|token|secret|password|authorization)"
    r"(\s*(?:provided)?\s*[:=]\s*|\s+)(?:(bearer|basic)\s+)?([\"'`]?)(?=[A-Za-z0-9_\-.*+/=]{0,60}[\d*])([A-Za-z0-9_\-.*+/=]{12,})"
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.\-]{1,15}://)[^\s/@]+@")


def redact(text: str) -> str:
    """The text with everything key-shaped replaced by `[redacted]`."""
    text = _PREFIXED.sub(REDACTED, text)
    text = _LABELLED.sub(lambda found: f"{found[1]}{found[2]}{found[4]}{REDACTED}", text)
    return _USERINFO.sub(rf"\1{REDACTED}@", text)
