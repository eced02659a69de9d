from gateway.test_trial import a_bench


async def test_a_journey_knows_the_hold_that_pays_for_it() -> None:
    journey = (await a_bench()).journey
    assert journey.hold is journey.funded.hold
    assert journey.hold.request_id == journey.admitted.head.request_id
