import pytest

from policy.scanning.running import redacting

email = redacting("email")
ip_address = redacting("ip_address")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("mail joe@example.com now", "mail # now"),
        ("joe.doe+tag@mail.example.co.uk", "#"),
        ("joe@example.com.", "#."),
        ("(joe@example.com)", "(#)"),
        ("<joe@example.com>,", "<#>,"),
        ("_joe@example.com_", "#_"),
        ("mailto:joe@example.com?subject=x", "mailto:#?subject=x"),
        ("joe@a.io,ann@b.io", "#,#"),
        ("JOE@EXAMPLE.COM", "#"),
        ("jürgen@müller.de", "#"),
        ("joe@例え.jp", "#"),
        ("иван@почта.рф", "#"),
        ("joe@xn--r8jz45g.xn--zckzah", "#"),
        ("我的邮箱是joe@example.com请联系", "我的邮箱是#请联系"),
        ("请发送到用户@例子.广告。", "请发#。"),  # the four characters before the @ are taken
        ("joe@example.vermögensberater", "#"),
        ("ｊｏｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "#"),
        ("jo\u200be@exam\u00adple.com", "#"),
        ("a" * 100 + "@b.co", "a" * 36 + "#"),  # 64 are taken
        ("joe@a.b.c.d.e.f.g.h.i.j.example.com", "#"),
    ],
)
def test_an_email_address_is_found(text: str, made: str) -> None:
    assert email(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "joe at example dot com",
        "@joe and @app.route('/x')",
        "git@github.com:acme/gateway.git",
        "npm install @types/node@18.0.0",
        "uses: actions/checkout@v4",
        "icon@2x.png and photo@3x.jpeg",
        "joe@localhost",
        "x @ y.T",
        "a@b.c",
        "a@b.co1",
        "joe@.com",
        "joe@example..",
        "5 @ 3.50 EUR",
    ],
)
def test_what_only_looks_like_an_email_address_stays(text: str) -> None:
    assert email(text) == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("from 10.1.2.3 to 192.168.100.200", "from # to #"),
        ("http://203.0.113.7:8080/x", "http://#:8080/x"),
        ("at 203.0.113.7.", "at #."),
        ("203.0.113.0/24", "#/24"),
        ("１０.1.2.3", "#"),
        ("2001:db8:85a3::8a2e:370:7334", "#"),
        ("[fe80::1]:80", "[#]:80"),
        ("2001:0DB8:0000:0000:0008:0800:200C:417A", "#"),
        ("address 1.2.3.4", "address #"),  # four numbers are one, although they may be a version
    ],
)
def test_an_ip_address_is_found(text: str, made: str) -> None:
    assert ip_address(text) == made


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.3.4 and 1.2.3",
        "1.2.3.4.5 of an OID 1.3.6.1.4.1",
        "256.1.1.1",
        "Windows 10.0.19041.1",
        "Chrome/120.0.0.0",
        "127.0.0.1:8000 and 0.0.0.0 and ::1",
        "12:34:56",
        "00:1A:2B:3C:4D:5E",
        "std::vector<a::b> c1::d2",
        "3.14159",
        "2026-11-26T10:00:00",
    ],
)
def test_what_only_looks_like_an_ip_address_stays(text: str) -> None:
    assert ip_address(text) == text
