import pytest

from ai_gateway.policy.scanning.detectors.numbers import has_luhn, has_mod_97
from policy.scanning.running import redacting

card = redacting("card")
iban = redacting("iban")
ssn = redacting("ssn")
phone = redacting("phone")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("4111111111111111", "#"),
        ("card 4111 1111 1111 1111, 12/27", "card #, 12/27"),
        ("4111-1111-1111-1111", "#"),
        ("4111.1111.1111.1111", "#"),
        ("4111 1111 1111 1111 123", "# 123"),
        ("on 12 4111 1111 1111 1111", "on 12 #"),
        ("4222222222222", "#"),  # 13 digits
        ("5555555555554444", "#"),
        ("2221000000000009", "#"),
        ("3782 822463 10005", "#"),
        ("378282246310005", "#"),
        ("3056 930902 5904", "#"),
        ("6011111111111117", "#"),
        ("3530111333300000", "#"),
        ("6200000000000005", "#"),
        ('"card":"4111111111111111"', '"card":"#"'),
        ("４１１１ 1111\u00a01111 1111".replace("\u00a0", " "), "#"),
        ("4111\u00a01111\u00a01111\u00a01111", "#"),
        ("4111\u20131111\u20131111\u20131111", "#"),
        (
            "4\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1\u200b1",
            "#",
        ),
        ("٤١١١١١١١١١١١١١١١", "#"),
        ("4111 1111 1111 1111.", "#."),
    ],
)
def test_a_card_is_found(text: str, made: str) -> None:
    assert card(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # the last digit is wrong
        "1111111111111117",  # no issuer
        "0.4111111111111111",
        "41111111111111110000",  # 20 digits
        "x4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000",
        "1732579200000 ms",
        "4111 1111-1111 1111",
        "1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2026-11-26 10:00:00",
    ],
)
def test_what_only_looks_like_a_card_stays(text: str) -> None:
    assert card(text) == text


def test_luhn() -> None:
    # 7992739871 and the doubles 9 9 7 6 7 2: 7+9+9+4+7+6+9+7+7+2 = 67, so 3 makes it 70
    assert [digit for digit in range(10) if has_luhn(b"7992739871%d" % digit)] == [3]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("DE89370400440532013000", "#"),
        ("IBAN: DE89 3704 0044 0532 0130 00.", "IBAN: #."),
        ("GB82 WEST 1234 5698 7654 32", "#"),
        ("FR14 2004 1010 0505 0001 3M02 606", "#"),
        ("NO93 8601 1117 947 is mine", "# is mine"),
        ("DE89 3704 0044 0532 0130 00 ABCD EFGH", "# ABCD EFGH"),
        ("DE89-3704-0044-0532-0130-00", "#"),
        ("de89 3704 0044 0532 0130 00", "#"),
        ("DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "#"),
    ],
)
def test_an_iban_is_found(text: str, made: str) -> None:
    assert iban(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "DE88 3704 0044 0532 0130 00",  # the sum is wrong
        "XX89370400440532013000",
        "DE893704004405320130001",
        "DE89 3704 0044 0532 0130",
        "SHA256 of AB12 CD34 EF56 7890 1234 5678",
    ],
)
def test_what_only_looks_like_an_iban_stays(text: str) -> None:
    assert iban(text) == text


def test_the_sum_of_an_iban() -> None:
    assert has_mod_97(b"GB82WEST12345698765432")
    assert not has_mod_97(b"GB83WEST12345698765432")


@pytest.mark.parametrize(
    ("text", "made"), [("078-05-1120", "#"), ("SSN 219 09 9999.", "SSN #."), ("219\u201309\u20139999", "#")]
)
def test_a_social_security_number_is_found(text: str, made: str) -> None:
    assert ssn(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456, 666-12-3456, 900-12-3456",
        "219-00-9999, 219-09-0000",
        "219-09 9999, 219099999",
        "1-219-09-9999",
        "219-09-9999-1",
        "x219-09-9999",
        "219-09-99990",
    ],
)
def test_what_only_looks_like_a_social_security_number_stays(text: str) -> None:
    assert ssn(text) == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("call +49 30 1234567 now", "call # now"),
        ("+1 (415) 555-2671", "#"),
        ("+14155552671.", "#."),
        ("+33 1 23 45 67 89", "#"),
        ("+44 (0)20 7946 0958", "#"),
        ("(415) 555-2671", "#"),
        ("415-555-2671", "#"),
        ("1-800-555-0199", "#"),
        ("415.555.2671", "#"),
        ("030 12345678", "#"),
        ("030/12345678", "#"),
        ("(030) 123 456 78", "#"),
        ("0171 1234567", "#"),
        ("0711 / 123-4567", "#"),
        ("01 23 45 67 89", "#"),
        ("020 7946 0958", "#"),
        ("07700 900123", "#"),
        ("0049 30 1234567", "#"),
        ("+４９ 30 1234567", "#"),
        ("tel:+4930123456", "tel:#"),
    ],
)
def test_a_telephone_number_is_found(text: str, made: str) -> None:
    assert phone(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "12345678 and 0123456789",
        "2026-11-26, 26.11.2026, 01.02.2024, 01/02/2024, 03-04-2025",
        "01.02.2024 12",
        "10:00:00+0000",
        "1e+10000000",
        "x = 5+12345678",
        "1,234,567.89",
        "550e8400-e29b-41d4-a716-446655440000",
        "192.168.100.200",
        "078-05-1120",
        "0.12345678",
        "v2.415.555.2671",
        "1732579200",
        "+1 2",
        "2024-2025 2026",
        "ISBN 978-3-16-148410-0",
    ],
)
def test_what_only_looks_like_a_telephone_number_stays(text: str) -> None:
    assert phone(text) == text
