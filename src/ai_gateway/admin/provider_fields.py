"""What a provider config may say, and what its address may be.

A key follows its address: a config whose host changes needs the key again, or whoever can edit a config could have
somebody's key sent to a server of their own. The gateway's environment is never reached by a tenant's word at all.
"""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints

from ai_gateway.admin.access import Permission, may
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.fields import Body, ConfigName, ModelNames, RateLimitsBody, Text
from ai_gateway.admin.price_fields import CeilingBody, ceiling_body_of
from ai_gateway.admin.refusals import forbidden, invalid
from ai_gateway.admin.secrets import ENVIRONMENT_PREFIX, SecretValue
from ai_gateway.admin.traffic_fields import QueueBody, TimeoutsBody, dumped, rebuilt
from ai_gateway.domain.config import ProviderType
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.policy.google_addresses import VERTEX_FORM, check_vertex
from ai_gateway.providers.kinds import KINDS
from ai_gateway.store.endpoints import AWS_REGION, MOCK_SCHEME
from ai_gateway.store.rows import EnhancedProviderConfig

_MOCK_URL: Final = re.compile(r"mock://[a-z0-9-]{1,32}", re.ASCII)

TYPES: Final = tuple(it.value for it in ProviderType)


def known_type(name: str) -> str:
    if name not in TYPES:
        raise ValueError(f"must be one of {', '.join(TYPES)}.")
    return name


ProviderName = Annotated[str, AfterValidator(known_type), Field(json_schema_extra={"enum": list(TYPES)})]
OptionName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")]
OptionText = Annotated[str, StringConstraints(min_length=1, max_length=256)]

Weight = Annotated[int, Field(ge=0, le=1_000_000)]
Priority = Annotated[int, Field(ge=0, le=1_000_000)]
SecretReference = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:/-]+$")]


class ProviderBody(Body):
    """`api_key` is stored as a secret and never answered; `api_key_secret_name` names one that is there already.
    `queue`: requests wait for a place while `rate_limits` are reached; without it they go elsewhere or are refused.
    `paid_check_model`: health checks ask this model for a word every 30 seconds, which costs; without it they are
    free. `ceiling_price`: what a model of it costs whose price nobody knows. `options`: what the type wants to know
    beside an address; azure_openai takes `surface` (deployments, v1), `api_version` and `auth` (api_key, entra)."""

    name: ConfigName
    provider: ProviderName
    endpoint_url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None
    api_key: SecretValue | None = None
    api_key_secret_name: SecretReference | None = None
    models: ModelNames = Field(default_factory=list[str])
    rate_limits: RateLimitsBody = RateLimitsBody()
    timeouts: TimeoutsBody = TimeoutsBody()
    region: Text | None = None
    priority: Priority = 0
    weight: Weight = 1
    enabled: bool = True
    default_max_output: Annotated[int, Field(ge=1, le=10_000_000)] = 4096
    queue: QueueBody | None = None
    paid_check_model: Text | None = None
    ceiling_price: CeilingBody | None = None
    options: Annotated[dict[OptionName, OptionText], Field(max_length=16)] = Field(default_factory=dict[str, str])


class ProviderPatch(ProviderBody):
    name: ConfigName = "unset"
    provider: ProviderName = "mock"


def check_address(desk: Desk, provider: str, endpoint_url: str | None, region: str | None) -> None:
    """Raises InvalidRequest (422) for an address that is missing, cannot be read, or may not be called."""
    if provider == "mock" or (endpoint_url or "").startswith(MOCK_SCHEME):
        _check_mock(desk, provider, endpoint_url)
        return
    text = endpoint_url
    if text is None:
        if provider == "bedrock":
            if not AWS_REGION.fullmatch(region or ""):
                raise invalid(
                    "region", "must be an AWS region ('us-east-1') where a bedrock config has no endpoint_url."
                )
            return
        if provider == "vertex":
            raise invalid("endpoint_url", f"is missing; {VERTEX_FORM}")
        default = KINDS[ProviderType(provider)].default_url
        if default is None:
            raise invalid("endpoint_url", f"is missing; the type {provider} has no address of its own.")
        if default.scheme == "https":
            return
        text = default.text
    try:
        url = parse_base_url(text)
        if provider == "vertex":
            check_vertex(url)
        desk.doors.check_url(text)
    except ValueError as refused:
        raise invalid("endpoint_url", str(refused)) from None


def check_options(provider: str, options: dict[str, str]) -> None:
    """Raises InvalidRequest (422) for options that the type does not have."""
    try:
        KINDS[ProviderType(provider)].with_options(options)
    except ValueError as refused:
        name, _, why = str(refused).partition(": ")
        raise invalid(f"options.{name}", why) from None


def _check_mock(desk: Desk, provider: str, endpoint_url: str | None) -> None:
    if not desk.doors.mock_enabled:
        field = "provider" if provider == "mock" else "endpoint_url"
        raise invalid(
            field,
            "the built-in mock provider is off here. Run 'ai-gateway dev', or set AI_GATEWAY_MOCK=1 and start again.",
        )
    if endpoint_url is not None and not _MOCK_URL.fullmatch(endpoint_url):
        raise invalid("endpoint_url", "the built-in mock's addresses look like 'mock://openai'.")


def check_reference(desk: Desk, secret_name: str) -> None:
    """Raises Forbidden where somebody other than a platform admin names the gateway's environment."""
    if is_environment(secret_name) and not may(desk.principal, Permission.OPERATE):
        raise forbidden(
            "Only a platform admin may name a key of the gateway's environment.",
            "Store the key as a secret of your tenant (POST /api/v1/admin/secrets) and name that.",
        )


def is_environment(secret_name: str | None) -> bool:
    return secret_name is not None and secret_name.startswith(ENVIRONMENT_PREFIX)


def destination(provider: str, endpoint_url: str | None) -> str:
    """Where a key would be sent: two configs with the same destination send it to the same server."""
    if provider == "mock" or (endpoint_url or "").startswith(MOCK_SCHEME):
        return MOCK_SCHEME
    if endpoint_url is None:
        return provider
    url = parse_base_url(endpoint_url)
    return f"{url.scheme}://{url.host}:{url.port}"


def body_of(row: EnhancedProviderConfig) -> ProviderBody:
    return ProviderBody.model_construct(
        name=row.name,
        provider=row.provider,
        endpoint_url=row.endpoint_url,
        models=list(row.models),
        rate_limits=RateLimitsBody(**row.rate_limits),
        timeouts=rebuilt(TimeoutsBody, row.timeouts) or TimeoutsBody(),
        region=row.region,
        priority=row.priority,
        weight=row.weight,
        enabled=row.enabled,
        default_max_output=row.default_max_output,
        queue=rebuilt(QueueBody, row.queue),
        paid_check_model=row.paid_check_model,
        ceiling_price=ceiling_body_of(row.ceiling_price),
        options=dict(row.options),
    )


def columns_of(body: ProviderBody) -> dict[str, Any]:
    """A body as a row's columns, but for the key."""
    return {
        "name": body.name,
        "provider": body.provider,
        "endpoint_url": body.endpoint_url,
        "models": tuple(body.models),
        "rate_limits": body.rate_limits.stored(),
        "timeouts": body.timeouts.model_dump(exclude_none=True),
        "region": body.region,
        "priority": body.priority,
        "weight": body.weight,
        "enabled": body.enabled,
        "default_max_output": body.default_max_output,
        "queue": dumped(body.queue),
        "paid_check_model": body.paid_check_model,
        "options": dict(body.options),
        "ceiling_price": None if body.ceiling_price is None else body.ceiling_price.lanes(),
    }
