"""What an operator decides before the process starts, read once from the environment and refused as a whole.

`load` is pure: the environment and the `.env` file of the working directory are handed in, the environment wins, and a
blank value means absent (an empty `OPENAI_API_KEY=` is how a deployment says "none"). It collects every problem before
it refuses, because an operator who fixes one variable per restart is an operator at three in the morning. Every
variable stands in `SETTINGS`, which the reader itself goes through: one that is not documented cannot be read.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from ai_gateway.domain.config import BaseUrl
from ai_gateway.domain.secret import Secret
from ai_gateway.policy import secret_strength

T = TypeVar("T")

ModeName = Literal["development", "serve"]


class Planes(StrEnum):
    """Which halves of the gateway a process answers for."""

    ALL = "all"
    DATA = "data"


class Limits(msgspec.Struct, frozen=True):
    """What one request may bring: bytes, seconds, and bytes a second once `body_seconds` have passed."""

    max_body_bytes: int
    max_header_bytes: int
    header_seconds: float
    body_seconds: float
    min_body_rate: int


class History(msgspec.Struct, frozen=True):
    """How often endpoints are looked at (seconds, 0: never), and how many days of what was seen are kept; of their
    numbers by the minute, the hour and the day. `response_days` 0: no response is kept."""

    check_seconds: float
    health_days: int
    decision_days: int
    metrics_days: tuple[int, int, int]
    response_days: int = 30


class Settings(msgspec.Struct, frozen=True):
    """`hosts` are the addresses to listen on. `database_url` None: SQLite in `data_dir`. `encryption_key` None, only
    in development: one is generated into the data folder. `environment` is every variable that is not blank, the
    `.env` file's beneath the process's: what `env:NAME` secret names resolve in."""

    mode: ModeName
    hosts: tuple[str, ...]
    port: int
    data_dir: Path
    database_url: Secret | None
    encryption_key: Secret | None
    encryption_key_previous: Secret | None
    admin_token: Secret | None
    openai_api_key: Secret | None
    anthropic_api_key: Secret | None
    egress_allow: str
    upstream_proxy: BaseUrl | None
    ca_file: Path | None
    mock_enabled: bool
    log_level: str
    otel_endpoint: str | None
    drain_seconds: float
    unready_seconds: float
    limits: Limits
    history: History
    journal_fsync: str
    journal_bytes: int
    lease_lost_seconds: float
    lease_release_seconds: float | None
    metrics_port: int | None
    languages_folder: Path | None
    environment: Mapping[str, Secret]


class SettingsError(Exception):
    """Refused configuration: every problem, each with what to do about it. Values of secrets are never in it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Setting(msgspec.Struct, frozen=True):
    """One documented variable. Defaults are text, as an operator would write them; blank means absent."""

    name: str
    development: str
    serve: str
    meaning: str


def _same(name: str, default: str, meaning: str) -> Setting:
    return Setting(name, default, default, meaning)


EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  (a container's own namespace; admin needs a token there)
LOOPBACK: Final = ("127.0.0.1", "::1")

SETTINGS: Final = (
    Setting("HOST", ",".join(LOOPBACK), EVERYWHERE, "Addresses to listen on, with commas; development: loopback only."),
    _same("PORT", "8000", "Port to listen on; 0 picks a free one."),
    _same("AI_GATEWAY_DATA_DIR", "./data", "Folder for the SQLite database, the journal and generated keys."),
    _same("DATABASE_URL", "", "postgresql://user:password@host/name; blank: SQLite in the data folder."),
    Setting("AI_GATEWAY_ENCRYPTION_KEY", "", "required", "Master key of stored secrets: 32 bytes, base64 or hex."),
    _same("AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS", "", "The master key before the current one, while rotating."),
    Setting("AI_GATEWAY_ADMIN_TOKEN", "", "required", "Bearer token of the first platform admin, 16 characters up."),
    _same("OPENAI_API_KEY", "", "Optional gateway-level key: tenants bring their own; system config `openai`."),
    _same("ANTHROPIC_API_KEY", "", "Optional gateway-level key: tenants bring their own; system config `anthropic`."),
    _same("AI_GATEWAY_EGRESS_ALLOW", "", "Private networks that providers may live in: CIDRs, separated by commas."),
    _same(
        "AI_GATEWAY_UPSTREAM_PROXY", "", "HTTP proxy that providers are reached through by CONNECT: http://host:port."
    ),
    _same("AI_GATEWAY_CA_FILE", "", "PEM file of certificate authorities to trust besides the system's."),
    Setting("AI_GATEWAY_MOCK", "on", "off", "The built-in mock provider: on or off."),
    _same("LOG_LEVEL", "info", "debug, info, warning or error."),
    _same("OTEL_EXPORTER_OTLP_ENDPOINT", "", "Where traces go (needs the `otel` extra); blank: nowhere."),
    Setting("AI_GATEWAY_DRAIN_SECONDS", "5", "120", "How long running requests may take to finish after SIGTERM."),
    Setting("AI_GATEWAY_UNREADY_SECONDS", "0", "5", "How long to answer as not ready before the listener closes."),
    _same("AI_GATEWAY_MAX_BODY_BYTES", str(32 * 1024 * 1024), "Largest request body."),
    _same("AI_GATEWAY_MAX_HEADER_BYTES", str(32 * 1024), "Largest request head."),
    _same("AI_GATEWAY_HEADER_SECONDS", "10", "How long a client may take to send its headers."),
    _same("AI_GATEWAY_BODY_SECONDS", "10", "Grace before a body must keep the lowest rate."),
    _same("AI_GATEWAY_MIN_BODY_RATE", "1000", "Lowest bytes a second of a body after that grace."),
    _same("AI_GATEWAY_HEALTH_CHECK_SECONDS", "30", "How often each endpoint is asked a free question; 0: never."),
    _same("AI_GATEWAY_HEALTH_DAYS", "30", "How long the history of endpoints' health is kept."),
    _same("AI_GATEWAY_DECISION_DAYS", "7", "How long it is kept why failed, retried and sampled requests went so."),
    _same("AI_GATEWAY_RESPONSE_DAYS", "30", "How long responses are kept to be gone on from; 0: they are not kept."),
    _same("AI_GATEWAY_METRICS_DAYS", "2,60,730", "How long endpoints' numbers are kept by the minute, hour and day."),
    _same("AI_GATEWAY_JOURNAL_FSYNC", "grouped", "When the journal is safe from power loss: always, grouped or off."),
    _same("AI_GATEWAY_JOURNAL_BYTES", str(1 << 30), "Room for receipts while the database is away; at least 128 MiB."),
    _same(
        "AI_GATEWAY_LEASE_LOST_SECONDS", "60", "PostgreSQL: how long a process may be silent until it counts as lost."
    ),
    _same(
        "AI_GATEWAY_LEASE_RELEASE_SECONDS", "", "When a lost process's leases are released by themselves; blank: never."
    ),
    _same("AI_GATEWAY_METRICS_PORT", "", "A port of its own for /metrics, without a token; blank: none."),
    _same("AI_GATEWAY_LANGUAGES_FOLDER", "", "Folder of language files for error messages; blank: English only."),
)
"""Every variable that the gateway reads. `ai-gateway doctor` and the documentation print this table."""

CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
DATABASE_SCHEMES: Final = frozenset(
    {"postgres", "postgresql", "postgresql+psycopg", "sqlite", "sqlite+aiosqlite"},
)
DURABILITIES: Final = ("always", "grouped", "off")
SMALLEST_JOURNAL: Final = 128 << 20  # two segments: one that is written, one that is drained
SHORTEST_SILENCE: Final = 15.0
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
SWITCH: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("on", "true", "yes", "1"), True),
    **dict.fromkeys(("off", "false", "no", "0"), False),
}


def load(mode: ModeName, environ: Mapping[str, str], dotenv: Mapping[str, str]) -> Settings:
    """Raises SettingsError with every problem at once."""
    given = {name: text.strip() for name, text in {**_present(dotenv), **_present(environ)}.items()}
    reader = _Reader(mode, given)
    settings = Settings(
        mode=mode,
        hosts=reader.read("HOST", _read_loopback if mode == "development" else _read_hosts, ()),
        port=reader.read("PORT", _read_port, 0),
        data_dir=reader.read("AI_GATEWAY_DATA_DIR", Path, Path()),
        database_url=reader.read_optional("DATABASE_URL", _read_database_url),
        encryption_key=reader.read_optional("AI_GATEWAY_ENCRYPTION_KEY", _read_master_key),
        encryption_key_previous=reader.read_optional("AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS", _read_previous_key),
        admin_token=reader.read_optional("AI_GATEWAY_ADMIN_TOKEN", _read_admin_token),
        openai_api_key=reader.read_optional("OPENAI_API_KEY", Secret),
        anthropic_api_key=reader.read_optional("ANTHROPIC_API_KEY", Secret),
        egress_allow=reader.read_optional("AI_GATEWAY_EGRESS_ALLOW", _read_networks) or "",
        upstream_proxy=reader.read_optional("AI_GATEWAY_UPSTREAM_PROXY", _read_proxy),
        ca_file=reader.read_optional("AI_GATEWAY_CA_FILE", _read_ca_file),
        mock_enabled=reader.read("AI_GATEWAY_MOCK", _read_switch, SWITCH["off"]),
        log_level=reader.read("LOG_LEVEL", _read_log_level, ""),
        otel_endpoint=reader.read_optional("OTEL_EXPORTER_OTLP_ENDPOINT", _read_http_url),
        drain_seconds=reader.read("AI_GATEWAY_DRAIN_SECONDS", _read_seconds, 0.0),
        unready_seconds=reader.read("AI_GATEWAY_UNREADY_SECONDS", _read_seconds, 0.0),
        limits=Limits(
            max_body_bytes=reader.read("AI_GATEWAY_MAX_BODY_BYTES", _read_count, 0),
            max_header_bytes=reader.read("AI_GATEWAY_MAX_HEADER_BYTES", _read_count, 0),
            header_seconds=reader.read("AI_GATEWAY_HEADER_SECONDS", _read_patience, 0.0),
            body_seconds=reader.read("AI_GATEWAY_BODY_SECONDS", _read_patience, 0.0),
            min_body_rate=reader.read("AI_GATEWAY_MIN_BODY_RATE", _read_count, 0),
        ),
        history=History(
            check_seconds=reader.read("AI_GATEWAY_HEALTH_CHECK_SECONDS", _read_seconds, 0.0),
            health_days=reader.read("AI_GATEWAY_HEALTH_DAYS", _read_count, 0),
            decision_days=reader.read("AI_GATEWAY_DECISION_DAYS", _read_count, 0),
            metrics_days=reader.read("AI_GATEWAY_METRICS_DAYS", _read_three_days, (0, 0, 0)),
            response_days=reader.read(
                "AI_GATEWAY_RESPONSE_DAYS", lambda text: int(text != "0" and _read_count(text)), 0
            ),
        ),
        journal_fsync=reader.read("AI_GATEWAY_JOURNAL_FSYNC", _read_durability, ""),
        journal_bytes=reader.read("AI_GATEWAY_JOURNAL_BYTES", _read_journal_bytes, 0),
        lease_lost_seconds=reader.read("AI_GATEWAY_LEASE_LOST_SECONDS", _read_silence, 0.0),
        lease_release_seconds=reader.read_optional("AI_GATEWAY_LEASE_RELEASE_SECONDS", _read_silence),
        metrics_port=reader.read_optional("AI_GATEWAY_METRICS_PORT", _read_port),
        languages_folder=reader.read_optional("AI_GATEWAY_LANGUAGES_FOLDER", _read_folder),
        environment=MappingProxyType({name: Secret(text) for name, text in given.items()}),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def _present(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in variables.items() if text and text.strip()}


class _Reader:
    """Reads documented variables and remembers what was wrong with them, so that all of it can be said at once."""

    def __init__(self, mode: ModeName, given: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._given = given
        self._defaults = {row.name: row.development if mode == "development" else row.serve for row in SETTINGS}

    def read(self, name: str, parse: Callable[[str], T], otherwise: T) -> T:
        """`otherwise` only stands in for a value that was refused, until all problems are known."""
        parsed = self.read_optional(name, parse)
        return otherwise if parsed is None else parsed

    def read_optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        default = self._defaults[name]
        text = self._given.get(name, "" if default == "required" else default)
        if not text and default == "required":
            self.problems.append(f"{name} is not set. {HOW_TO_MAKE[name]}")
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return None


HOW_TO_MAKE: Final = {
    "AI_GATEWAY_ENCRYPTION_KEY": "Make one with `openssl rand -base64 32` and keep it: stored secrets need it.",
    "AI_GATEWAY_ADMIN_TOKEN": "Make one with `openssl rand -hex 24`.",
}


def _read_hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not hosts:
        raise ValueError(f"names no address. Use {EVERYWHERE} for all of this machine's.")
    for host in hosts:
        if host != "localhost" and not _is_address(host):
            raise ValueError(f"has {host!r}, which is not an IP address. Use {EVERYWHERE} for all of this machine's.")
    return tuple(address for host in hosts for address in (LOOPBACK if host == "localhost" else (host,)))


def _read_loopback(text: str) -> tuple[str, ...]:
    """Development mode has no password on its admin API, so it never listens where others can reach it."""
    hosts = _read_hosts(text)
    if all(ipaddress.ip_address(host).is_loopback for host in hosts):
        return hosts
    raise ValueError("is not loopback, and development mode has no admin token. Unset it, or start `ai-gateway serve`.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _read_port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise ValueError(f"is {text!r}. Use a number from 0 to 65535.")


def _read_count(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**53:
        return int(text)
    raise ValueError(f"is {text!r}. Use a whole number above 0.")


def _read_three_days(text: str) -> tuple[int, int, int]:
    """The numbers of a day are made of those of its hours, so what is coarser is kept at least as long."""
    parts = [_read_count(part.strip()) for part in text.split(",")]
    if len(parts) != 3 or parts != sorted(parts):
        raise ValueError(f"is {text!r}. Use days for minutes, hours and days, none shorter: for example 2,60,730.")
    return parts[0], parts[1], parts[2]


def _read_seconds(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text):
        return float(text)
    raise ValueError(f"is {text!r}. Use seconds, for example 5 or 0.5.")


def _read_patience(text: str) -> float:
    seconds = _read_seconds(text)
    if not seconds:
        raise ValueError("is 0, which no client can meet. Use seconds, for example 10.")
    return seconds


def _read_silence(text: str) -> float:
    """Processes say every five seconds that they live, and a database may be away for a moment."""
    seconds = _read_seconds(text)
    if seconds < SHORTEST_SILENCE:
        raise ValueError(f"is less than {SHORTEST_SILENCE:.0f} s, in which a healthy process may be silent.")
    return seconds


def _read_switch(text: str) -> bool:
    if text.lower() in SWITCH:
        return SWITCH[text.lower()]
    raise ValueError(f"is {text!r}. Use on or off.")


def _read_log_level(text: str) -> str:
    if text.lower() in LOG_LEVELS:
        return text.lower()
    raise ValueError(f"is {text!r}. Use one of {', '.join(LOG_LEVELS)}.")


def _read_durability(text: str) -> str:
    if text.lower() not in DURABILITIES:
        raise ValueError(f"is not one of {', '.join(DURABILITIES)}.")
    return text.lower()


def _read_journal_bytes(text: str) -> int:
    size = _read_count(text)
    if size < SMALLEST_JOURNAL:
        raise ValueError(f"is smaller than {SMALLEST_JOURNAL} bytes (128 MiB).")
    return size


def _read_http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return text
    raise ValueError("is not an http:// or https:// address.")


def _read_proxy(text: str) -> BaseUrl:
    """Whoever can see the text can see what is in it, so a proxy that wants a password is refused, not obeyed."""
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = None
    bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme == "http" and parts.hostname and port and bare:
        return BaseUrl("http", parts.hostname, port, "")
    raise ValueError("is not the address of an HTTP proxy. Use http://host:port, without a user, a path or TLS.")


def _read_ca_file(text: str) -> Path:
    path = Path(text)
    try:
        pem = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ValueError(f"is {text!r}, which cannot be read ({error.strerror}). Name a PEM file.") from None
    if CERTIFICATE not in pem:
        raise ValueError(f"is {text!r}, which has no certificate in it. Name a PEM file.")
    return path


def _read_database_url(text: str) -> Secret:
    scheme = text.partition("://")[0].lower()
    if "://" in text and scheme in DATABASE_SCHEMES:
        return Secret(text)
    raise ValueError("is not a database address. Use postgresql://user:password@host/name, or unset it for SQLite.")


def _read_networks(text: str) -> str:
    for part in text.split(","):
        try:
            ipaddress.ip_network(part.strip())
        except ValueError:
            raise ValueError(f"has {part.strip()!r}. Use networks such as 10.0.0.0/8, separated by commas.") from None
    return text


def _read_master_key(text: str) -> Secret:
    if secret_strength.is_regular(_parse_key(text)):
        raise ValueError(f"is too regular to protect anything. {HOW_TO_MAKE['AI_GATEWAY_ENCRYPTION_KEY']}")
    return Secret(text)


def _read_previous_key(text: str) -> Secret:
    """Any key that the vault takes: even a regular one that is being rotated away must still open what it closed."""
    _parse_key(text)
    return Secret(text)


def _parse_key(text: str) -> bytes:
    """The vault's own judgement; imported only where a key was given, because cryptography is slow to import."""
    from ai_gateway.store.vault import parse_master_key

    try:
        return parse_master_key(text)
    except ValueError as error:
        raise ValueError(f"is refused. {error}") from None


def _read_admin_token(text: str) -> Secret:
    weakness = secret_strength.weakness_of_token(text)
    if weakness is not None:
        raise ValueError(f"{weakness} {HOW_TO_MAKE['AI_GATEWAY_ADMIN_TOKEN']}")
    return Secret(text)


def _read_folder(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        return path
    raise ValueError(f"is {text!r}, which is no folder.")
