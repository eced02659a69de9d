from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.egress import EgressPolicy, Loopback, check_url, may_connect, parse_allow

SERVE = EgressPolicy()
DEVELOPMENT = EgressPolicy(loopback=Loopback.ALLOWED)
PUBLIC_V4 = IPv4Address("8.8.8.8")

OPEN = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.0",
    "192.0.1.0",
    "198.17.0.1",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.1.1",
    "169.254.169.254",
    "169.254.169.253",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::a9fe:a9fe",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:7f00:0:100::",
    "2002:a9fe:a9fe::",
    "2002:7f00:1::1",
    "2001:0:808:808:0:0:80ff:fffe",
    "2001:0:7f00:1::f7f7:f7f7",
    "100::1",
    "2001:10::1",
    "2001:20::1",
    "2001:2::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
]


@pytest.mark.parametrize("text", OPEN)
def test_the_open_internet_may_be_called(text: str) -> None:
    assert may_connect(SERVE, ip_address(text)).allowed


@pytest.mark.parametrize("text", CLOSED)
def test_everything_beside_it_may_not(text: str) -> None:
    verdict = may_connect(SERVE, ip_address(text))
    assert not verdict.allowed
    assert str(ip_address(text)) in verdict.reason


@pytest.mark.parametrize("text", ["fe80::1%eth0", "2606:4700::1111%1", "::1%lo"])
def test_a_scoped_address_may_not(text: str) -> None:
    everything = EgressPolicy(allow=parse_allow("0.0.0.0/0,::/0"), loopback=Loopback.ALLOWED)
    assert not may_connect(everything, IPv6Address(text)).allowed


WRAPPERS = {
    "mapped": lambda v4: IPv6Address((0xFFFF << 32) | int(v4)),
    "translated": lambda v4: IPv6Address((0xFFFF << 48) | int(v4)),
    "NAT64": lambda v4: IPv6Address((0x0064FF9B << 96) | int(v4)),
    "6to4": lambda v4: IPv6Address((0x2002 << 112) | (int(v4) << 80) | 0x1234),
    "Teredo client": lambda v4: IPv6Address((0x20010000 << 96) | (int(PUBLIC_V4) << 64) | (int(v4) ^ 0xFFFFFFFF)),
    "Teredo server": lambda v4: IPv6Address((0x20010000 << 96) | (int(v4) << 64) | (int(PUBLIC_V4) ^ 0xFFFFFFFF)),
    "ISATAP": lambda v4: IPv6Address((0x26064700 << 96) | (0x5EFE << 32) | int(v4)),
}
ANY_V4 = st.integers(0, 2**32 - 1).map(IPv4Address) | st.sampled_from(
    [IPv4Address(text) for text in OPEN + CLOSED if ":" not in text]
)
POLICIES = st.sampled_from(
    [
        SERVE,
        DEVELOPMENT,
        EgressPolicy(allow=parse_allow("10.0.0.0/8")),
        EgressPolicy(allow=parse_allow("169.254.0.0/16")),
    ]
)


@given(ANY_V4, st.sampled_from(sorted(WRAPPERS)), POLICIES)
def test_a_wrapped_address_is_judged_as_what_it_carries(v4: IPv4Address, wrapper: str, policy: EgressPolicy) -> None:
    wrapped = WRAPPERS[wrapper](v4)
    assert may_connect(policy, wrapped).allowed is may_connect(policy, v4).allowed


@given(st.integers(2**32, 2**128 - 1).map(IPv6Address))
def test_only_global_unicast_and_translations_of_it_pass(v6: IPv6Address) -> None:
    carriers = ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
    if may_connect(SERVE, v6).allowed:
        assert any(v6 in IPv6Network(text) for text in ("2000::/3", *carriers))


def test_an_operator_opens_a_network_and_nothing_beside_it() -> None:
    policy = EgressPolicy(allow=parse_allow("10.20.0.0/16, fd12::/48"))
    assert may_connect(policy, ip_address("10.20.255.1")).allowed
    assert may_connect(policy, ip_address("::ffff:10.20.0.1")).allowed
    assert may_connect(policy, ip_address("fd12::5")).allowed
    assert not may_connect(policy, ip_address("10.21.0.1")).allowed
    assert not may_connect(policy, ip_address("fd13::5")).allowed


METADATA_NETWORKS = {
    "169.254.169.254": "169.254.0.0/16",
    "100.100.100.200": "100.64.0.0/10",
    "fd00:ec2::254": "fd00::/8",
    "192.0.0.192": "0.0.0.0/0",
    "::ffff:169.254.169.254": "::/0",
}


@pytest.mark.parametrize(("address", "network"), METADATA_NETWORKS.items())
def test_a_metadata_service_opens_only_by_its_own_name(address: str, network: str) -> None:
    ip = ip_address(address)
    verdict = may_connect(EgressPolicy(allow=parse_allow(network)), ip)
    assert (verdict.allowed, "metadata" in verdict.reason) == (False, True)
    itself = address.removeprefix("::ffff:")
    assert may_connect(EgressPolicy(allow=parse_allow(itself)), ip).allowed


def test_development_may_call_this_machine_and_only_it() -> None:
    for text in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert may_connect(DEVELOPMENT, ip_address(text)).allowed
    for text in ("0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "fe80::1"):
        assert not may_connect(DEVELOPMENT, ip_address(text)).allowed


def test_networks_are_read_out_of_a_setting() -> None:
    assert parse_allow("") == ()
    assert parse_allow(" 10.0.0.0/8,\n fd00::/8  192.168.1.7 ") == (
        IPv4Network("10.0.0.0/8"),
        IPv6Network("fd00::/8"),
        IPv4Network("192.168.1.7/32"),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.0.0.1/8", r"did you mean 10\.0\.0\.0/8"),
        ("fd00::1/8", r"did you mean fd00::/8"),
        ("10.0.0.0/33", "is not a network"),
        ("example.com", "'example.com' is not a network"),
        ("10.0.0.0/8;11.0.0.0/8", "is not a network"),
        ("127.1", "is not a network"),
        ("fe80::1%eth0", "network interface"),
    ],
)
def test_a_wrong_network_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_allow(f"192.168.0.0/16,{text}")


GOOD_URLS = [
    "https://api.openai.com/v1",
    "HTTPS://API.OpenAI.com:443/v1/",
    "http://example.com:8080",
    "https://my_host-1.example.com./v1",
    "https://xn--bcher-kva.example/v1",
    "https://8.8.8.8/v1",
    "https://134744072/",
    "https://[2606:4700::1111]:8443/v1",
    "https://127.0.0.1.nip.io/",
    "http://ollama:11434",
    "https://x.openai.azure.com/openai?api-version=1",
    "https://internal.example.com/",
    "https://localhost.example.com/",
    "https://1.example.com/",
    "https://0x7f.1.com/",
]

LOOPBACK_HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7F000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0x0.0.01",
    "127.0.0.1.",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020.0.1",
    "\u2460\u2461\u2466.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[2002:7f00:1::]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "ip6-localhost",
    "localhost.localdomain",
]

BAD_HOSTS = [
    "0",
    "0.0.0.0",
    "[::]",
    "10.1",
    "192.168.257",
    "169.254.169.254",
    "169.254.43518",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[fd00:ec2::254]",
    "[64:ff9b::a9fe:a9fe]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "100.100.100.200",
    "256.1.1.1",
    "1.2.3.4.5",
    "08.1.1.1",
    "0x.0xg.1",
    "4294967296",
    "127.0.0.1..",
    "1..1",
    "example..com",
    ".example.com",
    "-a.example.com",
    "exa%6dple.com",
    "127.0.0.1%2f.example.com",
    "metadata.google.internal",
    "metadata",
    "metadata.tencentyun.com",
    "db.internal",
    "printer.local",
    "b\u00fccher.example",
    "[v1.x]",
    "[::1",
    "a" * 64 + ".com",
    "example.com:0",
    "example.com:",
    "example.com:70000",
    "example.com:8o",
    "",
    "user@example.com",
    ":p@example.com",
    "@example.com",
    "8.8.8.8@127.0.0.1",
    "example.com\\@127.0.0.1",
    "exa mple.com",
    "exa\tmple.com",
    "example.com\n",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_url_of_the_open_internet_is_saved(url: str) -> None:
    check_url(SERVE, url)


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_this_machine_is_known_in_every_spelling(host: str) -> None:
    with pytest.raises(ValueError, match="may not be called"):
        check_url(SERVE, f"http://{host}/v1")
    check_url(DEVELOPMENT, f"http://{host}/v1")


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_host_that_can_never_be_called_is_refused(host: str) -> None:
    for policy in (SERVE, DEVELOPMENT):
        with pytest.raises(ValueError, match="URL"):
            check_url(policy, f"https://{host}/v1")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://example.com",
        "example.com/v1",
        "//example.com",
        "",
        "https:example.com",
        "https:///v1",
        "https://example.com/#x",
        "https://example.com#",
        "https://example.com/\x00",
        " https://example.com",
        "https://example.com/" + "a" * 2048,
        "javascript:alert(1)",
        "unix:///run/x.sock",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        check_url(SERVE, url)


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.data())
def test_every_spelling_of_an_address_is_that_address(v4: IPv4Address, data: st.DataObject) -> None:
    octets = list(v4.packed)
    kept = data.draw(st.integers(0, 3))
    numbers = [*octets[:kept], int.from_bytes(bytes(octets[kept:]), "big")]
    spell = st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}"])
    host = ".".join(data.draw(spell).format(number) for number in numbers)
    if may_connect(SERVE, v4).allowed:
        check_url(SERVE, f"https://{host}/v1")
    else:
        with pytest.raises(ValueError, match=str(v4).replace(".", r"\.")):
            check_url(SERVE, f"https://{host}/v1")


def test_a_refusal_tells_an_operator_of_the_setting() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is a private address.*AI_GATEWAY_EGRESS_ALLOW"):
        check_url(SERVE, "http://10.0.0.1/v1")


def test_an_opened_network_opens_its_names() -> None:
    policy = EgressPolicy(allow=parse_allow("10.0.0.0/8"))
    check_url(policy, "http://10.1.2.3:8000/v1")
    check_url(policy, "http://vllm.internal:8000/v1")
    for url in ("http://localhost/", "http://metadata.google.internal/", "http://192.168.0.1/"):
        with pytest.raises(ValueError, match="may not be called"):
            check_url(policy, url)
    check_url(EgressPolicy(allow=parse_allow("127.0.0.1")), "http://localhost:11434/v1")
