"""Where the sentences of a text are: the units in which evidence is quoted."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final

import regex
import sentencex

from indexes.documents import Span
from indexes.languages import ENGLISH, Language
from indexes.rows import RECORDS, SHEETS
from indexes.words import UNSPACED
from service.provenance import begins_aside, ends_aside

# Formats whose stored text has a record a line, and formats whose line breaks all mean something.
_RECORD_LINES: Final = RECORDS | SHEETS
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_OPEN: Final = "application/vnd.oasis.opendocument"
_FIRM_LINES: Final = frozenset(
    {
        "text/html",
        "application/epub+zip",
        "application/rtf",
        f"{_OFFICE}.wordprocessingml.document",
        f"{_OFFICE}.presentationml.presentation",
        f"{_OPEN}.text",
        f"{_OPEN}.presentation",
    }
)
_LINE: Final = re.compile(r"[^\n]*\n?")
BULLET: Final = r"[-*+•‣◦·⁃∙▪▫■□●○◆◇❖➢➤➔→✓✔✗\u2013\uf0b7\uf0a7]"
"""The pattern of the marks that an item of a list may begin with."""
_ITEM: Final = re.compile(
    rf"[ \t]*(?:{BULLET} (?:\[[ xX]\] )?|\(?\d{{1,3}}(?:\.\d{{1,3}}){{0,3}}[.)] |\(?[a-z][.)] "
    rf"|(?:> ?)+(?:{BULLET} |\d{{1,3}}[.)] )?|\*{{2,5}} |\.\. "
    # In Chinese, Japanese and Korean no space follows, and in PDF often none behind a bullet.
    r"|[・•▪●○■□◆①-⑳]|[\d一二三四五六七八九十]{1,3}[、．]|（[\d一二三四五六七八九十]{1,3}）)"
    r"[ \t\u3000]*"
)
# A bullet within a line, where a list was written into a paragraph.
_BULLETED: Final = re.compile(rf"\s*{BULLET} (?=\w)")
# A line of one mark alone, as below the headings of Markdown and reStructuredText.
_RULE: Final = re.compile(r"[ \t]*([-=~^*_#+\"'`:.])\1{2,}[ \t]*\n?")
_WHOLE: Final = re.compile(r"[ \t]*(?:\||#{1,6} |```|~~~)")
_BEGINNING: Final = re.compile(r"[ \t]*[\"'(\u201c\u2018]?(\w)")
_HEADING: Final = re.compile(r"[ \t]*#{1,6} ")
_WORD: Final = re.compile(r"\w")
_LABEL: Final = re.compile(r"[*_]*[^\W\d_]+(?:-[^\W\d_]+)*[*_]*[.:][*_]*")
# How much of a list is quoted with what leads it in.
_MOST_ITEMS: Final = 12
_MOST_CHARACTERS: Final = 1_000
# Abbreviations at which sentencex cuts, though no sentence ends with the first ones, nor with the
# others where a number or a small letter comes next.
_NEVER_LAST: Final = re.compile(r"(?<![\w.])(?:e\.g|i\.e|cf|viz)\.\s*\Z", re.IGNORECASE)
_COUNTING: Final = re.compile(
    r"(?<![\w.])(?:[Aa]pprox|[Ee]st|[Mm]ax|[Aa]vg|Figs|[Ee]qs?|Arts|Secs|[Rr]efs|[Vv]ols?"
    r"|[Cc]hs?|[Cc]hap|Chaps|[Pp]aras?|Abs|App|Ex|Tab|Tel)\.\s*\Z"
)
_COUNTED: Final = re.compile(r"\s*[\d(a-z]")
_LONGEST_ABBREVIATION: Final = 16
# A line of less than this share of the longest one was not broken for want of room.
_SHORT: Final = 0.6
_LEAST_ITEMS: Final = 2
_HEADING_WORDS: Final = 8
# Two characters of a script without spaces are about a word.
_UNSPACED: Final = regex.compile(f"[{UNSPACED}]")
ENDS: Final = (".", "!", "?", ":", "。", "！", "？", "：", "．", "｡", "؟", "۔", "।", "॥", "።")
QUESTION_MARKS: Final = ("?", "？", "؟", "՞", "፧")
COLONS: Final = (":", "：")
"""What a sentence that leads something in ends with."""
_NO_HEADING: Final = frozenset("|:;,\t：；，、،؛")
_CLOSING: Final = " \t#*_:="
_FULL_STOP: Final = re.compile(r"[。！？｡]+[」』”’）)]*\s*")
# What no sentence ends with in one of the languages that sentencex knows abbreviations of.
_ABBREVIATING: Final = ("de", "es", "fr", "it", "nl", "pl", "pt", "ru", "sv")
_DAY: Final = re.compile(r"(?<![\w.,])\d{1,2}\.\s*\Z")


def sentence_spans(
    text: str, media_type: str, language: Language = ENGLISH, headings: Collection[str] = ()
) -> list[Span]:
    """Return the spans of the sentences of `text`, in order, apart, without outer white space.

    A list item, a table row and a heading begin a sentence of their own; the item's marker is left
    out. Lines of known `headings`, and those that tell where the text is from or of when it is,
    stand alone as well. In the text of a web page every line break ends a sentence, and a record of
    a CSV file is one sentence. Elsewhere a line break may stand inside a sentence, as it does in
    text taken from a PDF, unless the line is short and the next one begins like a sentence. What
    has no letter or digit (a rule, a row of dashes) is no sentence. In a text that is not English
    an abbreviation of any language that is known ends none.
    """
    found = (
        span
        for block, whole in _blocks(text, media_type, headings)
        for span in ([block] if whole else _sentences(text, block, language))
    )
    trimmed = (span.trimmed(text) for span in found)
    return [span for span in trimmed if _WORD.search(text, span.start, span.end)]


def prose_spans(text: str, language: Language = ENGLISH) -> list[Span]:
    """Return the spans of the sentences of one paragraph, whatever sign it begins with."""
    found = (span.trimmed(text) for span in _joined(text, 0, len(text), language))
    return [span for span in found if _WORD.search(text, span.start, span.end)]


def is_heading(sentence: str) -> bool:
    """Tell whether a sentence is a Markdown heading."""
    return _HEADING.match(sentence) is not None


def is_item(text: str, sentence: Span) -> bool:
    """Tell whether a sentence begins an item of a list."""
    return _marker(text, sentence) is not None


def stands_above(text: str, line: Span, after: Span) -> bool:
    """Tell whether a sentence is a line above a paragraph, as a heading that nothing marks is.

    It is a few words without a mark at the end, and no list item; `after` is the next sentence,
    which ends with a mark and begins a line that is twice as long at least.
    """
    above = line.cut(text)
    below = text[after.start :].partition("\n")[0]
    return (
        "\n" in text[line.end : after.start]
        and len(above.split()) + len(_UNSPACED.findall(above)) // 2 <= _HEADING_WORDS
        and len(below) >= 2 * (line.end - line.start)
        and after.cut(text).endswith(ENDS)
        and not unicodedata.category(above[-1]).startswith(("P", "S"))
        and _NO_HEADING.isdisjoint(above)
        and _marker(text, line) is None
    )


def is_label(text: str, line: Span, before: Span | None) -> bool:
    """Tell whether a sentence is one word that names what comes next, as `Contact.` does.

    It begins a line, ends with a full stop or a colon and has no digit. A list item of one word is
    none, and neither is what comes behind a question or a colon: one word can be an answer.
    """
    start = text.rfind("\n", 0, line.start) + 1
    begins = not text[start : line.start].strip()
    leads = is_item(text, line) and bool(text[line.end :].partition("\n")[0].strip())
    return (
        _LABEL.fullmatch(text, line.start, line.end) is not None
        and (begins or leads)
        and not (before is not None and before.cut(text).endswith(("?", ":")))
    )


def list_around(
    text: str,
    media_type: str,
    sentence: Span,
    language: Language = ENGLISH,
    headings: Collection[str] = (),
) -> Span | None:
    """Return the whole list that one of the sentences is an item of or leads in; None of others.

    It has two items or more, and the sentence ahead of them if that is it or ends with a colon.
    """
    spans = sentence_spans(text, media_type, language, headings)
    if sentence not in spans:
        return None
    lists = list(_lists(text, spans))
    at = spans.index(sentence)
    number = lists[at]
    if number is None and at + 1 < len(spans):
        number = lists[at + 1]
    rows = [row for row, one in enumerate(lists) if one is not None and one == number]
    if sum(_marker(text, spans[row]) is not None for row in rows) < _LEAST_ITEMS:
        return None
    start = _marker(text, spans[rows[0]])
    ahead = spans[rows[0] - 1] if rows[0] else None
    if ahead and (ahead == sentence or ahead.cut(text).endswith(COLONS)):
        start = ahead.start
    return Span(start or 0, spans[rows[-1]].end).trimmed(text)


def with_list(
    text: str,
    media_type: str,
    quote: Span,
    language: Language = ENGLISH,
    headings: Collection[str] = (),
) -> Span:
    """Return a quote with the list that its sentence leads in, as many whole items as have room.

    It leads one in where it ends with a colon and an item comes next.
    """
    if not any(mark in quote.cut(text) for mark in COLONS):
        return quote
    spans = sentence_spans(text, media_type, language, headings)
    items = [_marker(text, one) for one in spans]
    leads = [
        at
        for at, (one, after) in enumerate(zip(spans, items[1:], strict=False))
        if after is not None and quote.holds(one) and one.cut(text).rstrip("*_").endswith(COLONS)
    ]
    if not leads:
        return quote
    first = leads[-1] + 1
    lists = list(_lists(text, spans))
    end, count = quote.end, 0
    for at in range(first, len(spans)):
        if lists[at] != lists[first]:
            break
        count += items[at] is not None
        last = at + 1 == len(spans) or lists[at + 1] != lists[first] or items[at + 1] is not None
        if count > _MOST_ITEMS or spans[at].end - quote.start > _MOST_CHARACTERS:
            break
        if last:
            end = max(end, spans[at].end)
    return Span(quote.start, end)


def _lists(text: str, spans: Sequence[Span]) -> Iterator[int | None]:
    """Yield for each sentence the number of the list that it belongs to, if it does."""
    number, inside, before = 0, False, Span(0, 0)
    for span in spans:
        apart = text.count("\n", before.end, span.start) > 1
        if _marker(text, span) is not None:
            number += not inside
            inside = True
        elif apart or _WHOLE.match(text, span.start):
            inside = False
        yield number if inside else None
        before = span


def _marker(text: str, sentence: Span) -> int | None:
    """Return where the line of the list item that a sentence begins is, None if it begins none."""
    start = text.rfind("\n", 0, sentence.start) + 1
    found = _ITEM.match(text, start, sentence.start)
    return start if found and found.end() == sentence.start else None


def _blocks(text: str, media_type: str, headings: Collection[str]) -> Iterator[tuple[Span, bool]]:
    """Yield blocks of lines, each with whether it is one sentence as it stands."""
    records, firm = media_type in _RECORD_LINES, media_type in _FIRM_LINES
    short = _SHORT * max((len(line) for line in text.split("\n")), default=0)
    borders = _borders(text, headings)
    start, whole, ended, loud = 0, False, False, False
    for line in _LINE.finditer(text):
        words = line.group().strip()
        shouts = words.isupper() and " " in words
        alone = records or any(one.match(line.group()) for one in (_WHOLE, _RULE))
        begins = alone or whole or firm or not words or _begins_block(line.group())
        begins = begins or line.start() in borders
        over = ended or (loud and not shouts)  # a heading in capitals may be as long as any line
        if line.start() > start and (begins or (over and _begins(line.group()))):
            yield Span(start, line.start()), whole
            start = line.start()
        whole, ended, loud = alone, len(words) < short or ends_aside(words), shouts
    if start < len(text):
        yield Span(start, len(text)), whole


def _borders(text: str, headings: Collection[str]) -> frozenset[int]:
    """Return where lines begin that are a heading or follow one."""
    found = set[int]()
    for heading in filter(None, headings):
        at = text.find(heading)
        while at >= 0:
            begin, stop = text.rfind("\n", 0, at) + 1, text.find("\n", at + len(heading))
            stop = len(text) if stop < 0 else stop
            around = text[begin:at] + text[at + len(heading) : stop]
            if not around.strip(_CLOSING):
                found |= {begin, stop + 1}
                break
            at = text.find(heading, at + 1)
    return frozenset(found)


def _begins_block(line: str) -> bool:
    return _ITEM.match(line) is not None or begins_aside(line)


def _begins(line: str) -> bool:
    """Tell whether a line begins as a sentence may: with anything but a small letter."""
    found = _BEGINNING.match(line)
    return found is not None and not found[1].islower()


def _sentences(text: str, block: Span, language: Language) -> Iterator[Span]:
    marker = _ITEM.match(text, block.start, block.end)
    yield from _joined(text, marker.end() if marker else block.start, block.end, language)


def _joined(text: str, start: int, stop: int, language: Language) -> Iterator[Span]:
    before: Span | None = None
    for begin, end in _bounds(text[start:stop], language):
        span = Span(start + begin, start + end)
        if bullet := _BULLETED.match(text, span.start, span.end):
            span = Span(bullet.end(), span.end)
        if before is None:
            before = span
        elif _goes_on(text, before, span, language):
            before = Span(before.start, span.end)
        else:
            yield before
            before = span
    if before is not None:
        yield before


def _bounds(text: str, language: Language) -> Iterator[tuple[int, int]]:
    """Yield what sentencex takes for sentences, in English or in all other languages at once."""
    found = sentencex.get_sentence_boundaries(ENGLISH, text)
    if language == ENGLISH:
        yield from ((one["start_index"], one["end_index"]) for one in found)
        return
    ends = {one["end_index"] for one in found}
    doubtful = {end for end in ends if text[:end].rstrip().endswith(".")} - {len(text)}
    for other in _ABBREVIATING if doubtful else ():
        also = {one["end_index"] for one in sentencex.get_sentence_boundaries(other, text)}
        ends -= doubtful - also
    # sentencex sees no end before a small letter or a digit, which these marks do not ask for.
    ends.update(mark.end() for mark in _FULL_STOP.finditer(text))
    yield from pairwise([0, *sorted(ends)])


def _goes_on(text: str, before: Span, after: Span, language: Language) -> bool:
    """Tell whether a sentence was cut at an abbreviation that does not end it."""
    last = text[max(before.start, before.end - _LONGEST_ABBREVIATION) : before.end]
    if language != ENGLISH and _DAY.search(last):
        return True
    if _NEVER_LAST.search(last):
        return True
    return bool(_COUNTING.search(last) and _COUNTED.match(text, after.start, after.end))
