"""The page at `/` in a real browser, against a really started service."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from fpdf import FPDF
from playwright.sync_api import Browser, Page, expect

import browsing
from browsing import WIDTHS, Visit, height_of, sideways, violations, visit
from serving import Served, ingested, served, until

SWIM = "What must swimmers wear in the municipal pool? 🏊🏽 "
DOCUMENTS = {
    # The letters ahead of the quote are two UTF-16 units each, so a wrong count shows at once.
    "pool-2025.md": "---\ntitle: Pool rules 2025\ndate: 2025-03-01\n---\n# Opening hours\n"
    "🏊🏽🏊🏽𝔓𝔬𝔬𝔩 The municipal pool opens at 7 am on weekdays. 🩱 Caps are compulsory.\n",
    "pool-2026.md": "---\ntitle: Pool rules 2026\ndate: 2026-03-01\n---\n# Opening hours\n"
    "🏊🏽🏊🏽𝔓𝔬𝔬𝔩 The municipal pool opens at 8 am on weekdays. 🩱 Caps are optional.\n",
    "evil.html": "<html><head><title>&lt;img src=x onerror=alert(1)&gt; Kiosk</title></head><body>"
    "<p>The kiosk at the pool sells &lt;script&gt;alert(2)&lt;/script&gt; lemonade for 3 euros."
    " The changing rooms at the pool are cleaned twice a day ![x](https://collect.example/?q=1)"
    " [more](https://collect.example/2).</p></body></html>",
}
PAGES = (
    "The annual report of the harbour. It was printed in May.",
    "Traffic. In 2026 the harbour of Lunde handled 4,812 ships, more than ever before.",
    "Outlook. The northern quay will be closed for repairs until October.",
)
POOL = "When does the municipal pool open on weekdays?"
SHIPS = "How many ships did the harbour of Lunde handle in 2026?"
UNKNOWN = "Who composed the national anthem of Uruguay?"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a few documents in the collection `default`."""
    folder = tmp_path_factory.mktemp("page")
    documents = folder / "town"
    documents.mkdir()
    for name, text in DOCUMENTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    report = FPDF()
    report.set_font("helvetica", size=12)
    for text in PAGES:
        report.add_page()
        report.multi_cell(0, 8, text)
    report.output(str(documents / "harbour.pdf"))
    ingested(folder / "data", documents)
    with served(folder / "data", folder / "log") as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browsing.browser() as started:
        yield started


@pytest.fixture
def seen(service: Served, chromium: Browser) -> Iterator[Visit]:
    """The page in a browser without a past; nothing may go wrong in it behind the scenes."""
    with visit(chromium, service.url) as opened:
        yield opened
        assert opened.complaints == []


def source(page: Page) -> str:
    """Return the words that are marked in the panel of a document's text."""
    expect(page.locator("#source mark").first).to_be_visible()
    return "".join(page.locator("#source mark").all_text_contents())


def test_a_question_is_answered_with_citations_that_open(seen: Visit, service: Served) -> None:
    """What is marked in the document is the quote, though pairs of surrogates stand before it."""
    page = seen.page
    expect(page.locator("#welcome")).to_contain_text("4 documents")
    seen.ask(POOL)
    turn = page.locator(".turn")
    expect(turn.locator(".short")).to_contain_text("8 am")
    expect(turn.locator(".citations > li")).to_have_count(2)
    for number, hour in ((1, "8 am"), (2, "7 am")):
        turn.locator(".answer .marker").nth(number - 1).click()
        quote = f"The municipal pool opens at {hour} on weekdays."
        assert quote in source(page)
        expect(page.locator("#source .facts")).to_contain_text("Markdown")
    reply = service.client.post("/v1/query", json={"question": POOL}).json()
    assert source(page) == reply["citations"][1]["quote"]
    expect(page.locator("#source .facts")).to_contain_text("as of 1 Mar 2025")
    page.click("#source [aria-label='Previous place']")
    expect(page.locator("#source .facts")).to_contain_text("as of 1 Mar 2026")
    assert source(page) == reply["citations"][0]["quote"]


def test_a_page_of_a_pdf_is_named_and_linked(seen: Visit, service: Served) -> None:
    """The panel has the page's number, marks where pages begin, and leads to the file there."""
    page = seen.page
    seen.ask(SHIPS)
    page.locator(".turn .marker").first.click()
    assert "4,812 ships" in source(page)
    expect(page.locator("#source .facts")).to_contain_text("Page 2 of 3")
    expect(page.locator("#source .page-start")).to_have_text(["Page 1", "Page 2", "Page 3"])
    link = page.locator("#source a.original")
    expect(link).to_have_text("Open the original at page 2")
    address, fragment = str(link.get_attribute("href")).split("#")
    assert fragment == "page=2"
    sent = service.client.get(address)
    assert sent.headers["content-type"] == "application/pdf"
    assert sent.content.startswith(b"%PDF-")
    with seen.context.expect_page() as opened:
        link.click()
    viewer = opened.value
    viewer.wait_for_load_state()
    assert viewer.url.endswith("#page=2")
    assert viewer.evaluate("document.contentType") == "application/pdf"
    # Chromium's viewer is an extension in a frame of its own, which the policy must let in.
    until(lambda: len(viewer.frames) > 1)


def test_what_is_not_there_shows_the_closest_passages(seen: Visit) -> None:
    """An honest no, and passages that open where they stand."""
    page = seen.page
    seen.ask(UNKNOWN)
    turn = page.locator(".turn")
    expect(turn.locator("h3").first).to_have_text("Not in your documents")
    passage = turn.locator(".passages > li").first
    text = passage.locator(".text").text_content()
    passage.locator("button").click()
    assert source(page) == text
    expect(turn.locator(".citations, .marker")).to_have_count(0)


def test_limits_go_with_the_question(seen: Visit) -> None:
    """A document, a type and dates are what the request asks for, and what the answer keeps to."""
    page = seen.page
    with page.expect_request("**/v1/query") as sent:
        page.click("#filter-button")
        page.fill("#filter-until", "2025-12-31")
        page.press("#filter-until", "Enter")
        expect(page.locator("#limits")).to_contain_text("until 31 Dec 2025")
        seen.ask(POOL)
    assert json.loads(sent.value.post_data or "") == {
        "question": POOL,
        "collection": "default",
        "stream": True,
        "filter": None,
        "as_of": "2025-12-31",
    }
    expect(page.locator(".turn .short")).to_contain_text("7 am")
    page.click("#filter-button")
    page.fill("#filter-documents", "harb")
    expect(page.locator(".found li")).to_have_count(1)
    page.check(".found input")
    page.check(".boxes label:has-text('PDF') input")
    page.fill("#filter-from", "2025-01-01")
    page.fill("#filter-until", "")
    page.click(".dialog button:has-text('Apply')")
    with page.expect_request("**/v1/query") as sent:
        seen.ask(POOL)
    body = json.loads(sent.value.post_data or "")
    assert body["as_of"] is None
    by_id, by_type, by_date = body["filter"]["conditions"]
    assert (by_type["value"], by_date["value"]) == (["application/pdf"], "2025-01-01")
    assert (by_id["operator"], len(by_id["value"])) == ("in", 1)
    # The report states no date, so nothing passes these filters.
    expect(page.locator(".turn").last.locator("h3")).to_have_text("Nothing to search")
    page.click(".turn:last-child button:has-text('Search everywhere')")
    expect(page.locator(".turn").last.locator(".short")).to_contain_text("8 am")
    expect(page.locator("#limits")).to_be_hidden()


def test_files_are_added_found_and_deleted(seen: Visit, service: Served, tmp_path: Path) -> None:
    """By dropping and by choosing; the report is the one of the job; deleting asks first."""
    page = seen.page
    seen.view("documents")
    page.click("#new-collection")
    page.fill("#collection-name", "added")
    page.press("#collection-name", "Enter")
    expect(page.locator("#collection")).to_have_value("added")
    expect(page.locator("#documents-list")).to_contain_text("No documents yet.")
    page.evaluate(
        """() => {
            const files = new DataTransfer();
            const text = "The ferry to Gull Isle leaves at 6 pm on Sundays.";
            files.items.add(new File([text], "ferry.txt", { type: "text/plain" }));
            files.items.add(new File([new Uint8Array(0)], "nothing.pdf"));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(
                    new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("#uploads .totals")).to_have_text("1 added · 1 failed")
    failed = page.locator("#uploads li").first
    expect(failed).to_contain_text("nothing.pdf")
    jobs = [line for line in seen.asked if "/v1/jobs/" in line]
    told = {
        item["uri"]: item
        for line in dict.fromkeys(jobs)
        for item in service.client.get(line.removeprefix("GET ")).json()["items"]
    }
    expect(failed.locator(".trouble")).to_have_text(told["upload:nothing.pdf"]["message"])
    chosen = tmp_path / "tram.txt"
    chosen.write_text("The tram to the zoo is line 9, and it runs until midnight.")
    page.fill("#upload-date", "2026-05-06")
    page.set_input_files("#files", chosen)
    expect(page.locator("#documents-list li")).to_have_count(2)
    expect(page.locator("#documents-list")).to_contain_text("as of 6 May 2026")
    page.fill("#find", "FERR")
    expect(page.locator("#documents-list li")).to_have_count(1)
    page.click("#documents-list [aria-label^='Delete']")
    page.click(".dialog button:has-text('Cancel')")
    expect(page.locator("#documents-list li")).to_have_count(1)
    page.click("#documents-list [aria-label^='Delete']")
    page.click(".dialog button:has-text('Delete')")
    expect(page.locator("#documents-list")).to_contain_text("No document has these words")
    expect(page.locator("#find")).to_be_focused()
    listed = service.client.get("/v1/documents", params={"collection": "added"}).json()["items"]
    assert [item["uri"] for item in listed] == ["upload:tram.txt"]
    page.click("#delete-collection")
    page.click(".dialog button:has-text('Delete')")
    expect(page.locator("#collection")).to_have_value("default")
    assert service.client.get("/v1/collections/added").status_code == 404


def test_an_answer_is_copied_with_its_citations(seen: Visit) -> None:
    """Plain text that can be put into a mail."""
    page = seen.page
    seen.ask(SHIPS)
    page.click(".turn button:has-text('Copy')")
    expect(page.locator(".turn button:has-text('Copied')")).to_be_visible()
    copied = str(page.evaluate("navigator.clipboard.readText()"))
    quote = "In 2026 the harbour of Lunde handled 4,812 ships, more than ever before."
    lines = copied.splitlines()
    assert lines[0] == SHIPS
    assert f"{quote} [1]" in lines[2]
    assert lines[4].startswith("[1] ")
    assert "page 2" in lines[4]
    assert lines[4].endswith("town/harbour.pdf")
    assert lines[5] == f"    “{quote}”"


def test_the_history_is_kept_in_the_browser_alone(seen: Visit) -> None:
    """It outlives a reload, shows the answer without asking again, and can be forgotten."""
    page = seen.page
    seen.ask(POOL)
    page.click("text=New conversation")
    seen.ask(UNKNOWN)
    page.reload()
    asked = len([line for line in seen.asked if line.startswith("POST")])
    expect(page.locator(".turn h2")).to_have_text(UNKNOWN)
    page.click("text=New conversation")
    expect(page.locator("#welcome .recent li")).to_have_count(2)
    seen.view("history")
    rows = page.locator("#past li")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("not in your documents")
    rows.nth(1).locator("button.title").click()
    expect(page.locator(".turn .short")).to_contain_text("8 am")
    page.locator(".turn .marker").first.click()
    assert "8 am" in source(page)
    assert len([line for line in seen.asked if line.startswith("POST")]) == asked
    seen.view("history")
    page.click(f"[aria-label='Forget: {UNKNOWN}']")
    expect(rows).to_have_count(1)
    page.click("text=Clear history")
    page.click(".dialog button:has-text('Clear')")
    expect(rows).to_have_count(0)
    assert page.evaluate("localStorage.getItem('afterword.history')") is None


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_keyboard_is_enough(service: Served, chromium: Browser, width: int) -> None:
    """Ask, open a citation, go on, come back to where one was, change the view: no mouse."""
    with visit(chromium, service.url, width=width) as seen:
        page = seen.page
        expect(page.locator("#welcome")).to_contain_text("documents")
        expect(page.locator("#question")).to_be_focused()
        page.keyboard.type(POOL)
        page.keyboard.press("Enter")
        page.locator(".turn footer").wait_for()
        page.locator(".turn h2").evaluate("(h2) => h2.focus()")
        page.keyboard.press("Tab")
        expect(page.locator(".turn .marker").first).to_be_focused()
        page.keyboard.press("Enter")
        assert "8 am" in source(page)
        expect(page.locator("#source-title")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("[aria-label='Next place']")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#source .facts")).to_contain_text("2025")
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        expect(page.locator(".turn .marker").first).to_be_focused()
        page.keyboard.press("/")
        expect(page.locator("#question")).to_be_focused()
        for _ in range(40):
            page.keyboard.press("Shift+Tab")
            if page.evaluate("document.activeElement?.getAttribute('href')") == "#documents":
                break
        page.keyboard.press("Enter")
        expect(page.locator("#documents-list li")).to_have_count(4)
        assert seen.complaints == []


def states(seen: Visit) -> Iterator[str]:
    """Go through what the page can look like, and name each state."""
    page = seen.page
    expect(page.locator("#welcome")).to_contain_text("documents")
    yield "empty"
    seen.ask(POOL)
    page.click(".turn summary")
    yield "answer"
    page.locator(".turn .marker").first.click()
    source(page)
    yield "source"
    page.click("#source [aria-label='Close']")
    seen.ask(UNKNOWN)
    yield "not found"
    page.click("#filter-button")
    expect(page.locator(".found li").first).to_be_visible()
    expect(page.locator(".boxes label").first).to_be_visible()
    yield "limits"
    page.fill("#filter-from", "2025-01-01")
    page.check(".found input >> nth=0")
    page.click(".dialog button:has-text('Apply')")
    yield "limited"
    seen.view("documents")
    expect(page.locator("#documents-list li").first).to_be_visible()
    yield "documents"
    page.click("#documents-list [aria-label^='Delete'] >> nth=0")
    yield "confirm"
    page.click(".dialog button:has-text('Cancel')")
    page.click("#new-collection")
    yield "new collection"
    page.click(".dialog button:has-text('Cancel')")
    seen.view("history")
    yield "history"


LOOKS = [
    # Two of the six show what most changes break, each colour and each end of the widths once.
    pytest.param(
        width,
        scheme,
        id=f"{name}-{scheme}",
        marks=[] if (name, scheme) in {("phone", "dark"), ("wide", "light")} else pytest.mark.slow,
    )
    for name, width in WIDTHS.items()
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_nothing_keeps_anybody_out(
    service: Served, chromium: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing in any state, at any width, in both colours; nothing sticks out."""
    with visit(chromium, service.url, width=width, scheme=scheme) as seen:
        for state in states(seen):
            assert violations(seen.page) == [], state
            assert sideways(seen.page) == 0, state
        assert seen.complaints == []


def test_the_narrowest_phone_shows_all(service: Served, chromium: Browser) -> None:
    """320 pixels, as WCAG's reflow asks for: nothing has to be scrolled sideways."""
    with visit(chromium, service.url, width=320) as seen:
        for state in states(seen):
            assert sideways(seen.page) == 0, state


def test_on_a_phone_the_question_leaves_room_for_its_answer(
    service: Served, chromium: Browser
) -> None:
    """A tenth of the window is for the next one; a long one may grow, and not over the half."""
    with visit(chromium, service.url, width=360, height=640) as seen:
        seen.ask(POOL)
        form = seen.page.locator("#ask-form")
        assert height_of(form) <= 64
        seen.page.fill("#question", "Is the pool open? " * 100)
        assert 100 < height_of(form) <= 320
        assert sideways(seen.page) == 0


@pytest.mark.slow
def test_each_tab_has_a_collection_of_its_own(service: Served, chromium: Browser) -> None:
    """What another tab chooses, or deletes, changes nothing of what this one shows and does."""
    for name in ("left", "right"):
        upload(service, collection=name, id="same", title=f"On {name}", text=f"It is {name}.")
    with visit(chromium, service.url) as seen:
        page, other = seen.page, seen.context.new_page()
        page.select_option("#collection", "left")
        expect(page.locator("#welcome")).to_contain_text("1 document")
        other.goto(service.url)
        other.select_option("#collection", "right")
        expect(other.locator("#collection")).to_have_value("right")
        with page.expect_request("**/v1/query") as sent_by_page:
            seen.ask("What is it?")
        assert json.loads(sent_by_page.value.post_data or "")["collection"] == "left"
        seen.view("documents")
        page.click("[aria-label='Delete On left']")
        page.click(".dialog button:has-text('Delete')")
        expect(page.locator("#documents-list")).to_contain_text("No documents yet.")
        held = service.client.get("/v1/documents", params={"collection": "right"}).json()["items"]
        assert [one["document_id"] for one in held] == ["same"]
        # A collection that another tab has deleted: this one says so, and shows what it asks.
        service.client.delete("/v1/collections/right")
        other.fill("#question", "Where am I?")
        other.press("#question", "Enter")
        expect(other.locator(".turn .trouble").first).to_contain_text("There is no such collection")
        service.client.delete("/v1/collections/left")


def upload(service: Served, **body: str) -> None:
    """Upload a text and wait until it is stored."""
    job = service.client.post("/v1/documents", json=body).json()["job_id"]
    until(lambda: service.client.get(f"/v1/jobs/{job}").json()["state"] == "done")


def test_rows_stay_rows(service: Served, chromium: Browser) -> None:
    """A table of text is shown line by line; only a PDF's narrow lines are joined."""
    rows = "\n".join(
        f"The support of version {n} of the long product name ends in the year, {2000 + n}"
        for n in range(5)
    )
    upload(service, collection="rows", title="Support", text=rows, id="support")
    with visit(chromium, service.url, stored={"afterword.collection": "rows"}) as seen:
        seen.view("documents")
        seen.page.click("#documents-list .title")
        expect(seen.page.locator("#source .page")).to_have_text(rows)
        shown = seen.page.locator("#source .page").inner_text()
        assert [line for line in shown.splitlines() if line] == rows.splitlines()
    service.client.delete("/v1/collections/rows")


@pytest.mark.parametrize(("width", "height"), [(320, 256), (844, 390)])
def test_magnified_nothing_stands_in_the_way(
    service: Served, chromium: Browser, width: int, height: int
) -> None:
    """At 400 % of 1280 by 1024, and on a phone on its side, what is read can be pressed."""
    with visit(chromium, service.url, width=width, height=height) as seen:
        page = seen.page
        expect(page.locator("#welcome")).to_contain_text("documents")
        seen.ask(POOL)
        page.locator(".citations .title").first.click()
        assert "8 am" in source(page)
        page.keyboard.press("Escape")
        page.click("#filter-button")
        page.fill("#filter-documents", "pool")
        page.locator(".found input").first.check()
        page.click(".dialog button:has-text('Apply')")
        expect(page.locator("#limits")).to_contain_text("Pool")


def test_focus_goes_where_the_work_goes_on(seen: Visit) -> None:
    """After a filter is dropped, a question is forgotten, or an old one is shown again."""
    page = seen.page
    seen.ask(POOL)
    page.click("text=New conversation")
    seen.ask(UNKNOWN)
    page.click("#filter-button")
    for place in (0, 1):
        page.locator(".found input").nth(place).check()
        expect(page.locator(".found input").nth(place)).to_be_focused()
    page.click(".dialog button:has-text('Apply')")
    page.locator("#limits button").first.click()
    expect(page.locator("#limits button").first).to_be_focused()
    page.locator("#limits button").first.click()
    expect(page.locator("#filter-button")).to_be_focused()
    seen.view("history")
    page.click(f"#past .title:has-text('{POOL}')")
    expect(page.locator(".turn h2")).to_be_focused()
    expect(page.locator(".turn h2")).to_have_text(POOL)
    seen.view("history")
    page.click(f"[aria-label='Forget: {UNKNOWN}']")
    expect(page.locator("#past .title").first).to_be_focused()


def test_going_back_closes_what_covers_the_page(service: Served, chromium: Browser) -> None:
    """On a phone the text of a document is a step of its own; elsewhere it goes with its view."""
    with visit(chromium, service.url, width=WIDTHS["phone"]) as seen:
        seen.ask(POOL)
        seen.page.locator(".turn .marker").first.click()
        source(seen.page)
        seen.page.go_back()
        expect(seen.page.locator("#source")).to_be_hidden()
        expect(seen.page.locator(".turn .short")).to_be_visible()
    with visit(chromium, service.url) as seen:
        seen.ask(POOL)
        seen.page.locator(".turn .marker").first.click()
        source(seen.page)
        seen.view("documents")
        expect(seen.page.locator("#source")).to_be_hidden()


def test_a_browser_that_keeps_nothing_will_do(service: Served, chromium: Browser) -> None:
    """With storage blocked the page works; what it would keep lasts as long as the page."""
    blocked = """for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, { get() { throw new DOMException("no"); } });"""
    with visit(chromium, service.url, script=blocked) as seen:
        expect(seen.page.locator("#welcome")).to_contain_text("documents")
        seen.ask(POOL)
        expect(seen.page.locator(".turn .short")).to_contain_text("8 am")
        seen.view("history")
        expect(seen.page.locator("#past li")).to_have_count(1)
        assert seen.complaints == []


def test_a_history_that_is_broken_is_left_out(service: Served, chromium: Browser) -> None:
    """Whatever stands in the browser's storage, the page shows what it can."""
    entries = '[null, {"question": 1}, {"question": "q", "reply": null}, 7]'
    with visit(chromium, service.url, stored={"afterword.history": entries}) as seen:
        seen.ask(POOL)
        seen.view("history")
        expect(seen.page.locator("#past li")).to_have_count(1)
        assert seen.complaints == []


def test_documents_cannot_put_markup_on_the_page(seen: Visit) -> None:
    """A title and a text that are HTML are shown as the words that they are."""
    page = seen.page
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    seen.ask("What does the kiosk at the pool sell for 3 euros?")
    turn = page.locator(".turn").last
    expect(turn.locator(".citations")).to_contain_text("<img src=x onerror=alert(1)> Kiosk")
    expect(turn.locator(".answer")).to_contain_text("<script>alert(2)</script> lemonade")
    turn.locator(".marker").first.click()
    assert "<script>" in source(page)
    seen.view("documents")
    expect(page.locator("#documents-list")).to_contain_text("onerror")
    assert page.locator("img, main script, #source script").count() == 0


def test_links_and_pictures_in_answers_are_words(seen: Visit) -> None:
    """Markdown of a document is shown as it is: nothing leads elsewhere, nothing is fetched."""
    seen.ask("How often are the changing rooms at the pool cleaned?")
    turn = seen.page.locator(".turn").last
    expect(turn.locator(".answer")).to_contain_text("![x](https://collect.example/?q=1)")
    turn.locator(".marker").first.click()
    assert "collect.example" in source(seen.page)
    assert seen.page.locator("[href*='collect.example'], [src*='collect.example']").count() == 0
    assert not [url for url in seen.asked if "collect.example" in url]


def test_the_policy_allows_nothing_but_the_pages_own_files(seen: Visit, service: Served) -> None:
    """The browser itself refuses other scripts, styles and markup from strings."""
    page = seen.page
    policy = service.client.get("/").headers["content-security-policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert "unsafe" not in policy
    refused = page.evaluate(
        """() => {
            try { document.body.innerHTML = "<b>x</b>"; return ""; }
            catch (error) { return error.name; }
        }"""
    )
    assert refused == "TypeError"
    page.evaluate(
        """() => new Promise((done) => {
            const image = new Image();
            image.onerror = done;
            image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
        })"""
    )
    assert until(lambda: len(seen.complaints) >= 2)
    assert all("Content Security Policy" in one or "Trusted" in one for one in seen.complaints)
    assert {line.split(" ")[1].split("/v1")[0] for line in seen.asked if "/v1" in line} == {
        service.url
    }
    seen.complaints.clear()


def test_files_of_the_page_are_sent_once(service: Served) -> None:
    """A browser that has a file is told so; what the page has not is refused."""
    client = service.client
    page = client.get("/").text
    assert '<base href="/">' in page
    names = re.findall(r'(?:href|src)="(page/[\w.]+)"', page)
    assert len(names) == 3
    for name in names:
        first = client.get(f"/{name}")
        tag = first.headers["etag"]
        assert client.head(f"/{name}").headers["content-length"] == str(len(first.content))
        again = client.get(f"/{name}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    for path in ("/page/index.html", "/page/none.js", "/page/..%2fapp.py", "/page/"):
        assert client.get(path).status_code == 404, path
