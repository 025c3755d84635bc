"""Lists and tables that a language model writes are checked with what leads them in."""

from collections.abc import Callable, Sequence

import pytest

from indexes.encoder import load_encoder
from scripted_model import Script
from service.evidence import Asked, Evidence, Fallback, Piece, Support, Unsupported
from service.grounding import grounding
from service.heads import Heads, spoken_row
from service.language_model import Reason, Sampling
from service.prompts import Prompts
from service.strategies import strategy_named
from service.streamed import StreamedSentence, streamed_sentences
from service.writing import CUT_OFF, MARK, Desk, Manner, writing
from training.passages import evidence_of

FERRY = (
    "The ferry to Lamb Island leaves at 06:40 on weekdays. Maria Keller captains it since 2019. "
    "A ticket costs 12 euros, children under 6 travel free. "
    "The ferry does not sail in winds above force 9."
)
LAMP = (
    "The lamp on Skerry Rock has a range of 21 nautical miles. It was lit on 4 March 2026 by "
    "Governor Anna Holm. The old lamp, which Peter Svensson tended until 2024, had a range of "
    "14 nautical miles."
)
PIER = "Dogs are not allowed on the pier. The harbour wall cost 340,000 euros."
EVIDENCE = tuple(evidence_of(text, number=at) for at, text in enumerate((FERRY, LAMP, PIER)))
BOTH: tuple[Manner, ...] = ("drop", "mark")


@pytest.fixture(scope="module")
def ground() -> Callable[[str, Sequence[Evidence], Sequence[int]], Support]:
    """The real check."""
    return grounding(load_encoder("bundled"))


Grounding = Callable[[str, Sequence[Evidence], Sequence[int]], Support]


def answer_of(
    text: str, ground: Grounding, manner: Manner = "drop", reason: Reason = "stop"
) -> tuple[str, list[Unsupported | Fallback]]:
    """Return an answer, with the numbers of the passages, and what was not borne out."""
    desk = Desk(Script([text], reason=reason).model(), Prompts(), Sampling(16))
    write = writing(desk, strategy_named("direct"), "direct", ground, manner)
    said, told = "", list[Unsupported | Fallback]()
    for step in write(Asked("What of it?"), EVIDENCE):
        if isinstance(step, Piece):
            number = f" [{EVIDENCE.index(step.quoted.evidence) + 1}]" if step.quoted else ""
            said += f"{step.text}{number}"
        elif isinstance(step, Unsupported | Fallback):
            told.append(step)
    return said, told


# --- sentences over lines, and those cut off ------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("The ferry does not sail\nin winds above force 3.", "in winds above force 3."),
        ("Children under 6 travel free\non Sundays, but pay 7 euros\non weekdays.", "7 euros"),
        ("- Dogs are not allowed on the pier except\n  from 8 to 9", "except from 8 to 9"),
        ("> The ferry does not sail\n> in winds above force 3.", "sail in winds above force 3."),
    ],
)
def test_a_line_break_ends_no_sentence(text: str, left_out: str, ground: Grounding) -> None:
    """No half of it is taken for the whole."""
    said, told = answer_of(text, ground)
    assert isinstance(told[0], Unsupported)
    assert left_out in told[0].text
    assert isinstance(told[1], Fallback)
    assert "does not sail [" not in said
    assert "free [" not in said


def test_a_sentence_over_two_lines_is_borne_out_whole(ground: Grounding) -> None:
    """And shown in one."""
    said, told = answer_of("The ferry does not sail\nin winds above force 9 [1].", ground)
    assert (said, told) == ("The ferry does not sail in winds above force 9. [1]", [])


@pytest.mark.parametrize("manner", BOTH)
@pytest.mark.parametrize(
    "half", ["Children under 6", "The ferry does not sail [1]", "Dogs cost 3."]
)
def test_the_half_of_a_sentence_is_not_shown_as_borne_out(
    half: str, manner: Manner, ground: Grounding
) -> None:
    """Where the tokens were over: it is left out or marked, and told."""
    said, told = answer_of(f"A ticket costs 12 euros. {half}", ground, manner, "length")
    words = half.removesuffix(" [1]")
    marked = f" {words} {MARK}" if manner == "mark" else ""
    assert said == f"A ticket costs 12 euros. [1]{marked}"
    assert told == [Unsupported(words, CUT_OFF)]


def test_the_half_of_a_sentence_alone_is_no_answer(ground: Grounding) -> None:
    """The evidence is quoted, and why is said."""
    said, told = answer_of("The ferry does not sail", ground, reason="length")
    assert isinstance(told[1], Fallback)
    assert "AFTERWORD_ANSWER_TOKENS" in told[1].reason
    assert said.startswith("The ferry to Lamb Island leaves")


@pytest.mark.parametrize(
    "text",
    ["- A ticket costs 12 euros\n", "A ticket costs 12 euros.", "A ticket costs 12 euros. [1"],
)
def test_what_is_whole_stays_where_the_tokens_were_over(text: str, ground: Grounding) -> None:
    """A sentence with its mark, an item with its line's end."""
    said, told = answer_of(text, ground, reason="length")
    assert (said, told) == (f"{text.removesuffix('[1').strip()} [1]", [])


def test_an_ordinal_ends_no_sentence_of_another_language() -> None:
    """And begins no item where its line was broken."""
    text = "Jürgen Müller ist seit dem\n4. Mai 2019 Kapitän. Er kam am 3. Juni."
    found = list(streamed_sentences([text], "other"))
    assert [one.text for one in found if isinstance(one, StreamedSentence)] == [
        "Jürgen Müller ist seit dem 4. Mai 2019 Kapitän.",
        "Er kam am 3. Juni.",
    ]


# --- lists ----------------------------------------------------------------------------------------


def test_items_keep_their_lines_and_marks(ground: Grounding) -> None:
    """What leads them in stays with them; one without truth is left out with its line."""
    text = (
        "Here are the facts:\n\n- **Range:** 21 nautical miles [2]\n- Lit: 4 March 2026\n"
        "- By: Peter Svensson\n\nA ticket costs 12 euros."
    )
    said, told = answer_of(text, ground)
    assert said == (
        "Here are the facts:\n\n- **Range:** 21 nautical miles [2]\n- Lit: 4 March 2026 [2]\n\n"
        "A ticket costs 12 euros. [1]"
    )
    assert [one.text for one in told if isinstance(one, Unsupported)] == ["By: Peter Svensson"]


def test_the_first_item_keeps_its_number(ground: Grounding) -> None:
    """Also where the first sentence of an item is left out."""
    said, _ = answer_of(
        "1. A ticket costs 12 euros\n2. Swans sing. Dogs are not allowed on the pier.", ground
    )
    assert said == "1. A ticket costs 12 euros [1]\n2. Dogs are not allowed on the pier. [3]"


def test_lines_with_labels_need_no_bullets(ground: Grounding) -> None:
    """Each is a line of its own."""
    said, _ = answer_of("Range: 21 nautical miles\nLit: 4 March 2026", ground)
    assert said == "Range: 21 nautical miles [2]\nLit: 4 March 2026 [2]"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Facts about Lamb Island:\n- Range: 21 nautical miles", "Range"),
        ("Allowed on the pier:\n- Dogs", "Dogs"),
        ("The following travel free of charge:\n- Children under 6\n- Dogs", "Dogs"),
        ("Not allowed on the pier:\n- Dogs\n- Children", "Children"),
        ("- The old lamp:\n  - Range: 21 nautical miles", "Range"),
    ],
)
def test_an_item_is_checked_with_what_leads_it_in(text: str, wrong: str, ground: Grounding) -> None:
    """True of something else is not true of this."""
    said, told = answer_of(text, ground)
    assert any(isinstance(one, Unsupported) and one.text.startswith(wrong) for one in told)
    assert f"- {wrong}" not in said


def test_what_leads_in_stays_with_the_items_that_it_is_true_of(ground: Grounding) -> None:
    """It is told as not borne out where none is left."""
    said, _ = answer_of("Facts on the old lamp:\n- Range: 14 nautical miles\n- Crew: 99", ground)
    assert said == "Facts on the old lamp:\n- Range: 14 nautical miles [2]"
    _, told = answer_of("The pier has:\n- 99 swans\n\nA ticket costs 12 euros.", ground)
    assert [one.text for one in told if isinstance(one, Unsupported)] == [
        "99 swans",
        "The pier has:",
    ]


@pytest.mark.parametrize(
    "lead",
    [
        "Curious things that visitors enjoy:",
        "Benefits:",
        "The brightest lamp in the county:",
        "Details of the celebrated lamp on Skerry Rock:",
    ],
)
def test_what_a_lead_invents_is_left_out_of_true_items(lead: str, ground: Grounding) -> None:
    """Where the item says something by itself, and would be true with it."""
    said, told = answer_of(f"{lead}\n- Range: 21 nautical miles", ground)
    assert said == "- Range: 21 nautical miles [2]"
    assert [one.text for one in told if isinstance(one, Unsupported)] == [lead]


def test_marked_items_stand_in_their_lines(ground: Grounding) -> None:
    """With the mark behind the words."""
    said, _ = answer_of("The facts:\n- Crew: 99\n- Range: 21 nautical miles", ground, "mark")
    assert said == f"The facts: {MARK}\n- Crew: 99 {MARK}\n- Range: 21 nautical miles [2]"


# --- tables ---------------------------------------------------------------------------------------

TABLE = "| Fact | Value |\n|---|---|\n| Range | 21 nautical miles [2] |\n| Ticket | 13 euros |\n"


def test_a_table_stays_one(ground: Grounding) -> None:
    """Its header stays as long as a row does; markers stand in the last cell."""
    said, told = answer_of(f"{TABLE}\nDogs are not allowed on the pier.", ground)
    assert said == (
        "| Fact | Value |\n|---|---|\n| Range | 21 nautical miles [2] |\n\n"
        "Dogs are not allowed on the pier. [3]"
    )
    assert [one.text for one in told if isinstance(one, Unsupported)] == ["Ticket | 13 euros"]


def test_a_table_may_have_no_bars_at_its_ends(ground: Grounding) -> None:
    """It is one all the same."""
    said, _ = answer_of(
        "Fact | Value\n--- | ---\nRange | 21 nautical miles\nTicket | 13 euros", ground
    )
    assert said == "Fact | Value\n--- | ---\nRange | 21 nautical miles [2]"


def test_a_header_without_rows_goes(ground: Grounding) -> None:
    """And is told."""
    text = "| Fact | Value |\n|---|---|\n| Ticket | 13 euros |\n\nA ticket costs 12 euros."
    said, told = answer_of(text, ground)
    assert said == "A ticket costs 12 euros. [1]"
    assert [one.text for one in told if isinstance(one, Unsupported)] == [
        "Ticket | 13 euros",
        "Fact | Value",
    ]


def test_a_row_is_checked_with_its_columns(ground: Grounding) -> None:
    """A true value in a column that it is not of is not true."""
    rows = "| old lamp | 21 nautical miles |\n| old lamp | 14 nautical miles |"
    text = f"| Lamp | Range |\n|---|---|\n{rows}"
    said, _ = answer_of(text, ground)
    assert said.endswith("|---|---|\n| old lamp | 14 nautical miles [2] |")
    assert "21" not in said


@pytest.mark.parametrize(
    ("cells", "names", "spoken"),
    [
        (("Range", "21 miles"), ("Fact", "Value"), "Range: 21 miles"),
        (("Range", "21 miles"), (), "Range: 21 miles"),
        (
            ("2024", "41,200", "310"),
            ("Year", "Ships", "Crew"),
            "Year: 2024; Ships: 41,200; Crew: 310",
        ),
        (("Lamb", ""), ("Place", "It is free"), "Place: Lamb; It is free"),
        (("Lamb",), ("Place", "It is free"), "Place: Lamb; It is free"),
        (("**Lamb**", "a", "b"), ("Item", "Value"), "Lamb; a; b"),
    ],
)
def test_a_row_in_words(cells: tuple[str, ...], names: tuple[str, ...], spoken: str) -> None:
    """All that the header says is checked with a row, also over an empty cell."""
    assert spoken_row(cells, names) == spoken


def test_a_label_that_says_nothing_takes_the_one_before() -> None:
    """`Lit: 4 March` and `By: Anna Holm` is who lit it."""
    heads, asked = Heads(), list[str]()

    def ask(words: str) -> Support:
        asked.append(words)
        return Support(reason="no passage says this")

    for one in streamed_sentences(["- Lit: 4 March 2026\n- By: Anna Holm\n- By: Peter Svensson"]):
        assert isinstance(one, StreamedSentence)
        heads.left(one)
        heads.check(one, ask)
    assert asked == ["Lit: 4 March 2026", "Lit by: Anna Holm", "Lit by: Peter Svensson"]
