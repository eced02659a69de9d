"""Keys of vendors, which begin so that scanners find them. The beginning and enough of the rest decide; what follows is
swallowed, however long it is, so a key that keeps coming is not waited for.

Keys that begin with a bare `sk-` have no sign besides: twenty letters and digits in one piece, of both kinds (classes
of style sheets are written sk-fading-circle). Keys that may be published (pk_live_) and ids of accounts are no secrets.
"""

from typing import Final

from ai_gateway.policy.scanning.detectors.shape import Detector, Run, Shape, Span

_W: Final = r"[A-Za-z0-9_\-]"
_A: Final = "[A-Za-z0-9]"

_SIGNED: Final = (
    rf"sk-(?:proj|svcacct|admin|service|None|ant|or|gw|lf|live|test)-{_W}{{16}}",  # OpenAI, Anthropic, OpenRouter, ours
    rf"AIza{_W}{{30}}",  # Google
    rf"ya29\.{_W}{{20}}",
    rf"GOCSPX-{_W}{{20}}",
    rf"gh[pousr]_{_A}{{30}}",  # GitHub
    rf"github_pat_{_W}{{20}}",
    rf"gl(?:pat|dt|rt|ptt|oas|soat|cbt|ft|imt|agent)-{_W}{{20}}",  # GitLab
    rf"xox[abeoprs]-{_W}{{10}}",  # Slack
    rf"xapp-[0-9]-{_W}{{10}}",
    rf"[sr]k_(?:live|test)_{_A}{{10}}",  # Stripe
    rf"whsec_{_A}{{20}}",
    rf"hf_{_A}{{30}}",  # Hugging Face
    rf"gsk_{_A}{{30}}",  # Groq
    rf"xai-{_A}{{30}}",
    rf"csk-{_A}{{30}}",  # Cerebras
    rf"pplx-{_A}{{30}}",  # Perplexity
    rf"nvapi-{_W}{{30}}",
    rf"r8_{_A}{{30}}",  # Replicate
    rf"tvly-{_W}{{20}}",  # Tavily
    rf"pcsk_{_W}{{30}}",  # Pinecone
    rf"npm_{_A}{{30}}",
    rf"pypi-AgE{_W}{{20}}",
    rf"SG\.{_W}{{16,32}}\.{_W}{{16}}",  # SendGrid
    rf"[0-9]{{8,10}}:AA{_W}{{30}}",  # Telegram
    r"dop_v1_[0-9a-f]{30}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{30}",  # Shopify
    r"dapi[0-9a-f]{32}",  # Databricks
    rf"hv[sbr]\.{_W}{{20}}",  # Vault
    rf"(?:lin_api|ntn|secret)_{_A}{{32}}",  # Linear, Notion
    r"xkeysib-[0-9a-f]{30}",  # Brevo
)
_FIXED: Final = (
    r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}",  # AWS
    r"SK[0-9a-f]{32}",  # Twilio
    r"sk-dev",  # the demo tenant's
)


def _mixed(data: bytes, start: int, end: int) -> Span | None:
    written = data[start + 3 : end]
    return Span(start, end) if not written.isalpha() and not written.isdigit() else None


API_KEY: Final = Detector(
    "api_key",
    "keys of AI providers, clouds and other vendors that show what they are, and of this gateway",
    (
        Shape(rf"\b(?:{'|'.join(_SIGNED)})", tail=Run(r"A-Za-z0-9_\-")),
        Shape(rf"\b(?:{'|'.join(_FIXED)})\b"),
        Shape(rf"\bsk-{_A}{{20}}", _mixed, Run(r"A-Za-z0-9_\-")),
    ),
)
