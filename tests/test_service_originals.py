"""The route of originals: the right bytes or none, as links of browsers and in ranges."""

import hashlib
import io
import logging
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from indexes.catalog import SplitterSettings
from indexes.collection import create_collection
from indexes.documents import UPLOADS, Original
from indexes.schema import BLOCK_BYTES
from service import downloads
from service.downloads import disposition
from service.logs import configure_logs
from service.tickets import LIFE_SECONDS, Place, Tickets
from serving import SmallAnswerer, loaded, running, small_app, until
from small_encoder import small_encoder
from stored_documents import prepared

KEY = "correct-horse-battery"
PDF = b"%PDF-1.4 " + bytes(range(256)) * 5
ODD_IDS = ("plain", "a%2Fb,'c&d+e=f@g", "Ärger(東京)~1", "100%", "a=b&ticket=c")
KINDS = {
    "a.pdf": ("application/pdf", PDF),
    "b.txt": ("text/plain", "Schwäne sind weiß 🦢".encode()),
    "c.txt": ("text/plain", "Schwäne sind weiß".encode("latin-1")),
    "d.png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "e.html": ("text/html", b"<script>alert(1)</script>"),
    "f.svg": ("image/svg+xml", b"<svg onload='alert(1)'/>"),
    "g.md": ("text/markdown", b"# Swans"),
}


def put_files(data: Path, files: dict[str, tuple[str, bytes]], name: str = "default") -> Path:
    """Store documents of these files, by id, with the files in a folder; return that."""
    folder = data / "files"
    folder.mkdir()
    collection = create_collection(data, name, small_encoder(), SplitterSettings(50))
    with collection.write() as writer:
        writer.set_source_root("source", str(folder))
        for key, (media_type, content) in files.items():
            (folder / key).write_bytes(content)
            facts = {
                "media_type": media_type,
                "content_sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "modified": (folder / key).stat().st_mtime_ns,
            }
            writer.put([prepared(key, [f"words of {key}"], **facts)])
    collection.close()
    return folder


def put_upload(data: Path, key: str, content: bytes, media_type: str = "application/pdf") -> None:
    """Store a document whose file was uploaded, in the collection `default`."""
    payload = data / "payload"
    payload.write_bytes(content)
    sha256, uri = hashlib.sha256(content).hexdigest(), f"{UPLOADS}{key}.pdf"
    kept = Original(UPLOADS, uri, media_type, sha256, len(content), 0, payload)
    made = prepared(key, [f"words of {key}"], source=UPLOADS, uri=uri, media_type=media_type)
    answerer = SmallAnswerer(data)
    with answerer.collection("default").write() as writer:
        writer.put([replace(made, original=kept)])
    answerer.collection("default").close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a document of each kind, and the folder of their files in it."""
    put_files(tmp_path, {**KINDS, **dict.fromkeys(ODD_IDS, ("application/pdf", PDF))})
    return tmp_path


@pytest.fixture
def client(data: Path) -> Iterator[TestClient]:
    """A client of a service over that folder, without a key."""
    with loaded(small_app(SmallAnswerer(data))) as client:
        yield client


@pytest.fixture
def keyed(data: Path) -> Iterator[TestClient]:
    """A client of a service with a key, which it does not send."""
    with loaded(small_app(SmallAnswerer(data), api_key=KEY)) as client:
        yield client


def quoted(key: str) -> str:
    """Return an id as it is written in a path: every byte of what is no letter or digit escaped."""
    return "".join(f"%{byte:02X}" for byte in key.encode())


def link(client: httpx2.Client, key: str) -> str:
    """Return the link to a document's original."""
    path = f"/v1/documents/{quoted(key)}"
    told = client.get(path, headers={"Authorization": f"Bearer {KEY}"}).json()
    assert told["document_id"] == key
    return str(told["original"]["url"])


def refused(response: httpx2.Response, status: int, code: str) -> str:
    """Check that a response is this problem and return what it says."""
    assert (response.status_code, response.json()["code"]) == (status, code)
    return str(response.json()["detail"])


@pytest.mark.parametrize("key", ODD_IDS)
def test_a_link_leads_to_the_file_whatever_the_id(data: Path, key: str) -> None:
    """It is ready to be used, with and without a key, and in no way ambiguous."""
    for asked in ({}, {"api_key": KEY}):
        with running(small_app(SmallAnswerer(data), **asked)) as one:
            url = link(one, key)
            sent = one.get(url)
        assert urlsplit(url).path == f"/v1/documents/{quote(key, safe='')}/original"
        assert set(url) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/?&="
        )
        assert (sent.status_code, sent.content) == (200, PDF)


def test_what_is_shown_and_what_is_saved(client: TestClient) -> None:
    """PDF, text and pictures have their own type; nothing else has one that a browser acts on."""
    shown = {
        "a.pdf": "application/pdf",
        "b.txt": "text/plain; charset=utf-8",
        "c.txt": "text/plain",
        "d.png": "image/png",
    }
    for key, (media_type, content) in KINDS.items():
        told = client.get(f"/v1/documents/{key}").json()["original"]
        assert told == {
            "url": f"/v1/documents/{key}/original?collection=default",
            "filename": key,
            "media_type": media_type,
            "inline": key in shown,
        }
        sent = client.get(told["url"])
        assert sent.content == content
        assert sent.headers["content-type"] == shown.get(key, "application/octet-stream")
        kind = "inline" if key in shown else "attachment"
        assert sent.headers["content-disposition"].startswith(f'{kind}; filename="{key}"')
        policy = sent.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; frame-ancestors 'none'")
        assert policy.endswith("; sandbox") is (key not in shown)
        assert sent.headers["x-content-type-options"] == "nosniff"
        assert sent.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_file_name_survives_its_header(name: str) -> None:
    """The extended form says it exactly, the plain one holds nothing that could end it."""
    header = disposition(name, inline=False)
    assert header.isascii()
    assert header.isprintable()
    exact = header.split("; filename*=UTF-8''")[1]
    assert unquote(exact, errors="strict") == name
    assert not set(exact) & set(" \"\\;,*'()")
    plain = header.split('filename="')[1].split('"; ')[0]
    assert not set(plain) & set('"\\')


RANGES = ("0-", "0-0", "5-9", "10-99999", "-1", "-7", "-99999", "200-", f"{len(PDF) - 1}-")


@pytest.mark.parametrize("asked", RANGES)
@pytest.mark.parametrize("is_upload", [False, True])
def test_a_range_is_that_part_of_the_file(data: Path, asked: str, *, is_upload: bool) -> None:
    """As a slice gives it, with its place; across the blocks of an upload too."""
    content = os.urandom(BLOCK_BYTES - 100) + PDF if is_upload else PDF
    if is_upload:
        put_upload(data, "up", content)
    key = "up" if is_upload else "a.pdf"
    first, last = asked.split("-")
    start = int(first) if first else max(0, len(content) - int(last))
    end = min(len(content), int(last) + 1) if first and last else len(content)
    with loaded(small_app(SmallAnswerer(data))) as client:
        part = client.get(link(client, key), headers={"Range": f"bytes={asked}"})
    assert (part.status_code, part.content) == (206, content[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(content)}"
    assert part.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked",
    ["bytes=1-2,4-5", "bytes=-", "bytes=5-2", "bytes=x-1", "lines=1-2", f"bytes={'9' * 30}-"],
)
def test_what_is_no_single_range_means_the_whole(client: TestClient, asked: str) -> None:
    """As the standard allows."""
    whole = client.get(link(client, "a.pdf"), headers={"Range": asked})
    assert (whole.status_code, whole.content) == (200, PDF)


@pytest.mark.parametrize("asked", [f"{len(PDF)}-", "999999-", "-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(client: TestClient, asked: str) -> None:
    """416 says how long the file is, in words and in its header."""
    behind = client.get(link(client, "a.pdf"), headers={"Range": f"bytes={asked}"})
    assert f"{len(PDF):,} bytes" in refused(behind, 416, "range_refused")
    assert behind.headers["content-range"] == f"bytes */{len(PDF)}"


def test_conditions_on_the_state_of_the_file(client: TestClient) -> None:
    """A range of another state is the whole, and what the client has is not sent again."""
    url = link(client, "a.pdf")
    etag = client.head(url).headers["etag"]
    for condition, status in (
        (etag, 206),
        ('"other"', 200),
        ("Wed, 25 Nov 2026 00:00:00 GMT", 200),
    ):
        headers = {"Range": "bytes=0-1", "If-Range": condition}
        assert client.get(url, headers=headers).status_code == status
    for condition, status in ((etag, 304), (f'"x", W/{etag}', 304), ("*", 304), ('"x"', 200)):
        assert client.get(url, headers={"If-None-Match": condition}).status_code == status


def test_head_tells_the_same_without_the_bytes(client: TestClient) -> None:
    """Also for a range."""
    url = link(client, "a.pdf")
    for headers in ({}, {"Range": "bytes=2-3"}):
        told, sent = client.head(url, headers=headers), client.get(url, headers=headers)
        assert (told.status_code, told.content) == (200 if not headers else told.status_code, b"")
        for name in ("content-length", "content-type", "etag", "content-disposition"):
            assert told.headers[name] == sent.headers[name]


def test_a_changed_file_is_a_conflict(data: Path, client: TestClient) -> None:
    """Even with its old size and time, and after it was found to be right; the text stays."""
    url = link(client, "a.pdf")
    path = data / "files" / "a.pdf"
    os.utime(path, ns=(10**18, 10**18))
    assert client.get(url).content == PDF
    before = path.stat()
    path.write_bytes(PDF[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    said = refused(client.get(url), 409, "document_changed")
    assert "source/a.pdf" in said
    assert "afterword ingest" in said
    assert client.get("/v1/documents/a.pdf").json()["original"] is None
    assert client.get("/v1/documents/a.pdf/text").status_code == 200


def test_a_touched_file_is_the_same(data: Path, client: TestClient) -> None:
    """Its bytes decide; only the cheap look of the document's page goes by its time."""
    url = link(client, "a.pdf")
    os.utime(data / "files" / "a.pdf", ns=(1, 10**18))
    assert client.get(url).content == PDF
    assert client.get("/v1/documents/a.pdf").json()["original"] is None


def gone(path: Path) -> None:
    """Leave nothing of a file."""


def folder(path: Path) -> None:
    """Put a folder in a file's place."""
    path.mkdir()


def pipe(path: Path) -> None:
    """Put a pipe in a file's place, that nobody writes into."""
    os.mkfifo(path)


def circle(path: Path) -> None:
    """Put a link to itself in a file's place."""
    path.symlink_to(path)


@pytest.mark.parametrize("turn", [gone, folder, pipe, circle])
def test_a_file_that_is_gone_is_not_found(data: Path, client: TestClient, turn: object) -> None:
    """Whatever is in its place; the answer says which it was and what to do."""
    url = link(client, "a.pdf")
    path = data / "files" / "a.pdf"
    path.unlink()
    assert callable(turn)
    turn(path)
    said = refused(client.get(url), 404, "original_not_found")
    assert "source/a.pdf" in said
    assert "Put it back" in said
    assert str(data) not in said
    assert client.get("/v1/documents/a.pdf").json()["original"] is None


def test_another_file_by_a_link_is_not_given_away(data: Path, client: TestClient) -> None:
    """Whoever can put a link into a folder cannot read with it what the service can read."""
    path = data / "files" / "a.pdf"
    path.unlink()
    path.symlink_to("/etc/hostname")
    refused(client.get("/v1/documents/a.pdf/original"), 409, "document_changed")


def test_a_document_without_a_file_has_none(data: Path, client: TestClient) -> None:
    """Nor has one that is not there, and an id that no browser leaves in a path."""
    with SmallAnswerer(data).collection("default").write() as writer:
        writer.put([prepared("text", ["words"], source=UPLOADS, uri=f"{UPLOADS}text")])
        writer.put([prepared("..", ["words"])])
    assert client.get("/v1/documents/text").json()["original"] is None
    said = refused(client.get("/v1/documents/text/original"), 404, "original_not_found")
    assert "AFTERWORD_KEEP_UPLOADS" in said
    refused(client.get("/v1/documents/nope/original"), 404, "document_not_found")
    nowhere = client.get("/v1/documents/text/original", params={"collection": "nowhere"})
    refused(nowhere, 404, "collection_not_found")
    assert client.get("/v1/documents/%2E%2E").json()["original"] is None


# Tickets


def test_without_a_key_links_have_no_ticket(client: TestClient, keyed: TestClient) -> None:
    """With one they have, and it opens this path alone, to be read alone."""
    assert "ticket" not in link(client, "a.pdf")
    url = link(keyed, "a.pdf")
    assert keyed.get(url).content == PDF
    assert keyed.head(url).status_code == 200
    query = urlsplit(url).query
    for method, path in (
        ("POST", url),
        ("DELETE", f"/v1/documents/a.pdf?{query}"),
        ("GET", f"/v1/documents/a.pdf?{query}"),
        ("GET", f"/v1/documents/a.pdf/text?{query}"),
        ("GET", f"//v1/documents/a.pdf/original?{query}"),
        ("GET", f"/v1/documents/a.pdf/original/?{query}"),
        ("GET", f"/v1/documents/x/../a.pdf/original%00?{query}"),
        ("GET", "/v1/documents/a.pdf/original?collection=default"),
    ):
        refused(keyed.request(method, path), 401, "key_refused")


def test_a_ticket_is_for_one_document_of_one_collection(data: Path, keyed: TestClient) -> None:
    """Any other, a part that is changed, and a parameter that is there twice, are refused."""
    (data / "other").mkdir()
    put_files(data / "other", {"a.pdf": ("application/pdf", PDF)}, "other")
    url = link(keyed, "a.pdf")
    ticket = parse_qs(urlsplit(url).query)["ticket"][0]
    expiry, sha256, holder, mark = ticket.split("-")
    path = "/v1/documents/a.pdf/original"
    for target in (
        f"/v1/documents/b.txt/original?{urlsplit(url).query}",
        f"{path}?{urlencode({'collection': 'other', 'ticket': ticket})}",
        f"{path}?ticket={ticket}",
        f"{path}?collection=default&collection=other&ticket={ticket}",
        f"{path}?collection=default&ticket=x&ticket={ticket}",
        f"{path}?collection=default&ticket={int(expiry) + 1}-{sha256}-{holder}-{mark}",
        f"{path}?collection=default&ticket={expiry}-{'0' * 64}-{holder}-{mark}",
        f"{path}?collection=default&ticket={expiry}-{sha256}-0123abcd-{mark}",
        f"{path}?collection=default&ticket={expiry}-{sha256}-{holder}-{mark[::-1]}",
        f"{path}?collection=default&ticket={ticket}x",
        f"{path}?collection=default&ticket=",
        f"{path}?collection=default&ticket=%C3%A9",
    ):
        said = refused(keyed.get(target), 401, "ticket_refused")
        assert "ten minutes" in said
    headers = {"Authorization": f"Bearer {KEY}"}
    assert keyed.get(f"{path}?ticket=x", headers=headers).content == PDF


def test_a_ticket_is_over_after_ten_minutes() -> None:
    """To the second, and another process knows nothing of it."""
    now = 1e9
    tickets = Tickets(clock=lambda: now)
    ticket = tickets.ticket(Place("c", "d", "0" * 64, "k"))
    assert tickets.holder(ticket, "c", "d") == "k"
    now += LIFE_SECONDS - 1
    assert tickets.holder(ticket, "c", "d") == "k"
    now += 1
    assert tickets.holder(ticket, "c", "d") is None
    assert Tickets(clock=lambda: 1e9).holder(ticket, "c", "d") is None
    assert ticket not in repr(tickets)


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_a_ticket_says_for_what_it_is(one: tuple[str, str], other: tuple[str, str]) -> None:
    """No other pair of names has the same."""
    tickets = Tickets()
    ticket = tickets.ticket(Place(*one, "0" * 64, "k"))
    if not any("\0" in name for name in (*one, *other)):
        assert tickets.holder(ticket, *other) == ("k" if one == other else None)


def test_a_ticket_is_for_the_file_that_was_there(data: Path, keyed: TestClient) -> None:
    """Where another one was ingested since, its holder was not told of that."""
    url = link(keyed, "a.pdf")
    new = hashlib.sha256(b"new").hexdigest()
    (data / "files" / "a.pdf").write_bytes(b"new")
    with SmallAnswerer(data).collection("default").write() as writer:
        writer.put([prepared("a.pdf", ["words"], content_sha256=new, size=3)])
    refused(keyed.get(url), 409, "document_changed")


def test_no_ticket_is_logged(keyed: TestClient) -> None:
    """Not of a good link, not of a bad one."""
    log = io.StringIO()
    before = logging.getLogger().handlers
    try:
        configure_logs("debug", log)
        url = link(keyed, "a.pdf")
        keyed.get(url)
        keyed.get(f"{url}x")
    finally:
        logging.getLogger().handlers = before
    lines = [line for line in log.getvalue().splitlines() if "httpx" not in line]
    assert sum('"event": "request"' in line for line in lines) == 3
    assert not any(url.split("ticket=")[1][:40] in line for line in lines)


# Downloads that take their time


def connected(client: httpx2.Client, target: str) -> socket.socket:
    """Ask for something and read nothing of the answer; little of it fits on the way."""
    asked = socket.socket()
    asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asked.connect((client.base_url.host, client.base_url.port))
    asked.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return asked


def rest(asked: socket.socket) -> bytes:
    """Read what comes until the other side closes."""
    asked.settimeout(20)
    got = b""
    while piece := asked.recv(1 << 20):
        got += piece
    return got


def test_slow_clients_hold_up_nobody(data: Path) -> None:
    """They have places of their own, no thread and no transaction: all other work goes on."""
    content = os.urandom(64 << 20)
    put_upload(data, "up", content)
    answerer = SmallAnswerer(data)
    app = small_app(answerer, max_concurrent=1)
    service = app.state.service
    target = "/v1/documents/up/original"
    with running(app) as client:
        slow = [connected(client, target) for _ in range(4)]
        until(lambda: service.downloads.taken == 4)
        refused(client.get(target), 429, "too_many_requests")
        until(lambda: not any(lane.taken for lane in (service.reads, service.documents)))
        assert client.post("/v1/query", json={"question": "words"}).status_code == 200
        assert client.get("/v1/documents/up").status_code == 200
        assert client.delete("/v1/documents/up").status_code == 204
        # An open transaction would keep what was erased in the log.
        log = data / "default" / "catalog.db-wal"
        assert not log.exists() or log.stat().st_size < 1 << 20
        # What is gone from the catalog cannot be sent any more, and does not look whole.
        assert all(len(rest(one)) < len(content) for one in slow)
        until(lambda: service.downloads.taken == 0)
        for one in slow:
            one.close()


def test_a_client_that_leaves_or_takes_nothing_is_let_go(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place is free again, at once or after a while, and its file is closed."""
    big = os.urandom(64 << 20)
    (data / "more").mkdir()
    put_files(data / "more", {"big": ("application/pdf", big)}, "more")
    folder_of = data / "more"
    app = small_app(SmallAnswerer(folder_of))
    service = app.state.service
    target = "/v1/documents/big/original?collection=more"

    def is_open() -> bool:
        links = Path("/proc/self/fd").iterdir()
        return any(os.path.realpath(one) == str(folder_of / "files" / "big") for one in links)

    with running(app) as client:
        leaver = connected(client, target)
        until(lambda: service.downloads.taken == 1)
        assert until(is_open)
        leaver.close()
        until(lambda: service.downloads.taken == 0)
        monkeypatch.setattr(downloads, "_PIECE_SECONDS", 0.3)
        sleeper = connected(client, target)
        until(lambda: service.downloads.taken == 1)
        until(lambda: service.downloads.taken == 0)
        assert not is_open()
        assert len(rest(sleeper)) < len(big)
        sleeper.close()


def test_a_file_that_changes_on_the_way_does_not_arrive_whole(data: Path) -> None:
    """What was sent before was right; the rest is not sent, and the client can tell."""
    big = os.urandom(64 << 20)
    (data / "more").mkdir()
    folder = put_files(data / "more", {"big": ("application/pdf", big)}, "more")
    with running(small_app(SmallAnswerer(data / "more"))) as client:
        asked = connected(client, "/v1/documents/big/original?collection=more")
        time.sleep(0.5)
        with (folder / "big").open("r+b") as file:
            file.seek(60 << 20)
            file.write(b"other")
        head, _, got = rest(asked).partition(b"\r\n\r\n")
        assert f"content-length: {len(big)}".encode() in head.lower()
        assert 0 < len(got) < 60 << 20
        assert big.startswith(got)
        asked.close()
