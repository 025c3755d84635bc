"""What a sentence states: its words in clauses, its numbers and names, and what it denies."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final, Literal

import regex

from indexes.languages import ENGLISH, Language
from indexes.lexical import terms
from indexes.words import UNSPACED
from service.common_words import is_common, lines_of, word_list
from service.irregular import BASIC
from service.number_words import UNITS
from service.numbers import Number, numbers
from service.opposites import Denied, denied, stem

Kind = Literal["number", "name", "day", "code"]

_ADDRESS: Final = re.compile(
    r"(?:https?|ftp)://[^\s<>\"'\])]+|\bwww\.[^\s<>\"'\])]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[a-zA-Z0-9-]+\.)+(?:com|org|net|edu|gov|info|example|io|dev|test|app|co|xyz|biz)\b[^\s<>\"'\])]*"
)
_LIFE: Final = re.compile(
    r"(?<=[a-z]) \(((?:[A-Z][^()\d]{1,30}, )?(?:\d{1,2} [A-Z][a-z]+ )?(?:1\d{3}|20\d\d))"
    r" ?[-\u2013] ?((?:[A-Z][^()\d]{1,30}, )?(?:\d{1,2} [A-Z][a-z]+ )?(?:1\d{3}|20\d\d))\)"
)
_MARKUP: Final = re.compile(r"[*_`~#>|]+")
_TOKEN: Final = regex.compile(
    rf"[{UNSPACED}]|[\p{{L}}\p{{N}}\p{{M}}]+(?:['\u2019]\p{{L}}+|(?<=\p{{N}})[,:]\p{{N}}+"
    r"|[./_+][\p{L}\p{N}]+|-\p{L}+|(?<!\p{N})-\p{N}+)*\+*|[^\w\s]",
    regex.VERSION1,
)
_WORD: Final = re.compile(r"\w")
# The last ones are those of Chinese and Japanese.
_BREAKS: Final = frozenset(
    ',;:()\u2013\u2014\u2026"\u201c\u201d|\u3001\uff0c\uff1b\uff1a\uff08\uff09'
)
_STOPS: Final = frozenset(";:|")
# Clauses that a semicolon parts are this far apart: neither leaves out what the other says.
APART: Final = 100
_JOINS: Final = word_list("joining")
# Behind a number with a unit these say nothing more.
_MEASURED: Final = frozenset(
    (
        "long",
        "high",
        "tall",
        "wide",
        "deep",
        "old",
        "thick",
        "large",
        "away",
        "apart",
        "big",
    )
)
_NOT_TYING: Final = frozenset(
    ("about", "around", "over", "under", "nearly", "almost", "since", "until", "between", "only",
     "after", "before", "during", "within", "approximately", "another", "every", "below",
     "above", "exactly", "roughly", "some", "all", "these", "those", "further", "early", "late")
)  # fmt: skip
_ALSO_WORDS: Final = frozenset(("first", "once", "twice", "half"))
# So many words behind a number `to` or `until` may go on a range: from 9 in the morning to 5.
_RANGE_WORDS: Final = 4
_RANGES: Final = frozenset(("to", "from", "until", "till", "-", "\u2013"))
_MANNERS: Final = frozenset(("default", "far", "hand", "law", "then", "now", "turn", "chance"))
_OPENING: Final = frozenset(
    (
        "under", "per", "for", "within", "between", "with", "by", "from", "at", "on", "in", "to",
        "when", "whenever", "while", "whereas", "where", "wherever", "if", "unless", "although",
        "though", "because", "as", "than", "whether", "how", "why", "what", "like", "unlike",
        "despite", "during", "without", "through", "throughout", "against", "behind", "beside",
        "besides", "beyond", "inside", "outside", "near", "over", "above", "below", "along",
        "across", "towards", "toward", "off", "except", "instead", "then", "soon", "later",
        "often", "sometimes", "never", "always", "even", "too", "yet", "so", "but", "and", "or",
        "nor", "neither", "no", "none", "please", "ok", "okay", "well", "oh", "meanwhile",
        "otherwise", "hi", "hello", "hey", "thanks", "sorry", "welcome", "my", "own", "all",
        "nobody", "everyone", "everybody", "anyone", "someone", "nothing", "everything",
    )
)  # fmt: skip
_PREPOSITIONS: Final = frozenset(
    ("in", "on", "at", "for", "from", "to", "with", "of", "by", "before", "after", "until", ".")
)
_COUNTS: Final = re.compile(r" ?(?:[$\u20ac\u00a3\u00a5]|about |around |over )?\d")
# Words that say who somebody is, ahead of the name.
RANKS: Final = word_list("ranks")
_DAY_FORMS: Final = {
    form: day
    for day, short in (
        ("monday", "mon"), ("tuesday", "tue tues"), ("wednesday", "wed"), ("friday", "fri"),
        ("thursday", "thu thur thurs"), ("saturday", "sat"), ("sunday", "sun"),
    )
    for form in (day, f"{day}s", *short.split())
}  # fmt: skip
_DAYS: Final = frozenset(_DAY_FORMS)
_DAY_NAMES: Final = {form.capitalize(): day for form, day in _DAY_FORMS.items()}
# With these somebody is spoken to: who is named behind them does nothing in the sentence.
_GREETINGS: Final = frozenset(("hi", "hello", "hey", "dear", "thanks", "sorry", "welcome"))
_TITLES: Final = frozenset(
    (
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "professor",
        "sir",
        "dame",
        "st",
        "saint",
        "miss",
        "dear",
        "the",
        "a",
        "an",
    )
)
_LETTERS_BEFORE: Final = re.compile(r"[^\W\d_]+\Z")
_LONGEST_TITLE: Final = 12
_LINKS: Final = frozenset(
    ("of", "the", "de", "van", "von", "der", "den", "del", "da", "di", "la", "le", "&", "al", "bin")
)
_PRONOUNS: Final = word_list("pronouns")
LIGHT: Final = frozenset(map(stem, word_list("light")))
"""Stems without which a sentence says the same, and in which it speaks of the evidence."""
_SHOUTED: Final = frozenset(("MUST", "SHALL", "SHOULD", "MAY", "NOT", "OR", "AND", "ONLY", "NO"))
_SCALES: Final = frozenset(("celsius", "fahrenheit", "kelvin"))
_POSSESSIVE: Final = re.compile(r"['\u2019]s?\Z")
_KATAKANA: Final = regex.compile(r"[\p{Katakana}\u30fc]{3,}")
_LATIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9&-]+")
_ACRONYM_LEAST: Final = 2
_LEAST_ROOT: Final = 4
_ROOT_ENDS: Final = word_list("root_endings") | {""}
PEOPLES: Final = {form: forms.split()[0] for forms in lines_of("peoples") for form in forms.split()}
"""Names of countries and their peoples, each with one of them."""
_MOST_WORDS: Final = 400
# German writes all nouns with a capital: of a text's words more than this share.
_NOUNS_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Word:
    """A word or mark of a sentence: `stems` are its terms, `clause` the number of its clause."""

    text: str
    lower: str
    start: int
    end: int
    stems: tuple[str, ...]
    clause: int


@dataclass(frozen=True, slots=True)
class Value:
    """A number or name: what may be swapped for another. `first` and `last` are its words.

    `tied` is a number behind a name, which is a part of it: Year 4.
    """

    kind: Kind
    words: frozenset[str]
    text: str
    first: int
    last: int
    number: Number | None = None
    sure: bool = True
    tied: bool = False


@dataclass(frozen=True)
class Stated:
    """A sentence that was taken apart.

    `stems` has the stems of its content words, `light` ones left out where others are there.
    """

    text: str
    language: Language
    words: tuple[Word, ...]
    values: tuple[Value, ...]
    denial: Denied

    @property
    def denying(self) -> frozenset[int]:
        """The words that deny."""
        return self.denial.by

    @property
    def denied(self) -> frozenset[int]:
        """The words that are denied."""
        return self.denial.inside

    @cached_property
    def lowers(self) -> frozenset[str]:
        """Its words in small letters."""
        return frozenset(word.lower for word in self.words)

    @cached_property
    def stems(self) -> frozenset[str]:
        """All its stems."""
        return frozenset(one for word in self.words for one in word.stems)

    @cached_property
    def flat(self) -> frozenset[str]:
        """Its words as names are compared: folded, without accents and possessive endings."""
        return frozenset(piece for word in self.words for piece in _pieces(word.text))

    @cached_property
    def content(self) -> frozenset[str]:
        """The stems that carry meaning, without values and light words."""
        taken = self._in_values()
        measured = {one.last for one in self.numbers if one.number and one.number.unit}
        return frozenset(
            one
            for at, word in enumerate(self.words)
            if at not in taken and not (word.lower in _MEASURED and at - 1 in measured)
            for one in word.stems
            if one not in LIGHT
        )

    @cached_property
    def clauses(self) -> tuple[frozenset[str], ...]:
        """The content of each clause that has no value, as `content` has it."""
        valued = {self.words[at].clause for one in self.values for at in range(one.first, one.last)}
        valued |= {self.words[one.last].clause for one in self.values}
        found: dict[int, set[str]] = {}
        for word in self.words:
            if word.clause not in valued:
                found.setdefault(word.clause, set()).update(self.content & set(word.stems))
        return tuple(frozenset(one) for one in found.values() if one)

    @cached_property
    def agents(self) -> tuple[frozenset[str], ...]:
        """The content of what stands behind each `by`, where no value does: by the king."""
        found = []
        for at, word in enumerate(self.words):
            if word.lower != "by" or not at:
                continue
            end = at + 1
            while end < len(self.words) and self._goes_on(at, end):
                end += 1
            places = range(at + 1, end)
            if places and self.value_places.isdisjoint(places):
                stems = {one for place in places for one in self.words[place].stems}
                found.append(self.content & stems - _MANNERS)
        return tuple(one for one in found if one)

    def _goes_on(self, by: int, at: int) -> bool:
        """Tell whether a word belongs to what stands behind `by`."""
        word = self.words[at]
        return word.clause == self.words[by].clause and word.lower not in _PREPOSITIONS

    def _in_values(self) -> frozenset[int]:
        return frozenset(
            at
            for value in self.values
            if value.kind == "number" or value.sure
            for at in range(value.first, value.last + 1)
        )

    @cached_property
    def bare_clauses(self) -> frozenset[int]:
        """The clauses that have nothing but values, as `and at 9 on Sundays` has."""
        full = {
            word.clause
            for at, word in enumerate(self.words)
            if at not in self.value_places and any(one not in LIGHT for one in word.stems)
        }
        return frozenset(word.clause for word in self.words) - full

    @cached_property
    def value_places(self) -> frozenset[int]:
        """The words of its values."""
        return frozenset(
            at for one in self.values if one.sure for at in range(one.first, one.last + 1)
        )

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Which words have each stem."""
        found: dict[str, list[int]] = {}
        for at, word in enumerate(self.words):
            for one in word.stems:
                found.setdefault(one, []).append(at)
        return found

    @cached_property
    def numbers(self) -> tuple[Value, ...]:
        """Its numbers."""
        return tuple(one for one in self.values if one.number is not None)

    @cached_property
    def names(self) -> tuple[Value, ...]:
        """Its names, days and codes."""
        return tuple(one for one in self.values if one.number is None)

    @cached_property
    def denied_stems(self) -> frozenset[str]:
        """The stems that it denies."""
        return frozenset(one for at in self.denied for one in self.words[at].stems)

    @cached_property
    def affirmed_stems(self) -> frozenset[str]:
        """The stems that it does not deny."""
        return frozenset(
            one for at, word in enumerate(self.words) if at not in self.denied for one in word.stems
        )


def addresses(text: str) -> list[str]:
    """Return the addresses of pages and mailboxes in a text, without marks behind them."""
    return [match.group().rstrip(".,;:!?") for match in _ADDRESS.finditer(text)]


@lru_cache(maxsize=50_000)
def folded(word: str) -> str:
    """Return a word as names are compared: small, without accents and without a possessive.

    All forms of a day of the week are one.
    """
    bare = _POSSESSIVE.sub("", word)
    if (day := _DAY_NAMES.get(bare)) is not None:
        return day
    plain = unicodedata.normalize("NFKD", bare)
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()


def shared_length(one: str, other: str) -> int:
    """Return with how many characters both words begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


@lru_cache(maxsize=50_000)
def one_root(one: str, other: str) -> bool:
    """Tell whether two folded names are forms of one, as `Peru` and `Peruvian` are."""
    if one == other or PEOPLES.get(one, one) == PEOPLES.get(other, other):
        return True
    common = shared_length(one, other)
    return common >= _LEAST_ROOT and one[common:] in _ROOT_ENDS and other[common:] in _ROOT_ENDS


def is_acronym(short: str, name: str) -> bool:
    """Tell whether capitals are the first letters of the words of a name."""
    capitals = "".join(word[0] for word in name.split() if word[:1].isupper())
    bare = short.replace(".", "")
    return len(bare) >= _ACRONYM_LEAST and bare.isupper() and capitals.startswith(bare)


def _pieces(word: str) -> list[str]:
    """Return a word as names are compared, and its parts where it has hyphens."""
    whole = folded(word)
    return [whole, *map(folded, word.split("-"))] if "-" in whole else [whole]


@lru_cache(maxsize=100_000)
def _stems(word: str, language: Language) -> tuple[str, ...]:
    if language == ENGLISH and (basic := BASIC.get(word.lower())) is not None:
        return tuple(terms(basic))
    return tuple(terms(word, language))


def capitalises_nouns(texts: Collection[str]) -> bool:
    """Tell whether most words with a capital in these texts are no names, as in German."""
    inner = [word for text in texts for word in text.split()[1:] if word[:1].isalpha()]
    upper = sum(word[0].isupper() and word[1:].islower() for word in inner)
    return bool(inner) and upper > _NOUNS_SHARE * len(inner)


def stated(
    text: str,
    language: Language = ENGLISH,
    *,
    nouns: bool = False,
    small: Collection[str] = (),
    stems: frozenset[str] = frozenset(),
) -> Stated:
    """Return a sentence taken apart.

    With `nouns` a capital alone makes no name; `small` are words that are written small elsewhere,
    `stems` the stems of such words.
    """
    text = _LIFE.sub(_life, text) if language == ENGLISH else text
    plain = _MARKUP.sub(lambda match: " " * len(match.group()), text)
    words = tuple(_words(plain, language))
    found = _numbers(plain, words, language)
    words = _counted(words, found)
    taken = {at for one in found for at in range(one.first, one.last + 1)}
    names = (
        _names_cjk(plain, words)
        if language == "cjk"
        else _names(words, taken, _Capitals(language, nouns, small, stems))
    )
    named = list(names)
    ends = {one.last for one in named if one.kind == "name" and _ties(words[one.last])}
    tied = [
        replace(one, tied=one.first - 1 in ends and one.number is not None and not one.number.unit)
        for one in found
    ]
    values = sorted([*tied, *named], key=lambda one: one.first)
    lowers = [word.lower for word in words]
    clauses = [word.clause for word in words]
    denial = denied(lowers, clauses) if language == ENGLISH else Denied()
    return Stated(text, language, words, tuple(values), denial)


def _life(match: re.Match[str]) -> str:
    born, died = (one.replace(",", "") for one in match.groups())
    return f" (born {born}, died {died})"


def _words(text: str, language: Language) -> Iterator[Word]:
    clause = last = 0
    outer = list[int]()
    begun, counted = False, 0
    for number, match in enumerate(_TOKEN.finditer(text), 1):
        if number > _MOST_WORDS:
            return
        sign = match.group()
        lower = sign.lower()
        is_word = _WORD.search(sign) is not None
        ranged = (
            lower in _RANGES
            and counted
            and number - counted <= _RANGE_WORDS
            and _COUNTS.match(text, match.end())
        )
        if sign == "(":
            outer.append(clause)
        stops = sign in _STOPS or (sign == "." and _is_end(text, match.start()))
        joins = lower in _JOINS and not (sign.isupper() and len(sign) > 1)
        if begun and (joins or sign in _BREAKS or ranged or stops):
            last += APART - last % APART if stops else 1
            clause = last
            begun, counted = False, 0
        if sign == ")" and outer:
            clause, begun = outer.pop(), True
        stems = _stems(sign.replace("\u2019", "'"), language) if is_word else ()
        begun = begun or bool(stems)
        counted = number if sign[0].isdigit() else counted
        yield Word(sign, lower, match.start(), match.end(), stems, clause)


def _is_end(text: str, at: int) -> bool:
    """Tell whether a full stop within a text ends a sentence, as that behind `2,200 m` does."""
    if not text[at + 2 : at + 3].isupper() or text[at + 1] != " ":
        return False
    before = _LETTERS_BEFORE.search(text, max(0, at - _LONGEST_TITLE), at)
    if before is None:
        return True
    return before.group().lower() not in _TITLES and not (
        len(before.group()) == 1 and before.group().isupper()
    )


def _ties(word: Word) -> bool:
    """Tell whether a number behind a word with a capital is a part of its name."""
    return any(one not in LIGHT for one in word.stems) and word.lower not in _NOT_TYING


def _counted(words: tuple[Word, ...], found: Sequence[Value]) -> tuple[Word, ...]:
    """Return the words with stems for numbers that are the same for all forms of one."""
    changed = list(words)
    for value in found:
        begun, ended = words[value.first].clause, words[value.last].clause
        if begun != ended:  # `2 hours and 10 minutes` are one amount, and in one clause
            changed = [
                replace(one, clause=begun) if one.clause == ended else one for one in changed
            ]
        for at in range(value.first, value.last + 1):
            measures = at > value.first and words[at].lower in UNITS
            changed[at] = replace(changed[at], stems=words[at].stems if measures else ())
        if value.number is not None:
            own = words[value.first].stems if words[value.first].lower in _ALSO_WORDS else ()
            stems = () if value.number.soft and not own else (*_keys(value.number), *own)
            changed[value.first] = replace(changed[value.first], stems=stems)
    return tuple(changed)


def _keys(number: Number) -> tuple[str, ...]:
    if number.date is not None:
        return tuple(f"#{part}{one}" for part, one in zip("ymd", number.date, strict=True) if one)
    if number.clock is not None and not number.readings:
        return (f"#t{number.clock[0]}:{number.clock[1]}",)
    if number.year is not None:
        return (f"#y{number.year}",)
    return tuple(sorted(f"#{one.normalize()}" for one in number.readings)) or (f"#{number.exact}",)


def _numbers(text: str, words: Sequence[Word], language: Language) -> list[Value]:
    found = []
    at = 0
    for number in numbers(text, language):
        while at < len(words) and words[at].end <= number.span.start:
            at += 1
        last = at
        while last + 1 < len(words) and words[last + 1].start < number.span.end:
            last += 1
        if at < len(words):
            found.append(
                Value(
                    "number",
                    frozenset(),
                    number.span.cut(text),
                    at,
                    last,
                    number,
                    sure=not number.soft,
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class _Capitals:
    """What a capital means in a text."""

    language: Language
    nouns: bool
    small: Collection[str]
    stems: frozenset[str] = frozenset()

    def opens(self, word: Word) -> bool:
        """Tell whether a word with a capital may be a common one that opens a sentence."""
        if word.lower in self.small or word.lower in _OPENING:
            return True
        if self.language != ENGLISH:
            return False
        return is_common(folded(word.text)) or not self.stems.isdisjoint(word.stems)

    def leads_in(self, words: Sequence[Word], at: int) -> bool:
        """Tell whether a word with a capital opens a sentence and is no part of the name behind."""
        word = words[at]
        if (
            word.lower in self.small
            or word.lower in _OPENING
            or all(one in LIGHT for one in word.stems)
        ):
            return True
        return words[at + 1].lower in _LINKS and self.opens(word)


def _names(words: Sequence[Word], taken: Collection[int], capitals: _Capitals) -> Iterator[Value]:
    """Yield runs of words with capitals, days of the week, and codes."""
    at = 0
    while at < len(words):
        if at in taken or not _is_capital(words[at]):
            if at not in taken and _is_code(words[at].text):
                yield _name("code", words, at, at)
            at += 1
            continue
        last = _run_end(words, at, taken)
        yield from _named(words, at, last, capitals)
        at = last + 1


def _named(words: Sequence[Word], at: int, last: int, capitals: _Capitals) -> Iterator[Value]:
    starts = _begins(words, at)
    while at < last and (
        words[at].lower in _TITLES | _LINKS | RANKS or (starts and capitals.leads_in(words, at))
    ):
        at += 1
        starts = False
    word = words[at]
    greeted = at > 0 and words[at - 1].lower in _GREETINGS
    if word.lower in _TITLES or word.lower in _PRONOUNS or (at == last and _is_no_name(words, at)):
        return
    if word.lower in _DAYS:
        yield _name("day", words, at, at)
        if at < last:
            yield from _named(words, at + 1, last, capitals)
        return
    single = at == last
    sure = True
    if single and starts:
        sure = capitals.language == ENGLISH and not capitals.opens(word)
        sure = sure or (word.text.isupper() and len(word.text) >= _ACRONYM_LEAST)
    if capitals.nouns and single and not word.text.isupper():
        sure = False
    sure = sure and not greeted and not (single and _numbered(words, at))
    yield _name("name", words, at, last, sure=sure)


def _numbered(words: Sequence[Word], at: int) -> bool:
    """Tell whether a common word with a capital is named by the number behind it: Room 4."""
    behind = words[at + 1].text if at + 1 < len(words) else ""
    return behind[:1].isdecimal() and is_common(folded(words[at].text))


def _is_no_name(words: Sequence[Word], at: int) -> bool:
    """Tell whether a word with a capital is none: degrees Celsius, MUST, and who asks: `Q:`."""
    word = words[at]
    marks = words[at + 1].text if at + 1 < len(words) else ""
    asks = len(word.text) == 1 and marks == ":"
    return asks or word.text in _SHOUTED or word.lower in _SCALES


def _name(kind: Kind, words: Sequence[Word], at: int, last: int, *, sure: bool = True) -> Value:
    inside = words[at : last + 1]
    tokens = frozenset(
        piece
        for word in inside
        if word.lower not in _LINKS and word.lower not in _TITLES and _WORD.search(word.text)
        for piece in ([folded(word.text)] if kind == "code" else map(folded, word.text.split("-")))
        if piece
    )
    text = " ".join(word.text for word in inside)
    return Value(kind, tokens, _POSSESSIVE.sub("", text), at, last, sure=sure)


def _run_end(words: Sequence[Word], at: int, taken: Collection[int]) -> int:
    """Return the last word of the name that begins here; `of the` may stand within."""
    last = at
    place = at + 1
    while place < len(words) and place not in taken and words[place].clause == words[at].clause:
        if _POSSESSIVE.search(words[last].text):
            break
        if words[last].lower in _DAYS or (
            words[place].lower in _DAYS and _is_capital(words[place])
        ):
            break
        if _is_capital(words[place]):
            if words[place - 1].lower == "of" and _is_person(words, at, last):
                break
            last = place
        elif words[place].lower not in _LINKS or place - last > 2:  # noqa: PLR2004 # two small words
            break
        place += 1
    return last


def _is_person(words: Sequence[Word], at: int, last: int) -> bool:
    """Tell whether what stands ahead of `of` is a name of its own: Vera Kovacs of Oslo."""
    while at < last and words[at].lower in _TITLES:
        at += 1
    return last > at and words[last].lower not in _LINKS and not is_common(words[last].lower)


def _begins(words: Sequence[Word], at: int) -> bool:
    """Tell whether a word stands where any word has a capital."""
    for place in range(at - 1, -1, -1):
        if words[place].text in {".", "!", "?", ":"}:
            return True
        if _WORD.search(words[place].text):
            return False
    return True


def _is_capital(word: Word) -> bool:
    first = word.text[0]
    return first.isupper() or first.istitle()


def _is_code(token: str) -> bool:
    return any(sign.isdecimal() for sign in token) and any(sign.isalpha() for sign in token)


def _names_cjk(text: str, words: Sequence[Word]) -> Iterator[Value]:
    """Yield words in katakana and in Latin letters: names and terms from elsewhere."""
    for pattern in (_KATAKANA, _LATIN):
        for match in pattern.finditer(text):
            places = [
                at for at, word in enumerate(words) if match.start() <= word.start < match.end()
            ]
            if places:
                yield Value(
                    "name", frozenset({folded(match.group())}), match.group(), places[0], places[-1]
                )
