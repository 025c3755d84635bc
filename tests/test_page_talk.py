"""The page at `/` in conversation: follow-up questions, and answers of a language model."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal, cast

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

import browsing
from browsing import Visit, height_of, sideways, violations, visit
from bundled_documents import make_collection, stored
from indexes.documents import Span
from indexes.errors import AfterwordError, ModelBusy, ModelFailed
from indexes.settings import Settings
from scripted_model import Script, words_of
from service.answer import Question, build_answerer
from service.app import create_app
from service.evidence import Evidence, Quoted, Support
from service.language_model import Check, Ended, LanguageModel, Message, Sampling
from service.prompts import NOT_FOUND
from service.reply import Event, Reply, SearchEvent
from serving import SmallAnswerer, running, small_app, until
from serving import stored as stored_small

# The server is not asked: a language model of the tests stands in its place.
WRITING: Final = {
    "generator": "openai",
    "openai_base_url": "http://127.0.0.1:9/v1",
    "threshold": 0.0,
}
POOL = "When does the municipal pool open on weekdays?"
BUILT = "And who built it?"
KIOSK = "What does the kiosk sell?"
ANTHEM = "Who wrote the anthem of the town?"
ROOF = "What is its roof made of?"
LONG = "Tell me all about the pool."
OPENS = "The municipal pool opens at 8 am on weekdays."
VARGA = "The pool was built by Ilse Varga in 1931."
SELLS = "The kiosk sells <script>alert(2)</script> lemonade & [ice](javascript:alert) for 3 euros."
SOLD = "The kiosk sells alert(2) lemonade & ice for 3 euros."
EVIL = "<img src=x onerror=alert(1)>"
TEXTS = {
    "pool": (
        "Pool rules",
        f"{OPENS} {VARGA} Caps are optional, and towels can be had for 2 euros.",
    ),
    "kiosk": (f"{EVIL} Kiosk", SELLS),
}
SAYS = {
    POOL: f"{OPENS} [1]",
    BUILT: f"{VARGA} [1] Its roof is of <b>gold</b>. [2]",
    KIOSK: f"<img src=x onerror=alert(4)> See [this](https://collect.example/?q=1). {SELLS} [2]",
    ANTHEM: NOT_FOUND,
    ROOF: "The roof is of gold.",
    LONG: f"{OPENS} [1] {VARGA} [1]",
}
THOUGHT = f"1. Evidence [1] speaks of the pool. {EVIL}\n2. So it opens at 8 am.\n"


@dataclass
class Writer:
    """A language model that writes by what it is asked, and does what a test wants meanwhile."""

    given: list[Sequence[Message]] = field(default_factory=list)
    between: Callable[[], None] = lambda: None
    closed: int = 0

    def write(
        self, messages: Sequence[Message], sampling: Sampling, check: Check
    ) -> Iterator[str | Ended]:
        """Answer from evidence; what else it is asked for, it repeats."""
        prompt = messages[-1].text
        question = prompt.rpartition("Question: ")[2]
        said = next((text for asked, text in SAYS.items() if question.startswith(asked)), question)
        if "step" in messages[0].text:
            said = f"{THOUGHT}Answer:\n{said}"
        if "<evidence-" in prompt:
            self.given.append(messages)
        try:
            yield from Script([said], between=self.between).model().write(messages, sampling, check)
        finally:
            self.closed += 1


def verbatim(sentence: str, evidence: Sequence[Evidence], named: Sequence[int]) -> Support:
    """Bear out what stands in the evidence word for word, and nothing else."""
    del named
    for one in evidence:
        chunk = one.candidate.chunk
        at = chunk.text.find(sentence)
        if at >= 0:
            span = Span(chunk.span.start + at, chunk.span.start + at + len(sentence))
            return Support((Quoted(one, span, span),))
    return Support(reason=f"it stands in no passage {EVIL}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of this file."""
    with browsing.browser() as started:
        yield started


@pytest.fixture(scope="module")
def patched() -> Iterator[Writer]:
    """A language model in the place of those there are, and a simple check of its sentences."""
    writer = Writer()
    model = LanguageModel("scripted <i>1</i>", 4096, words_of, writer.write)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.generators.LANGUAGE_MODELS", {"openai": lambda _: model})
        patch.setattr("service.generators.load_model", lambda *_: model)
        patch.setattr("service.answer.grounding", lambda *_: verbatim)
        yield writer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of two documents."""
    folder = tmp_path_factory.mktemp("talk")
    documents = [stored(name, [text], title=title) for name, (title, text) in TEXTS.items()]
    make_collection(folder, "default", documents)
    return folder


@pytest.fixture(scope="module")
def url(data: Path, patched: Writer) -> Iterator[str]:
    """A service that has a language model, and quotes where it is not asked to write."""
    del patched
    settings = Settings.model_validate({"data": data, **WRITING})
    with running(create_app(settings, build_answerer, worker=False)) as client:
        yield str(client.base_url)


@pytest.fixture
def writer(patched: Writer) -> Iterator[Writer]:
    """The language model, which has been asked nothing yet."""
    patched.given.clear()
    patched.closed = 0
    yield patched
    patched.between = lambda: None


@pytest.fixture
def seen(url: str, writer: Writer, chromium: Browser) -> Iterator[Visit]:
    """The page in a browser without a past; nothing may go wrong in it behind the scenes."""
    del writer
    with visit(chromium, url) as opened:
        opened.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        expect(opened.page.locator("#manner")).to_be_visible()
        yield opened
        assert opened.complaints == []


def sent(seen: Visit, act: Callable[[], None]) -> dict[str, object]:
    """Do something that asks a question, and return what the request said."""
    with seen.page.expect_request("**/v1/query") as request:
        act()
    body: dict[str, object] = json.loads(request.value.post_data or "")
    return body


def last(page: Page) -> Locator:
    """Return the last turn."""
    return page.locator(".turn").last


def pairs(*said: tuple[str, str]) -> list[Mapping[str, str]]:
    """Return earlier questions and answers as a request has them."""
    roles = ("user", "assistant")
    return [
        {"role": role, "content": text}
        for turn in said
        for role, text in zip(roles, turn, strict=True)
    ]


def test_a_conversation_goes_on_and_is_kept(seen: Visit, writer: Writer) -> None:
    """Five turns, each sent with those before it; all stay, after a reload too, until forgotten."""
    page = seen.page
    said = [(POOL, OPENS), (BUILT, VARGA), (KIOSK, SOLD), (ANTHEM, "The documents do not say.")]
    for number, question in enumerate((POOL, BUILT, KIOSK, ANTHEM, ROOF)):
        body = sent(seen, partial(seen.ask, question))
        assert body.get("history", []) == pairs(*said[:number])
        assert body["generator"] == "openai"
        assert "reasoning" not in body
    assert [one.text for one in writer.given[1][1:-1]] == [POOL, OPENS]
    turns = page.locator(".turn")
    expect(turns.nth(0).locator(".answer")).to_have_text(f"{OPENS} 1")
    expect(turns.nth(1).locator(".citations > li")).to_have_count(1)
    expect(turns.nth(3).locator("h3").first).to_have_text("Not in your documents")
    expect(turns.nth(4).locator(".notice")).to_contain_text("Quoted, not written. The evidence")
    page.reload()
    expect(turns).to_have_count(5)
    turns.nth(1).locator(".marker").click()
    expect(page.locator("#source mark")).to_have_text(VARGA)
    body = sent(seen, lambda: seen.ask(LONG))
    assert len(pairs(*said, ("", ""))) == len(body["history"])  # type: ignore[arg-type] # a list
    page.click("text=New conversation")
    expect(turns).to_have_count(0)
    expect(page.locator("#question")).to_be_focused()
    assert "history" not in sent(seen, lambda: seen.ask(POOL))
    seen.view("history")
    rows = page.locator("#past li")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("6 questions")
    rows.nth(1).locator("button.title").click()
    expect(turns).to_have_count(6)
    expect(last(page).locator("h2")).to_be_focused()
    seen.view("history")
    page.click(f"#past li:has-text('6 questions') [aria-label='Forget: {POOL}']")
    expect(rows).to_have_count(1)
    seen.view("ask")
    expect(turns).to_have_count(0)


@pytest.mark.slow
def test_a_long_conversation_is_whole(tmp_path: Path, chromium: Browser) -> None:
    """Forty turns: all are there after a reload, and all go with the next question."""
    stored_small(tmp_path / "data", {"swans": "All swans of the pond are white."})
    with (
        running(small_app(SmallAnswerer(tmp_path / "data"))) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        for number in range(40):
            seen.ask(f"What colour is swan {number}?")
        seen.page.reload()
        expect(seen.page.locator(".turn")).to_have_count(40)
        expect(last(seen.page).locator("h2")).to_be_in_viewport()
        body = sent(seen, lambda: seen.ask("And the last?"))
        answered = "All swans are white."
        assert body["history"] == pairs(
            *((f"What colour is swan {number}?", answered) for number in range(40))
        )
        assert sideways(seen.page) == 0
        assert seen.complaints == []


def test_what_a_model_wrote_cannot_act(seen: Visit) -> None:
    """Markup, links and scripts of models and titles are words, wherever they are shown."""
    page = seen.page
    page.click("#reasoning-switch")
    for question in (KIOSK, BUILT):
        seen.ask(question)
    for fold in page.locator(".turn summary").all():
        fold.click()
    turns = page.locator(".turn")
    expect(turns.nth(0).locator(".answer")).to_have_text(f"{SOLD} 1")
    expect(turns.nth(0).locator("blockquote")).to_have_text(SELLS)
    expect(turns.nth(0).locator(".reasoning .text")).to_contain_text(EVIL)
    expect(turns.nth(0).locator(".citations")).to_contain_text(f"{EVIL} Kiosk")
    expect(turns.nth(0).locator(".left-out")).to_contain_text("https://collect.example/?q=1")
    expect(turns.nth(1).locator(".left-out")).to_contain_text("1 sentence left out")
    expect(turns.nth(1).locator(".left-out")).to_contain_text("Its roof is of <b>gold</b>.")
    expect(turns.nth(1).locator(".left-out")).to_contain_text(f"It stands in no passage {EVIL}.")
    expect(turns.nth(1).locator(".figures").last).to_contain_text("scripted <i>1</i> (")
    assert page.locator("img, main script, .turn a, .turn b, .turn i").count() == 0
    assert not [line for line in seen.asked if "collect.example" in line]


def test_the_reasoning_is_fetched_on_demand_and_folded_away(seen: Visit) -> None:
    """The switch is remembered; so is whether answers are written or quoted."""
    page = seen.page
    page.focus("#reasoning")
    page.keyboard.press("Space")
    body = sent(seen, lambda: seen.ask(POOL))
    assert (body["strategy"], body["reasoning"]) == ("cot", True)
    fold = last(page).locator(".reasoning")
    expect(fold.locator(".text")).to_be_hidden()
    fold.locator("summary").click()
    expect(fold.locator(".text")).to_contain_text("So it opens at 8 am.")
    page.reload()
    expect(page.locator("#reasoning")).to_be_checked()
    expect(last(page).locator(".reasoning .text")).to_be_hidden()
    page.focus("#manner :checked")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#reasoning-switch")).to_be_hidden()
    body = sent(seen, lambda: seen.ask(KIOSK))
    assert (body["generator"], "strategy" in body) == ("quote", False)
    expect(last(page).locator(".short, .citations").first).to_be_visible()
    page.reload()
    expect(page.locator("#manner [value='quote']")).to_be_checked()


def gate(writer: Writer, calls: int) -> threading.Event:
    """Let the model write so many pieces, and wait before the next one."""
    go_on, made = threading.Event(), iter(range(10_000))

    def between() -> None:
        if next(made) >= calls:
            assert go_on.wait(30)

    writer.between = between
    return go_on


def test_stopping_keeps_what_came_until_then(seen: Visit, writer: Writer) -> None:
    """A citation opens while the next sentence is awaited; then the work is stopped and told so."""
    page = seen.page
    go_on = gate(writer, 10)
    page.fill("#question", LONG)
    page.press("#question", "Enter")
    turn = last(page)
    expect(turn.locator(".answer")).to_have_text(f"{OPENS} 1")
    expect(turn.locator(".waiting")).to_contain_text("Writing from 2 documents…")
    expect(page.locator("#said")).to_have_text(OPENS)
    turn.locator(".marker").click()
    expect(page.locator("#source mark")).to_have_text(OPENS)
    page.keyboard.press("Escape")
    expect(turn.locator(".marker")).to_be_focused()
    assert violations(page) == []
    page.focus("#ask-button")
    page.keyboard.press("Enter")
    expect(turn.locator(".notice")).to_have_text("Stopped. This answer is not whole.")
    go_on.set()
    until(lambda: writer.closed == 1)
    page.reload()
    expect(last(page).locator(".answer")).to_have_text(f"{OPENS} 1")
    expect(last(page).locator(".notice")).to_have_text("Stopped. This answer is not whole.")
    body = sent(seen, lambda: seen.ask(BUILT))
    assert body["history"] == pairs((LONG, OPENS))
    page.click(".turn >> nth=0 >> text=Ask again")
    expect(page.locator(".turn").first.locator(".answer")).to_have_text(f"{OPENS} 1 {VARGA} 2")
    expect(page.locator(".turn")).to_have_count(2)


def test_leaving_in_the_middle_keeps_what_came(seen: Visit, writer: Writer) -> None:
    """A reload, or another conversation, stops the work; nothing that was read is lost."""
    page = seen.page
    go_on = gate(writer, 10)
    page.fill("#question", LONG)
    page.press("#question", "Enter")
    expect(last(page).locator(".answer")).to_have_text(f"{OPENS} 1")
    page.reload()
    go_on.set()
    expect(last(page).locator(".answer")).to_have_text(f"{OPENS} 1")
    until(lambda: writer.closed == 1)


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (ModelBusy("the server http://x takes no more", 7), "The language model is busy"),
        (ModelFailed("the server http://x broke off"), "The language model failed"),
    ],
)
def test_a_model_that_fails_is_told_and_can_be_done_without(
    seen: Visit, writer: Writer, error: AfterwordError, title: str
) -> None:
    """What came stays, the service's own words are folded away, and quoting is one press away."""
    page = seen.page
    pieces = iter(range(10_000))

    def between() -> None:
        if next(pieces) == 10:
            raise error

    writer.between = between
    seen.ask(LONG)
    trouble = last(page).locator(".trouble")
    expect(trouble.locator("h3")).to_have_text(title)
    expect(last(page).locator(".answer")).to_have_text(f"{OPENS} 1")
    expect(trouble.locator(".detail")).to_be_hidden()
    trouble.locator("summary").click()
    expect(trouble.locator(".detail")).to_have_text(error.message)
    assert violations(page) == []
    body = sent(seen, lambda: trouble.locator("text=Quote instead").click())
    assert body["generator"] == "quote"
    expect(last(page).locator(".figures").last).to_contain_text("Score")


@pytest.mark.slow
def test_a_wait_that_the_service_asks_for_is_kept(seen: Visit) -> None:
    """The seconds are counted down, and pressing before they are over asks nothing."""
    page = seen.page
    problem = {"code": "rate_limited", "status": 429, "detail": "Too often. Try again in 2 s."}

    def refuse(route: Route) -> None:
        route.fulfill(status=429, headers={"Retry-After": "2"}, body=json.dumps(problem))

    page.route("**/v1/query", refuse)
    seen.ask(POOL)
    again = last(page).locator(".trouble button")
    expect(again).to_contain_text("Ask again in")
    again.press("Enter")
    expect(again).to_have_text("Ask again")
    expect(again).not_to_have_attribute("aria-disabled", "true")
    page.unroute("**/v1/query")
    again.click()
    expect(last(page).locator(".answer")).to_contain_text(OPENS)
    assert len([line for line in seen.asked if line.endswith("/v1/query")]) == 2
    assert all("429" in one for one in seen.complaints)
    seen.complaints.clear()


@pytest.mark.slow
def test_unsupported_sentences_may_be_marked(data: Path, writer: Writer, chromium: Browser) -> None:
    """By the service's setting; the mark is styled, and the reasons are folded away."""
    del writer
    settings = Settings.model_validate({"data": data, **WRITING, "unsupported": "mark"})
    with (
        running(create_app(settings, build_answerer, worker=False)) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        expect(seen.page.locator("#manner")).to_be_visible()
        seen.ask(BUILT)
        turn = last(seen.page)
        expect(turn.locator(".answer .unsupported")).to_have_text("unsupported")
        expect(turn.locator(".left-out summary")).to_contain_text("1 sentence that the documents")
        assert violations(seen.page) == []
        assert seen.complaints == []


@dataclass
class Rewriting(SmallAnswerer):
    """Searches for something else than what was asked, wherever something was said before."""

    query: str = "What colour are swans?"

    def answer(self, question: Question, **others: object) -> Reply:
        """Answer as ever."""
        if not question.history:
            return super().answer(question, **others)  # type: ignore[arg-type] # handed on
        told = cast("Callable[[Event], None]", others.pop("on_event"))

        def tell(event: Event) -> None:
            if isinstance(event, SearchEvent):
                event = replace(event, query=self.query)
            told(event)

        return replace(super().answer(question, on_event=tell), query=self.query)


def test_a_question_that_was_rewritten_is_shown(tmp_path: Path, chromium: Browser) -> None:
    """While the answer is awaited too. Without a language model there is no choice of how."""
    stored_small(tmp_path / "data", {"swans": "All swans of the pond are white."})
    answerer = Rewriting(tmp_path / "data")
    with (
        running(small_app(answerer)) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        body = sent(seen, lambda: seen.ask("Where are swans?"))
        assert set(body) == {"question", "collection", "stream", "filter", "as_of"}
        expect(last(seen.page).locator(".searched")).to_have_count(0)
        shown = "Searched for What colour are swans?"
        go_on = threading.Event()
        answerer.between = lambda: (go_on.wait(20), None)[1]
        seen.page.fill("#question", "What colour?")
        seen.page.press("#question", "Enter")
        expect(last(seen.page).locator(".searched")).to_have_text(shown)
        expect(last(seen.page).locator(".waiting")).to_be_visible()
        go_on.set()
        last(seen.page).locator("footer").wait_for()
        expect(last(seen.page).locator(".searched")).to_have_text(shown)
        expect(seen.page.locator("#manner")).to_be_hidden()
        assert client.get("/health/ready").json()["generators"] == ["quote"]


def kept_by(url: str, **changes: object) -> dict[str, str]:
    """Return what a browser has kept of a question, with changes to its reply."""
    reply = httpx2.post(f"{url}/v1/query", json={"question": POOL, "generator": "quote"}).json()
    limits = {"documents": [], "types": [], "from": "", "until": ""}
    entry = {"id": "old", "asked": 1, "question": POOL, "collection": "default", "where": ""}
    whole = {
        **reply,
        "dropped": [{"chunk_id": reply["passages"][1]["chunk_id"], "reason": "no room"}],
    }
    return {
        "afterword.history": json.dumps(
            [{**entry, "limits": limits, "reply": {**whole, **changes}}]
        )
    }


def test_what_had_no_room_is_named(url: str, chromium: Browser) -> None:
    """Passages that the model was not given, and that it had to end too soon."""
    told = {"model": "m", "finish_reason": "length", "unsupported": []}
    with visit(chromium, url, stored=kept_by(url, generation=told)) as seen:
        seen.page.click(".recent button")
        expect(last(seen.page).locator(".after > .finding")).to_contain_text("no room or no time")
        last(seen.page).locator("summary").click()
        unread = last(seen.page).locator(".passages > li:has-text('Not read: no room')")
        expect(unread).to_have_count(1)
        expect(last(seen.page).locator(".figures").last).to_have_text(re.compile(r"^m · Score"))
        assert seen.complaints == []


def test_the_history_shows_what_is_unsupported(url: str, chromium: Browser) -> None:
    """As the answer does, and below it where the mark itself has no room; so does what is sent."""
    marked = f"{OPENS} [1] {'Caps are blue. ' * 20}[unsupported] Towels are free. [unsupported]"
    told = {"model": "m", "finish_reason": "stop", "unsupported": []}
    kept = kept_by(url, generation=told, answer=marked)
    with visit(chromium, url, stored=kept) as seen:
        seen.view("history")
        row = seen.page.locator("#past li")
        expect(row.locator(".clip .unsupported")).to_have_count(2)
        expect(row.locator(".clip")).not_to_contain_text("[")
        expect(row.locator(".where")).to_contain_text("2 sentences unsupported")
        row.locator("button.title").click()
        body = sent(seen, lambda: seen.ask(BUILT))
        said = cast("list[dict[str, str]]", body["history"])[1]["content"]
        assert said.count("[unsupported]") == 2
        assert seen.complaints == []
    quoted = kept_by(url, generation=None, answer="Towels [unsupported] are free.")
    with visit(chromium, url, stored=quoted) as seen:
        seen.view("history")
        expect(seen.page.locator("#past .unsupported")).to_have_count(0)
        expect(seen.page.locator("#past .where")).not_to_contain_text("unsupported")


def test_questions_of_an_older_page_are_conversations(url: str, chromium: Browser) -> None:
    """What the browser kept before there were conversations can be opened and gone on with."""
    with visit(chromium, url, stored=kept_by(url, generation=None)) as seen:
        seen.page.click(".recent button")
        expect(last(seen.page).locator(".answer")).to_contain_text(OPENS)
        body = sent(seen, lambda: seen.ask(BUILT))
        assert [one["role"] for one in body["history"]] == ["user", "assistant"]  # type: ignore[attr-defined] # a list
        assert seen.complaints == []


def talk(seen: Visit) -> Iterator[str]:
    """Go through what a conversation can look like, and name each state."""
    page = seen.page
    expect(page.locator("#manner")).to_be_visible()
    yield "empty"
    page.click("#reasoning-switch")
    for question in (POOL, BUILT, ROOF, ANTHEM):
        seen.ask(question)
    for fold in page.locator(".turn summary").all():
        fold.click()
    yield "talk"
    seen.view("history")
    yield "history"


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "dark"),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in ((1440, "light"), (820, "dark"), (320, "light"))
        ),
    ],
)
def test_nothing_keeps_anybody_out_of_a_conversation(
    url: str, writer: Writer, chromium: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    """axe-core finds nothing in any state; nothing sticks out."""
    del writer
    with visit(chromium, url, width=width, scheme=scheme) as seen:
        for state in talk(seen):
            assert violations(seen.page) == [], state
            assert sideways(seen.page) == 0, state
            if width <= 360 and state == "talk":  # what is read has most of the window
                assert height_of(seen.page.locator("#ask-form")) <= 108
        assert seen.complaints == []
