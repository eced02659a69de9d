from ai_gateway.policy.field import Calm, Field


def test_in_a_calm_field_everybody_admits_and_nothing_was_measured() -> None:
    field: Field = Calm()
    assert field.is_calm
    assert field.admits(999)
    assert field.ramp(999) == 1.0
    assert field.active(999) == 0
    assert field.first_token_ms(999) is None
    assert field.peak_first_token_ms(999) is None
