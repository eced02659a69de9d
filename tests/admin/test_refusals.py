from ai_gateway.admin.refusals import conflict, forbidden, invalid, missing, unauthenticated


def test_each_refusal_has_its_status() -> None:
    refusals = [missing("team"), invalid("f", "is odd."), conflict("Taken."), forbidden("No.", "Ask.")]
    assert [refusal.status for refusal in refusals] == [404, 422, 409, 403]
    assert unauthenticated().status == 401


def test_an_invalid_field_is_named() -> None:
    assert invalid("weight", "must be positive.").message == "'weight': must be positive."
    assert invalid("weight", "must be positive.").param == "weight"
