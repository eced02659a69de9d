"""A canary for every kind of secret, and every place where one could come out: what is printed, what is answered,
what is measured, and the bytes of the files."""

from collections.abc import Iterator

import pytest

from process.provider import a_provider, answering
from support.gateway import Gateway, a_secret_environment, move_in, serving_gateway, until

PROVIDER_KEY = "sk-canary-provider-7f3a9c2e51d84b60"
STORED_SECRET = "canary-stored-secret-0c9e4d7711"
PROMPT = "canary-prompt-the-patient-is-called-Miller"
ASKED = [{"role": "user", "content": PROMPT}]
ECHO = {
    "error": {
        "message": f"Incorrect API key provided: {PROVIDER_KEY}. The request was: {PROMPT}",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }
}


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    return a_secret_environment()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, secrets: dict[str, str]) -> Iterator[Gateway]:
    """After a day's work, at the most talkative log level, beside a provider that echoes what it was sent."""
    loud = {**secrets, "LOG_LEVEL": "debug", "AI_GATEWAY_EGRESS_ALLOW": "127.0.0.0/8"}
    data_dir = tmp_path_factory.mktemp("secrets") / "data"
    with a_provider(answering(401, ECHO)) as provider, serving_gateway(data_dir, loud) as running:
        move_in(running)
        config = {"name": "echo", "provider": "openai", "endpoint_url": provider.url, "api_key": PROVIDER_KEY}
        running.create("/providers", config)
        running.create("/secrets", {"name": "kept", "value": STORED_SECRET})
        yield running


def everywhere(gateway: Gateway) -> dict[str, bytes]:
    """Every byte that came out, by place."""
    files = {str(path): path.read_bytes() for path in gateway.data_dir.rglob("*") if path.is_file()}
    bearer = {"authorization": f"Bearer {gateway.admin_token}"}
    metrics = gateway.request("GET", "/metrics", None, bearer)
    assert metrics.status == 200
    return {"output": gateway.said().encode(), "metrics": metrics.body, **files}


def test_secrets_come_out_nowhere(gateway: Gateway, secrets: dict[str, str]) -> None:
    answers = [gateway.chat(model, messages=ASKED) for model in ("up/gpt-4", "echo/m", "gpt-unknown")]
    gateway.forgive()
    answers.append(gateway.chat("echo/m", messages=ASKED, stream=True))
    for key in (gateway.key, "sk-gw-unknown-canary-000"):
        headers = {"authorization": f"Bearer {key}"}
        answers.append(gateway.request("POST", "/v1/messages", b'{"model": "x", "', headers))
        gateway.forgive()
        answers.append(gateway.chat("echo/m", key, messages=ASKED))
    for path in ("/providers", "/secrets", "/api-keys", "/audit", "/config/export"):
        answers.append(gateway.admin("GET", path))
    answers.append(gateway.admin("POST", "/providers/echo/test"))
    answers.append(gateway.admin("POST", "/providers", {"name": "echo", "provider": "openai", "api_key": PROVIDER_KEY}))
    answers.append(gateway.admin("POST", "/secrets", {"name": "kept", "value": STORED_SECRET}))
    until(lambda: len(gateway.ledger()) >= 4, "the ledger rows")
    places = everywhere(gateway)
    places |= {f"answer {number}": it.body + repr(it.headers).encode() for number, it in enumerate(answers)}
    hidden = {"provider key": PROVIDER_KEY, "stored secret": STORED_SECRET, "gateway key": gateway.key, **secrets}
    found = [
        f"{name} in {place}"
        for place, text in places.items()
        for name, secret in hidden.items()
        if secret.encode() in text
    ]
    assert not found


def test_what_callers_wrote_is_neither_logged_nor_stored(gateway: Gateway) -> None:
    bearer = {"authorization": f"Bearer {gateway.key}"}
    for model in ("up/gpt-4", "echo/m", "nothing"):
        body = {"model": model, "messages": ASKED}
        gateway.request("POST", "/v1/chat/completions", body, bearer)
    until(lambda: gateway.ledger(model="m"), "the ledger row")
    assert [place for place, text in everywhere(gateway).items() if PROMPT.encode() in text] == []


def test_the_canaries_can_be_found_where_they_are(gateway: Gateway) -> None:
    """The nets are no use if they have holes: the log is really read, and so are the database and its journal."""
    gateway.chat("gpt-unknown")
    places = everywhere(gateway)
    assert b"request_failed" in places["output"]
    assert any(b"echo" in text for place, text in places.items() if "gateway.db" in place)


def test_a_metric_has_no_name_of_a_tenant_in_it(gateway: Gateway) -> None:
    text = everywhere(gateway)["metrics"].decode()
    assert "ai_gateway" in text
    assert (gateway.tenant_id or "") not in text
    assert "acme" not in text


def test_metrics_need_the_admin_token(gateway: Gateway) -> None:
    assert gateway.request("GET", "/metrics").status == 401
    assert gateway.request("GET", "/metrics", None, {"authorization": f"Bearer {gateway.key}"}).status == 401


def test_a_folder_of_keys_is_only_the_owners(shared: Gateway) -> None:
    loose = [path for path in shared.data_dir.rglob("*key*") if path.is_file() and path.stat().st_mode & 0o077]
    assert not loose
    assert [path for path in shared.data_dir.rglob("*key*") if path.is_file()]
