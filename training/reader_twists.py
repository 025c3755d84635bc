"""Questions that sound like one with a known answer and ask for something that nothing says."""

import random
import re
from collections.abc import Sequence
from typing import Final

NAME: Final = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)*")
NUMBER: Final = re.compile(r"\b\d[\d,.]*\b")
# Words and their opposites; where a word has two, the first one counts.
_WORDS: Final = """
first last|earliest latest|early late|before after|largest smallest|larger smaller|large small
biggest smallest|bigger smaller|big little|most fewest|more fewer|highest lowest|higher lower
high low|longest shortest|longer shorter|long short|maximum minimum|best worst|better worse
oldest newest|older younger|old new|ancient modern|strong weak|stronger weaker|fast slow
northern southern|eastern western|north south|east west|inside outside|above below|upper lower
began ended|begin end|start stop|started stopped|starts stops|opened closed|open closed
won lost|win lose|gained lost|bought sold|buy sell|rise fall|rose fell|increase decrease
increased decreased|increases decreases|grew shrank|accepted rejected|accept reject
allowed forbidden|allow forbid|allows forbids|legal illegal|included excluded|include exclude
includes excludes|joined left|created destroyed|built demolished|caused prevented|cause prevent
causes prevents|supported opposed|support oppose|supports opposes|agreed disagreed|agree disagree
encouraged discouraged|encourage discourage|encourages discourages|common rare|popular unpopular
major minor|public private|rural urban|male female|men women|man woman|boys girls
father mother|son daughter|brother sister|husband wife|king queen|winter summer|day night
positive negative|hot cold|rich poor|always never|with without|minority majority|direct indirect
formal informal|official unofficial|native foreign|internal external|domestic foreign
success failure|successful unsuccessful|succeeded failed|possible impossible|known unknown
similar different|same different|likely unlikely|dependent independent|religious secular
import export|imports exports|imported exported|arrive depart|arrived departed|enter leave
entered left|advantage disadvantage|advantages disadvantages|strength weakness|victory defeat
ally enemy|allies enemies|primary secondary|fewer more|less more|least most|decline growth
""".replace("|", " ").split()
OPPOSITE: Final = {
    word: opposite
    for one, other in reversed(list(zip(_WORDS[::2], _WORDS[1::2], strict=True)))
    for word, opposite in ((other, one), (one, other))
}
_WORD: Final = re.compile(r"\b[a-z]+\b")
_AUXILIARY: Final = re.compile(
    r"\b(is|are|was|were|did|does|do|has|have|had|can|could|would|should)\b(?! ?(?:not|n't))"
)
_DENIES: Final = re.compile(r"\b(?:not|never|no|none|without)\b|n't\b|n\u2019t\b")
# A denied question is easily told by its form alone, so few are made.
_DENIED: Final = 0.15
_FRAME_WORDS: Final = 5

Frame = tuple[str, str]
"""What stands before and behind the name in a question."""


def named(question: str) -> list[str]:
    """Return the names and numbers that a question speaks of."""
    return NAME.findall(question) + NUMBER.findall(question)


def frame(question: str) -> Frame | None:
    """Return what stands before and behind the one name of a short question, None of others.

    Long ones speak of too much that no other name has to do with.
    """
    found = list(NAME.finditer(question))
    if len(found) != 1:
        return None
    before, behind = question[: found[0].start()], question[found[0].end() :]
    return (before, behind) if len(f"{before} {behind}".split()) <= _FRAME_WORDS else None


def twisted(
    question: str,
    paragraph: str,
    others: Sequence[str],
    frames: Sequence[Frame],
    draw: random.Random,
) -> str | None:
    """Return the question denied, with a word's opposite, a name or number exchanged, or another.

    `others` are names and numbers of the same article, `frames` questions without their names;
    None if there is no such way.
    """
    if draw.random() < _DENIED and (found := denied(question, draw)):
        return found
    ways = [
        opposed(question, draw),
        exchanged(question, paragraph, others, draw),
        borrowed(paragraph, frames, draw),
    ]
    made = [one for one in ways if one]
    return draw.choice(made) if made else None


def denied(question: str, draw: random.Random) -> str | None:
    """Return the question with its first auxiliary denied, None if it denies something or has none.

    A paragraph that says what is, seldom says what is not.
    """
    found = _AUXILIARY.search(question)
    if not found or _DENIES.search(question):
        return None
    verb = found.group()
    short = draw.random() < 0.5  # noqa: PLR2004 # half of the time
    said = {"can": "can't"}.get(verb, f"{verb}n't") if short else f"{verb} not"
    return question[: found.start()] + said + question[found.end() :]


def opposed(question: str, draw: random.Random) -> str | None:
    """Return the question with one word exchanged for its opposite, None if no word has one."""
    places = [found for found in _WORD.finditer(question) if found.group() in OPPOSITE]
    if not places:
        return None
    found = draw.choice(places)
    return question[: found.start()] + OPPOSITE[found.group()] + question[found.end() :]


def borrowed(paragraph: str, frames: Sequence[Frame], draw: random.Random) -> str | None:
    """Return what was asked of something else, asked of a name in the paragraph.

    None if it has no name; a paragraph hardly ever answers what was not asked of it.
    """
    names = NAME.findall(paragraph)
    if not names or not frames:
        return None
    before, behind = draw.choice(frames)
    return f"{before}{draw.choice(names)}{behind}"


def exchanged(
    question: str, paragraph: str, others: Sequence[str], draw: random.Random
) -> str | None:
    """Return the question with a name or number exchanged for another one of its kind.

    Half of the time for one that the paragraph has, else for one of the same article that it has
    not; None if there is no such one.
    """
    mentioned = named(question)
    if not mentioned:
        return None
    old = draw.choice(mentioned)
    kind = NUMBER if NUMBER.fullmatch(old) else NAME
    near = draw.random() < 0.5  # noqa: PLR2004 # half of the time
    pool = kind.findall(paragraph) if near else [one for one in others if kind.match(one)]
    fitting = [one for one in pool if one not in question and (one in paragraph) == near]
    return question.replace(old, draw.choice(fitting)) if fitting else None
