"""Statements: what a question and its answer say together, in words that are near enough.

Grammar is left as it falls where no rule tells: who checks statements must not mind it.
"""

from collections.abc import Sequence
from typing import Final

from service.irregular import BASIC

Words = Sequence[str]


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


_ASKING: Final = word_set("who whom whose what which when where why how")
_AUXILIARIES: Final = word_set(
    "is are was were do does did has have had can could will would should may might must"
)
_DOING: Final = word_set("do does did")
_BEFORE_NOUNS: Final = word_set(
    "a an the this that these those his her its their of in on at by for from to with as and or"
    " about into over under between during since after before than most more very"
)
_PREPOSITIONS: Final = word_set(
    "in on at by for from to with as about into over under between during since after before"
    " around until because due near through within of against"
)
_WHEN: Final = word_set("when where year month date day decade century")
# No wh-phrase has more words in front of its verb.
_LONGEST: Final = 6


def statement(question: str, answer: str) -> str:
    """Return what a question and its answer say together; as they are where no rule tells."""
    words = question.strip().rstrip("?").split()
    lowers = [word.lower().strip(",'\"") for word in words]
    at = next((place for place, word in enumerate(lowers) if word in _ASKING), None)
    if at is None or not words:
        return as_they_are(question, answer)
    verb = _auxiliary(lowers, at)
    ahead, front = _ahead(words, lowers, at)
    if verb is None and not front and (not ahead or ahead[-1].endswith(",")):
        return _sentence([*ahead, *_of_subject(words[at:], lowers[at:], answer)])
    if verb is None:
        return _sentence([*words[:at], answer, *_behind_asking(words, lowers, at)])
    asked = words[at + 1 : verb]
    rest, lower = words[verb + 1 :], lowers[verb + 1 :]
    if asked and lowers[verb] not in _DOING and rest[0] == lower[0] not in _BEFORE_NOUNS:
        return _sentence([*ahead, *_counted(asked, lowers[at], answer), *words[verb:]])
    told = _told(rest, lowers[verb])
    return _sentence([*ahead, *told, *_object(lowers[at], asked, front, answer)])


def _ahead(words: Words, lowers: Words, at: int) -> tuple[Words, Words]:
    """Return what a wh-phrase has before it, and its preposition apart."""
    if at and lowers[at - 1] in _PREPOSITIONS:
        return words[: at - 1], words[at - 1 : at]
    return words[:at], ()


def as_they_are(question: str, answer: str) -> str:
    """Return a question with its answer behind."""
    return f"{question.strip()} {answer[:1].upper()}{answer[1:]}."


def _auxiliary(lowers: Words, at: int) -> int | None:
    for place in range(at + 1, min(at + 2 + _LONGEST, len(lowers) - 1)):
        if lowers[place] in _AUXILIARIES:
            return place
    return None


def _behind_asking(words: Words, lowers: Words, at: int) -> Words:
    """Return what stands behind a wh-phrase at a question's end."""
    return words[at + 2 :] if lowers[at] in {"what", "which", "whose"} else words[at + 1 :]


def _of_subject(words: Words, lowers: Words, answer: str) -> Words:
    """Return the statement of a question for who or what did it."""
    if lowers[0] == "how" and lowers[1:2] in (["many"], ["much"]) and len(words) > len("ab"):
        same = words[2].lower() in answer.lower()
        return [answer, *words[3 if same else 2 :]]
    if lowers[0] in {"what", "which"}:
        place = next((at for at in range(1, len(words)) if _is_verb(lowers, at)), 1)
        return [answer, *words[place:]]
    return [answer, *words[1:]]


def _counted(asked: Words, asking: str, answer: str) -> Words:
    """Return an answer with what it counts, if it counts: 12 pages of notes."""
    if asking != "how" or asked[0].lower() not in {"many", "much"} or len(asked) == 1:
        return [answer]
    same = asked[1].lower() in answer.lower()
    return [answer, *asked[2 if same else 1 :]]


def _is_verb(lowers: Words, at: int) -> bool:
    word = lowers[at]
    ends = word.endswith(("ed", "es", "ing")) or word in _VERBS
    return ends and lowers[at - 1] not in _BEFORE_NOUNS


_VERBS: Final = frozenset(list(BASIC)[: list(BASIC).index("man")])


def _is_participle(lowers: Words, at: int) -> bool:
    return _is_verb(lowers, at) and not lowers[at].endswith("es")


def _told(rest: Words, auxiliary: str) -> list[str]:
    """Return what follows an auxiliary in the order of a statement, with the auxiliary."""
    lowers = [word.lower() for word in rest]
    if auxiliary in _DOING:
        return list(rest)
    places = [
        at
        for at in range(1, len(rest))
        if (_is_participle(lowers, at) or lowers[at] == "been") and rest[at] == lowers[at]
    ]
    if places:
        return [*rest[: places[0]], auxiliary, *rest[places[0] :]]
    return [*rest, auxiliary]


def _object(asking: str, asked: Words, front: Words, answer: str) -> Words:
    """Return how the answer is told at a statement's end."""
    if answer.lower().partition(" ")[0] in _PREPOSITIONS:
        return [answer]
    if front:
        return [front[0].lower(), answer]
    if asking in _WHEN or (asked and asked[-1].lower() in _WHEN):
        return ["in", answer]
    if asking == "why":
        return ["because of", answer]
    if asking == "how" and not asked:
        return ["by", answer]
    return _counted(asked, asking, answer)


def _sentence(words: Words) -> str:
    text = " ".join(one for one in words if one).strip(" ,;.")
    return f"{text[:1].upper()}{text[1:]}."
