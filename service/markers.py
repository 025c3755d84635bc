"""Markers: how a language model names the evidence that a sentence rests on, in whatever form.

The prompts ask for `[1]`. Models that were trained on other marks write these all the same.
"""

import re
from typing import Final

_NUMBERS: Final = r"[1-9]\d{0,2}(?:\s*(?:[,;&\u2013-]|and)\s*\d{1,3})*"
_KIND: Final = r"(?:evidence|passages?|excerpts?|sources?|documents?|docs?|references?|refs?\.?)"
_LEAD: Final = r"(?:(?:see|cf\.?|from|per|as\s+per|source|evidence)(?:\s+also)?:?\s+)?"
_NAMED: Final = rf"{_LEAD}(?:{_KIND}\s*(?:no\.?\s*)?[#:_-]?\s*|\^)"
_MANY: Final = rf"{_NUMBERS}(?:\s*(?:[,;&]|and)\s*{_KIND}\s*[#:_-]?\s*{_NUMBERS})*"
PLAIN: Final = r"\s*\[\s*[1-9]\d{0,2}(?:\s*[,;\u2013-]\s*\d{1,3})*\s*\]"
"""The pattern of the form that the prompts ask for."""
# Forms that are told by themselves, whatever stands around them.
_FORMS: Final = re.compile(
    rf"""
    (?<!\s)(?P<gap>\s*)(?:
      【\s*{_LEAD}(?:{_KIND}\s*)?(?P<lenses>{_NUMBERS})\s*(?:[†:‡][^】\n]{{0,40}})?】
    | \[\s*{_NAMED}(?P<named>{_MANY})\s*(?:[†‡][^\]\n]{{0,40}})?\]
    | \[\s*(?P<dagger>{_NUMBERS})\s*[†‡][^\]\n]{{0,40}}\]
    | \(\s*{_NAMED}\[?\s*(?P<round>{_MANY})\s*\]?\s*\)
    | <sup>\s*[\[(]?\s*(?P<raised>{_NUMBERS})\s*[\])]?\s*</sup>
    | \[\[\s*(?P<double>{_NUMBERS})\s*\]\](?:\([^()\s]{{0,200}}\))?
    | \\\[\s*(?P<escaped>{_NUMBERS})\s*\\\]
    | \[\s*(?P<link>{_NUMBERS})\s*\]\([^()\s]{{0,200}}\)
    | \*\*\[\s*(?P<bold>{_NUMBERS})\s*\]\*\*
    | \[\s*(?P<words>\d{{1,3}}(?:\s*(?:and|&)\s*\d{{1,3}})+)\s*\]
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_RAISED: Final = re.compile("(?<=[.!?,;:])[¹²³⁴⁵⁶⁷⁸⁹][⁰¹²³⁴⁵⁶⁷⁸⁹]?(?:[,\u2009 ]?[¹²³⁴⁵⁶⁷⁸⁹])*")
_DIGITS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_WRAPPED: Final = re.compile(rf"\s*\(\s*{_LEAD}((?:{PLAIN}[\s,;]*)+)\)", re.IGNORECASE)
_PARTED: Final = re.compile(r"(?<=\d\])\s*[,;]\s*(?=\[\s*[1-9]\d{0,2}\s*[\],])")
# A number in round brackets is a marker at a sentence's end alone, and not in `Article 6 (1)`.
_ROUND: Final = re.compile(
    r"(?<=[\w)\"'%\u201d\u2019])\s+(?P<numbers>\(\d{1,2}(?:, ?\d{1,2})*\)(?:\s?\(\d{1,2}\))*)"
    r"(?=[.!?]*\s*\Z)"
)
_NUMBERED: Final = re.compile(
    r"(?:\b(?:art|articles?|sec|sections?|subsections?|para|paragraphs?|abs|absatz|artikel|rules?"
    r"|clauses?|regulations?|chapters?|parts?|items?|schedules?|annex|appendix|points?|nos?)\.?|§)"
    r"\s*\d[\w.]*\Z",
    re.IGNORECASE,
)
_AT: Final = re.compile(PLAIN)
_BEHIND: Final = re.compile(r"\s*\((\d{1,2}(?:, ?\d{1,2})*)\)(?=\s|\Z)")
# Where a sentence speaks of the evidence by its number.
_THE: Final = r"(?:evidence|(?:the )?(?:passage|excerpt|source|piece of evidence))"
_ONE: Final = rf"{_THE}\s*#?\[?\d{{1,2}}\]?(?:(?:,| and| &) (?:{_THE} ?)?\[?\d{{1,2}}\]?)*"
_SAYS: Final = (
    r"(?:says?|states?|shows?|notes?|mentions?|explains?|indicates?|reports?|tells?|confirms?)"
)
_SPOKEN: Final = re.compile(
    rf"\A(?:as {_ONE} {_SAYS}|(?:according to|as per|per|based on) {_ONE}),?\s+"
    rf"|\A{_ONE} {_SAYS}(?: us)?(?: that\b|:)?\s+"
    rf"|(?<!\s)(?:,\s*|\s+)(?:as {_ONE} {_SAYS}|(?:according to|as per|see) {_ONE}"
    rf"|as (?:stated|shown|noted|mentioned|reported|said) (?:in|by) {_ONE})(?=[.!?,;)]|\Z)",
    re.IGNORECASE,
)
_LISTED: Final = re.compile(rf"\W*(?:{_KIND}|citations?)\W*", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d+")
_PLAIN: Final = re.compile(rf"(?<!\s){PLAIN}")  # a model may write a lot of white space
_OPENED: Final = re.compile(r"(?:[\[(【<]|\\\[|\*\*\[)[^\])】>\n]{0,60}\Z")
_LONGEST: Final = 80


def in_plain_form(text: str) -> str:
    """Return a text in which markers that are told by themselves have the form `[1]`."""
    text = _RAISED.sub(lambda found: f"[{', '.join(_raised(found.group()))}]", text)
    text = _PARTED.sub("", _FORMS.sub(_plain, text))
    return _WRAPPED.sub(r" \1", text)


def _raised(text: str) -> list[str]:
    return _NUMBER.findall(text.translate(_DIGITS))


def _plain(found: re.Match[str]) -> str:
    gap, *forms = found.groups()
    numbers = next(filter(None, forms))
    return f"{gap}[{', '.join(_NUMBER.findall(numbers))}]"


def without_begun(text: str) -> str:
    """Return a text without what may be the beginning of a marker at its end."""
    found = _OPENED.search(text, max(0, len(text) - _LONGEST))
    return text[: found.start()].rstrip(" ") if found else text


def taken_off(sentence: str, most: int) -> tuple[str, tuple[int, ...]]:
    """Return a sentence without its markers, and the places, from 0, that they name.

    `most` is how many pieces of evidence there are: a number in round brackets is no marker where
    it is higher.
    """
    named = list[int]()

    def take(found: re.Match[str]) -> str:
        named.extend(int(number) - 1 for number in _NUMBER.findall(found.group()))
        return ""

    said = sentence.strip()
    for pattern in (_SPOKEN, _PLAIN, _SPOKEN):
        left = pattern.sub(take, said).strip()
        if left != said and pattern is _SPOKEN:
            left = f"{left[:1].upper()}{left[1:]}"
        said = left
    found = _ROUND.search(said)
    if found and _fits(found["numbers"], most) and not _NUMBERED.search(said[: found.start()]):
        take(found)
        said = said[: found.start()] + said[found.end() :]
    return said.strip(), tuple(named)


def is_marker(said: str) -> bool:
    """Tell whether what is left of a sentence without its markers is but their heading."""
    return _LISTED.fullmatch(said) is not None


def behind(text: str, start: int, most: int) -> int:
    """Return where markers end that stand at `start`, behind a sentence; `start` if none do."""
    at = start
    while found := _AT.match(text, at) or _BEHIND.match(text, at):
        if not _fits(found.group(), most):
            break
        at = found.end()
    return at


def _fits(numbers: str, most: int) -> bool:
    square = numbers.lstrip().startswith("[")
    return square or all(0 < int(one) <= most for one in _NUMBER.findall(numbers))
