"""Summaries, their small parts: what is sampled, packed and chosen, against plain reckoning."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.summaries.by_words import by_words
from service.summaries.central import centrality, covering, similarity
from service.summaries.parts import packed, spread
from service.summaries.sampling import sampled
from service.summaries.worth import quotable
from stored_chunks import stored_chunk

numbers = st.floats(0, 1, width=32)


def ranges_of(counts: Sequence[int]) -> tuple[np.ndarray, list[range]]:
    """Return documents with so many chunks, their ids with gaps between, in both forms."""
    ids, start = list[range](), 3
    for count in counts:
        ids.append(range(start, start + count))
        start += count + 2
    rows = [[one.start, len(one)] for one in ids]
    return np.array(rows, np.int64).reshape(-1, 2), ids


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 200))
def test_a_sample_is_of_all_documents(counts: list[int], most: int) -> None:
    """All where there is room; else each has its first chunk, and others by even steps."""
    ranges, documents = ranges_of(counts)
    found = sampled(ranges, most).tolist()
    every = [one for document in documents for one in document]
    assert found == sorted(set(found))
    assert set(found) <= set(every)
    if len(every) <= most:
        assert found == every
        return
    assert len(found) == most
    if len(documents) > most:
        assert set(found) <= {document.start for document in documents}
        return
    assert {document.start for document in documents} <= set(found)
    for document in documents:
        own = [one for one in found if one in document]
        gaps = np.diff([*own, document.stop])
        assert gaps.max() - gaps.min() <= 1


def test_nothing_has_no_sample() -> None:
    """A collection without documents, and one of empty ones."""
    assert sampled(np.zeros((0, 2), np.int64), 10).tolist() == []


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 40))
def test_parts_hold_all_in_order_and_fit(sizes: list[int], room: int) -> None:
    """Each part fits, or is one item alone, and the next item would not have fitted."""
    parts = list(packed(sizes, lambda some: sum(some) <= room))
    assert [one for part in parts for one in part] == sizes
    for at, part in enumerate(parts):
        assert sum(part) <= room or len(part) == 1
        if at + 1 < len(parts):
            assert sum(part) + parts[at + 1][0] > room


def test_little_is_asked_about_what_fits() -> None:
    """Of thousands of items no more are counted at a time than a few times what fits."""
    longest = 0

    def fits(some: Sequence[int]) -> bool:
        nonlocal longest
        longest = max(longest, len(some))
        return len(some) <= 10

    assert len(list(packed(range(5_000), fits))) == 500
    assert longest <= 20


@given(st.integers(1, 300))
def test_the_beginnings_of_an_order_are_spread(count: int) -> None:
    """Each number comes once; the first half of the order has one of each pair of neighbours."""
    order = spread(count)
    assert sorted(order) == list(range(count))
    for taken in range(1, count + 1):
        first = sorted(order[:taken])
        assert np.diff([-1, *first, count]).max() <= 4 * count / taken + 1


def test_the_nearest_to_all_is_most_central() -> None:
    """Beside the mean of the cosines with every text, which orders them alike."""
    chance = np.random.default_rng(3)
    vectors = chance.standard_normal((12, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    means = [float(np.mean([one @ other for other in vectors])) for one in vectors]
    assert np.argsort(centrality(vectors)).tolist() == np.argsort(means).tolist()
    assert centrality(np.zeros((0, 5), np.float32)).tolist() == []


@given(st.data())
def test_the_best_next_text_is_chosen(data: st.DataObject) -> None:
    """As reckoned one by one, by what a further text adds to what is covered."""
    m, n = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    covers = [[data.draw(numbers) for _ in range(n)] for _ in range(m)]
    weights = [data.draw(numbers) for _ in range(n)]
    worth = [data.draw(numbers) for _ in range(m)]

    def covered(chosen: Sequence[int]) -> float:
        return sum(
            weight * max((covers[at][thing] for at in chosen), default=0.0)
            for thing, weight in enumerate(weights)
        )

    chosen = covering(
        np.array(covers, np.float32), np.array(weights, np.float32), np.array(worth, np.float32), m
    )
    assert len(set(chosen)) == len(chosen)
    for step, best in enumerate(chosen):
        before = chosen[:step]
        gains = {
            at: worth[at] * (covered([*before, at]) - covered(before))
            for at in range(m)
            if at not in before
        }
        assert gains[best] == pytest.approx(max(gains.values()), abs=1e-5)


def test_what_repeats_is_not_chosen() -> None:
    """Neither where nothing new is covered, nor where two texts are too much alike."""
    covers = np.array([[1, 0], [1, 0], [0, 0.5]], np.float32)
    even = np.ones(2, np.float32)
    worth = np.ones(3, np.float32)
    assert covering(covers, even, worth, 3) == [0, 2]
    alike = np.array([[1, 0.2, 0.9], [0.2, 1, 0], [0.9, 0, 1]], np.float32)
    assert covering(covers, even, worth, 3, alike, 0.8) == [0]
    assert covering(covers, even, np.zeros(3, np.float32), 3) == []


def test_what_all_have_in_common_covers_nothing() -> None:
    """Half of the mean cosine is taken off, and none is below 0."""
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    assert similarity(vectors, vectors).tolist() == [[0.75, 0], [0, 0.75]]


def test_texts_of_the_same_words_have_the_same_vector() -> None:
    """In another language, without an encoder that knows it; a rare word counts more."""
    texts = ["ядерный реактор остановлен", "реактор работает", "реактор"]
    embed = by_words(texts, "other")
    one, same, other = embed([texts[0], "остановлен ядерный реактор", "пчёлы спят"])
    assert one @ same == pytest.approx(1)
    assert abs(one @ other) < 0.3
    assert np.linalg.norm(embed(texts), axis=1).tolist() == pytest.approx([1, 1, 1])


GOOD = "The lamp on the northern tower was replaced in the spring of 2026."


@pytest.mark.parametrize(
    "bad",
    [
        "Table of contents",
        "Chapter one ............ 12",
        "and so the lamp was replaced with a newer one in the spring.",
        "Was the lamp on the northern tower replaced in the spring?",
        "The lamp was replaced",
        "Short words here.",
        "Copyright 2026 The Lighthouse Board. All rights reserved in every country.",
        "Indicate by check mark whether the registrant is a shell company of any kind.",
        "12 345 678 910 1112 1314 1516 total of 1718 and 1920 units in 2122.",
        "def lamp(x: int) -> list[int]: return [x ** 2 for x in range(10)] # x.",
        "THE LAMP ON THE NORTHERN TOWER WAS REPLACED IN THE SPRING.",
        "The lamp has parts that are to be replaced with the following ones:",
        "Sources: the page of the board and the notes of its last three meetings.",
        "This page was last updated on Sunday, 3 May 2026 by the board of the harbour.",
    ],
)
def test_what_is_no_sentence_of_the_text_is_not_quoted(bad: str) -> None:
    """Only the sentence beside it is."""
    (found,) = quotable([stored_chunk(f"{GOOD}\n\n{bad}")])
    text = f"{GOOD}\n\n{bad}"
    assert [one.span.cut(text) for one in found] == [GOOD]


@pytest.mark.parametrize(
    "before",
    ["- ", "* ", "1. ", "2) ", "• ", "•", "\t▪ ", "  - [ ] ", "> - ", "(a) ", "10.1. "],
)
def test_the_marker_of_an_item_is_no_part_of_its_sentence(before: str) -> None:
    """In a line of its own or, as bullets are at times, in one with others."""
    texts = [f"Of it:\n{before}{GOOD}\n{before}It was."]
    texts += [f"It was so. {before}{GOOD}"] if before in {"- ", "* ", "1. ", "• "} else []
    for text in texts:
        chunk = replace(stored_chunk(text, 40), media_type="text/markdown")
        (found,) = quotable([chunk])
        assert [chunk.cut(one.span) for one in found] == [GOOD]
    day = "3. Mai 2026 wurde die Lampe im Nordturm der Burg ersetzt."
    german = replace(stored_chunk(f"Es war so! {day}"), language="other")
    assert [one.span.cut(german.text)[:1] for one in quotable([german])[0]] in ([], ["3"])


@pytest.mark.parametrize(
    "heading",
    [
        "THE LAMP OF THE TOWER AND ITS KEEPER AT NIGHT\n",
        "OVERVIEW OF RESULTS ",
        "The lamp of the tower and its keeper\n====================================\n",
        "The lamp of the tower and its keeper in the year\n",
    ],
)
def test_a_heading_is_no_part_of_a_sentence(heading: str) -> None:
    """However long it is: its capitals tell, or a rule below it, or the document's reader."""
    known = (heading.partition("\n")[0],) if heading.startswith("The") else ()
    chunk = replace(stored_chunk(f"{heading}{GOOD} It was dark before, and the keeper knew."))
    (found,) = quotable([replace(chunk, headings=known)])
    quotes = [one.span.cut(chunk.text) for one in found]
    assert not any(quote.startswith(heading[:8]) and quote != GOOD for quote in quotes)
    assert quotes == ([GOOD] if "\n" in heading else []) + quotes[-1:]


def test_what_every_page_has_is_not_quoted() -> None:
    """Three times the same words, with other numbers, are a header; what is said twice is not."""
    header = "Annual report of the harbour board, page {}."
    texts = [f"{header.format(page)}\n\n{GOOD}" for page in range(2)]
    chunks = [stored_chunk(text) for text in [*texts, header.format(9) + f"\n\n{GOOD[:-1]} again."]]
    kept = [
        [one.span.cut(chunk.text) for one in found]
        for chunk, found in zip(chunks, quotable(chunks), strict=True)
    ]
    assert kept == [[GOOD], [GOOD], [f"{GOOD[:-1]} again."]]


@pytest.mark.parametrize(
    "heading", ["References", "7. Bibliography", "LICENSE", "Table of Contents"]
)
def test_sections_about_the_document_are_not_quoted(heading: str) -> None:
    """Whatever stands in them; other sections are."""
    assert quotable([replace(stored_chunk(GOOD), headings=("Part", heading))]) == [[]]
    assert len(quotable([replace(stored_chunk(GOOD), headings=("Part", "The lamp"))])[0]) == 1


def test_rows_of_tables_are_not_quoted() -> None:
    """Neither of a table in a text, nor of a file of rows."""
    row = "The northern tower | has a lamp of 2026 | which was replaced in the spring."
    assert quotable([replace(stored_chunk(row), header="Tower | Lamp | When")]) == [[]]
    assert quotable([replace(stored_chunk(GOOD), media_type="text/csv")]) == [[]]


def test_what_leans_on_another_sentence_is_worth_less() -> None:
    """It is hard to read alone."""
    leaning = GOOD.replace("The lamp on the", "However, it is the lamp on the")
    alone, leans = (quotable([stored_chunk(text)])[0][0] for text in (GOOD, leaning))
    assert leans.worth < alone.worth == 1
