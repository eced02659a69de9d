"""Numbers that name a person or an account: cards, bank accounts, social security, telephones. What looks like one is
checked by what its makers say about it, for texts are full of other numbers.

card: 13 to 19 digits in one piece or in the groups that are printed on cards, all divided by the same character, of a
known issuer, with the right last digit (Luhn). Digits, letters or a dot directly before them mean another number.
iban: country, length of that country and the sum modulo 97. ssn: 3-2-4 digits that the administration gives out.
phone: with + and 8 to 15 digits, or in the forms of the US (3-3-4), Germany, France and the United Kingdom (a leading
0, groups, 9 digits or more). A plain integer, a date or a part of a longer number is none.
"""

import re
from typing import Final

from ai_gateway.policy.scanning.detectors.shape import Detector, Shape, Span

_DIVIDERS: Final = b" .-/()"
_DOUBLED: Final = bytes.maketrans(b"0123456789", b"0246813579")
_ISSUERS: Final = re.compile(
    rb"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    rb"|(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)\d+"  # Mastercard
    rb"|3[47]\d{13}"  # American Express
    rb"|(?:6011|64[4-9]|65)\d{12,}"  # Discover, RuPay
    rb"|(?:30[0-5]|3[689])\d{11,}"  # Diners Club
    rb"|35(?:2[89]|[3-8])\d{12,}"  # JCB
    rb"|(?:62|81|82|60|508)\d{13,}"  # UnionPay, RuPay
    rb"|220[0-4]\d{12,}"  # Mir
    rb"|(?:50[1-9]|5[678]|6[37]|9792)\d+"  # Maestro, Troy
)
_DATE: Final = re.compile(rb"[0-9]{1,2}([./-])[0-9]{1,2}\1(?:19|20)?[0-9]{2}(?![0-9])")


def _card(data: bytes, start: int, end: int) -> Span | None:
    """A fifth group, of three, is a part of it or what is printed on its back."""
    written = data[start:end]
    dividers = written.translate(None, b"0123456789")
    if dividers and dividers.count(dividers[:1]) < len(dividers):
        return None
    if _is_card(written.translate(None, _DIVIDERS)):
        return Span(start, end)
    if len(dividers) < 4:
        return None
    return Span(start, end - 4) if _is_card(written[:-4].translate(None, _DIVIDERS)) else None


def _is_card(digits: bytes) -> bool:
    return has_luhn(digits) and _ISSUERS.fullmatch(digits) is not None


def has_luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1: every second digit from the right doubled, its digits added."""
    ones, doubled = digits[-1::-2], digits[-2::-2].translate(_DOUBLED)
    return (sum(ones) + sum(doubled) - 48 * len(digits)) % 10 == 0


_IBAN_LENGTHS: Final = {
    country.encode(): length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG FK PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Of the IBAN registry."""


_IN_IBANS: Final = [str(int(chr(byte), 36)) if byte < 128 and chr(byte).isalnum() else "" for byte in range(256)]


def _iban(data: bytes, start: int, end: int) -> Span | None:
    """What follows may look like more of it: the country says how long it is."""
    length = _IBAN_LENGTHS.get(data[start : start + 2].upper())
    plain = data[start:end].translate(None, b" -")
    if length is None or len(plain) < length or not has_mod_97(plain[:length]):
        return None
    stop = start + length
    while stop - start - data[start:stop].count(b" ") - data[start:stop].count(b"-") < length:
        stop += 1
    return None if data[stop : stop + 1].isalnum() else Span(start, stop)


def has_mod_97(iban: bytes) -> bool:
    """ISO 13616: the first four characters at the end, letters as 10 to 35."""
    turned = iban[4:] + iban[:4]
    return int("".join([_IN_IBANS[char] for char in turned])) % 97 == 1


def _ssn(data: bytes, start: int, end: int) -> Span | None:
    area, group, serial = data[start : start + 3], data[start + 4 : start + 6], data[start + 7 : end]
    if area in {b"000", b"666"} or area[:1] == b"9" or group == b"00" or serial == b"0000":
        return None
    if data[start + 3] != data[start + 6] or _goes_on(data, end):
        return None
    return Span(start, end)


def _goes_on(data: bytes, end: int) -> bool:
    """Whether it is the start of something longer."""
    return data[end : end + 1] in {b"-", b"/"}


def _international(data: bytes, start: int, end: int) -> Span | None:
    digits = len(data[start:end].translate(None, b"+ .-/()"))
    return Span(start, end) if 8 <= digits <= 15 else None


def _american(data: bytes, start: int, end: int) -> Span | None:
    return None if _goes_on(data, end) else Span(start, end)


def _national(data: bytes, start: int, end: int) -> Span | None:
    written = data[start:end]
    if _goes_on(data, end) or _DATE.match(written) or _SSN.fullmatch(written):
        return None
    digits = len(written.translate(None, _DIVIDERS))
    return Span(start, end) if 9 <= digits <= 15 else None


_SSN: Final = re.compile(rb"[0-9]{3}([ -])[0-9]{2}\1[0-9]{4}")
_LONGER: Final = r"\-./,"
"""What stands before the second half of something longer."""

_IN_GROUPS: Final = "|".join(
    [
        r"[0-9]{4}(?:[ .\-][0-9]{4}){3}(?:[ .\-][0-9]{3})?",
        r"[0-9]{4}[ .\-][0-9]{6}[ .\-][0-9]{4,5}",
        r"[0-9]{6}[ .\-][0-9]{8,13}",
    ]
)
_TRUNK: Final = r"(?:\(0[1-9][0-9]{0,4}\)|\b0[1-9][0-9]{0,4}|\b00[1-9][0-9]{0,2})"

CARD: Final = Detector(
    "card",
    "payment card numbers of known issuers with the right check digit",
    (Shape(rf"\b(?:[0-9]{{13,19}}|{_IN_GROUPS})\b", _card, not_behind=".,"),),
)
IBAN: Final = Detector(
    "iban",
    "international bank account numbers with the right length and check digits",
    (Shape(r"\b[A-Za-z]{2}[0-9]{2}(?:[ \-]?[A-Za-z0-9]){11,30}\b", _iban),),
)
SSN: Final = Detector(
    "ssn",
    "US social security numbers, as 123-45-6789",
    (Shape(r"\b[0-9]{3}[ \-][0-9]{2}[ \-][0-9]{4}\b", _ssn, not_behind=_LONGER),),
)
PHONE: Final = Detector(
    "phone",
    "telephone numbers with +, or as they are written in the US, Germany, France and the United Kingdom",
    (
        Shape(r"\+[1-9](?:[ .()/\-]{0,2}[0-9]){7,14}\b", _international, not_behind=r"A-Za-z0-9_+.)"),
        Shape(
            r"(?:\b1[ .\-])?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}\b",
            _american,
            not_behind=_LONGER,
        ),
        Shape(rf"{_TRUNK}[ ./\-]{{1,3}}[0-9]{{2,8}}(?:[ .\-][0-9]{{2,8}}){{0,4}}\b", _national, not_behind=_LONGER),
    ),
)
