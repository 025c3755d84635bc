"""The page's reckoning with texts, run in the browser and compared with Python's own."""

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

import browsing
from browsing import visit
from ingest.readers import READERS
from serving import SmallAnswerer, running, small_app, stored

LETTERS = "aé漢ש🏊🏽\u200d𝔓\n\ufeff e\u0301"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page with its modules."""
    data = tmp_path_factory.mktemp("text")
    stored(data, {"one": "One text."})
    with (
        browsing.browser() as chromium,
        running(small_app(SmallAnswerer(data))) as client,
        visit(chromium, str(client.base_url)) as seen,
    ):
        yield seen.page


def test_texts_are_cut_by_code_points(page: Page) -> None:
    """Each piece is Python's slice of the document, whatever letters stand before it."""
    drawn = random.Random(5)
    cases = []
    for _ in range(300):
        document = "".join(drawn.choices(LETTERS, k=drawn.randint(0, 60)))
        start = drawn.randint(0, len(document))
        end = drawn.randint(start, len(document))
        places = drawn.choices(range(len(document) + 3), k=drawn.randint(0, 5))
        cases.append((document, start, end, places))
    cut = page.evaluate(
        """async (cases) => {
            const { cutAt } = await import("./page/text.js");
            return cases.map(([text, start, places]) => cutAt(text, start, places));
        }""",
        [[document[start:end], start, places] for document, start, end, places in cases],
    )
    for (document, start, end, places), pieces in zip(cases, cut, strict=True):
        bounds = sorted({start, end, *(place for place in places if start < place < end)})
        assert [piece["start"] for piece in pieces] == (bounds[:-1] or [start])
        for piece in pieces:
            assert piece["text"] == document[piece["start"] : piece["end"]]
        assert "".join(piece["text"] for piece in pieces) == document[start:end]


def test_each_kind_of_document_has_a_name(page: Page) -> None:
    """No reader's media type is shown as it is written."""
    names = page.evaluate(
        """async (types) => {
            const { kindName } = await import("./page/text.js");
            return types.map(kindName);
        }""",
        list(READERS),
    )
    assert len(names) == len(READERS)
    for name in names:
        assert "/" not in name
        assert not name.startswith(("application", "VND", "X-"))


def test_answers_are_cut_at_their_markers(page: Page) -> None:
    """Brackets that are no citation's stay words of the answer."""
    pieces = page.evaluate(
        """async ([answer, citations]) => {
            const { answerPieces } = await import("./page/text.js");
            return answerPieces(answer, citations);
        }""",
        ["See [3] and [12]. [1] More. [2]", [{"marker": "[1]"}, {"marker": "[2]"}]],
    )
    assert [(piece["text"], piece["citation"]) for piece in pieces] == [
        ("See ", None),
        ("[3]", None),
        (" and ", None),
        ("[12]", None),
        (". ", None),
        ("[1]", 0),
        (" More. ", None),
        ("[2]", 1),
    ]


def test_cells_have_the_names_of_their_columns(page: Page) -> None:
    """A column without a name has its value alone."""
    cells = [{"column": "berth", "text": "South quay"}, {"column": "", "text": "18"}]
    words = page.evaluate(
        """async (cells) => (await import("./page/text.js")).cellWords(cells)""", cells
    )
    assert words == "berth: South quay · 18"


def test_quotes_of_a_pdf_flow(page: Page) -> None:
    """Ends of lines within a sentence become spaces; lists, rows and paragraphs keep theirs."""
    cases = {
        "The dose is 5 ml per\nseam of bees.": "The dose is 5 ml per seam of bees.",
        "One.\n\nTwo.": "One.\n\nTwo.",
        "Steps:\n1. Stop.\n2) Go.\n- Look.": "Steps:\n1. Stop.\n2) Go.\n- Look.",
        "Year | Ships\n2026 | 4,812": "Year | Ships\n2026 | 4,812",
        "Facts:\n  - deeper\n+ more\na) so": "Facts:\n  - deeper\n+ more\na) so",
        "| Year |\n|---|\n| 2026 | 4 |": "| Year |\n|---|\n| 2026 | 4 |",
    }
    shown = page.evaluate(
        """async (texts) => {
            const { flowing } = await import("./page/text.js");
            return texts.map(flowing);
        }""",
        list(cases),
    )
    assert shown == list(cases.values())


def test_lines_are_joined_where_a_page_was_narrow(page: Page) -> None:
    """Only ends of lines change, each to one space; lists, tables and headings keep theirs."""
    long = "This line of the document is as long as its page was wide,"
    cases = {
        f"{long}\nand here it goes on.": f"{long} and here it goes on.",
        f"{long}\n- an item": f"{long}\n- an item",
        f"{long}\n2. an item": f"{long}\n2. an item",
        f"{long}\n2026 was": f"{long} 2026 was",
        f"{long}\n\nA paragraph": f"{long}\n\nA paragraph",
        f"{long} | a\nb | c": f"{long} | a\nb | c",
        "short\nlines": "short\nlines",
        f"{'漢' * 60}\n{'字' * 9}": f"{'漢' * 60}\n{'字' * 9}",
        "": "",
    }
    drawn = random.Random(6)
    for _ in range(100):
        cases["".join(drawn.choices(f"{LETTERS}ab .|-1\n", k=400))] = ""
    joined = page.evaluate(
        """async (texts) => {
            const { withoutHardBreaks } = await import("./page/text.js");
            return texts.map(withoutHardBreaks);
        }""",
        list(cases),
    )
    for (text, wanted), found in zip(cases.items(), joined, strict=True):
        assert len(found) == len(text)
        assert found.replace("\n", " ") == text.replace("\n", " ")
        assert not wanted or found == wanted


def test_sentences_that_nothing_bears_out_are_cut_apart(page: Page) -> None:
    """Where a language model wrote; a document may have the word in brackets for its own ends."""
    found = page.evaluate(
        """async (answer) => {
            const { answerPieces } = await import("./page/text.js");
            return [true, false].map((marks) =>
                answerPieces(answer, [], marks).map((piece) => [piece.text, piece.unsupported]));
        }""",
        "A. [unsupported] B.",
    )
    assert found == [
        [["A. ", False], ["[unsupported]", True], [" B.", False]],
        [["A. [unsupported] B.", False]],
    ]


def test_what_was_said_before_goes_along_as_far_as_it_has_room(page: Page) -> None:
    """The newest turns, each a question with its answer, without the markers of its citations."""
    short, long = page.evaluate(
        """async () => {
            const { add, beginAnew, saidBefore } = await import("./page/conversation.js");
            const said = (length, answer) => {
                beginAnew();
                const entries = Array.from({ length }, (_, n) => ({
                    question: `question ${n}`,
                    reply: { status: "answered", answer, citations: [{ marker: "[1]" }] },
                }));
                entries[length - 2].reply = { status: "stopped", answer: "", citations: [] };
                entries[length - 3].reply = { status: "not_found", answer: "", citations: [] };
                entries[length - 1].reply = null;
                entries.forEach(add);
                const last = { question: "now", reply: null };
                add(last);
                return saidBefore(last);
            };
            const found = [said(140, "So it is. [1] Or [2]."), said(20, "x".repeat(29_000))];
            beginAnew();
            return found;
        }"""
    )
    assert len(short) == 200
    assert [one["role"] for one in short] == ["user", "assistant"] * 100
    assert [one["content"] for one in short[-4:]] == [
        "question 136",
        "So it is. Or [2].",
        "question 137",
        "The documents do not say.",
    ]
    assert [one["content"] for one in long[::2]] == [f"question {n}" for n in range(12, 18)]


def test_a_history_without_room_gives_up_the_oldest(page: Page) -> None:
    """The newest are kept, whatever they take; the conversation gone on with last stands first."""
    found = page.evaluate(
        """async () => {
            const { conversations, forgetAll, keep } = await import("./page/history.js");
            const reply = { status: "answered", citations: [], passages: [] };
            for (let n = 0; n < 12; n += 1) {
                const limits = { documents: [] };
                const answer = "x".repeat(900_000);
                keep({ id: `${n}`, conversation: `${n % 2}`, asked: n, question: `${n}`, limits,
                       reply: { ...reply, answer } });
            }
            const asked = (entries) => entries.map((one) => one.asked);
            const kept = conversations().map(({ id, entries }) => [id, asked(entries)]);
            forgetAll();
            return kept;
        }"""
    )
    assert [one[0] for one in found] == ["1", "0"]
    asked = sorted(number for one in found for number in one[1])
    assert asked == list(range(12 - len(asked), 12))
    assert all(one[1] == sorted(one[1]) for one in found)
    assert len(asked) < 12
