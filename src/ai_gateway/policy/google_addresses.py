"""Where Google's two APIs are, as a config's address says it.

The Gemini API has one address and a version, which its SDK appends itself; one without is accepted. Vertex AI has a
host for each location, and project and location once more in the path: what does not fit together would be answered
with a page that nobody understands, so it is refused when it is saved.
"""

import re
from typing import Final

import msgspec

from ai_gateway.domain.config import BaseUrl, ProviderType

VERTEX_FORM: Final = (
    "an address of Vertex AI looks like 'https://europe-west4-aiplatform.googleapis.com/v1/projects/PROJECT/locations/"
    "europe-west4', or 'https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/global'."
)
GEMINI_VERSION: Final = "/v1beta"

_GOOGLES_HOST: Final = re.compile(r"(?:(?P<location>[a-z0-9-]+)-)?aiplatform\.(?:[a-z]+\.rep\.)?googleapis\.com")
_PATH: Final = re.compile(
    r"/v1(?:beta1)?(?:/projects/(?P<project>[a-z0-9.:-]+)/locations/(?P<location>[a-z0-9-]+))?", re.ASCII
)


def google_address(provider: ProviderType, url: BaseUrl) -> BaseUrl:
    """The address as requests are sent to it."""
    if provider is ProviderType.GEMINI and not url.path:
        return msgspec.structs.replace(url, path=GEMINI_VERSION)
    return url


def check_vertex(url: BaseUrl) -> None:
    """Raises ValueError with a text for people. A host that is not Google's (a private endpoint, a proxy) may have a
    path of its own."""
    host = _GOOGLES_HOST.fullmatch(url.host)
    if host is None:
        if url.host.endswith(".googleapis.com"):
            raise ValueError(f"The host is not Vertex AI's; {VERTEX_FORM}")
        return
    path = _PATH.fullmatch(url.path)
    if path is None:
        raise ValueError(f"The path has no project and location; {VERTEX_FORM}")
    located, placed = host["location"], path["location"]
    if placed is not None and located is not None and placed != located:
        raise ValueError(f"The host is in {located}, the path in {placed}; {VERTEX_FORM}")
    if placed not in (None, "global") and located is None and ".rep." not in url.host:
        raise ValueError(f"The host without a location serves 'global' only; {VERTEX_FORM}")
