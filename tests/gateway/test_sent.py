from gateway.flying import GOOD, a_field


async def test_what_a_flight_leaves_to_others_is_what_it_has_sent() -> None:
    async with a_field() as field:
        await field.learn()
        flight = await field.take_off(GOOD)
        sent = flight.sent()
        assert sent.answer is flight.answer
        assert sent.draft.orphan.attempt_id == sent.attempt.id == flight.orphan().attempt_id
        assert sent.taken.member is flight.lane.plan.stages[0].members[sent.place]
        assert (await field.caller.read_answer()).status == 200
