import pytest

from admin.world import NOW, PREFIX, TOKENS, World, digest
from ai_gateway.admin.doors import Mode
from ai_gateway.store.rows import AdminTokenRow


@pytest.mark.parametrize(
    "header",
    [
        "Bearer unknown",
        "Bearer ",
        "Bearer",
        "Basic Ym9vdC1zdHJhcC10b2tlbg==",
        TOKENS["platform"],
        "Bearer boot-strap-toke",
        "Bearer boot-strap-token2",
        "Bearer \xe9",
    ],
)
@pytest.mark.parametrize("mode", [Mode.SERVE, Mode.DEVELOPMENT])
async def test_a_token_that_is_not_known_is_a_401(mode: Mode, header: str) -> None:
    world = await World(mode).populate()
    answer = await world.raw("GET", f"{PREFIX}/tenants", headers=[("authorization", header)])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "invalid_admin_token"


async def test_no_token_is_a_401_where_one_is_needed(world: World) -> None:
    assert (await world.raw("GET", f"{PREFIX}/tenants")).status_code == 401


async def test_the_scheme_is_read_in_any_case(world: World) -> None:
    headers = {"authorization": f"bEARER {TOKENS['platform']}"}
    assert (await world.raw("GET", f"{PREFIX}/tenants", headers=headers)).status_code == 200


async def test_a_revoked_token_is_an_unknown_one(world: World) -> None:
    await world.insert(
        AdminTokenRow(
            id="adm_x",
            tenant_id=None,
            created_at=NOW,
            name="x",
            role="platform_admin",
            digest=digest(b"gwa-old"),
            display="",
            revoked_at=NOW,
        )
    )
    revoked = await world.call("GET", "/tenants", role="gwa-old")
    unknown = await world.call("GET", "/tenants", role="gwa-never")
    assert revoked.status_code == unknown.status_code == 401


async def test_a_stranger_is_refused_before_the_body_is_read(world: World) -> None:
    answer = await world.raw("POST", f"{PREFIX}/teams", content=b"{" * 2_000_000)
    assert answer.status_code == 401


@pytest.mark.parametrize(("path", "limit"), [("/teams", 1024 * 1024), ("/config/validate", 32 * 1024 * 1024)])
async def test_a_body_beyond_its_limit_is_a_413(world: World, path: str, limit: int) -> None:
    answer = await world.raw(
        "POST",
        PREFIX + path,
        content=b" " * (limit + 1),
        headers={"authorization": f"Bearer {TOKENS['tenant_admin']}"},
    )
    assert answer.status_code == 413
    at_limit = await world.raw(
        "POST", PREFIX + path, content=b" " * limit, headers={"authorization": f"Bearer {TOKENS['tenant_admin']}"}
    )
    assert at_limit.status_code == 400
