"""Grounding: which sentences the evidence bears out, and which quotes do so."""

import string
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Span, StoredChunk
from indexes.encoder import load_encoder
from indexes.languages import Language
from service.evidence import Candidate, Evidence, Support
from service.grounding import LONGEST, MOST_VALUES, grounding
from service.lines import Line
from service.sentences import sentence_spans
from service.slots import Slot
from service.swaps import Claim, Fit
from training.passages import evidence_of

FERRY = (
    "The ferry to Lamb Island leaves at 06:40 on weekdays and at 08:10 on Sundays. "
    "Captain Rosa Lind commands it. She has worked here since 2011. Bicycles are not carried. "
    "See https://ferry.example/times for details."
)
FEES = "A night at the north quay costs 31 euros, at the south quay 44 euros."


def grounded(sentence: str, *texts: str, named: Sequence[int] = ()) -> Support:
    """Check a sentence against passages."""
    evidence = [evidence_of(text, number=at) for at, text in enumerate(texts)]
    return grounding(load_encoder("bundled"))(sentence, evidence, named)


def quotes(support: Support) -> list[str]:
    """Return the words of the quotes."""
    return [one.evidence.candidate.chunk.cut(one.span) for one in support.quoted]


def chunk_in(text: str, language: Language, *, start: int = 0, header: str = "") -> Evidence:
    """Return evidence in a language, or of a table."""
    chunk = StoredChunk(
        1, "d", "u", "", "text/csv" if header else "text/plain", None, "",
        Span(start, start + len(text)), text, header=header or None, language=language,
    )  # fmt: skip
    return Evidence(Candidate(chunk, None, None, 1.0), 0.9)


@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        ("On Sundays the ferry leaves at 8:10 am.", FERRY[: FERRY.index(" Captain")]),
        ("Rosa Lind is the captain of the ferry.", "Captain Rosa Lind commands it."),
        ("Rosa Lind has worked there since 2011.", "She has worked here since 2011."),
        ("The ferry does not carry bicycles.", "Bicycles are not carried."),
        ("A night at the south quay costs €44.", FEES),
    ],
)
def test_what_bears_a_sentence_out(sentence: str, quote: str) -> None:
    """A whole sentence is quoted, whichever evidence was named for it, or none."""
    for named in ((), (0,), (1,)):
        found = grounded(sentence, FERRY, FEES, named=named)
        assert found.reason is None
        assert quotes(found) == [quote]


def test_two_passages_bear_a_sentence_out_together() -> None:
    """Both are quoted."""
    found = grounded(
        "The ferry leaves at 08:10 on Sundays, and a night at the south quay costs 44 euros.",
        FEES,
        FERRY,
    )
    assert quotes(found) == [FEES, FERRY[: FERRY.index(" Captain")]]


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("The ferry leaves at 09:10 on Sundays.", "no passage has the number 09:10"),
        (
            "Bicycles are not carried on the ferry, and it is very popular among tourists.",
            "no passage says a part of this",
        ),
        ("The ferry leaves at 06:40 on Sundays.", "the evidence has 08:10 where this has 06:40"),
        ("A night at the south quay costs \u2474 euros.", "no passage has the number \u2474"),
        ("A night at the south quay costs 44\u00b2 euros.", "no passage has the number \u00b2"),
        ("A night at the south quay costs 31 euros.", "the evidence has 44 euros where this has"),
        ("A night at the south quay costs 44 dollars.", "no passage has the number 44 dollars"),
        ("Captain Jon Hart commands the ferry.", "no passage has the name Jon Hart"),
        ("Bicycles are carried.", "the evidence says the opposite"),
        ("The ferry has a restaurant.", "no passage says this"),
        (
            "See https://evil.example/times.",
            "no passage has the address https://evil.example/times",
        ),
        ("Write to rosa@ferry.example.", "no passage has the address rosa@ferry.example"),
        ("Would you like to know more?", "it asks, and says nothing that could be checked"),
        ("Here is the answer:", "it says nothing that could be checked"),
        ("Yes.", "it says nothing that could be checked"),
    ],
)
def test_why_nothing_bears_a_sentence_out(sentence: str, reason: str) -> None:
    """The reason says what is wrong."""
    found = grounded(sentence, FERRY, FEES)
    assert not found.quoted
    assert found.reason is not None
    assert found.reason.startswith(reason)


def test_an_address_of_a_passage_may_be_told() -> None:
    """It is text, and stands in the quote."""
    found = grounded("See https://ferry.example/times for details.", FERRY)
    assert quotes(found) == ["See https://ferry.example/times for details."]


def test_what_is_too_long_is_not_checked() -> None:
    """Neither long sentences nor such with many values hold the answer up."""
    long = grounded("The ferry leaves. " * LONGEST, FERRY)
    assert long.reason == f"it has more than {LONGEST} characters and was not checked"
    many = grounded(f"Numbers {' '.join(map(str, range(MOST_VALUES + 1)))}.", FERRY)
    assert many.reason is not None
    assert "was not checked" in many.reason


def test_a_denial_is_seen_beside_an_opposite_of_something_else() -> None:
    """That a ticket costs something does not mean that dogs do not travel free."""
    there = "A ticket costs 12 euros, dogs travel free."
    assert grounded("Dogs do not travel free.", there).reason == "the evidence says the opposite"
    assert grounded("Dogs travel free.", there).reason is None


def test_the_network_outweighs_a_rule() -> None:
    """What is meant is seen where words are other ones."""
    rent = "Heating is included in the rent, electricity is not."
    assert grounded("Electricity is not included in the rent.", rent).reason is None
    assert grounded("Electricity is included in the rent.", rent).reason is not None
    contract = "The council would not renew her contract, which ends in June."
    assert grounded("Her contract ends in June.", contract).reason is None


def test_what_the_network_is_surest_of_is_quoted() -> None:
    """Where it outweighs a rule, the words that the rule went by are not those that bear it out."""
    wall = (
        "The harbour wall cost 340,000 euros, of which the county paid half. Two million tonnes of"
        " cargo were handled in 2025, 12% more than in 2024."
    )
    ticket = "A ticket costs 12 euros, children under 6 travel free."
    found = grounded("Adults pay 12 euros.", wall, ticket)
    assert quotes(found) == [ticket]


def test_the_network_refuses_what_no_rule_minds() -> None:
    """All the words and values may be there and the sentence say something else."""
    lamp = "The lamp on Skerry Rock has a range of 21 nautical miles. It was lit in March 2026."
    wrong = "The lamp on Skerry Rock has a range of 21 nautical miles only in fog."
    assert grounded(wrong, lamp).reason == "no passage says quite this"


def test_without_evidence_nothing_is_borne_out() -> None:
    """There is nothing to quote."""
    assert grounded("The ferry leaves.").reason == "there is no evidence"


def test_the_rows_of_a_table_are_read_with_their_columns() -> None:
    """A value of another column, or of another row, is a swap."""
    evidence = [
        chunk_in("Oslo,31,2019\nBergen,44,2021", "en", start=40, header="city,fare in euros,since")
    ]
    ground = grounding(load_encoder("bundled"))
    found = ground("The fare in Bergen is 44 euros.", evidence, ())
    assert [one.span for one in found.quoted] == [Span(53, 67)]
    assert ground("The fare in Bergen is 31 euros.", evidence, ()).reason is not None


@pytest.mark.parametrize(
    ("language", "passage", "right", "wrong"),
    [
        (
            "other",
            "Die Fähre nach Ærø fährt täglich um 9:15 Uhr. Eine Karte kostet 1.250 Kronen.",
            "Eine Karte kostet 1250 Kronen.",
            "Eine Karte kostet 1350 Kronen.",
        ),
        (
            "other",
            "La bibliothèque ouvre à 9 heures. Elle a été fondée par Claire Dubois en 1912.",
            "La bibliothèque a été fondée par Claire Dubois en 1912.",
            "La bibliothèque a été fondée par Jeanne Moreau en 1912.",
        ),
        (
            "cjk",
            "东京塔的高度是333米。它于1958年建成。",
            "东京塔高度333米。",
            "东京塔高度634米。",
        ),
    ],
)
def test_other_languages(language: Language, passage: str, right: str, wrong: str) -> None:
    """Numbers and names are checked there too, and English rules refuse nothing."""
    ground = grounding(load_encoder("bundled"))
    evidence = [chunk_in(passage, language)]
    assert ground(right, evidence, ()).reason is None
    assert ground(wrong, evidence, ()).reason is not None


WORDS = st.text(string.ascii_letters, min_size=1, max_size=9)
SENTENCES = st.lists(WORDS | st.integers(0, 3000).map(str), min_size=3, max_size=12).map(
    lambda words: " ".join(words).capitalize() + "."
)


@settings(max_examples=25, deadline=None)
@given(st.lists(SENTENCES, min_size=1, max_size=5))
def test_each_sentence_bears_itself_out(sentences: list[str]) -> None:
    """Word for word, with its exact place."""
    text = " ".join(sentences)
    evidence = [evidence_of(text)]
    ground = grounding(load_encoder("bundled"))
    for span in sentence_spans(text, "text/plain"):
        (quoted,) = ground(span.cut(text), evidence, ()).quoted
        assert quoted.span.cut(text) == span.cut(text)


@settings(max_examples=25, deadline=None)
@given(SENTENCES, st.integers(10_000, 10**8))
def test_a_number_of_no_passage_never_passes(sentence: str, number: int) -> None:
    """Whatever else the sentence says."""
    ground = grounding(load_encoder("bundled"))
    said = f"{sentence[:-1]} and {number:,} more."
    assert ground(said, [evidence_of(sentence)], ()).quoted == ()


NUMBER_WORDS = ("7", "99", "250,000", "5th", "13%", "seven", "ninety-nine", "fifty-fifth", "3k")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from((FEES, *FERRY.split(". ")[:1])), st.data())
def test_no_number_can_be_put_into_a_sentence(sentence: str, data: st.DataObject) -> None:
    """Wherever it stands, and however it is written."""
    places = [at for at, sign in enumerate(sentence) if sign == " "]
    at = data.draw(st.sampled_from(places))
    said = f"{sentence[:at]} {data.draw(st.sampled_from(NUMBER_WORDS))}{sentence[at:]}"
    assert grounded(said, FERRY, FEES).quoted == ()


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(["en", "other", "cjk"]))
def test_quotes_lie_in_their_chunks(said: str, text: str, language: Language) -> None:
    """Whatever the words; and a claim without support says why."""
    evidence = [chunk_in(text, language, start=7)]
    found = grounding(load_encoder("bundled"))(said, evidence, (0, 5))
    assert bool(found.quoted) == (found.reason is None)
    for one in found.quoted:
        assert evidence[0].candidate.chunk.span.holds(one.span)
        assert one.span.holds(one.short)


@pytest.mark.parametrize(
    ("passage", "right", "wrong"),
    [
        # days in short
        ("The pool is open Mon-Thu.", "The pool is open from Monday to Thursday.",
         "The pool is open from Monday to Friday."),
        # a unit that the passage tells elsewhere
        ("The pump costs 38 euros. The hose costs 12.", "The hose costs 12 euros.",
         "The hose costs 12 dollars."),
        # numbers that the evidence does not have twice
        ("The dam was begun in 1921 and finished in 1934.",
         "The dam was begun in 1921 and finished in 1934.",
         "The dam was begun in 1934 and finished in 1934."),
        # ends of a range go together
        ("We offer a salary of 3,100 to 3,600 a month and a bonus of 900.",
         "The salary lies between 3,100 and 3,600 a month, and there is a bonus.",
         "The salary lies between 3,100 and 900 a month, and there is a bonus."),
        # each clause has its own denial
        ("The rent includes water, but it does not include power.",
         "Water is included in the rent, but power is not.",
         "Water is not included in the rent, but power is not."),
        ("Laptops may be taken home, paper files may not.",
         "Laptops may be taken home, but paper files may not.",
         "Laptops may not be taken home, but paper files may not."),
        # a condition told twice with no
        ("The door opens only if a badge is shown.", "The door does not open without a badge.",
         "The door opens without a badge."),
        # nothing as an object
        ("Children enter free; adults pay 7 euros.", "Children pay nothing to enter.",
         "Children pay to enter."),
        # opposites by kind
        ("Rents of the flats rose by 3 percent.", "The rents of the flats went up by 3 percent.",
         "The rents of the flats fell by 3 percent."),
        ("The upper road is steep.", "The upper road is steep.", "The upper road is flat."),
        ("Notice is given 20 days in advance.", "Notice has to be given 20 days in advance.",
         "Notice has to be given 20 days afterwards."),
        # rises and falls that their numbers refute
        ("Profit was 37 million dollars, compared with 61 million dollars the year before.",
         "Profit fell from 61 million dollars to 37 million dollars.",
         "Profit rose from 61 million dollars to 37 million dollars."),
        # a question and its answer
        ("May I bring a dog to the hut? No. Meals are served until 8.",
         "You may not bring a dog to the hut.", "You may bring a dog to the hut."),
        ("Can I pay by card at the hut? Yes.", "You can pay by card at the hut.",
         "You cannot pay by card at the hut."),
        # who says I
        ("[09:02] Ingrid: I ordered three routers. [09:04] Mateo: I sold the printer.",
         "Ingrid ordered three routers.", "Mateo ordered three routers."),
        ("From: Jasmin Adeyemi. I have moved the tests to Friday. Piotr agrees.",
         "Jasmin Adeyemi moved the tests to Friday.", "Piotr moved the tests to Friday."),
    ],
)  # fmt: skip
def test_what_is_said_and_what_is_not(passage: str, right: str, wrong: str) -> None:
    """The evidence bears the first sentence out and the second not."""
    assert grounded(right, passage).reason is None
    assert grounded(wrong, passage).reason is not None


def test_words_that_open_a_sentence_belong_to_no_name() -> None:
    """Neither `When`, nor who is greeted, is looked for as a name."""
    passage = "Liis Kask came in seventh after a fall. Hi Kenji, the call was moved to Friday."
    assert grounded("When Liis Kask came in after a fall, she was seventh.", passage).reason is None
    assert grounded("The call was moved to Friday.", passage).reason is None


def test_a_table_may_be_parted_by_tabs() -> None:
    """Its cells have the names of their columns, and remarks below it are no rows."""
    chunk = StoredChunk(
        1, "d", "u", "", "text/plain", None, "", Span(0, 60),
        "Rillo\t350\t64.90\nDelfin\t480\t89.50\nOrders go to Yolanda Ruiz.",
        header="Model\tPower (W)\tPrice (EUR)",
    )  # fmt: skip
    evidence = [Evidence(Candidate(chunk, None, None, 1.0), 0.9)]
    check = grounding(load_encoder("bundled"))
    assert check("The power of the Delfin is 480 watts.", evidence, ()).reason is None
    assert check("The price of the Rillo is €64.90.", evidence, ()).reason is None
    assert check("The price of the Rillo is €89.50.", evidence, ()).reason is not None
    assert check("Orders go to Yolanda Ruiz.", evidence, ()).reason is None


def test_each_value_is_held_against_each_other_one_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many values of a sentence and of the evidence are many pairs, each worked out once.

    Working them out anew for each question about them took ten times as long.
    """
    pairs = Counter[tuple[int, int]]()
    fitting = Claim._fitting

    def counted(claim: Claim, slot: Slot, found: Slot, line: Line) -> Fit:
        pairs[id(slot), id(found)] += 1
        return fitting(claim, slot, found, line)

    monkeypatch.setattr(Claim, "_fitting", counted)
    names = ["Anna Berg", "Tom Reed", "Ness Island", "Cape Roth", "Lea Olsen"]
    told = [f"{name} paid {n} euros" for n in range(12, 40) for name in names]
    evidence = [evidence_of(", ".join(told[at::4]) + ".", "Fees", (), at) for at in range(4)]
    said = ", ".join(f"{name} paid {n} euros" for n in range(14, 18) for name in names[:4])
    grounding(load_encoder("bundled"))(f"{said}.", evidence, ())
    assert len(pairs) > 100
    assert max(pairs.values()) == 1
