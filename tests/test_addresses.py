"""Which addresses are public, and which form addresses of pages have."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import UsageError
from indexes.urls import LONGEST, is_url, joined, parse_hosts, parse_ports, parse_url
from ingest.addresses import addresses, is_public

V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)


@given(V4 | V6)
def test_what_is_public_is_what_python_calls_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """The standard library's own tables allow whatever is allowed here."""
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_private
        assert not address.is_reserved or address in ipaddress.ip_network("64:ff9b::/96")


@given(V4)
def test_an_address_within_another_is_judged_by_itself(inner: ipaddress.IPv4Address) -> None:
    """Of those that hold one of IPv4 only NAT64's may be public, and only as that one is."""
    number = int(inner)
    assert is_public(ipaddress.IPv6Address((0x64FF9B << 96) | number)) == is_public(inner)
    for holder in (
        (0xFFFF << 32) | number,  # mapped
        number,  # compatible
        (0x64FF9B0001 << 80) | number,  # NAT64 of one network
        (0x2002 << 112) | (number << 80),  # 6to4
        (0x20010000 << 96) | (number ^ 0xFFFFFFFF),  # Teredo
        (0x5EFE << 32) | number | (0xFE80 << 112),  # ISATAP
    ):
        assert not is_public(ipaddress.IPv6Address(holder))


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.255.255.254",
     "168.63.129.16", "169.254.169.254", "172.31.0.1", "192.0.0.192", "192.168.1.1", "198.19.0.1",
     "224.0.0.1", "239.1.1.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%1", "fec0::1",
     "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "5f00::1", "2001:2::1"],
)  # fmt: skip
def test_what_is_not_public(text: str) -> None:
    """Addresses of our own networks, of clouds that tell of machines, of nobody."""
    (address,) = addresses([text, text])
    assert not is_public(address)


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "2606:4700::1111", "2a00::1"]
)
def test_what_is_public(text: str) -> None:
    """Addresses of the internet, next to those that are not."""
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("http://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a?b#c", "https://example.org/a?b"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        (
            "https://bücher.example/ä b%20".replace(" ", ""),
            "https://xn--bcher-kva.example/%C3%A4b%20",
        ),
        ("https://[2001:DB8:0::1]/", "https://[2001:db8::1]/"),
        ("https://example.org./?q=[1]&r='x'", "https://example.org/?q=[1]&r='x'"),
        ("http://192.0.2.1/", "http://192.0.2.1/"),
        ("http://my_host.example/", "http://my_host.example/"),
    ],
)
def test_the_form_of_an_address(text: str, form: str) -> None:
    """The one under which a page is stored; it is its own form."""
    assert str(parse_url(text)) == form
    assert parse_url(form) == parse_url(text)


@pytest.mark.parametrize(
    "text",
    ["ftp://example.org/", "file:///etc/passwd", "//example.org/", "example.org", "http://",
     "http:///a", "http://me@example.org/", "http://me:secret@example.org/", "http://a b/",
     "http://example.org/\\x", "http://example.org\r\nHost: x/", "http://[::1", "http://[fe80::1%25eth0]/",
     "http://127.1/", "http://0x7f.0.0.1/", "http://017700000001/", "http://1.2.3.4.5/",
     "http://example.org:port/", "http://example.org:99999/", "http://exa$mple.org/", "http://-.org/",
     "http://a..b/", "http://%31%32%37.0.0.1/", "http://①②⑦.0.0.1:x/", f"http://a/{'x' * LONGEST}"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    """Each is refused, and no password is repeated."""
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    assert "secret" not in caught.value.message


def test_digits_of_other_scripts_make_an_address_of_numbers() -> None:
    """They are what browsers take them for, and so they are checked as that."""
    assert parse_url("http://①②⑦.⓪.⓪.①/").host == "127.0.0.1"


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """Whatever is written, behind a scheme and a host too; the form of an address is its own."""
    for whole in (text, f"https://{text}", f"https://example.org/{text}", f"https://a:{text}/"):
        try:
            url = parse_url(whole)
        except UsageError:
            continue
        assert parse_url(str(url)) == url
        assert is_url(str(url))
        assert str(url).isascii()
        assert url.file_name
        assert "/" not in url.file_name
        assert url.file_name.isprintable()


@pytest.mark.parametrize(
    ("base", "location", "form"),
    [
        ("https://a.example/b/c?d", "e", "https://a.example/b/e"),
        ("https://a.example/b/c?d", "?e", "https://a.example/b/c?e"),
        ("https://a.example/b", "//c.example/d", "https://c.example/d"),
        ("https://a.example/b", "http://c.example", "http://c.example/"),
    ],
)
def test_redirections_are_joined(base: str, location: str, form: str) -> None:
    """As browsers do."""
    assert str(joined(parse_url(base), location)) == form


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/", "a.example"),
        ("https://a.example/b/report%202026.pdf?x=/y.z", "report 2026.pdf"),
        ("https://a.example/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("https://a.example/%00%0a.hidden", "hidden"),
        (f"https://a.example/{'n' * 400}.pdf", f"{'n' * 146}.pdf"),
    ],
)
def test_names_of_files(url: str, name: str) -> None:
    """They are names and no paths."""
    assert parse_url(url).file_name == name


def test_lists_of_hosts_and_ports() -> None:
    """As settings have them."""
    assert parse_hosts(" Example.org, .docs.example ,::1") == (
        "example.org",
        ".docs.example",
        "::1",
    )
    assert parse_ports("443, 8443") == {443, 8443}
    for wrong in ("a b", "http://x", "x/y", "x:99"):
        with pytest.raises(UsageError):
            parse_hosts(wrong)
    for wrong in ("0", "65536", "x", ""):
        with pytest.raises(ValueError, match=r"port|int"):
            parse_ports(wrong)
