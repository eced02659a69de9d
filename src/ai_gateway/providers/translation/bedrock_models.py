"""What a Bedrock model id says: whose model it is, and how it is named in a path.

Converse is one API for many makers' models, but what it does not know itself (thinking, top_k) goes into
`additionalModelRequestFields` in each maker's own words. An ARN of a profile or of a model of one's own hides the
maker; it is taken for Claude's, since that is whose parameters callers of this gateway can say.
"""

import re
from enum import Enum
from typing import Final
from urllib.parse import quote


class Family(Enum):
    CLAUDE = "claude"
    NOVA = "nova"
    GPT_OSS = "gpt-oss"
    OTHER = "other"


_HIDDEN: Final = re.compile(
    r"arn:[^/]*[:/](?:application-inference-profile|provisioned-model|custom-model|custom-model-deployment"
    r"|imported-model|prompt|prompt-router|default-prompt-router)/"
)


def family_of(model: str) -> Family:
    if "anthropic." in model or "claude" in model or _HIDDEN.match(model):
        return Family.CLAUDE
    if "amazon.nova" in model:
        return Family.NOVA
    return Family.GPT_OSS if "openai.gpt-oss" in model else Family.OTHER


def keeps_prompts(family: Family) -> bool:
    """Whether cache points mean something to models of this family."""
    return family in (Family.CLAUDE, Family.NOVA)


def path_of(model: str, verb: str) -> str:
    """`/model/{id}/{verb}`. Everything but unreserved characters is quoted, as AWS's own clients do."""
    return f"/model/{quote(model, safe='-_.~')}/{verb}"
