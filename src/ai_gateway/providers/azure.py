"""OpenAI's models as Azure serves them: the dialect is OpenAI's, the addresses and the keys are not.

A config's models are its deployments: names that its owner gave, which say nothing of what is behind them. Azure has
two surfaces. The older one has the deployment in the path and wants a dated `api-version`; the newer (`/openai/v1/`) is
addressed as OpenAI itself. Either takes a resource's key in `api-key` or a token of Entra as Bearer.

What its answers have beside OpenAI's goes through as it is: a first chunk without choices that tells what the filters
thought of the prompt, `content_filter_results` in every choice, `finish_reason: content_filter`, codes as strings.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar, final
from urllib.parse import quote

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import BaseUrl, ProviderType
from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers import Auth, Options, ProviderKind, UpstreamRequest
from ai_gateway.providers.differences import Differences, Habit, Names, OutputField
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.chat_back import ChatBack
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.pairs import translations

LATEST_VERSION: Final = "2024-10-21"
"""The last dated version that is generally available: later ones are previews, and v1 needs none."""

E = TypeVar("E", bound=StrEnum)

_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest", re.ASCII)
_V1: Final = "/openai/v1"
DIFFERENCES: Final = Differences(
    output_field=OutputField.MAX_COMPLETION_TOKENS,
    names=Names.DEPLOYMENTS,
    habits=frozenset({Habit.EMPTY_FIRST_CHUNK}),
)


class Surface(StrEnum):
    DEPLOYMENTS = "deployments"
    V1 = "v1"


class Login(StrEnum):
    """What the config's secret is."""

    API_KEY = "api_key"
    ENTRA = "entra"


class AzureOptions(msgspec.Struct, frozen=True):
    """`api_version` None: none is sent, which only the v1 surface takes."""

    surface: Surface = Surface.DEPLOYMENTS
    api_version: str | None = LATEST_VERSION
    login: Login = Login.API_KEY


def options_of(said: Options) -> AzureOptions:
    """Raises ValueError with a text for people."""
    unknown = sorted(set(said) - {"surface", "api_version", "auth"})
    if unknown:
        raise ValueError(f"{unknown[0]}: the options of azure_openai are surface, api_version and auth.")
    surface = _choice(Surface, said, "surface", Surface.DEPLOYMENTS)
    version = said.get("api_version", LATEST_VERSION if surface is Surface.DEPLOYMENTS else None)
    if version is not None and not _VERSION.fullmatch(version):
        raise ValueError("api_version: must look like 2024-10-21 or 2025-04-01-preview.")
    return AzureOptions(surface, version, _choice(Login, said, "auth", Login.API_KEY))


def address_of(url: BaseUrl, said: Options) -> tuple[BaseUrl, Options]:
    """A resource's address, with what a path that was copied from a portal says made an option: `/openai/v1` is the
    surface, and the rest is put behind by the codec."""
    for ending in (_V1, "/openai"):
        if url.path.endswith(ending):
            shorter = msgspec.structs.replace(url, path=url.path.removesuffix(ending))
            return shorter, {"surface": Surface.V1.value, **said} if ending == _V1 else said
    return url, said


class AzureCodec(OpenAICodec):
    """OpenAI's codec at Azure's paths."""

    def __init__(self, options: AzureOptions) -> None:
        super().__init__(
            msgspec.structs.replace(
                DIFFERENCES, responses=options.surface is Surface.V1
            )  # it has no deployment in its path
        )
        self._options = options

    def encode(self, shaped: Shaped, model: str) -> UpstreamRequest:
        request = super().encode(shaped, model)
        return msgspec.structs.replace(request, path=_path(self._options, model, request.path))


@final
class AzureBack(ChatBack):
    """OpenAI's chat completions at Azure's paths, for conversations that came in another dialect."""

    def __init__(self, options: AzureOptions) -> None:
        super().__init__()
        self._options = options

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        draft = super().write_request(asked, model, losses)
        return msgspec.structs.replace(draft, path=_path(self._options, model, draft.path))


def kind_for(said: Options) -> ProviderKind:
    """The row for these options. Raises ValueError."""
    options = options_of(said)
    models = f"{_V1}/models" if options.surface is Surface.V1 else "/openai/models"
    query = "" if options.api_version is None else f"?api-version={options.api_version}"
    return ProviderKind(
        type=ProviderType.AZURE_OPENAI,
        codecs={Dialect.OPENAI: AzureCodec(options)},
        auth=Auth.API_KEY if options.login is Login.API_KEY else Auth.BEARER,
        translated=translations(AzureBack(options), "Azure's API"),
        free_check=models + query,
        differences=DIFFERENCES,
        configured=kind_for,
    )


def _path(options: AzureOptions, model: str, path: str) -> str:
    where = _V1 if options.surface is Surface.V1 else f"/openai/deployments/{quote(model, safe='')}"
    return f"{where}{path}{'' if options.api_version is None else f'?api-version={options.api_version}'}"


def _choice(kind: type[E], said: Mapping[str, str], name: str, default: E) -> E:
    try:
        return kind(said.get(name, default))
    except ValueError:
        raise ValueError(f"{name}: must be one of {', '.join(kind)}.") from None


AZURE: Final = kind_for({})
