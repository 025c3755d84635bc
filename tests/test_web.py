"""Pages of the web on their way into a collection: by command, by worker, by service."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from fastapi.testclient import TestClient

import afterword
from indexes import jobs
from indexes.collection import open_collection
from indexes.documents import WEB, WEB_STATES, Document, document_id_for
from indexes.encoder import FOLDER, Encoder
from indexes.errors import UsageError
from indexes.originals import StoredOriginal
from indexes.settings import Settings, load_settings
from indexes.urls import parse_url
from ingest import pipeline, worker
from ingest.internet import Network
from ingest.pipeline import ingest, reader_pool
from ingest.plan import Given
from ingest.progress import silent
from ingest.report import Item
from ingest.survey import Order
from ingest.web import read_urls, told_apart
from serving import SmallAnswerer, loaded, served, small_app, until
from small_encoder import small_encoder
from web_server import Asked, Site, answer, moved, network, page, serving

PAGE = b"""<html><head><title>The light</title>
<meta property="article:published_time" content="2026-03-04T10:00:00Z"></head>
<body><h1>Gull Point</h1><p>The lamp was lit on 4 March 2026.</p></body></html>"""


@dataclass
class House:
    """A data folder, a site on loopback, and the network that leads there alone."""

    data: Path
    site: Site
    network: Network
    keep: bool = True

    @property
    def settings(self) -> Settings:
        """Settings by which the site may be fetched, once the network leads there."""
        return load_settings(
            {
                "AFTERWORD_DATA": str(self.data),
                "AFTERWORD_READER_PROCESSES": "1",
                "AFTERWORD_FETCH": "public",
                "AFTERWORD_FETCH_PORTS": str(self.site.port),
                "AFTERWORD_KEEP_UPLOADS": str(self.keep),
            }
        )

    def ingest(self, *paths: str, files: tuple[str, ...] = (), **given: object) -> dict[str, Item]:
        """Ingest pages by their paths, and files; return the items by the paths."""
        urls = tuple(parse_url(self.site.url(path)) for path in paths)
        order = Order(files, urls=urls, given=Given(**given))  # type: ignore[arg-type]
        report = ingest(order, self.settings, silent, self.network)
        assert not list(self.data.glob(".fetched-*"))
        start = self.site.url("")
        return {item.uri.removeprefix(start): item for item in report.items}

    def stored(self) -> dict[str, Document]:
        """Return all documents by the paths of their pages."""
        with closing(open_collection(self.data, "default")) as opened, opened.read() as reading:
            found = reading.documents(1000)
        return {one.uri.removeprefix(self.site.url("")): one for one in found}

    def text(self, path: str) -> str:
        """Return the stored text of a page."""
        with closing(open_collection(self.data, "default")) as opened, opened.read() as reading:
            return reading.text(reading.named(self.site.url(path)).document_id)

    def original(self, path: str) -> tuple[StoredOriginal, bytes] | None:
        """Return the original of a page, and its first bytes."""
        with closing(open_collection(self.data, "default")) as opened:
            with opened.read() as reading:
                found = reading.original(reading.named(self.site.url(path)))
            if found is None or found.row is None:
                return None
            return found, opened.original_block(found.row, 0)

    def noted(self) -> Mapping[str, str]:
        """Return what is noted of the states of pages."""
        with closing(open_collection(self.data, "default")) as opened, opened.write() as writer:
            return writer.marks(WEB_STATES)


def encoder() -> Encoder:
    """Return the small encoder with the tokenizer of the bundled one."""
    tokenizer = (FOLDER / "tokenizer.json").read_text(encoding="utf-8")
    return replace(small_encoder(), tokenizer_json=tokenizer)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose site has nothing yet."""
    monkeypatch.setattr(pipeline, "load_encoder", lambda *_, **__: encoder())
    with serving() as site:
        yield House(tmp_path / "data", site, network())


def test_a_page_becomes_a_document(house: House) -> None:
    """With its address, title, date and bytes."""
    house.site.answers["/light"] = page(PAGE)
    item = house.ingest("/light", metadata={"year": 2026})["/light"]
    url = house.site.url("/light")
    assert (item.outcome, item.document_id) == ("added", document_id_for(url))
    stored = house.stored()["/light"]
    assert (stored.uri, stored.source, stored.title) == (url, WEB, "The light")
    assert (stored.media_type, stored.as_of) == ("text/html", "2026-03-04")
    assert stored.metadata == {"year": 2026}
    assert "The lamp was lit" in house.text("/light")
    original = house.original("/light")
    assert original is not None
    assert (original[0].filename, original[1]) == ("light", PAGE)


def test_pages_are_kept_only_where_uploads_are(house: House) -> None:
    """`AFTERWORD_KEEP_UPLOADS=0` holds for them too."""
    house.keep = False
    house.site.answers["/light"] = page(PAGE)
    house.ingest("/light")
    assert house.original("/light") is None


def on_condition(asked: Asked) -> list[bytes]:
    """Give a page unless it is known."""
    if asked.headers.get("if-none-match") == '"7"':
        return [answer(b"", "", "304 Not Modified")]
    return [answer(PAGE, ETag='"7"')]


def test_a_page_is_fetched_again_only_if_it_has_changed(house: House) -> None:
    """By the server's word; new facts are stored all the same, and a change is an update."""
    house.site.answers["/light"] = on_condition
    assert house.ingest("/light")["/light"].outcome == "added"
    assert house.ingest("/light")["/light"].outcome == "unchanged"
    assert house.site.asked[-1].headers["if-none-match"] == '"7"'
    assert house.ingest("/light", as_of="2026-05-05")["/light"].outcome == "updated"
    assert house.stored()["/light"].as_of == "2026-05-05"
    house.site.answers["/light"] = page(PAGE.replace(b"4 March", b"5 March"), ETag='"8"')
    assert house.ingest("/light")["/light"].outcome == "updated"
    assert "5 March" in house.text("/light")
    house.ingest("/light")
    assert house.site.asked[-1].headers["if-none-match"] == '"8"'


def test_the_same_bytes_are_not_read_again(house: House) -> None:
    """Where the server does not say so, the content does; so for files of many documents."""
    lines = "".join(json.dumps({"id": f"k{n}", "text": f"Fact {n}."}) + "\n" for n in range(3))
    packed = gzip.compress(lines.encode(), mtime=0)
    house.site.answers["/light"] = page(PAGE)
    house.site.answers["/facts.jsonl.gz"] = page(packed, "application/gzip", ETag='"f"')
    first = house.ingest("/light", "/facts.jsonl.gz")
    assert {item.outcome for item in first.values()} == {"added"}
    again = house.ingest("/light", "/facts.jsonl.gz")
    assert {item.outcome for item in again.values()} == {"unchanged"}
    assert again.keys() == first.keys()
    assert house.site.asked[-1].headers.get("if-none-match") or house.site.asked[-2].headers.get(
        "if-none-match"
    )


def test_an_old_state_is_not_believed(house: House) -> None:
    """What a server told of other bytes than those that are stored says nothing."""
    house.site.answers["/light"] = on_condition
    house.ingest("/light")
    with closing(open_collection(house.data, "default")) as opened, opened.write() as writer:
        writer.set_mark(WEB_STATES, house.site.url("/light"), json.dumps(['"7"', "", "0" * 64]))
    assert house.ingest("/light")["/light"].outcome == "unchanged"
    assert "if-none-match" not in house.site.asked[-1].headers


def test_a_page_that_is_gone_is_kept_until_it_is_deleted(house: House) -> None:
    """It is told; deleting takes all that was noted of it with it."""
    house.site.answers["/light"] = page(PAGE, ETag='"7"')
    house.ingest("/light")
    house.site.answers["/light"] = page(b"", "", "410 Gone")
    item = house.ingest("/light")["/light"]
    assert (item.outcome, item.code) == ("failed", "gone")
    assert "earlier is kept" in str(item.message)
    assert "documents delete" in str(item.message)
    assert "The lamp was lit" in house.text("/light")
    assert list(house.noted()) == [house.site.url("/light")]
    with closing(open_collection(house.data, "default")) as opened, opened.write() as writer:
        writer.erase([document_id_for(house.site.url("/light"))])
    assert not house.noted()
    assert house.site.url("").encode() not in (house.data / "default/catalog.db").read_bytes()


def test_each_page_fails_for_itself(house: House, tmp_path: Path) -> None:
    """Beside files too, which go on as ever."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text("Swans are white.\n")
    house.site.answers |= {
        "/light": page(PAGE),
        "/film": page(b"x", "video/mp4"),
        "/round": moved("/round"),
        "/empty": page(b"", "text/html"),
        "/login.pdf": page(b"Please log in.", "application/pdf"),
    }
    paths = ("/light", "/film", "/round", "/empty", "/login.pdf", "/nowhere")
    found = house.ingest(*paths, files=(str(tmp_path / "docs"),))
    assert {path: (item.outcome, item.code) for path, item in found.items()} == {
        "/light": ("added", None),
        "/film": ("failed", "unsupported_format"),
        "/round": ("failed", "fetch_failed"),
        "/empty": ("failed", "empty"),
        "/login.pdf": ("failed", "wrong_type"),
        "/nowhere": ("failed", "gone"),
        "docs/a.txt": ("added", None),
    }


def test_nothing_is_made_where_nothing_could_be_fetched(house: House) -> None:
    """No collection comes of a page that is not there."""
    assert house.ingest("/nowhere")["/nowhere"].code == "gone"
    assert not (house.data / "default").exists()


@pytest.mark.parametrize(
    ("path", "media_type", "body", "stored"),
    [
        ("/a", "text/plain", b"Plain words.", "text/plain"),
        ("/a.md", "text/plain; charset=utf-8", b"# Head\n\nWords.", "text/markdown"),
        ("/a", "text/markdown", b"# Head\n\nWords.", "text/markdown"),
        ("/a", "text/html", b"<p>A piece of a page.", "text/html"),
        ("/a", "application/xhtml+xml", b"<p>A piece of a page.", "text/html"),
        ("/feed", "application/rss+xml", b"<?xml version='1.0'?><a>Words</a>", "application/xml"),
        ("/a.csv", "text/csv", b"a,b\n1,2\n", "text/csv"),
        ("/a", "application/octet-stream", PAGE, "text/html"),
        ("/a", "application/pdf", PAGE, "text/html"),
    ],
)
def test_what_a_page_is(house: House, path: str, media_type: str, body: bytes, stored: str) -> None:
    """The content decides; what the server states breaks ties, as a name's ending does."""
    house.site.answers[path] = page(body, media_type)
    assert house.ingest(path)[path].outcome == "added"
    assert house.stored()[path].media_type == stored


def test_the_products_own_network_fetches_nothing_from_here(house: House) -> None:
    """Without a network of a test's own, loopback is refused on the whole way."""
    house.network = Network()
    house.site.answers["/light"] = page(PAGE)
    for host in ("127.0.0.1", "localhost"):
        url = parse_url(house.site.url("/light", host))
        report = ingest(Order((), urls=(url,)), house.settings, silent)
        assert [item.code for item in report.items] == ["fetch_refused"]
    assert not house.site.asked


def test_addresses_are_told_from_paths(tmp_path: Path) -> None:
    """Among the arguments, and in a file; all mistakes at once."""
    listed = tmp_path / "urls.txt"
    listed.write_text(
        "\ufeff# pages\n\nhttps://b.example/\n  http://a.example  \n", encoding="utf-8"
    )
    paths, urls = told_apart(["docs", "HTTP://A.example/", "https.txt"], listed)
    assert paths == ("docs", "https.txt")
    assert [str(url) for url in urls] == ["http://a.example/", "https://b.example/"]
    with pytest.raises(UsageError, match=r"127\.1.*me@|me@|password.*"):
        told_apart(["http://127.1/", "http://me@a.example/"], None)
    with pytest.raises(UsageError, match="cannot be read"):
        read_urls(tmp_path / "none")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://127.1/"], "four from 0 to 255"),
        (["https://a.example/", "--dry-run"], "--dry-run"),
        (["https://a.example/", "--watch"], "--watch"),
        (["--urls", "nowhere.txt"], "cannot be read"),
    ],
)
def test_wrong_use_of_the_command(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with status 2 before anything is fetched."""
    monkeypatch.setattr("sys.argv", ["afterword", "ingest", *words])
    with pytest.raises(SystemExit) as caught:
        afterword.main()
    assert caught.value.code == afterword.WRONG_USE
    assert said in capsys.readouterr().err


# --- by the service ------------------------------------------------------------------------------


def worked_off(house: House, settings: Settings | None = None) -> jobs.JobStatus:
    """Do the one job that waits, and return what became of it."""
    job = jobs.claim(house.data)
    assert job is not None
    chosen = settings or house.settings
    with reader_pool(chosen) as pool:
        assert worker._work_on(job, chosen, pool, house.network)
    return jobs.job(house.data, job.job_id)


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    """A client of a service that may fetch from the site, without a worker."""
    app = small_app(SmallAnswerer(house.data), fetch="public", fetch_ports=str(house.site.port))
    with loaded(app) as client:
        yield client


def test_an_address_is_a_job(house: House, client: TestClient) -> None:
    """It is answered at once, and fetched by the worker."""
    house.site.answers["/light"] = page(PAGE)
    url = house.site.url("/light")
    body = {"url": f"{url}#part", "metadata": {"year": 2026}, "collection": "default"}
    sent = client.post("/v1/documents", json=body)
    assert sent.status_code == 202, sent.text
    waiting = client.get(f"/v1/jobs/{sent.json()['job_id']}").json()
    assert (waiting["state"], waiting["filename"]) == ("queued", url)
    assert not house.site.asked
    status = worked_off(house)
    assert status.state == "done"
    assert [(item["uri"], item["outcome"]) for item in status.items] == [(url, "added")]
    assert house.stored()["/light"].metadata == {"year": 2026}
    told = client.get(f"/v1/documents/{document_id_for(url)}").json()
    assert told["original"]["filename"] == "light"
    assert not told["original"]["inline"]
    original = client.get(told["original"]["url"])
    assert original.content == PAGE
    assert original.headers["content-disposition"].startswith("attachment")
    client.post("/v1/documents", json={"url": url})
    assert [item["outcome"] for item in worked_off(house).items] == ["unchanged"]


def test_a_job_whose_page_fails(house: House, client: TestClient) -> None:
    """The job tells; the collection is there without it."""
    client.post("/v1/documents", json={"url": house.site.url("/nowhere"), "id": "x"})
    status = worked_off(house)
    assert status.state == "failed"
    assert status.items[0]["code"] == "gone"


def test_a_job_that_was_queued_before_fetching_was_turned_off(
    house: House, client: TestClient
) -> None:
    """Nothing is fetched any more."""
    client.post("/v1/documents", json={"url": house.site.url("/light")})
    off = house.settings.model_copy(update={"fetch": "none"})
    status = worked_off(house, off)
    assert status.state == "failed"
    assert "AFTERWORD_FETCH=public" in str(status.items[0]["message"])
    assert not house.site.asked


def test_nothing_is_fetched_unless_the_service_is_told_so(house: House) -> None:
    """That is answered 403, and no job is made."""
    with loaded(small_app(SmallAnswerer(house.data))) as client:
        sent = client.post("/v1/documents", json={"url": house.site.url("/light")})
    assert (sent.status_code, sent.json()["code"]) == (403, "fetch_off")
    assert jobs.claim(house.data) is None


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "http://127.1/", "http://me:secret@a.example/", "http://a.example:22/",
     "", "a.example", "http://a.example/\n", 7, None, "https://\ud800.example/"],
)  # fmt: skip
def test_addresses_that_cannot_be_fetched(house: House, client: TestClient, url: object) -> None:
    """What is wrong with the address itself is said at once; no password is repeated."""
    body = json.dumps({"url": url})
    sent = client.post("/v1/documents", content=body, headers={"Content-Type": "application/json"})
    assert sent.status_code == 422
    assert sent.json()["code"] == "invalid_request"
    assert "body.url" in sent.json()["detail"]
    assert "secret" not in sent.text
    assert jobs.claim(house.data) is None


def test_an_address_and_a_text_do_not_go_together(client: TestClient, house: House) -> None:
    """One document comes of one of them."""
    body = {"url": house.site.url("/"), "text": "Words.", "title": "T"}
    assert client.post("/v1/documents", json=body).status_code == 422


def test_only_hosts_that_are_allowed(house: House) -> None:
    """A list of hosts is looked at before a job is made."""
    app = small_app(
        SmallAnswerer(house.data), fetch="public", fetch_hosts="docs.example", fetch_ports="443"
    )
    with loaded(app) as client:
        sent = client.post("/v1/documents", json={"url": "https://other.example/"})
        assert sent.status_code == 422
        assert "AFTERWORD_FETCH_HOSTS" in sent.json()["detail"]
        assert client.post("/v1/documents", json={"url": "https://docs.example"}).status_code == 202


@pytest.mark.slow
def test_a_started_service_fetches_nothing_from_its_own_machine(tmp_path: Path) -> None:
    """The worker of a real service has the product's own network, whatever the settings are."""
    with serving() as site:
        site.answers["/light"] = page(PAGE)
        ports = f"80,443,{site.port}"
        log = tmp_path / "log"
        with served(
            tmp_path / "data", log, AFTERWORD_FETCH="public", AFTERWORD_FETCH_PORTS=ports
        ) as service:
            for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
                body = {"url": site.url("/light", host)}
                sent = service.client.post("/v1/documents", json=body)
                assert sent.status_code == 202, sent.text
                look = partial(service.client.get, sent.headers["location"])
                job = until(lambda look=look: ended(look().json()), 60)  # type: ignore[misc]
                assert [item["code"] for item in job["items"]] == ["fetch_refused"]
        assert not site.asked


def ended(job: dict[str, object]) -> dict[str, list[dict[str, object]]] | None:
    """Return a job that has ended, None before that."""
    return cast("dict[str, list[dict[str, object]]]", job) if job["finished"] else None
