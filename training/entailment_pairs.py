"""Pairs of claim and evidence to train the entailment network on, made of questions with answers.

What a question and its answer say is entailed by the paragraph in other words than its own, and so
is a shortened sentence of the paragraph. With one place of it made wrong, it is not.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from indexes.documents import encoded_text
from service.sentences import sentence_spans
from training.entailment_statements import as_they_are, statement
from training.entailment_swaps import (
    Draw,
    exchanged_value,
    kind_of,
    negated,
    other_value,
    other_word,
    otherwise_formed,
    shortened,
    turned,
    twice_denied,
    values_of,
    with_more,
)
from training.reader_pairs import Asked, TrainingSet

# Shares of the cases in which something is done.
_UNTITLED: Final = 0.25
_WHOLE: Final = 0.3
_TWIN: Final = 0.25
_AS_THEY_ARE: Final = 0.12
_SENTENCE: Final = 0.6
_BOTH: Final = 0.15
_FORMED: Final = 0.4
_TWICE: Final = 0.3
_ELSEWHERE: Final = 0.35
_MORE: Final = 0.5
# Of a true claim so many wrong ones are made, where it has places for them.
_WRONG: Final = 2
_LEAST: Final = 30
_MOST: Final = 300
_MOST_OF_REST: Final = 350

Made = tuple[str, str]
"""What was done to a claim, and the claim."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, the evidence that it is checked against, and whether that entails it.

    `kind` is what was done to it, and `of` the true claim that it was made of, empty if none.
    """

    claim: str
    evidence: str
    entailed: bool
    kind: str
    of: str = ""


@dataclass(frozen=True)
class Source:
    """Paragraphs, and the questions that each answers, with their answers."""

    data: TrainingSet
    asked: Mapping[str, Sequence[tuple[str, str]]]

    @classmethod
    def of(cls, data: TrainingSet) -> "Source":
        """Gather the questions of a set by paragraph."""
        found = defaultdict[str, list[tuple[str, str]]](list)
        for one in (*data.train, *data.held_out):
            if one.answers:
                text = data.paragraphs[one.paragraph].text
                found[one.paragraph].append((one.question, one.answers[0].cut(text)))
        return cls(data, found)

    def answers(self, paragraph: str) -> list[str]:
        """Return the answers of a paragraph's questions."""
        return [answer for _, answer in self.asked.get(paragraph, ())]


@dataclass(frozen=True)
class _Around:
    """What wrong values and words are drawn from for a claim.

    `shown` is the evidence, `far` another paragraph; `elsewhere` has the sentences that the claim
    is not about, `pool` the values of the evidence, `strange` those of `far`.
    """

    shown: str
    far: str
    elsewhere: Sequence[str]
    pool: Sequence[str]
    strange: Sequence[str]


def claims(one: Asked, source: Source, keys: Sequence[str], draw: Draw) -> Iterator[Claim]:
    """Yield claims of a question: true ones, and some that are wrong in one place.

    `keys` are the ids of paragraphs from which what is strange to the evidence is drawn.
    """
    paragraph = source.data.paragraphs[one.paragraph]
    spans = sentence_spans(paragraph.text, "text/plain")
    sentences = [span.cut(paragraph.text).strip() for span in spans]
    title = "" if draw.random() < _UNTITLED else paragraph.title
    if not one.answers:
        yield from _of_no_answer(one, source.asked.get(one.paragraph, ()), sentences, title, draw)
        return
    answer = one.answers[0].cut(paragraph.text)
    at = next((place for place, text in enumerate(sentences) if answer in text), 0)
    if draw.random() < _TWIN:
        sentences, answer = _in_other_words(one, answer, sentences, source, draw)
    shown, far = _window(sentences, at, draw), draw.choice(keys)
    around = _Around(
        shown,
        source.data.paragraphs[far].text,
        [text for place, text in enumerate(sentences) if place != at],
        [*source.answers(one.paragraph), *values_of(shown)],
        source.answers(far),
    )
    evidence = encoded_text(title, (), shown)
    say = as_they_are if draw.random() < _AS_THEY_ARE else statement
    told = say(one.question, answer)
    wrong = [
        (kind, say(one.question, other)) for kind, other in _other_answers(answer, around, draw)
    ]
    wrong += _wrong(told, around, draw)
    yield from _true_and_wrong(told, wrong, evidence, draw)
    rest = " ".join(around.elsewhere)
    if rest and answer.lower() not in rest.lower() and draw.random() < _ELSEWHERE:
        yield Claim(told, encoded_text(title, (), rest[:_MOST_OF_REST]), False, "elsewhere")
    if draw.random() < _BOTH:
        others = [two for two in source.asked[one.paragraph] if two[0] != one.question]
        whole = encoded_text(title, (), " ".join(sentences))
        yield from _of_two(told, wrong, others, whole, draw)
    text = shortened(sentences[at], draw)
    if draw.random() < _SENTENCE and _LEAST <= len(text) <= _MOST:
        yield from _true_and_wrong(text, _wrong(text, around, draw), evidence, draw, "s-")


def _in_other_words(
    one: Asked, answer: str, sentences: list[str], source: Source, draw: Draw
) -> tuple[list[str], str]:
    """Return a paragraph in which an answer and another one have changed places, and the other.

    What is true of a paragraph is false then, and the reverse: the claim alone does not tell.
    """
    pool = [two for two in source.answers(one.paragraph) if two not in one.question]
    other = other_value(answer, pool, draw)
    if other is None or answer in one.question:
        return sentences, answer
    mark = "\0"
    changed = [
        text.replace(answer, mark).replace(other, answer).replace(mark, other) for text in sentences
    ]
    return changed, other


def _window(sentences: Sequence[str], at: int, draw: Draw) -> str:
    """Return a sentence with some before and behind it, or all."""
    if draw.random() < _WHOLE:
        return " ".join(sentences)
    first = max(0, at - draw.choice((0, 1, 1, 2)))
    return " ".join(sentences[first : at + 1 + draw.choice((0, 0, 1, 2))])


def _true_and_wrong(
    told: str, wrong: Sequence[Made], evidence: str, draw: Draw, prefix: str = ""
) -> Iterator[Claim]:
    yield Claim(_formed(told, draw), evidence, True, f"{prefix}true", told)
    if (twice := twice_denied(told, draw)) and draw.random() < _TWICE:
        yield Claim(twice, evidence, True, f"{prefix}twice", told)
    for kind, text in draw.sample(wrong, min(_WRONG, len(wrong))):
        yield Claim(_formed(text, draw), evidence, False, f"{prefix}{kind}", told)


def _formed(claim: str, draw: Draw) -> str:
    return otherwise_formed(claim, draw) if draw.random() < _FORMED else claim


def _other_answers(answer: str, around: _Around, draw: Draw) -> Iterator[Made]:
    kind = kind_of(answer)
    near = other_value(answer, around.pool, draw)
    if near:
        # Twice as likely to be drawn: it is what language models get wrong.
        yield f"answer-{kind}", near
        yield f"answer-{kind}", near
    strange = other_value(answer, around.strange, draw)
    if strange and strange.lower() not in around.shown.lower() and kind != "number":
        yield f"strange-{kind}", strange


def _wrong(claim: str, around: _Around, draw: Draw) -> list[Made]:
    """Return a claim made wrong in each way that finds a place in it."""
    ways = {
        "value": exchanged_value(claim, around.pool, draw),
        "turned": turned(claim, draw),
        "negation": negated(claim, draw),
        "word": other_word(claim, around.shown, around.far, draw),
    }
    if draw.random() < _MORE:
        ways["added"] = with_more(claim, [around.far, *around.elsewhere], draw)
    return [(kind, text) for kind, text in ways.items() if text and text != claim]


def _of_two(
    told: str,
    wrong: Sequence[Made],
    others: Sequence[tuple[str, str]],
    evidence: str,
    draw: Draw,
) -> Iterator[Claim]:
    """Yield two statements in one, true and with one of them wrong."""
    if not others or not wrong:
        return
    more = statement(*draw.choice(others))
    joint = draw.choice((", and ", "; ", ", while "))
    for kind, first in (("true", told), draw.choice(wrong)):
        two = [first, more]
        draw.shuffle(two)
        text = f"{two[0].rstrip('.')}{joint}{two[1]}"
        yield Claim(text, evidence, kind == "true", f"two-{kind}", f"{told} {more}")


def _of_no_answer(
    one: Asked,
    asked: Sequence[tuple[str, str]],
    sentences: Sequence[str],
    title: str,
    draw: random.Random,
) -> Iterator[Claim]:
    """Yield what a question without an answer says with that of the question most like it."""
    words = set(one.question.lower().split())
    if not asked:
        return
    answer = max(asked, key=lambda two: len(words & set(two[0].lower().split())))[1]
    at = next((place for place, text in enumerate(sentences) if answer in text), 0)
    evidence = encoded_text(title, (), _window(sentences, at, draw))
    yield Claim(statement(one.question, answer), evidence, False, "unanswerable")
