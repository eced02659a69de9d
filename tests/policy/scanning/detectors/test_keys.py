import pytest

from policy.scanning.running import redacting

api_key = redacting("api_key")
A = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2dF4hJ6lM8n"  # 40 letters and digits
H = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + A + "aB3dE5gH",
        "sk-proj-" + A,
        "sk-svcacct-" + A,
        "sk-ant-api03-" + A + "-" + A + "AA",
        "sk-or-v1-" + H,
        "sk-gw-" + A,
        "sk-dev",
        "sk-" + H[:32],
        "AIzaSy" + A[:33],
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ghp_" + A[:36],
        "gho_" + A[:36],
        "github_pat_" + A[:22] + "_" + A,
        "glpat-" + A[:20],
        "xoxb-1234567890-" + A,
        "xoxp-1234567890-" + A,
        "xapp-1-A0123-" + A,
        "sk_live_" + A[:24],
        "rk_live_" + A[:24],
        "sk_test_" + A[:24],
        "whsec_" + A[:32],
        "hf_" + A[:34],
        "gsk_" + A + "aB3dE5gH7jK9",
        "xai-" + A + A,
        "csk-" + A,
        "pplx-" + A,
        "nvapi-" + A,
        "r8_" + A[:37],
        "npm_" + A[:36],
        "pypi-AgEIcHlwaS5vcmc" + A,
        "SG." + A[:22] + "." + A + "abc",
        "SK" + H[:32],
        "123456789:AA" + A[:33],
        "dop_v1_" + H,
        "shpat_" + H[:32],
        "dapi" + H[:32],
        "hvs." + A[:24],
        "lin_api_" + A,
        "xkeysib-" + H,
        "tvly-" + A[:32],
        "pcsk_" + A,
        "GOCSPX-" + A[:28],
        "ya29." + A + A + A,
        "sk-proj-" + A * 30,  # as long as it likes
    ],
)
def test_a_key_is_found_wherever_it_stands(key: str) -> None:
    assert api_key(key) == "#"
    assert api_key(f"key: {key}, more") == "key: #, more"
    assert api_key(f'{{"key":"{key}"}}') == '{"key":"#"}'
    assert api_key(f"KEY={key}\n") == "KEY=#\n"
    assert api_key(key[:3] + "\u200b" + key[3:] + " x") == "# x"


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn and scikit-learn",
        "sk-fading-circle-container-large",
        "sk-development",
        "task-aB3dE5gH7jK9mN1pQ3sT5vW7",
        "risk_live_aB3dE5gH7jK9mN1pQ3sT",
        "pk_live_aB3dE5gH7jK9mN1pQ3sT5vW7",
        "sk-abcdefghijklmnopqrstuvwxyz",
        "AKIAIOSFODNN7EXAMPLE1",
        "gpt-4o-mini-2024-07-18, claude-3-5-sonnet-20241022",
        "550e8400-e29b-41d4-a716-446655440000",
        H,
        "xoxb",
        "hf_hub_download(repo_id)",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "npm_config_registry",
        "req_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9b",
    ],
)
def test_what_only_looks_like_a_key_stays(text: str) -> None:
    assert api_key(text) == text
