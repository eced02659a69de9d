"""How a provider's address is read: strictly, once, before anybody calls it.

URL parsers disagree about what a client would really connect to, and every disagreement has been somebody's SSRF. So
whatever two parsers could read differently (userinfo, backslashes, control characters, a port that is no port) is
refused here with a text for the person who typed it; what is left is split into a BaseUrl and never parsed again.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ai_gateway.domain.config import BaseUrl

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}\.?\Z")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,:=@-]+)*/*\Z")
_LONGEST: Final = 2048


def parse_base_url(text: str) -> BaseUrl:
    """'https://Host:8443/v1/' -> BaseUrl('https', 'host', 8443, '/v1'). Raises ValueError with a text for people."""
    if len(text) > _LONGEST:
        raise ValueError(f"The address is longer than {_LONGEST} characters.")
    if not text.isascii() or any(character <= " " or character in "\\\x7f" for character in text):
        raise ValueError("The address has a character that a URL cannot have; write other alphabets as punycode.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("The address is not a URL with a valid host and port.") from None
    _refuse_the_ambiguous(text, parts)
    host = _host(parts)
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("The port of the address must be a number between 1 and 65535.")
    return BaseUrl(scheme=parts.scheme, host=host, port=port or _DEFAULT_PORTS[parts.scheme], path=_path(parts.path))


def _refuse_the_ambiguous(text: str, parts: SplitResult) -> None:
    if parts.scheme not in _DEFAULT_PORTS or not text[len(parts.scheme) :].startswith("://"):
        raise ValueError("The address must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise ValueError("The address must not carry a user or a password; the key belongs into 'api_key'.")
    if "?" in text or "#" in text:
        raise ValueError("The address must not have a query ('?') or a fragment ('#').")


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if not host:
        raise ValueError("The address has no host.")
    if "[" in parts.netloc:
        return _ipv6(host)
    if not _HOST_NAME.match(host):
        raise ValueError("The host of the address is neither a host name nor an IP address.")
    return host.rstrip(".")


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError("The brackets of the address do not hold an IPv6 address.") from None
    if address.scope_id is not None:
        raise ValueError("The IPv6 address must not name a network interface ('%').")
    return str(address)


def _path(path: str) -> str:
    if not _PATH.match(path) or any(segment in (".", "..") for segment in path.split("/")):
        raise ValueError("The path of the address must be plain: no '..', no '//', no percent sign.")
    return path.rstrip("/")
