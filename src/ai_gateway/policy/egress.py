"""Which addresses a tenant's URL may reach: the open internet and nothing beside it.

The rule is positive. An address is allowed because it is global unicast, never because it failed to be private:
`ipaddress` calls 100.100.100.200 (a metadata service behind carrier-grade NAT) not private, and 224.0.0.1, fec0::1 and
192.0.0.192 global. Every form that carries an IPv4 address inside an IPv6 one is judged as what it carries, because a
translator on the way unwraps it just so. What no table can know is asked of the operator: `allow` opens networks.

A metadata service hands out the machine's own credentials, so it stays closed inside a network that was opened for
another reason (fd00::/8, 100.64.0.0/10); only an entry for that one address opens it.

`check_url` is for the moment a configuration is saved, when nothing has been resolved yet. The address that a name
resolves to is judged by `may_connect` when the connection is made, and is then the one that is connected to.
"""

import re
import unicodedata
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Loopback(StrEnum):
    """Whether this machine itself may be called: development says so, a server does not."""

    REFUSED = "refused"
    ALLOWED = "allowed"


class EgressPolicy(msgspec.Struct, frozen=True):
    """`allow` are networks that an operator opened by hand (AI_GATEWAY_EGRESS_ALLOW)."""

    allow: tuple[Network, ...] = ()
    loopback: Loopback = Loopback.REFUSED


class Verdict(msgspec.Struct, frozen=True):
    """`reason` is for people and says why; empty where the address is allowed."""

    allowed: bool
    reason: str = ""


ALLOWED = Verdict(True)

_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_METADATA: frozenset[Address] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google, Azure, DigitalOcean, Hetzner, OpenStack, Oracle, Linode, IBM
        "169.254.169.253",  # AWS: resolver
        "169.254.170.2",  # AWS: credentials of ECS tasks
        "169.254.170.23",  # AWS: credentials of EKS pods
        "fd00:ec2::254",
        "fd00:ec2::253",
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
        "168.63.129.16",  # Azure: wire server, on an address that is global by every table
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "fd00:c1::a9fe:a9fe",
        "169.254.0.23",  # Tencent
        "169.254.42.42",  # Scaleway
        "fd00:42::42",
        "fd00:a9fe:a9fe::1",  # Linode
    )
)

# IANA's special-purpose registries as of 2025, written out: what Python's flags say changes with its version.
_NOT_THE_INTERNET: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), why)
    for text, why in (
        ("0.0.0.0/8", "an address of 'this network'"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier-grade NAT address"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a protocol assignment"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "a local translation address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
        ("2001::/23", "a protocol assignment"),
        ("2001:db8::/32", "a documentation address"),
        ("3fff::/20", "a documentation address"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")

# The IPv4 address is in the last 32 bits: v4-compatible, v4-mapped, v4-translated (RFC 2765), NAT64 (RFC 6052).
_V4_IN_THE_LAST_BITS = tuple(
    IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
_NOT_WRAPPED = frozenset({IPv6Address("::"), IPv6Address("::1")})
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

_LONGEST_URL = 2048
_LONGEST_NAME = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_PRIVATE_ENDINGS = (".internal", ".local", ".localdomain", ".home.arpa")
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "metadata.tencentyun.com"})


def may_connect(policy: EgressPolicy, ip: Address) -> Verdict:
    """Whether a socket may be opened to this address. Asked of every resolved address, each time."""
    if isinstance(ip, IPv6Address) and ip.scope_id is not None:
        return Verdict(False, f"{ip} names a network interface of this machine")
    meanings = (ip, *_carried(ip))
    for meaning in meanings:
        if meaning in _METADATA and not _names_exactly(policy, meaning):
            return Verdict(False, f"{_both(ip, meaning)} is a cloud's metadata service")
    if _opened(policy, ip):
        return ALLOWED
    for meaning in meanings[1:] or meanings:
        why = _why_not_global(meaning)
        if why and not _opened(policy, meaning):
            return Verdict(False, f"{_both(ip, meaning)} is {why}")
    return ALLOWED


def parse_allow(text: str) -> tuple[Network, ...]:
    """Networks out of a list with commas or blanks. Raises ValueError, with a text for people, on the first bad one."""
    networks: list[Network] = []
    for entry in re.split(r"[,\s]+", text.strip()):
        if not entry:
            continue
        try:
            network = ip_network(entry, strict=False)
        except ValueError:
            message = f"'{entry}' is not a network: write it like 10.20.0.0/16, fd12::/48 or 10.20.0.7"
            raise ValueError(message) from None
        if "%" in entry:
            raise ValueError(f"'{entry}' names a network interface: leave the part from '%' on out")
        if "/" in entry and ip_address(entry.partition("/")[0]) != network.network_address:
            raise ValueError(f"'{entry}' is not the start of a network: did you mean {network}?")
        networks.append(network)
    return tuple(networks)


def check_url(policy: EgressPolicy, url_text: str) -> None:
    """Refuse a URL that could never be called. Raises ValueError with a text for people.

    A host that is an address in any spelling that a resolver takes (127.1, 0x7f.1, 2130706433, fullwidth digits) is
    judged as that address. A name passes, unless it can only mean this machine or its private network.
    """
    host = _host_of(_split(url_text))
    address = _literal(host)
    if address is not None:
        verdict = may_connect(policy, address)
        if not verdict.allowed:
            raise ValueError(f"The URL's host may not be called: {verdict.reason}.{_way_out(policy)}")
        return
    _check_name(policy, host)


def _carried(ip: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that this address stands for: where one of them may not be called, it may not either."""
    if isinstance(ip, IPv4Address):
        return ()
    bits = int(ip)
    last = IPv4Address(bits & 0xFFFF_FFFF)
    if ip not in _NOT_WRAPPED and any(ip in network for network in _V4_IN_THE_LAST_BITS):
        return (last,)
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    if ip.teredo is not None:
        return ip.teredo
    if (bits >> 32) & 0xFFFF_FFFF in _ISATAP and ip in _GLOBAL_UNICAST and _why_not_global(ip) == "":
        return (last,)
    return ()


def _why_not_global(ip: Address) -> str:
    for network, why in _NOT_THE_INTERNET:
        if ip in network:
            return why
    if ip.is_multicast or not ip.is_global or (isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST):
        return "not a global address"
    return ""


def _opened(policy: EgressPolicy, ip: Address) -> bool:
    networks = policy.allow + (_LOOPBACK if policy.loopback is Loopback.ALLOWED else ())
    return any(ip in network for network in networks)


def _names_exactly(policy: EgressPolicy, ip: Address) -> bool:
    return any(network.num_addresses == 1 and network.network_address == ip for network in policy.allow)


def _both(ip: Address, meaning: Address) -> str:
    return str(ip) if ip == meaning else f"{ip} (which stands for {meaning})"


def _way_out(policy: EgressPolicy) -> str:
    """An operator of the default policy may not know yet that there is a setting."""
    return "" if policy.allow else " An operator can open private networks with AI_GATEWAY_EGRESS_ALLOW."


def _split(url_text: str) -> SplitResult:
    if len(url_text) > _LONGEST_URL:
        raise ValueError(f"The URL is longer than {_LONGEST_URL} characters.")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url_text):
        raise ValueError("The URL has a blank, a control character or a backslash in it.")
    try:
        parts = urlsplit(url_text)
        port = parts.port
    except ValueError:
        raise ValueError("The URL is malformed: check its host and port.") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("The URL must start with https:// or http://.")
    if "@" in parts.netloc:
        raise ValueError("The URL has a user name or password in it: give the key in its own field.")
    if "#" in url_text:
        raise ValueError("The URL has a fragment ('#...') in it: leave it out.")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("The URL's port must be between 1 and 65535.")
    if not parts.hostname:
        raise ValueError("The URL has no host name.")
    return parts


def _host_of(parts: SplitResult) -> str:
    """The host as a resolver reads it: one spelling of digits and dots, lower case, without the root's dot."""
    host = unicodedata.normalize("NFKC", parts.hostname or "").replace("\u3002", ".").lower()
    if not host.isascii():
        raise ValueError("The URL's host name has letters outside ASCII: write it in its 'xn--' form.")
    if parts.netloc.startswith("["):
        return f"[{host}]"
    return host.removesuffix(".")


def _literal(host: str) -> Address | None:
    """The address that this host spells, or None for a name. Raises ValueError for what looks like one and is none."""
    if host.startswith("["):
        if "%" in host:
            raise ValueError("The URL's host names a network interface: leave the part from '%' on out.")
        try:
            return IPv6Address(host[1:-1])
        except ValueError:
            raise ValueError("The URL's host is not a valid IPv6 address.") from None
    numbers = host.split(".")
    if not _NUMBER.fullmatch(numbers[-1]):
        return None
    try:
        return _old_spelling(numbers)
    except ValueError:
        raise ValueError(f"The URL's host '{host}' looks like an address and is none.") from None


def _old_spelling(numbers: list[str]) -> IPv4Address:
    """inet_aton(3): one to four numbers, decimal, octal (0177) or hexadecimal (0x7f); the last fills what is left."""
    if not 1 <= len(numbers) <= 4:
        raise ValueError
    values = [_number(number) for number in numbers]
    room = 256 ** (5 - len(values))
    if any(value > 255 for value in values[:-1]) or values[-1] >= room:
        raise ValueError
    value = values[-1]
    for place, octet in enumerate(values[:-1]):
        value += octet << (24 - 8 * place)
    return IPv4Address(value)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)


def _check_name(policy: EgressPolicy, name: str) -> None:
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"The URL's host '{name[:80]}' is not a valid host name.")
    if name in _METADATA_NAMES:
        if not any(_names_exactly(policy, ip) for ip in _METADATA):
            raise ValueError(f"The URL's host may not be called: '{name}' is a cloud's metadata service.")
        return
    if name in _LOCAL_NAMES or name.endswith((".localhost", ".localhost.localdomain")):
        if not any(
            _opened(policy, network.network_address + last) for network, last in zip(_LOOPBACK, (1, 0), strict=True)
        ):
            raise ValueError(
                f"The URL's host may not be called: '{name}' is the gateway's own machine.{_way_out(policy)}"
            )
        return
    if name.endswith(_PRIVATE_ENDINGS) and not policy.allow:
        raise ValueError(
            f"The URL's host may not be called: '{name}' is a name of a private network.{_way_out(policy)}"
        )
