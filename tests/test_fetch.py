"""Fetching from a real server on loopback that behaves as badly as servers can."""

import gzip
import itertools
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.errors import ReadFailure, UsageError
from indexes.urls import Reach, Url, parse_url
from ingest.fetch import MOST_REDIRECTS, fetch
from ingest.internet import Fetched, Limits, Network, Validators, Wanted
from web_server import HERE, Asked, Site, answer, certificate, moved, network, page, serving

LIMITS = Limits(1, 20, 5)
START = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
BODY = b"<html><title>T</title><p>Words.</p></html>"


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve nothing yet."""
    with serving() as site:
        yield site


def is_html(media_type: str) -> bool:
    """Take pages alone."""
    return media_type == "text/html"


def taken(
    site: Site,
    path: Path,
    url: str | None = None,
    *,
    net: Network | None = None,
    limits: Limits = LIMITS,
    validators: Validators | None = None,
) -> Fetched | None:
    """Fetch the page `/` of a site, or another address, into a file."""
    wanted = Wanted(parse_url(url or site.url("/")), is_html, validators or Validators())
    return fetch(wanted, path / "file", limits, site.reach, net or network())


def refusal(site: Site, path: Path, url: str | None = None, **given: object) -> ReadFailure:
    """Return why an address was not fetched."""
    with pytest.raises(ReadFailure) as caught:
        taken(site, path, url, **given)  # type: ignore[arg-type]
    return caught.value


def test_a_page_is_fetched(site: Site, tmp_path: Path) -> None:
    """Byte for byte, with what the server says of it; the host is asked for by its name."""
    site.answers["/a%20b"] = page(BODY, "Text/HTML; charset=utf-8", ETag='"1"', Last_Modified="L")
    found = taken(site, tmp_path, site.url("/a%20b?q=1#part"))
    assert found is not None
    assert (tmp_path / "file").read_bytes() == BODY
    assert (found.size, found.media_type) == (len(BODY), "text/html")
    assert found.validators == Validators('"1"', "L")
    (asked,) = site.asked
    assert asked.headers["host"] == f"site.example:{site.port}"
    assert "cookie" not in asked.headers
    assert "authorization" not in asked.headers


def test_proxies_and_passwords_of_the_environment_are_not_used(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a proxy nor a file of passwords changes where or how is asked."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine site.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    site.answers["/"] = page(BODY)
    assert taken(site, tmp_path) is not None
    assert "authorization" not in site.asked[0].headers


# --- where it leads to ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.100.100.200", "::1", "::ffff:127.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fd00:ec2::254", "0.0.0.0"],
)  # fmt: skip
def test_what_is_not_public_is_refused(site: Site, tmp_path: Path, address: str) -> None:
    """By the product's own rule, whatever name leads there, also among public addresses."""
    site.answers["/"] = page(BODY)
    for addresses in ((address,), ("93.184.215.14", address)):
        net = replace(network(*addresses), allows=Network().allows)
        failure = refusal(site, tmp_path, net=net)
        assert failure.reason == "fetch_refused"
        assert "no address of the public internet" in failure.message
    assert not site.asked


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_the_systems_own_look_up_is_checked(site: Site, tmp_path: Path, host: str) -> None:
    """Addresses that stand in the address itself are looked up and checked like names."""
    failure = refusal(site, tmp_path, site.url("/", host), net=Network())
    assert failure.reason == "fetch_refused"


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0x7f000001"])
def test_other_forms_of_an_address_are_refused(host: str) -> None:
    """Whatever the system would take them for."""
    with pytest.raises(UsageError, match="four from 0 to 255"):
        parse_url(f"http://{host}/")


def test_a_name_is_looked_up_once_for_each_page(site: Site, tmp_path: Path) -> None:
    """The connection goes to the address that was checked, whatever the next answer would be."""
    answers = itertools.chain([(HERE,)], itertools.repeat(("127.0.0.9",)))
    net = replace(network(), resolve=lambda _host, _port: next(answers))
    site.answers["/"] = page(BODY)
    assert taken(site, tmp_path, net=net) is not None
    assert next(answers) == ("127.0.0.9",)


def test_a_name_that_leads_elsewhere_after_a_redirection(site: Site, tmp_path: Path) -> None:
    """It is looked up and checked again."""
    answers = iter([(HERE,), ("127.0.0.9",)])
    net = replace(network(), resolve=lambda _host, _port: next(answers))
    site.answers["/"] = moved("/next")
    site.answers["/next"] = page(BODY)
    assert "127.0.0.9" in refusal(site, tmp_path, net=net).message
    assert len(site.asked) == 1


def test_the_first_address_that_answers_is_taken(site: Site, tmp_path: Path) -> None:
    """Where nobody listens at one of a name's addresses the next is tried."""
    net = network("127.0.0.9", HERE, allowed=("127.0.0.9", HERE))
    site.answers["/"] = page(BODY)
    assert taken(site, tmp_path, net=net) is not None


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.1:{port}/", "fetch_refused"),
        ("http://[::1]:{port}/", "fetch_refused"),
        ("http://2130706433/", "fetch_refused"),
        ("file:///etc/passwd", "fetch_refused"),
        ("ftp://site.example/", "fetch_refused"),
        ("gopher://site.example:{port}/_x", "fetch_refused"),
        ("data:text/html,hello", "fetch_refused"),
        ("javascript:alert(1)", "fetch_refused"),
        ("http://me:secret@site.example:{port}/", "fetch_refused"),
        ("http://site.example:22/", "fetch_refused"),
        ("http://site.example:{port}\\@10.0.0.1/", "fetch_refused"),
        ("http://[", "fetch_refused"),
        ("/", "fetch_failed"),
    ],
)
def test_redirections_are_checked_like_addresses(
    site: Site, tmp_path: Path, location: str, reason: str
) -> None:
    """To our own machine, to files, with passwords, to other ports, round in a circle."""
    site.answers["/"] = moved(location.format(port=site.port))
    public = "93.184.215.14"

    def resolve(host: str, _port: int) -> tuple[str, ...]:
        return (HERE,) if host == "site.example" else (host,)

    first = iter([True])
    net = Network(
        resolve=resolve,
        allows=lambda address: (
            str(address) == public or reason == "fetch_failed" or next(first, False)
        ),
    )
    failure = refusal(site, tmp_path, net=net)
    assert failure.reason == reason, failure.message
    assert "secret" not in failure.message
    assert len(site.asked) == (1 if reason == "fetch_refused" else MOST_REDIRECTS + 1)


def test_redirections_are_followed(site: Site, tmp_path: Path) -> None:
    """Up to five, each of whatever kind, and the last address is told."""
    for step, status in enumerate(("301 M", "302 F", "303 S", "307 T", "308 P")):
        path = "/" if step == 0 else f"/{step}"
        site.answers[path] = moved(f"/{step + 1}", status)
    site.answers["/5"] = page(BODY)
    found = taken(site, tmp_path)
    assert found is not None
    assert found.url == parse_url(site.url("/5"))


def test_only_hosts_and_ports_that_are_allowed(site: Site, tmp_path: Path) -> None:
    """A list of hosts holds for redirections too."""
    reach = Reach(frozenset({site.port}), ("site.example", ".docs.example"))
    site.answers["/"] = moved(site.url("/", "other.example"))
    wanted = Wanted(parse_url(site.url("/")), is_html)
    with pytest.raises(ReadFailure, match=r"other\.example is not among"):
        fetch(wanted, tmp_path / "f", LIMITS, reach, network())
    reach.check(parse_url(site.url("/", "a.docs.example")))
    for host in ("docs.example", "evildocs.example", "site.example.evil.example"):
        with pytest.raises(UsageError):
            reach.check(parse_url(site.url("/", host)))
    with pytest.raises(UsageError, match="port 8080"):
        Reach().check(parse_url("http://site.example:8080/"))


# --- what it costs -------------------------------------------------------------------------------


def endless(_: Asked) -> Iterator[bytes]:
    """Give a body that never ends."""
    yield START + b"\r\n"
    while True:
        yield b"x" * 65536


def drip(first: bytes, piece: bytes) -> Iterator[bytes]:
    """Give something, then a little every now and then."""
    yield first
    while True:
        time.sleep(0.05)
        yield piece


def bomb(_: Asked) -> Iterator[bytes]:
    """Give a small body that becomes a large one."""
    packed = gzip.compress(b"\0" * (64 << 20))
    yield answer(packed, Content_Encoding="gzip")


def test_a_body_without_end(site: Site, tmp_path: Path) -> None:
    """It is left at the limit, and so is what is stated to be too large."""
    site.answers["/"] = endless
    assert refusal(site, tmp_path).reason == "too_large"
    assert (tmp_path / "file").stat().st_size <= 1 << 20
    site.answers["/"] = lambda _: [START + b"Content-Length: 99999999\r\n\r\n"]
    assert "AFTERWORD_MAX_FILE_MB=1 " in refusal(site, tmp_path).message


def test_a_body_that_unpacks_to_more(site: Site, tmp_path: Path) -> None:
    """What counts is the unpacked size, and no more of it than the limit is ever made."""
    site.answers["/"] = bomb
    assert refusal(site, tmp_path).reason == "too_large"
    assert (tmp_path / "file").stat().st_size <= 1 << 20


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "identity"])
def test_packed_bodies_are_unpacked(site: Site, tmp_path: Path, encoding: str) -> None:
    """In the ways that servers use."""
    large = BODY * 9000
    packed = {"deflate": zlib.compress(large), "identity": large}.get(
        encoding, gzip.compress(large)
    )
    site.answers["/"] = page(packed, Content_Encoding=encoding)
    assert taken(site, tmp_path) is not None
    assert (tmp_path / "file").read_bytes() == large


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (gzip.compress(BODY)[:-12], "gzip", "before its end"),
        (b"no gzip", "gzip", "damaged"),
        (BODY, "br", "packed as 'br'"),
        (gzip.compress(gzip.compress(BODY)), "gzip, gzip", "packed as 'gzip, gzip'"),
    ],
    ids=["cut off", "no gzip", "unasked", "packed twice"],
)
def test_bodies_that_cannot_be_unpacked(
    site: Site, tmp_path: Path, body: bytes, encoding: str, words: str
) -> None:
    """Each is said to be so."""
    site.answers["/"] = page(body, Content_Encoding=encoding)
    failure = refusal(site, tmp_path)
    assert failure.reason == "fetch_failed"
    assert words in failure.message


@pytest.mark.parametrize(
    "first",
    [START + b"\r\n", START + b"X: ", b"HTTP/"],
    ids=["body", "headers", "status"],
)
def test_servers_that_drip(site: Site, tmp_path: Path, first: bytes) -> None:
    """They are left when the time is over, though they are never silent for long."""
    site.answers["/"] = lambda _: drip(first, b"x")
    failure = refusal(site, tmp_path, limits=Limits(1, 0.5, 5))
    assert failure.reason == "time_limit"
    assert "took over 0.5 s" in failure.message


def test_servers_that_are_silent(site: Site, tmp_path: Path) -> None:
    """They are left long before all the time is over."""
    over = threading.Event()
    site.answers["/"] = lambda _: [b"", b""] if over.wait(10) else []
    failure = refusal(site, tmp_path, limits=Limits(1, 30, 0.3))
    over.set()
    assert (failure.reason, "silent for 0.3 s" in failure.message) == ("time_limit", True)


def test_names_that_are_never_found(site: Site, tmp_path: Path) -> None:
    """Looking up has a limit of time too, and a name that is not there is told."""
    over = threading.Event()
    net = replace(network(), resolve=lambda _host, _port: (str(over.wait(10)),))
    assert refusal(site, tmp_path, net=net, limits=Limits(1, 0.3, 5)).reason == "time_limit"
    over.set()

    def fail(_host: str, _port: int) -> tuple[str, ...]:
        raise OSError(-2, "Name or service not known")

    failure = refusal(site, tmp_path, net=replace(network(), resolve=fail))
    assert failure.reason == "fetch_failed"
    assert "Name or service not known" in failure.message


# --- what comes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", ["image/png", "video/mp4", "application/x-sh", ""])
def test_types_that_are_not_read(site: Site, tmp_path: Path, media_type: str) -> None:
    """They are not fetched at all."""
    site.answers["/"] = page(BODY, media_type)
    assert refusal(site, tmp_path).reason == "unsupported_format"
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("status", "reason"),
    [("404 Not Found", "gone"), ("410 Gone", "gone"), ("403 F", "fetch_failed"),
     ("401 U", "fetch_failed"), ("500 S", "fetch_failed"), ("204 N", "fetch_failed"),
     ("206 P", "fetch_failed"), ("304 N", "fetch_failed"), ("300 M", "fetch_failed")],
)  # fmt: skip
def test_other_answers(site: Site, tmp_path: Path, status: str, reason: str) -> None:
    """Only 200 gives a page; what the server answered is told."""
    site.answers["/"] = page(BODY if status[0] in "45" else b"", status=status)
    failure = refusal(site, tmp_path)
    assert failure.reason == reason
    assert f"answers {status[:3]}" in failure.message


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x16\x03\x01 not http\r\n\r\n",
        START + b"Content-Length: 50\r\n\r\nshort",
        START + b"X: y\r\n" * 40_000,
    ],
    ids=["nothing", "no HTTP", "cut off", "headers without end"],
)
def test_what_is_no_answer(site: Site, tmp_path: Path, raw: bytes) -> None:
    """Nothing half is taken for a page."""
    site.answers["/"] = lambda _: [raw]
    assert refusal(site, tmp_path).reason == "fetch_failed"


def test_nobody_listens(site: Site, tmp_path: Path) -> None:
    """That is told with the system's words."""
    assert "refused" in refusal(site, tmp_path, net=network("127.0.0.9", allowed=["127.0.0.9"])
                                ).message  # fmt: skip


def test_asked_on_condition(site: Site, tmp_path: Path) -> None:
    """What has not changed is not sent; a server that says so unasked is not believed."""
    site.answers["/"] = page(b"", "", "304 Not Modified")
    known = Validators('W/"7"', "Thu, 26 Nov 2026 00:00:00 GMT")
    assert taken(site, tmp_path, validators=known) is None
    asked = site.asked[0].headers
    assert asked["if-none-match"] == known.etag
    assert asked["if-modified-since"] == known.last_modified
    assert refusal(site, tmp_path).reason == "fetch_failed"


@pytest.mark.parametrize("etag", ['"\xe9"', "x" * 600, " ", "a\x7fb"])
def test_validators_that_cannot_be_sent_back(site: Site, tmp_path: Path, etag: str) -> None:
    """They are as good as none."""
    raw = START + f"Content-Length: {len(BODY)}\r\nETag: {etag}\r\n\r\n".encode("latin-1") + BODY
    site.answers["/"] = lambda _: [raw]
    found = taken(site, tmp_path)
    assert found is not None
    assert found.validators == Validators()


def test_redirections_to_addresses_in_utf8(site: Site, tmp_path: Path) -> None:
    """They are written as they should have been."""
    start = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /ä\r\n\r\n"
    site.answers["/"] = lambda _: [start.encode()]
    site.answers["/%C3%A4"] = page(BODY)
    assert taken(site, tmp_path) is not None


def test_what_is_under_way_can_be_stopped(site: Site, tmp_path: Path) -> None:
    """Long before its time is over, from another thread."""
    over = threading.Event()
    site.answers["/"] = lambda _: [b"", b""] if over.wait(20) else []
    limits = Limits(1, 300, 300)
    threading.Timer(0.2, limits.stop.set).start()
    started = time.monotonic()
    assert refusal(site, tmp_path, limits=limits).reason == "time_limit"
    over.set()
    assert time.monotonic() - started < 15


# --- certificates --------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("name", "days", "words"),
    [("site.example", 1, ""), ("other.example", 1, "ostname"), ("site.example", -1, "expired")],
)
def test_certificates(tmp_path: Path, name: str, days: int, words: str, *, trusted: bool) -> None:
    """One is needed that is trusted, for this name, and in time; the name is sent ahead."""
    context, public = certificate(tmp_path, name, days=days)
    seen = list[str | None]()
    context.sni_callback = lambda _socket, asked, _context: seen.append(asked)
    net = network()
    if trusted:
        net = replace(net, certificates=lambda: ssl.create_default_context(cafile=public))
    with serving(context) as site:
        site.answers["/"] = page(BODY)
        url = site.url("/", scheme="https")
        if trusted and not words:
            assert taken(site, tmp_path, url, net=net) is not None
        else:
            failure = refusal(site, tmp_path, url, net=net)
            assert failure.reason == "fetch_failed"
            assert "certificate" in failure.message
            assert words in failure.message or not trusted
            assert not site.asked
    assert seen == ["site.example"]


def test_the_products_own_network_checks_certificates() -> None:
    """Nothing but another program can change that."""
    context = Network().certificates()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_addresses_are_of_one_form() -> None:
    """The same page has one address, however it is written."""
    url = Url("https", "example.org", 443, "/")
    for text in ("https://example.org", "HTTPS://EXAMPLE.org.:443/", "https://example.org/#a"):
        assert parse_url(text) == url
