"""Leaning: whether a question can be understood alone, or leans on what was said before it.

It leans where a pronoun stands for something outside of it, where it is a piece of a sentence ("And
in 2023?", "Why?"), and where it is short and none of its words is special in the collection. Which
words these are is told for English; in other languages a question leans that has but few of its
own.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal

import regex

from indexes.languages import ENGLISH, Language
from service.spoken import Word, telling, words_of

Leaning = Literal["piece", "pronoun", "vague"]
"""A `piece` goes on with the question before it, a `pronoun` and what is `vague` with its topic."""

# A word is special from this share of the weight of one that a single chunk has, and common up to
# the other.
_SPECIAL: Final = 0.65
_COMMON: Final = 0.45
_FEW: Final = 2

_POINTING_WORDS: Final = "this that these those such"
_POINTING: Final = frozenset(_POINTING_WORDS.split())
_PRONOUNS_WORDS: Final = (
    "it its itself it's they them their theirs themselves they're he him his himself he's she her "
    "hers herself she's this these those"
)
_PRONOUNS: Final = frozenset(_PRONOUNS_WORDS.split())
# Each of these speaks of what its first form speaks of.
_FORMS: Final = (
    "it its itself it's",
    "he him his himself he's",
    "she her hers herself she's",
    "they them their theirs themselves they're",
)
_PERSONAL: Final = {form: line.split()[0] for line in _FORMS for form in line.split()}
_POSSESSIVE: Final = frozenset(("its", "his", "her", "their"))
# What "this" and the like stand before where they point to nothing said: this year.
_TIMES_WORDS: Final = (
    "year years month months week weeks time day days morning summer winter spring autumn fall "
    "weekend century decade page"
)
_TIMES: Final = frozenset(_TIMES_WORDS.split())
_KINDS_WORDS: Final = "kind kinds type types sort sorts case way"
_KINDS: Final = frozenset(_KINDS_WORDS.split())
# A word behind one of these is asked for: it is not what a pronoun stands for.
_ASKS_WORDS: Final = "what which whose many much how"
_ASKS: Final = frozenset(_ASKS_WORDS.split())
_PREPOSITIONS_WORDS: Final = "about at by for from in into of off on out over to up with"
_PREPOSITIONS: Final = frozenset(_PREPOSITIONS_WORDS.split())
_END: Final = r"\W*(?:$|[,.;?!])"
_ELSEWHERE: Final = (
    # "That" at the end of a clause, or before a verb at its start.
    regex.compile(
        r"\b(?:about|of|for|with|from|like|to|in|on|at|by|after|before|is|was|does|did|do) "
        rf"that{_END}"
        r"|^\W*(?:is |was |does |did |has )?that (?:is|was|does|did|has|have|will|would|can|still|"
        r"also|in|for|on|at|with)\b",
        regex.IGNORECASE,
    ),
    regex.compile(
        r"\b(?:the|which|that|this|first|second|third|last|other|another|best|latter|former|any|"
        rf"each) ones?\b|\b(?<!no )ones?{_END}"
        rf"|\bthe (?:former|latter|others?|same|two|first|second|third|last){_END}"
        r"|\bthe (?:first|second|third|last) (?:option|choice|item)\b",
        regex.IGNORECASE,
    ),
    regex.compile(
        rf"(?<!\b(?:is|are|was|were|be|isn't|aren't|hi|hello|hey) )\bthere{_END}", regex.IGNORECASE
    ),
)
_PIECE: Final = regex.compile(
    r"^\W*(?:(?:and|but|so|ok|okay|well|yes|no|nope|wow|sorry|oops|wait|actually|i see)\b[\s,.!]*)*"
    r"(?:(?:what|how) (?:about|of)\b|i (?:mean|meant|(?:am|was) (?:talking|asking) about)\b"
    r"|(?:why|how|when|where|who|which|how (?:much|many|long|often|far|so|come)|why not)\W*$)",
    regex.IGNORECASE,
)
# "In Romania?", which is no sentence either.
_PLACED: Final = regex.compile(
    r"^\W*(?:after|at|before|by|during|for|from|in|of|on|since|under|until|with|without)\b"
    r"[^?.,;:]{1,60}\?\W*$",
    regex.IGNORECASE,
)
# Who says what was meant puts it in the place of something, or says more of it.
_MEANT: Final = regex.compile(
    r"\bi (?:mean|meant|(?:am|was) (?:talking|asking) about)\b", regex.IGNORECASE
)
_WAS_MEANT: Final = regex.compile(r"\bi meant\b", regex.IGNORECASE)
_BARE: Final = frozenset(("the", "a", "an", "in", "of", "on", "for", "please"))
_NOT_SO: Final = regex.compile(r"^\W*(?:no|nope|not|sorry|oops|wait|actually)\b", regex.IGNORECASE)
_NO: Final = regex.compile(
    r"^\W*(?:no|nope|not that|sorry|oops)[,.:!-]+(?= ?(?:\S+ ?){1,5}$)", regex.IGNORECASE
)
# With one of these a no has a sentence behind it: "No, that is all."
_SAYS_WORDS: Final = (
    "i i'm i'll you you're we he she it it's they that that's this these those there is are was "
    "were am do don't does did can could will would need thanks problem worries bye goodbye"
)
_SAYS: Final = frozenset(_SAYS_WORDS.split())
# "Ok, and", "Great, and": a word that takes note of an answer, which with others may be of the
# sentence itself if no comma is behind it ("Good and bad").
_NOTED: Final = (
    r"(?:(?:oh|ok|okay|yeah|alright|all right|hm+|i see|got it|thanks|thank you)\b[\s,.:!-]*"
    r"|(?:well|yes|right|great|good|nice|cool|fine|perfect|sure|interesting|wow|so)\s*[,.:!-]+\s*)"
)
_AND: Final = r"(?:and|but|or|then|also)\b"
_GOES_ON: Final = regex.compile(rf"^\W*{_NOTED}*{_AND}", regex.IGNORECASE)
_MORE: Final = regex.compile(rf"^\W*{_NOTED}+{_AND}(?= (?:\S+ ?){{1,5}}$)", regex.IGNORECASE)
# With one of these, what begins with "and" is a whole sentence all the same.
_CLAUSE_WORDS: Final = (
    "what who whom whose when where why how which is are was were am be do does did can could will "
    "would shall should may might must has have had i you we"
)
_CLAUSE: Final = frozenset(_CLAUSE_WORDS.split())
# "It" that stands for nothing.
_EMPTY_IT: Final = regex.compile(
    r"\b(?:is|isn't|was|be|would|will|does|do|can|could) it (?:\w+ )?(?:possible|true|necessary|"
    r"legal|allowed|safe|safer|better|important|worth|useful|hard|easy|required|normal|common|"
    r"sense|take|cost|matter|mean) (?:\w+ ){0,3}?(?:to|that|if|when)\b"
    r"|\bit(?:'s| is| was| would| seems?| takes?)\b[^.?!]{0,25}\b(?:to|that|if)\b",
    regex.IGNORECASE,
)
_PHATIC: Final = regex.compile(
    r"^\W*(?:thanks?|thank you|great|good|nice|perfect|cool|ok|okay|i see|i understand|understood|"
    r"that(?: is|'s)|(?:it|that) (?:seems|appears|sounds)|wow|sorry|got it|hi|hello|hey|bye|yes|no|"
    r"never ?mind|you're welcome)\b[^?]*$"
    r"|^\W*(?:hi|hello|hey)\b.{0,40}\b(?:help|assist|questions?)\b[^?]{0,20}\?*\s*$",
    regex.IGNORECASE,
)
_LONGEST_PHATIC: Final = 200


def says_nothing(text: str) -> bool:
    """Tell whether a text is but thanks, a greeting or the like: it asks for nothing."""
    if len(text) > _LONGEST_PHATIC or _MEANT.search(text) or _is_correction(text):
        return False
    return _PHATIC.search(text) is not None


def _is_correction(text: str) -> bool:
    """Tell whether a text is a no with what is meant, as in "No, the winter timetable".

    "Ok, and the winter timetable" has no more of a sentence.
    """
    found = _NO.search(text) or _MORE.search(text)
    if found is None:
        return False
    words = words_of(text[found.end() :])
    return bool(telling(words)) and not any(one.plain in _SAYS for one in words)


def tells_what_was_meant(question: str, own: Sequence[Word]) -> bool:
    """Tell whether a piece has what was meant or is meant, and says no more: "I meant Romania"."""
    found = _MEANT.search(question)
    behind = [one for one in own if found and one.at >= found.end()]
    return bool(telling(behind)) and all(one.terms or one.plain in _BARE for one in behind)


def was_meant(question: str) -> bool:
    """Tell whether somebody says what they "meant", so that what they said was a mistake."""
    return _WAS_MEANT.search(question) is not None


def corrects(text: str) -> bool:
    """Tell whether a piece of a sentence puts something in the place of what was said.

    What was meant is else but more of it: "I mean the one in Dover".
    """
    return _NOT_SO.search(text) is not None or _MEANT.search(text) is None


def leaning(
    question: str,
    own: Sequence[Word],
    before: frozenset[str],
    weights: Mapping[str, float],
    language: Language,
) -> Leaning | None:
    """Return how a question leans on what was said, None where it stands alone.

    `own` are its words, `before` the terms of the last exchange.
    """
    tells = telling(own)
    if language != ENGLISH:
        special = [one for one in tells if weight_of(one, weights) >= _SPECIAL]
        return "piece" if len(special) < _FEW else None
    if goes_on(question, own):
        return "piece"
    if says_nothing(question):
        return None
    if points_outside(question, own):
        return "pronoun"
    return "vague" if _is_vague(own, tells, before, weights) else None


def goes_on(question: str, own: Sequence[Word]) -> bool:
    """Tell whether an English question is a piece of a sentence, which goes on from the last."""
    return not says_nothing(question) and (not telling(own) or _is_piece(question, own))


def _is_piece(question: str, own: Sequence[Word]) -> bool:
    if _PIECE.search(question) or _is_correction(question):
        return True
    begins = _GOES_ON.search(question) or _PLACED.search(question)
    return begins is not None and not any(one.plain in _CLAUSE for one in own)


def points_outside(question: str, own: Sequence[Word]) -> bool:
    """Tell whether a pronoun, in English, stands for what the question itself has not named."""
    plain = _EMPTY_IT.sub(lambda found: " " * len(found[0]), question)
    for at, word in enumerate(own):
        if plain[word.at] != " " and _points_outside(own, at):
            return True
    return any(
        not _has_named([one for one in own if one.at < found.start()])
        for pattern in _ELSEWHERE
        for found in pattern.finditer(plain)
    )


def pronouns_in(own: Sequence[Word]) -> frozenset[str]:
    """Return which of "it", "he", "she" and "they" are among words, in whatever form."""
    return frozenset(_PERSONAL[one.plain] for one in own if one.plain in _PERSONAL)


def _points_outside(own: Sequence[Word], at: int) -> bool:
    word, following = own[at], own[at + 1] if at + 1 < len(own) else None
    if word.plain in _POINTING and following is not None:
        if following.plain in _TIMES:
            return False
        # "That" before a noun may as well begin a clause, and in "get this fixed" there is no noun.
        is_noun = following.terms and not following.plain.endswith("ed")
        if word.plain not in {"that", "such"} and (is_noun or following.plain in _KINDS):
            named = {one for each in own[:at] for one in each.terms}
            return not named.intersection(following.terms)
    if word.plain in _POSSESSIVE and _asks_for_subject(own[:at]):
        return False
    return word.plain in _PRONOUNS and not _has_named(own[:at])


def _asks_for_subject(words: Sequence[Word]) -> bool:
    """Tell whether what is asked for does what is said: "Which country changed its clocks?"."""
    asked = next((at for at, one in enumerate(words) if one.plain in _ASKS), len(words))
    said = [one for one in words[asked + 1 :] if one.plain not in _ASKS]
    nouns = [one for one in said if one.plain not in _PREPOSITIONS]
    return len(nouns) > 1 and all(one.terms for one in nouns)


def _has_named(words: Sequence[Word]) -> bool:
    """Tell whether words name something that a pronoun behind them may stand for.

    What is asked for does not ("How many moons does it have?"), nor what stands right before the
    pronoun, which is mostly a verb ("Who pays for it?").
    """
    asked_for = False
    for one in words[: _verb_at(words)]:
        if one.terms and not asked_for:
            return True
        asked_for = one.plain in _ASKS or (asked_for and bool(one.terms))
    return False


def _verb_at(words: Sequence[Word]) -> int:
    """Return where the words end that are verbs before a pronoun, one or several joined."""
    at = len(words)
    while at and words[at - 1].plain in _PREPOSITIONS:
        at -= 1
    while at and words[at - 1].terms and not words[at - 1].is_name:
        at -= 1
        if not (at and words[at - 1].plain in {"and", "or"}):
            return at
        at -= 1
    return at


def _is_vague(
    own: Sequence[Word],
    tells: Sequence[Word],
    before: frozenset[str],
    weights: Mapping[str, float],
) -> bool:
    if any(one.is_name for one in tells):
        return False
    special = [one for one in tells if weight_of(one, weights) >= _SPECIAL]
    if len(tells) == len(own) == 1:
        return weight_of(own[0], weights) <= _COMMON
    if special:
        return False
    return len(tells) <= _FEW or _goes_on(own, before)


def _goes_on(own: Sequence[Word], before: frozenset[str]) -> bool:
    """Tell whether "the" stands before a word of the last exchange."""
    return any(
        one.plain == "the" and before.intersection(following.terms)
        for one, following in pairwise(own)
    )


def weight_of(word: Word, weights: Mapping[str, float]) -> float:
    """Return how rare a word is, from 0 to 1 for one that a single chunk has."""
    return max((weights.get(one, 0.0) for one in word.terms), default=0.0)
