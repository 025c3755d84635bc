"""Names and codes of a question: which of several sentences alike is asked about."""

import time

import pytest

from service.names import names_in, preferred

SITES = ("Odense, Denmark: 64 people", "Bergen, Norway: 18 people", "Tartu, Estonia: 27 people")


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How many people work in Malmö?", {"malmö"}),
        ("What does error E-23 mean on the FlowLux 10?", {"e-23", "flowlux", "10"}),
        ("Bergen?", set()),
        ("What about the 3 lamps?", set()),
        ("How did Ada Lovelace's machine work in 1843?", {"ada", "lovelace", "1843"}),
        ("", set()),
    ],
)
def test_names_are_capitals_codes_and_numbers(question: str, names: set[str]) -> None:
    """The first word has a capital anyway; a single digit is no name."""
    assert names_in(question) == names


def test_what_the_title_names_tells_sentences_apart_no_more() -> None:
    """A manual of one device speaks of it all along."""
    assert names_in("Which lamp has the FlowLux 10?", "FlowLux 10 manual") == frozenset()


@pytest.mark.parametrize(
    ("question", "texts", "items", "first"),
    [
        ("How many people work in Bergen?", SITES, True, 1),
        ("How many people work in Tartu?", SITES, True, 2),
        ("How many people work there?", SITES, True, 0),
        ("How many people work in Rome?", SITES, True, 0),
        ("How many people work in Bergen?", SITES, False, 0),
        ("What is E-23?", ("E-31 means the end.", "E-23 means a flow."), False, 1),
        ("What is E-23?", ("It means a flow.", "E-23 is shown."), False, 0),
        ("What is E-99?", ("E-31 means the end.", "E-23 means a flow."), False, 0),
        ("What is E-23?", ("E-23 and E-31 are shown.", "E-23 means a flow."), False, 0),
    ],
)
def test_the_named_one_comes_first(
    question: str, texts: tuple[str, ...], items: object, first: int
) -> None:
    """Items of a list by their names; prose only where it speaks of another code."""
    order = preferred(texts, [bool(items)] * len(texts), names_in(question))
    assert order[0] == first
    assert sorted(order) == list(range(len(texts)))


def test_no_sentence_no_order() -> None:
    """A chunk may have none."""
    assert preferred((), (), names_in("Who is Ada?")) == []


@pytest.mark.parametrize("letters", ["1-", "a", "1", "_"])
def test_no_text_takes_long(letters: str) -> None:
    """A chunk of 8192 tokens, the largest there can be, may be one word."""
    texts = [letters * (130_000 // len(letters))] * 2
    started = time.process_time()
    assert preferred(texts, [True, True], names_in("What is E-23?")) == [0, 1]
    assert time.process_time() - started < 1.0
