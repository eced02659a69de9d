import pytest

from ai_gateway.providers.translation.bedrock_models import (
    Family,
    family_of,
    keeps_prompts,
    path_of,
)

PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", Family.CLAUDE),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Family.CLAUDE),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-4-6-v1", Family.CLAUDE),
        (PROFILE, Family.CLAUDE),
        ("arn:aws-us-gov:bedrock:us-gov-west-1:1:provisioned-model/x", Family.CLAUDE),
        ("us.amazon.nova-pro-v1:0", Family.NOVA),
        ("openai.gpt-oss-120b-1:0", Family.GPT_OSS),
        ("us.deepseek.r1-v1:0", Family.OTHER),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0", Family.OTHER),
    ],
)
def test_a_name_says_whose_model_it_is(model: str, family: Family) -> None:
    assert family_of(model) is family


def test_prompts_are_kept_by_two_families() -> None:
    assert [family for family in Family if keeps_prompts(family)] == [Family.CLAUDE, Family.NOVA]


def test_an_id_is_quoted_whole() -> None:
    assert path_of("us.anthropic.claude-v1:0", "converse") == "/model/us.anthropic.claude-v1%3A0/converse"
    assert path_of(PROFILE, "converse-stream") == (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse-stream"
    )
    assert path_of("../x?y", "invoke") == "/model/..%2Fx%3Fy/invoke"
