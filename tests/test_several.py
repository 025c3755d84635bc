"""Whether a question asks for several things."""

import pytest

from service.several import asks_for_list, asks_for_several


@pytest.mark.parametrize(
    "question",
    [
        "How do I compare the two plans?",
        "Why was it lit?",
        "What are the ways to get there?",
        "Which new features are there?",
        "Which countries changed their VAT rate in 2025?",
        "Which new public holidays were introduced?",
        "Which fees apply?",
        "When and where was it lit?",
        "When was it lit, and why?",
        "What was different in the second year?",
        "What do I need to rent a boat?",
        "What does the warranty cover?",
        "What are the steps, and how many steps are there?",
        "List the rules of the house.",
        "Please name the keepers.",
        "Explain the tides.",
        "Windows versus doors",
    ],
)
def test_several(question: str) -> None:
    """Lists, steps, reasons, comparisons, and two questions in one."""
    assert asks_for_several(question)


@pytest.mark.parametrize(
    "question",
    [
        "How many steps are there?",
        "How much does it cost?",
        "How long is it?",
        "How expensive is the room?",
        "How is the lake called?",
        "When was it lit?",
        "What is the fee?",
        "What is the list price?",
        "Who is the treasurer?",
        "Which does it name?",
        "Which bus goes there?",
        "Are dogs allowed on the ferry?",
        "asdf",
        "",
    ],
)
def test_one(question: str) -> None:
    """One number, one name, yes or no."""
    assert not asks_for_several(question)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I book a boat?", True),
        ("How to book a boat", True),
        ("What are the rules?", True),
        ("What do I need to rent a boat?", True),
        ("List the rules.", True),
        ("What are the steps?", True),
        ("How many steps are there?", False),
        ("How is the shed painted?", False),
        ("Why is the shed painted?", False),
        ("When and where was it lit?", False),
        ("What is the fee?", False),
    ],
)
def test_lists(question: str, *, expected: bool) -> None:
    """Steps and things in the plural; a reason or a manner is mostly said in a sentence."""
    assert asks_for_list(question) == expected
