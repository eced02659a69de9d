import pytest

from admin.world import World
from ai_gateway.admin.doors import Mode


@pytest.fixture
async def world() -> World:
    return await World().populate()


@pytest.fixture
async def development() -> World:
    return await World(Mode.DEVELOPMENT).populate()
