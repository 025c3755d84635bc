"""Heads: what leads in the items of a list, and the header of a table.

They say little by themselves. Each item and row is checked together with what stands above it, and
what stands above stays as long as an item or row does that was borne out with it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from indexes.lexical import terms
from service.evidence import NOT_QUITE_SAID, NOT_SAID, PART_NOT_SAID, Support
from service.streamed import StreamedSentence

CheckWords = Callable[[str], Support]
NOTHING_BELOW: Final = "nothing that it leads in is borne out with it"
NOT_OF_LEAD: Final = "no passage says this of what leads it in"
_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that lead in whatever comes and say nothing of it, at the beginning and at the end.
_EMPTY: Final = _listed(
    """
    a about above according all an and answer answers are as based below brief concerning details
    document documents evidence fact facts findings following follows for from given here highlights
    important in information is items key list main of on overview passages points provided question
    regarding relevant short some sources steps sum summary that the there these things this those
    to was were what your
    """
)
_EMPTY_AT_END: Final = _listed(
    """
    are as characteristics details fact facts features following follows has have include includes
    including information is items key main properties the these this was were
    """
)
_GENERIC_COLUMNS: Final = _listed(
    """
    aspect attribute category criterion description detail details fact facts feature field info
    information item key label name no parameter property question subject topic type value
    """
)
_DENIES: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|except|only|cannot|nicht|kein\w*|nie"
    r"|ohne|nur)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?<=\s)[^\W\d_a-z]\w|\d")
_LABEL: Final = re.compile(r"[*_]{0,3}(?P<name>[^:\n]{1,60}?)[*_]{0,3}:[*_]{0,3}\s+(?=\S)")
# Labels that say nothing without the one before: Lit: 4 March / By: Anna Holm.
_SHORT: Final = _listed("at by for from in of on since to until with")
# Why words are not borne out where nothing speaks against them.
_UNTOLD: Final = (NOT_SAID, NOT_QUITE_SAID, PART_NOT_SAID)
_PAIR: Final = 2
_ENDS: Final = (".", "!", "?")
_EMPHASIS: Final = re.compile(r"\*{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)")


@dataclass(slots=True)
class Head:
    """What leads in others, and whether it waits for one that is shown, stays, or is out.

    `words` are those that the others are checked with, "" where it says nothing.
    """

    sentence: StreamedSentence
    words: str
    state: Literal["waits", "stays", "out"] = "waits"


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence that was checked, and the words that were.

    `heads` stay for its sake; `out` are those that are not true of it and are not shown.
    """

    support: Support
    words: str
    heads: tuple[Head, ...] = ()
    out: tuple[Head, ...] = ()


class Heads:
    """What stands above the sentence that comes next."""

    def __init__(self) -> None:
        self._leads: list[Head] = []
        self._header: Head | None = None
        self._label = ""

    def take(self, one: StreamedSentence) -> bool:
        """Take a sentence if it is a head, which is not checked by itself."""
        if one.kind == "header":
            self._header = Head(one, "")
            return True
        if one.kind != "lead":
            return False
        self._leads.append(Head(one, _said_by(one.text)))
        self._label = ""
        return True

    def left(self, one: StreamedSentence | None) -> list[Head]:
        """Return the heads that end before a sentence, or with the text, and still wait."""
        gone = list[Head]()
        if self._header and (one is None or one.kind != "row"):
            gone.append(self._header)
            self._header = None
        while self._leads and (one is None or _is_above(one, self._leads[-1])):
            gone.insert(0, self._leads.pop())
        if one is None or one.kind not in {"item", "more"}:
            self._label = ""
        return [head for head in gone if head.state == "waits"]

    def check(self, one: StreamedSentence, ask: CheckWords) -> Checked:
        """Check a sentence with what stands above it."""
        words = self._words(one)
        above = [*self._leads, *([self._header] if self._header else [])]
        heads = tuple(head for head in above if head.state == "waits")
        saying = [head for head in self._leads if head.words and head.state != "out"]
        if not saying:
            return Checked(ask(words), words, heads)
        whole, support = _with_leads(one, words, saying, ask)
        stands = _is_statement(one) and not any(head.state == "stays" for head in saying)
        if support.reason is None and not _has_words_of(support, saying):
            support = support if stands else Support(reason=NOT_OF_LEAD)
        elif support.reason is None or support.reason not in _UNTOLD or _is_telling(saying):
            stands = False
        if not stands or (alone := ask(words)).reason is not None:
            return Checked(support, whole, heads)
        for head in saying:
            head.state = "out"
        staying = tuple(head for head in heads if head.state == "waits")
        return Checked(alone, words, staying, tuple(saying))

    def told(self, one: StreamedSentence, checked: Checked) -> str:
        """Return a sentence as it is told in running text: with the leads that it needs."""
        words = self._words(one) if one.kind == "row" else one.text
        if checked.words == words or one.kind not in {"item", "row"}:
            return words
        leads = [head.sentence.text for head in self._leads if head.words and head.state != "out"]
        return " ".join([*leads, words])

    def _words(self, one: StreamedSentence) -> str:
        """Return a sentence as it is checked: a row with its columns, an item with its label."""
        if one.kind == "row":
            return spoken_row(one.cells, self._header.sentence.cells if self._header else ())
        if one.kind != "item":
            return one.text
        words = _EMPHASIS.sub("", one.text)
        found = _LABEL.match(words)
        if found is None:
            return words
        if found["name"].lower() in _SHORT and self._label:
            return f"{self._label} {found['name'].lower()}: {words[found.end() :]}"
        self._label = found["name"]
        return words


def spoken_row(cells: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Return a row in words: the first cell names it, each other has its column's name ahead.

    Of a cell without words the name is told all the same, as the header shows it.
    """
    first, *others = cells
    told = [_named(names[0] if names else "", first)]
    for at, cell in enumerate(others, 1):
        told.append(_named(names[at] if at < len(names) else "", cell))
    told += [_named(name, "") for name in names[len(cells) :]]
    told = list(filter(None, told))
    named = len(names) > 1 and not _is_generic(names[1])
    return ("; " if named or len(told) != _PAIR else ": ").join(told)


def _named(name: str, cell: str) -> str:
    plain, cell = _EMPHASIS.sub("", name).strip(), _EMPHASIS.sub("", cell).strip()
    if not plain or _is_generic(plain):
        return cell
    return f"{plain}: {cell}" if cell else plain


def _is_generic(name: str) -> bool:
    return all(word.lower() in _GENERIC_COLUMNS for word in _WORD.findall(name))


def _said_by(lead: str) -> str:
    """Return what a lead says of what it leads in: its subject or its first half, "" if nothing."""
    words = list(_WORD.finditer(lead))
    while words and words[0].group().lower() in _EMPTY:
        words = words[1:]
    while words and words[-1].group().lower() in _EMPTY_AT_END:
        words = words[:-1]
    return lead[words[0].start() : words[-1].end()] if words else ""


def _is_above(one: StreamedSentence, head: Head) -> bool:
    """Tell whether a sentence is no more led in by a head."""
    if one.kind in {"more", "row", "header"}:
        return False
    if one.indent < 0:
        return True
    return one.indent <= head.sentence.indent


def _with_leads(
    one: StreamedSentence, words: str, saying: Sequence[Head], ask: CheckWords
) -> tuple[str, Support]:
    """Return a sentence's words behind those that lead it in, and what bears them out."""
    lead = ": ".join(head.words for head in saying)
    whole = f"{lead}: {words}"
    support = ask(whole)
    if support.reason is None:
        # What is told of something else is now found by the one form, now by the other.
        other = ask(f"{lead}; {words}")
        support = other if other.reason else support
    if support.quoted and not _is_statement(one):
        support = _of_one_piece(words, lead, support)
    return whole, support


def _is_telling(saying: Sequence[Head]) -> bool:
    """Tell whether leads deny or name something, without which an item is not what was written."""
    return any(_DENIES.search(head.words) or _NAME.search(head.words) for head in saying)


def _has_words_of(support: Support, saying: Sequence[Head]) -> bool:
    """Tell whether what is quoted, or its passage, has all words of the leads that wait."""
    chunks = [one.evidence.candidate.chunk for one in support.quoted]
    there = frozenset(term for one in chunks for term in terms(one.encoded, one.language))
    leads = [head.words for head in saying if head.state == "waits"]
    return not chunks or all(there.issuperset(terms(lead, chunks[0].language)) for lead in leads)


def _is_statement(one: StreamedSentence) -> bool:
    """Tell whether a sentence says something by itself, as a row and what has a label do."""
    return one.kind == "row" or _LABEL.match(one.text) is not None or one.text.endswith(_ENDS)


def _of_one_piece(words: str, lead: str, support: Support) -> Support:
    """Return what bears a few words out, if it speaks of them and, in one quote, of their lead.

    `Free of charge:` and `Dogs` may each be told of, and neither of the other.
    """
    told = [
        frozenset(terms(chunk.cut(one.span), chunk.language))
        for one in support.quoted
        for chunk in (one.evidence.candidate.chunk,)
    ]
    language = support.quoted[0].evidence.candidate.chunk.language
    mine, above = (frozenset(terms(text, language)) for text in (words, lead))
    if any(mine & one and (above & one or len(told) == 1) for one in told):
        return support
    return Support(reason=NOT_OF_LEAD)
