import pytest

from ai_gateway.domain.config import EMPTY_SNAPSHOT, BaseUrl, Tenant, TenantId


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (BaseUrl("https", "api.test", 443, "/v1"), "https://api.test/v1"),
        (BaseUrl("http", "api.test", 80, ""), "http://api.test"),
        (BaseUrl("http", "api.test", 443, ""), "http://api.test:443"),
        (BaseUrl("https", "::1", 8443, "/v1"), "https://[::1]:8443/v1"),
    ],
)
def test_an_address_is_written_with_its_port_only_where_it_is_not_the_usual_one(url: BaseUrl, text: str) -> None:
    assert url.text == text


def test_what_is_empty_cannot_be_filled_by_accident() -> None:
    tenant = Tenant(id=TenantId("t1"), name="t1")
    for mapping in (EMPTY_SNAPSHOT.tenants, EMPTY_SNAPSHOT.keys, tenant.endpoints, tenant.courses):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]
