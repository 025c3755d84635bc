"""The page at `/` when things go slowly or wrong: it says what, and what can be done."""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Route, expect

import browsing
from browsing import sideways, violations, visit
from indexes.collection import open_collection
from indexes.settings import Settings
from service import keys
from service.app import create_app
from service.keys import Wanted
from serving import (
    WORDS,
    SmallAnswerer,
    listening,
    loading,
    running,
    served,
    small_app,
    start,
    stored,
    until,
)
from stored_documents import prepared

TEXTS = {"swans": "All swans of the pond are white.", "geese": "Geese are grey."}
KEY = "a-key-of-more-than-16"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browsing.browser() as started:
        yield started


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two documents."""
    stored(tmp_path / "data", TEXTS)
    return tmp_path / "data"


def test_words_are_shown_as_they_come_and_can_be_stopped(data: Path, chromium: Browser) -> None:
    """The first words stand there while the next are awaited; stopping ends the work."""
    go_on = threading.Event()
    given = []

    def between() -> None:
        given.append(time.monotonic())
        if len(given) > 2:
            assert go_on.wait(30)

    app = small_app(SmallAnswerer(data, between))
    with running(app) as client, visit(chromium, str(client.base_url)) as seen:
        page = seen.page
        page.fill("#question", "What colour are swans?")
        page.press("#question", "Enter")
        expect(page.locator(".turn .answer")).to_have_text("".join(WORDS[:2]))
        expect(page.locator(".turn .waiting")).to_have_text("Reading 1 document…")
        assert violations(page) == []
        page.click("#ask-button")
        expect(page.locator(".turn .notice")).to_contain_text("Stopped.")
        go_on.set()
        until(lambda: not app.state.service.busy)
        assert len(given) < len(WORDS) + 1
        page.click(".turn button:has-text('Ask again')")
        expect(page.locator(".turn .short")).to_contain_text("white")
        expect(page.locator("#ask-button")).to_have_text("Ask")


def test_a_busy_service_says_so_and_is_asked_again(data: Path, chromium: Browser) -> None:
    """The only place is taken by another question, then it is free."""
    go_on = threading.Event()

    def between() -> None:
        assert go_on.wait(30)

    app = small_app(SmallAnswerer(data, between), max_concurrent=1)
    with running(app) as client, visit(chromium, str(client.base_url)) as seen:
        other = threading.Thread(
            target=client.post, args=("/v1/query",), kwargs={"json": {"question": "swans"}}
        )
        other.start()
        until(lambda: app.state.service.busy)
        seen.ask("What colour are swans?")
        trouble = seen.page.locator(".turn .trouble").first
        expect(trouble).to_contain_text("The service is busy")
        assert violations(seen.page) == []
        go_on.set()
        other.join()
        seen.page.click("text=Ask again")
        expect(seen.page.locator(".turn .short")).to_contain_text("white")


def test_what_fails_in_the_middle_is_told(data: Path, chromium: Browser) -> None:
    """An error after the first words has the service's own message, and no stack."""

    def between() -> None:
        raise RuntimeError("a secret")

    with (
        running(small_app(SmallAnswerer(data, between))) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        seen.ask("What colour are swans?")
        trouble = seen.page.locator(".turn .trouble").first
        expect(trouble).to_contain_text("This could not be answered")
        assert "secret" not in (trouble.text_content() or "")


def test_the_key_is_asked_for_kept_and_forgotten(data: Path, chromium: Browser) -> None:
    """A wrong key is refused in words, the right one lets everything through."""
    app = small_app(SmallAnswerer(data), api_key=KEY)
    with running(app) as client, visit(chromium, str(client.base_url)) as seen:
        page = seen.page
        dialog = page.locator(".dialog")
        expect(dialog.locator("h2")).to_have_text("Enter the access key")
        assert violations(page) == []
        page.fill("#key", "not-the-key-at-all")
        page.press("#key", "Enter")
        expect(dialog.locator("h2")).to_have_text("That key was refused")
        page.fill("#key", KEY)
        page.check("#keep-key")
        page.press("#key", "Enter")
        expect(page.locator("#welcome")).to_contain_text("2 documents")
        seen.ask("What colour are swans?")
        expect(page.locator(".turn .short")).to_contain_text("white")
        page.reload()
        expect(page.locator("#welcome")).to_contain_text("2 documents")
        assert all(KEY not in line for line in seen.asked)
        page.click("[aria-label='Forget the key']")
        expect(dialog.locator("h2")).to_have_text("Enter the access key")
        page.click(".dialog button:has-text('Cancel')")
        expect(page.locator("#notice")).to_contain_text("An access key is needed.")
        page.click("#notice button")
        expect(dialog).to_be_visible()


def test_a_key_that_may_only_read_is_told_what_it_may_not(data: Path, chromium: Browser) -> None:
    """Asking works, of its own collection alone; uploading and deleting are refused in words."""
    stored(data, {"secret": "The merger is called Ptarmigan."}, "theirs")
    _, given = keys.create(data, Wanted("reader", "read", frozenset({"default"})))
    app = small_app(SmallAnswerer(data))
    with running(app) as client, visit(chromium, str(client.base_url)) as seen:
        page = seen.page
        page.fill("#key", given)
        page.press("#key", "Enter")
        expect(page.locator("#welcome")).to_contain_text("2 documents")
        assert page.locator("#collection option").all_inner_texts() == ["default"]
        seen.ask("What colour are swans?")
        expect(page.locator(".turn .short")).to_contain_text("white")
        seen.view("documents")
        tea = FilePayload(name="tea.txt", mimeType="text/plain", buffer=b"Tea is hot.")
        page.set_input_files("#files", [tea])
        expect(page.locator("#uploads")).to_contain_text("Your access key does not allow this.")
        page.click("#documents-list [aria-label^='Delete'] >> nth=0")
        page.click(".dialog button:has-text('Delete')")
        expect(page.locator("#view-documents, body").last).to_contain_text(
            "Your access key does not allow this."
        )
        assert "theirs" not in page.content()


SCRIPT = b"<!doctype html><title>x</title><script>document.title = 'taken over'</script>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title = 'taken over'\"/>"
XHTML = (
    SCRIPT.replace(b"<!doctype html>", b"<html xmlns='http://www.w3.org/1999/xhtml'>") + b"</html>"
)
ACTIVE = {
    "a.html": ("text/html", SCRIPT),
    "b.svg": ("image/svg+xml", SVG),
    "c.xml": ("application/xml", XHTML),
    "d.js": ("text/javascript", b"document.title = 'taken over'"),
    "e.txt": ("text/plain", SCRIPT),
    "f.png": ("image/png", SCRIPT),
}


def put_files(data: Path, files: Mapping[str, tuple[str, bytes]]) -> None:
    """Store documents of these files, by their names, as types and contents, in `default`."""
    collection = open_collection(data, "default")
    with collection.write() as writer:
        writer.set_source_root("source", str(data))
        for name, (media_type, content) in files.items():
            (data / name).write_bytes(content)
            facts = {
                "media_type": media_type,
                "content_sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "modified": (data / name).stat().st_mtime_ns,
            }
            writer.put([prepared(name, ["words"], **facts)])
    collection.close()


def test_a_file_cannot_act_as_a_page_of_the_service(data: Path, chromium: Browser) -> None:
    """What has scripts in it is saved, or shown as plain text; none of them runs."""
    put_files(data, ACTIVE)
    with running(small_app(SmallAnswerer(data))) as client:
        for name in ACTIVE:
            told = client.get(f"/v1/documents/{name}").json()["original"]
            context = chromium.new_context(accept_downloads=True)
            page = context.new_page()
            url = f"{client.base_url}{told['url']}"
            if told["inline"]:
                page.goto(url)
                if name.endswith(".txt"):
                    expect(page.locator("pre")).to_contain_text("<script>")
            else:
                with page.expect_download() as saved:
                    page.evaluate("url => { location.href = url }", url)
                assert saved.value.suggested_filename == name
            assert "taken over" not in page.title()
            context.close()
        assert not client.get("/v1/documents/a.html").json()["original"]["inline"]


def test_a_service_that_loads_is_waited_for(data: Path, chromium: Browser) -> None:
    """Its reasons stand there until it has loaded."""
    go_on = threading.Event()

    def build(_settings: Settings) -> SmallAnswerer:
        assert go_on.wait(60)
        return SmallAnswerer(data)

    app = create_app(Settings(data=data), build, worker=False)  # type: ignore[arg-type] # a small one
    with loading(app) as url, visit(chromium, url) as seen:
        expect(seen.page.locator("#notice")).to_contain_text("The encoder is being loaded.")
        assert violations(seen.page) == []
        go_on.set()
        expect(seen.page.locator("#welcome")).to_contain_text("2 documents")
        expect(seen.page.locator("#notice")).to_be_hidden()


def test_a_service_that_is_gone_is_named(tmp_path: Path, chromium: Browser) -> None:
    """Without an answer the page says so, and goes on when the service is back."""
    log = tmp_path / "log"
    process = start(tmp_path / "data", log)
    url = listening(process, log)
    port = url.rpartition(":")[2]
    with visit(chromium, url) as seen:
        page = seen.page
        expect(page.locator("#welcome")).to_contain_text("There is nothing to read yet")
        assert violations(page) == []
        process.kill()
        process.wait()
        seen.ask("Is anybody there?")
        expect(page.locator(".turn .trouble").first).to_contain_text("No connection")
        again = start(tmp_path / "data", log, "--port", port)
        try:
            listening(again, log)
            until(lambda: page.request.get(f"{url}/health/ready").ok, 60)
            page.click("text=Ask again")
            expect(page.locator(".turn h3")).to_have_text("There is no such collection")
        finally:
            again.terminate()
            again.wait(30)


def test_a_collection_that_cannot_be_reached_is_not_chosen(data: Path, chromium: Browser) -> None:
    """The header goes on to name the one that is asked, and the reason stands at the top."""
    stored(data, TEXTS, "other")
    with (
        running(small_app(SmallAnswerer(data))) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        page = seen.page
        expect(page.locator("#welcome")).to_contain_text("2 documents")
        page.route("**/v1/collections", lambda route: route.abort())
        page.select_option("#collection", "other")
        expect(page.locator("#notice")).to_contain_text("cannot be reached")
        expect(page.locator("#collection")).to_have_value("default")
        page.unroute("**/v1/collections")
        page.select_option("#collection", "other")
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("#collection")).to_have_value("other")


def test_a_proxy_that_answers_in_the_services_place_is_told(data: Path, chromium: Browser) -> None:
    """A page of HTML where JSON should be is no crash and no answer."""
    html = "<html><body>Please log in</body></html>"
    with (
        running(small_app(SmallAnswerer(data))) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        page = seen.page
        expect(page.locator("#welcome")).to_contain_text("2 documents")
        page.route(
            "**/v1/**",
            lambda route: route.fulfill(status=200, content_type="text/html", body=html),
        )
        seen.ask("What colour are swans?")
        expect(page.locator(".turn .trouble").first).to_contain_text("broke off")
        seen.view("documents")
        page.fill("#find", "swan")
        expect(page.locator("#documents-list .trouble")).to_contain_text("proxy")
        assert "Unexpected" not in page.inner_text("body")


def test_uploads_are_followed_through_trouble(tmp_path: Path, chromium: Browser) -> None:
    """A job whose state cannot be had just then is asked for again, after a reload too."""
    with (
        served(tmp_path / "data", tmp_path / "log") as service,
        visit(chromium, service.url) as seen,
    ):
        page = seen.page
        seen.view("documents")
        refusals = 3

        def refuse(route: Route) -> None:
            nonlocal refusals
            refusals -= 1
            if refusals >= 0:
                route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")
            else:
                route.continue_()

        page.route("**/v1/jobs/*", refuse)
        tea = FilePayload(name='a "good" tea.txt', mimeType="text/plain", buffer=b"Tea is hot.")
        page.set_input_files("#files", [tea])
        expect(page.locator("#uploads .totals")).to_have_text("1 added")
        expect(page.locator("#documents-list .uri")).to_have_text('upload:a "good" tea.txt')
        assert refusals < 0
        page.unroute("**/v1/jobs/*")
        page.route("**/v1/jobs/*", lambda route: route.abort())
        coffee = FilePayload(name="coffee.txt", mimeType="text/plain", buffer=b"Strong.")
        page.set_input_files("#files", [coffee])
        expect(page.locator("#uploads .where")).to_have_text("waiting to be read")
        page.unroute("**/v1/jobs/*")
        page.reload()
        expect(page.locator("#uploads .totals")).to_have_text("1 added")
        expect(page.locator("#documents-list li")).to_have_count(2)


@pytest.mark.slow
def test_many_files_are_told_in_short(tmp_path: Path, chromium: Browser) -> None:
    """What needs a person stands first, the rest is counted and folded away."""
    with (
        served(tmp_path / "data", tmp_path / "log") as service,
        visit(chromium, service.url) as seen,
    ):
        page = seen.page
        seen.view("documents")
        folder = tmp_path / "many"
        folder.mkdir()
        for number in range(30):
            (folder / f"{number}.txt").write_text(f"Line {number} of the railway is open.")
        (folder / "none.pdf").touch()
        page.set_input_files("#files", sorted(folder.iterdir()))
        expect(page.locator("#uploads .totals")).to_have_text("30 added · 1 failed")
        expect(page.locator("#uploads .rows").first.locator("li")).to_have_count(1)
        expect(page.locator("#uploads summary")).to_have_text("30 files without a problem")
        assert violations(page) == []


def test_a_long_answer_keeps_its_shape(data: Path, chromium: Browser) -> None:
    """A word without an end, a text from right to left, and many citations stay on the page."""
    texts = {
        f"d{n}": f"Rule {n}: {'unbroken' * 40} swans. هذا نص عربي عن البجع الأبيض في البحيرة. "
        + "The swans of the pond have rules that nobody has read to the end. " * 30
        for n in range(12)
    }
    stored(data, texts, "long")
    with running(small_app(SmallAnswerer(data))) as client:
        for width in (320, 820):
            with visit(
                chromium,
                str(client.base_url),
                width=width,
                stored={"afterword.collection": "long"},
            ) as seen:
                seen.ask("What are the rules of swans? " + "really " * 60)
                seen.page.click(".turn summary")
                assert sideways(seen.page) == 0
                seen.page.click(".passages .title >> nth=0")
                expect(seen.page.locator("#source mark").first).to_be_visible()
                assert sideways(seen.page) == 0
                assert violations(seen.page) == []
