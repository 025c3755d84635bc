"""The words of what is said in a conversation, and which of them tell what it is about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex

from indexes.languages import ENGLISH, Language
from indexes.lexical import terms

_LETTERS: Final = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*"
# What joins letters and digits to one word: 6.14, Node.js, U.S.
_JOINER: Final = r"['\u2019&-]|(?<=\p{N})\.(?=\p{N})|(?<=\p{L})\.(?=\p{Ll})|(?<=\p{Lu})\.(?=\p{Lu})"
_WORD: Final = regex.compile(rf"{_LETTERS}(?:(?:{_JOINER}){_LETTERS})*")
# A name that is else a light word: Go 1.27.
_NUMBERED: Final = regex.compile(r"[ \u00a0]\p{N}")
# But not the number of a version, which names it.
_NUMBER: Final = regex.compile(r"\p{N}+(?:[.,:-]\p{N}+)?")
# What stands between the start of a sentence, of an item or of a quotation and its first word.
_STARTS: Final = regex.compile(r"(?:^|[.!?:;\n*•-])\s*[\"'\u201c\u2018(]*$")
_BESIDE: Final = regex.compile(r"[ \u00a0-]")
# These join the parts of a name: Request for Order, Pride and Prejudice.
_JOINS_WORDS: Final = "of for and the in de la"
_JOINS: Final = frozenset(_JOINS_WORDS.split())
_AHEAD: Final = 4

# English words that say nothing of what a question is about.
_LIGHT_WORDS: Final = (
    "a about above after again all almost along already also although always am an and another "
    "any anyone anything anyway are aren't around as ask at away be became because become been "
    "before behind being below beside besides best better between both but by came can can't "
    "cannot come correct could couldn't detail details did didn't difference different do does "
    "doesn't doing don don't done down during each either else enough etc even ever every "
    "everything exactly example examples explain far few find fine first for former found from "
    "further gave general generally get gets getting give given go goes going good got great had "
    "happen happened happens has have haven't having he he's hear heard hello help her here hers "
    "hi him his how how's however i i'd i'll i'm i've if im important in include includes info "
    "information instead interesting into involved is isn't it it's its itself just keep kind "
    "know known last latter least less let let's like little long look looking lot lots made main "
    "mainly make makes making many may maybe me mean means meant mention might mine more most "
    "much must my myself need needed needs never new next no nor not nothing now of off often oh "
    "ok okay on once one ones only or other others ought our ours out over own per perhaps please "
    "pls plz possible possibly provide question questions quite rather really regarding related "
    "right said same say says second see seem seems sense shall she she's should shouldn't show "
    "since so some someone something sometimes soon sorry sort specific still such sure take taken "
    "takes talking tell than thank thanks that that's the their theirs them themselves then there "
    "there's these they they're thing things think third this those though through till time "
    "times to together told too toward towards tried true try type types under until up upon us "
    "use used useful uses using usually various very via want wants was wasn't way ways we we'll "
    "we're well went were weren't what what's whatever when when's where where's whether which "
    "while who who's whole whom whose why will with within without won't wonder work works would "
    "wouldn't wow yeah yes yet you you're your yours yourself"
)
_LIGHT: Final = frozenset(_LIGHT_WORDS.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: `plain` is its form in small letters, `at` where it begins.

    `terms` are those by which it is indexed, none where it tells nothing of what the text is about.
    `is_name` is a guess: it has a capital letter that no start of a sentence explains.
    """

    text: str
    plain: str
    at: int
    terms: tuple[str, ...]
    is_name: bool
    is_number: bool

    @property
    def end(self) -> int:
        """Where the word ends."""
        return self.at + len(self.text)


def words_of(text: str, language: Language = ENGLISH) -> tuple[Word, ...]:
    """Return the words of a text in order."""
    return tuple(_words(text, language))


def _words(text: str, language: Language) -> Iterator[Word]:
    shouts = text.isupper()
    for found in _WORD.finditer(text):
        word, at = found[0], found.start()
        plain = word.lower().replace("\u2019", "'")
        begins = _STARTS.search(text[max(0, at - _AHEAD) : at]) is not None
        is_short_name = not shouts and len(word) > 1 and word.isupper()  # the US, IT
        is_numbered = word[0].isupper() and not begins and _NUMBERED.match(text, found.end())
        is_light = language == ENGLISH and plain in _LIGHT and not (is_short_name or is_numbered)
        # macOS
        is_camel = word[0].islower() and not word.islower() and not shouts
        is_big = word[0].isupper() and (not begins or word[1:2].isupper())
        is_name = not is_light and (is_big or is_camel)
        is_number = _NUMBER.fullmatch(word) is not None
        yield Word(word, plain, at, () if is_light else _terms(word, language), is_name, is_number)


@lru_cache(maxsize=20_000)
def _terms(word: str, language: Language) -> tuple[str, ...]:
    return tuple(dict.fromkeys(terms(word, language)))


def is_numeral(word: Word) -> bool:
    """Tell whether a word is a number, or one that names a version."""
    return word.is_number or is_version(word)


def is_version(word: Word) -> bool:
    """Tell whether a word is the number of a version: 1.36, 1.90.0."""
    return word.text[0].isnumeric() and "." in word.text


def telling(words: Sequence[Word]) -> list[Word]:
    """Return the words that tell what a text is about; a number alone does not."""
    return [one for one in words if one.terms and not one.is_number]


def phrases_of(text: str, words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Yield the runs of telling words that stand side by side, names with what joins them."""
    run: list[Word] = []
    for at, word in enumerate(words):
        if run and (_is_apart(text, run[-1], word) or _ends_name(run, word)):
            yield tuple(run)
            run = []
        if word.terms or (run and _joins(words, at)):
            run.append(word)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def _is_apart(text: str, one: Word, other: Word) -> bool:
    return not _BESIDE.fullmatch(text[one.end : other.at])


def _ends_name(run: Sequence[Word], word: Word) -> bool:
    """Tell whether a name of several words is over: what follows it is mostly a verb."""
    return bool(word.terms) and not word.is_name and sum(one.is_name for one in run) > 1


def _joins(words: Sequence[Word], at: int) -> bool:
    """Tell whether a word stands between two parts of one name."""
    if words[at].plain not in _JOINS or at + 1 >= len(words) or not words[at - 1].is_name:
        return False
    return words[at + 1].is_name
