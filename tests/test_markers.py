"""Markers: every usual form in which models name the evidence is taken off, and nothing else."""

import pytest

from service.streamed import StreamedSentence, streamed_sentences

COSTS = "A ticket costs 12 euros"


def sentences_of(text: str, most: int = 9, size: int = 5) -> list[StreamedSentence]:
    """Return the sentences of a text that comes in small pieces."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = streamed_sentences(pieces, most=most)
    return [one for one in found if isinstance(one, StreamedSentence)]


@pytest.mark.parametrize(
    "marker",
    [
        "[2]", " [2]", " 【2】", "【2†source】", " 【2:0†L3-L9】", " [2†source]", " [2†L3-L5]",
        " [Evidence 2]", " [evidence #2]", " [Source 2]", " [Passage 2]", " [doc 2]",
        " [see evidence 2]", " [ref. 2]", " [^2]", " (evidence 2)", " (see evidence 2)",
        " (Evidence [2])",
        " (see also source 2)",
        " (2)", " ([2])", " (see [2])", "<sup>2</sup>", "<sup>[2]</sup>", " [[2]]",
        " [[2]](#evidence-2)",
        " [2](https://x.y/z)", r" \[2\]", " **[2]**", ", as evidence 2 says",
        " as stated in evidence 2",
        " according to evidence 2", ", see evidence 2",
    ],
)  # fmt: skip
def test_every_usual_form_is_taken_off_and_names_its_passage(marker: str) -> None:
    """Ahead of the full stop, and behind it where it is not a part of the sentence."""
    ahead, *_ = found = sentences_of(f"{COSTS}{marker}. The next sentence is here.")
    assert (ahead.text, set(ahead.named)) == (f"{COSTS}.", {1})
    assert [one.text for one in found[1:]] == ["The next sentence is here."]
    if not marker.lstrip(", ").startswith(("as ", "according", "see ")):
        first, second = sentences_of(f"{COSTS}.{marker} The next sentence is here.")
        assert (first.text, set(first.named)) == (f"{COSTS}.", {1})
        assert second.text == "The next sentence is here."


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (f"{COSTS}. [1][3]", (0, 2)),
        (f"{COSTS} [1, 3].", (0, 2)),
        (f"{COSTS} [1 and 3].", (0, 2)),
        (f"{COSTS} [Evidence 1, 3].", (0, 2)),
        (f"{COSTS} (evidence 1 and 3).", (0, 2)),
        (f"{COSTS} (1)(3).", (0, 2)),
        (f"{COSTS} (1, 3).", (0, 2)),
        (f"{COSTS} ([1], [3]).", (0, 2)),
        (f"{COSTS}.¹", (0,)),
        (f"{COSTS}. (1)", (0,)),
        (f"{COSTS} (evidence 1, evidence 3).", (0, 2)),
        (f"{COSTS} [Evidence 1 and Source 3].", (0, 2)),
        (f"{COSTS} [evidence-1].", (0,)),
        (f"{COSTS}.\n\nSources: [1], [3]", (0, 2)),
        (f"{COSTS}. **Source:** [Evidence 1]", (0,)),
        ("According to evidence 1, a ticket costs 12 euros.", (0,)),
        ("Evidence 1 says that a ticket costs 12 euros.", (0,)),
        ("Evidence [1] states: a ticket costs 12 euros.", (0,)),
        ("As evidence 1 says, a ticket costs 12 euros.", (0,)),
        ("[1] A ticket costs 12 euros.", (0,)),
    ],
)
def test_several_markers_and_those_in_words(written: str, named: tuple[int, ...]) -> None:
    """What is left begins and ends as a sentence."""
    (found,) = sentences_of(written)
    assert (found.text, found.named) == (f"{COSTS}.", named)


@pytest.mark.parametrize(
    "text",
    [
        "The judges named Article 6 (1).",
        "It is in § 12 (2).",
        "It rests on sec. 4a (3).",
        "There are two: (1) boats and (2) trains.",
        "The area is 5 m².",
        "It has a[0] and b[x].",
        "The court names thirty (30).",
        "See section 3(1).",
        "The source 1 km upstream is dry.",
        "The evidence of 2024 shows it.",
        "He read [sic] it.",
        "5 < 7 and 9 > 3.",
    ],
)
def test_what_is_no_marker_stays(text: str) -> None:
    """Numbers of articles, of points, of more pieces of evidence than there are."""
    (found,) = sentences_of(text)
    assert (found.text, found.named) == (text, ())
