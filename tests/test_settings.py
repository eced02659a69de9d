import base64
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.settings import SETTINGS, Settings, SettingsError, load

KEY = base64.b64encode(bytes.fromhex("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")).decode()
TOKEN = "hW3k-9QvT2xLrB8sYpNd"
COMPLETE = {"AI_GATEWAY_ENCRYPTION_KEY": KEY, "AI_GATEWAY_ADMIN_TOKEN": TOKEN}


def problems_of(mode: str, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(mode, environ, {})
    return refused.value.problems


def test_development_needs_nothing_and_listens_on_loopback_only() -> None:
    settings = load("development", {}, {})
    assert settings.hosts == ("127.0.0.1", "::1")
    assert (settings.port, settings.data_dir) == (8000, Path("data"))
    assert (settings.database_url, settings.encryption_key, settings.admin_token) == (None, None, None)
    assert settings.mock_enabled
    assert (settings.drain_seconds, settings.unready_seconds) == (5, 0)


def test_serve_has_the_defaults_of_production() -> None:
    settings = load("serve", COMPLETE, {})
    assert settings.hosts == ("0.0.0.0",)
    assert not settings.mock_enabled
    assert (settings.drain_seconds, settings.unready_seconds) == (120, 5)
    assert settings.limits.max_body_bytes == 32 * 1024 * 1024
    assert settings.limits.max_header_bytes == 32 * 1024
    assert settings.metrics_port is None


def test_serve_names_every_missing_secret_at_once_and_how_to_make_it() -> None:
    problems = problems_of("serve", {})
    assert len(problems) == 2
    assert "AI_GATEWAY_ENCRYPTION_KEY" in problems[0]
    assert "openssl rand -base64 32" in problems[0]
    assert "AI_GATEWAY_ADMIN_TOKEN" in problems[1]
    assert "openssl rand -hex 24" in problems[1]


def test_all_problems_are_told_together_whatever_their_kind() -> None:
    wrong = {
        "PORT": "80000",
        "AI_GATEWAY_MOCK": "perhaps",
        "LOG_LEVEL": "loud",
        "AI_GATEWAY_EGRESS_ALLOW": "10.0.0.0/99",
    }
    problems = problems_of("serve", wrong)
    assert len(problems) == len(wrong) + 2


@pytest.mark.parametrize(
    "token",
    [
        "sk-1234",
        "sk-1234-sk-1234-sk-1234",
        "brief",
        "fifteen-letters",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababababab",
        "abcdefghijklmnopqrstuvwxyz",
        "changeme-changeme-changeme",
        "change-me-in-production",
        "admin-secret-password",
        "my-secret-admin-token",
        "your-token-goes-here",
        "test-test-test-test-test",
        "a token with spaces in it",
        "tökén-with-ümlauts-in-it",
    ],
)
def test_serve_refuses_a_weak_admin_token_without_repeating_it(token: str) -> None:
    (problem,) = problems_of("serve", {**COMPLETE, "AI_GATEWAY_ADMIN_TOKEN": token})
    assert problem.startswith("AI_GATEWAY_ADMIN_TOKEN")
    assert token not in problem


@pytest.mark.parametrize(
    "key",
    [
        "Zm9vYmFy",
        "c2hvcnQ=",
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(bytes(range(128, 160))).decode(),
        base64.b64encode(bytes([0x9F, 0x86, 0xD0, 0x81]) * 8).decode(),
        "00" * 32,
        base64.b64encode(b"change-me-change-me-change-me-32").decode(),
        "not base64 at all, but long enough to be one",
    ],
)
def test_a_weak_or_malformed_master_key_is_refused_without_repeating_it(key: str) -> None:
    (problem,) = problems_of("serve", {**COMPLETE, "AI_GATEWAY_ENCRYPTION_KEY": key})
    assert problem.startswith("AI_GATEWAY_ENCRYPTION_KEY")
    assert key not in problem


@pytest.mark.parametrize("spelling", [KEY, KEY.rstrip("="), base64.b64decode(KEY).hex()])
def test_a_master_key_is_taken_in_base64_and_hex(spelling: str) -> None:
    settings = load("serve", {**COMPLETE, "AI_GATEWAY_ENCRYPTION_KEY": spelling}, {})
    assert settings.encryption_key is not None
    assert settings.encryption_key.reveal() == spelling


@given(st.binary(min_size=32, max_size=32).filter(lambda key: len(set(key)) > 24))
def test_random_master_keys_are_accepted(key: bytes) -> None:
    load("serve", {**COMPLETE, "AI_GATEWAY_ENCRYPTION_KEY": base64.b64encode(key).decode()}, {})


@given(st.binary(min_size=24, max_size=24).filter(lambda token: len(set(token)) > 18))
def test_tokens_as_the_advice_makes_them_are_accepted(token: bytes) -> None:
    load("serve", {**COMPLETE, "AI_GATEWAY_ADMIN_TOKEN": token.hex()}, {})


def test_no_secret_is_in_what_is_printed_of_the_settings() -> None:
    environ = {**COMPLETE, "OPENAI_API_KEY": "sk-real-one", "DATABASE_URL": "postgresql://u:pass-word@db/x"}
    shown = repr(load("serve", environ, {}))
    assert not [secret for secret in (KEY, TOKEN, "sk-real-one", "pass-word") if secret in shown]


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_value_is_an_absent_one(blank: str) -> None:
    settings = load("development", {"OPENAI_API_KEY": blank, "PORT": blank, "DATABASE_URL": blank}, {})
    assert (settings.openai_api_key, settings.port, settings.database_url) == (None, 8000, None)
    assert "OPENAI_API_KEY" not in settings.environment


def test_the_environment_wins_over_the_file_and_a_blank_one_does_not_hide_it() -> None:
    settings = load("development", {"PORT": "9000", "LOG_LEVEL": ""}, {"PORT": "9001", "LOG_LEVEL": "debug"})
    assert (settings.port, settings.log_level) == (9000, "debug")


def test_other_variables_ride_along_for_secrets_that_name_them() -> None:
    settings = load("development", {"ACME_KEY": "from the process"}, {"ACME_KEY": "from the file", "OTHER": "file"})
    assert {name: secret.reveal() for name, secret in settings.environment.items()} == {
        "ACME_KEY": "from the process",
        "OTHER": "file",
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "127.0.0.1,0.0.0.0"])
def test_development_never_listens_where_others_can_reach_it(host: str) -> None:
    (problem,) = problems_of("development", {"HOST": host})
    assert "loopback" in problem
    assert "serve" in problem


@pytest.mark.parametrize(
    ("host", "hosts"),
    [("localhost", ("127.0.0.1", "::1")), ("127.0.0.1", ("127.0.0.1",)), (" ::1 , 127.0.0.1", ("::1", "127.0.0.1"))],
)
def test_development_takes_loopback_addresses(host: str, hosts: tuple[str, ...]) -> None:
    assert load("development", {"HOST": host}, {}).hosts == hosts


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HOST", "gateway.example"),
        ("HOST", ","),
        ("PORT", "-1"),
        ("PORT", "eighty"),
        ("PORT", "١"),
        ("AI_GATEWAY_METRICS_PORT", "65536"),
        ("AI_GATEWAY_JOURNAL_FSYNC", "never"),
        ("AI_GATEWAY_JOURNAL_BYTES", "1000"),
        ("AI_GATEWAY_LEASE_LOST_SECONDS", "14"),
        ("AI_GATEWAY_LEASE_RELEASE_SECONDS", "never"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgresql"),
        ("AI_GATEWAY_EGRESS_ALLOW", "10.0.0.1/8"),
        ("AI_GATEWAY_EGRESS_ALLOW", "intranet"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "proxy.test:3128"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "https://proxy.test:3128"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "socks5://proxy.test:1080"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "http://proxy.test"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "http://proxy.test:0"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "http://proxy.test:65536"),
        ("AI_GATEWAY_UPSTREAM_PROXY", "http://proxy.test:3128/path"),
        ("AI_GATEWAY_CA_FILE", "/nowhere/ca.pem"),
        ("AI_GATEWAY_CA_FILE", "/"),
        ("AI_GATEWAY_CA_FILE", pytest.__file__),
        ("AI_GATEWAY_MOCK", "2"),
        ("LOG_LEVEL", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("AI_GATEWAY_DRAIN_SECONDS", "-1"),
        ("AI_GATEWAY_DRAIN_SECONDS", "inf"),
        ("AI_GATEWAY_UNREADY_SECONDS", "nan"),
        ("AI_GATEWAY_HEADER_SECONDS", "0"),
        ("AI_GATEWAY_BODY_SECONDS", "1e9"),
        ("AI_GATEWAY_MAX_BODY_BYTES", "0"),
        ("AI_GATEWAY_MAX_HEADER_BYTES", "32k"),
        ("AI_GATEWAY_MIN_BODY_RATE", "1.5"),
        ("AI_GATEWAY_HEALTH_CHECK_SECONDS", "often"),
        ("AI_GATEWAY_RESPONSE_DAYS", "-1"),
        ("AI_GATEWAY_METRICS_DAYS", "2,60"),
        ("AI_GATEWAY_METRICS_DAYS", "60,2,730"),
        ("AI_GATEWAY_METRICS_DAYS", "0,1,2"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_name(name: str, text: str) -> None:
    (problem,) = problems_of("serve", {**COMPLETE, name: text})
    assert problem.startswith(name)


def test_a_refused_database_address_does_not_show_its_password() -> None:
    (problem,) = problems_of("serve", {**COMPLETE, "DATABASE_URL": "mysql://u:pass-word@host/name"})
    assert "pass-word" not in problem


@pytest.mark.parametrize(("text", "host"), [("http://10.1.2.3:3128", "10.1.2.3"), ("http://[fd00::1]:80/", "fd00::1")])
def test_a_proxy_is_a_host_and_a_port(text: str, host: str) -> None:
    proxy = load("serve", {**COMPLETE, "AI_GATEWAY_UPSTREAM_PROXY": text}, {}).upstream_proxy
    assert proxy is not None
    assert (proxy.scheme, proxy.host, proxy.path) == ("http", host, "")


def test_a_refused_proxy_does_not_show_its_password() -> None:
    (problem,) = problems_of("serve", {**COMPLETE, "AI_GATEWAY_UPSTREAM_PROXY": "http://u:pass-word@proxy.test:3128"})
    assert "pass-word" not in problem
    assert "http://host:port" in problem


def test_every_default_in_the_table_is_one_that_loads() -> None:
    for mode in ("development", "serve"):
        table = {row.name: getattr(row, mode) for row in SETTINGS}
        written = {name: text for name, text in table.items() if text != "required"}
        assert settings_without_environment(load(mode, {**written, **COMPLETE}, {})) == settings_without_environment(
            load(mode, COMPLETE, {})
        )


def test_every_variable_of_the_table_changes_something(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("-----BEGIN CERTIFICATE-----")
    other = {
        "AI_GATEWAY_UPSTREAM_PROXY": "http://proxy.test:3128",
        "AI_GATEWAY_CA_FILE": str(authorities),
        "HOST": "127.0.0.9",
        "AI_GATEWAY_ENCRYPTION_KEY": base64.b64encode(base64.b64decode(KEY)[::-1]).decode(),
        "AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS": KEY,
        "DATABASE_URL": "postgresql://u@h/n",
        "AI_GATEWAY_EGRESS_ALLOW": "10.0.0.0/8",
        "AI_GATEWAY_MOCK": "on",
        "LOG_LEVEL": "debug",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "AI_GATEWAY_ADMIN_TOKEN": TOKEN[::-1],
        "OPENAI_API_KEY": "sk-a",
        "AI_GATEWAY_JOURNAL_FSYNC": "always",
        "AI_GATEWAY_JOURNAL_BYTES": str(1 << 28),
        "ANTHROPIC_API_KEY": "sk-b",
        "AI_GATEWAY_DECISION_DAYS": "8",
        "AI_GATEWAY_RESPONSE_DAYS": "0",
        "AI_GATEWAY_METRICS_DAYS": "1,2,3",
        "AI_GATEWAY_LEASE_LOST_SECONDS": "20",
        "AI_GATEWAY_LEASE_RELEASE_SECONDS": "3600",
        "AI_GATEWAY_LANGUAGES_FOLDER": str(tmp_path),
    }
    usual = settings_without_environment(load("serve", COMPLETE, {}))
    for row in SETTINGS:
        changed = load("serve", {**COMPLETE, row.name: other.get(row.name, "7")}, {})
        assert settings_without_environment(changed) != usual, row.name


def settings_without_environment(settings: Settings) -> list[object]:
    return [getattr(settings, name) for name in Settings.__struct_fields__ if name != "environment"]


def test_settings_are_read_without_what_is_slow_to_import() -> None:
    code = (
        "import sys; from ai_gateway.settings import load; load('development', {}, {});"
        "slow = ('pydantic', 'typer', 'sqlalchemy', 'cryptography', 'asyncio');"
        "print([name for name in slow if name in sys.modules])"
    )
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_folder_of_languages_has_to_be_there(tmp_path: Path) -> None:
    assert load("development", {"AI_GATEWAY_LANGUAGES_FOLDER": str(tmp_path)}, {}).languages_folder == tmp_path
    (problem,) = problems_of("development", {"AI_GATEWAY_LANGUAGES_FOLDER": str(tmp_path / "nowhere")})
    assert problem.startswith("AI_GATEWAY_LANGUAGES_FOLDER is ")
    assert problem.endswith("which is no folder.")
