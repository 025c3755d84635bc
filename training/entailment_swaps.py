"""Ways to make a true statement wrong in one place, and ways to say it otherwise.

Each returns None where it finds no place. `draw` is the source of chance.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

from service.common_words import word_list
from training.entailment_statements import word_set
from training.reader_twists import NAME, NUMBER, OPPOSITE, denied

_LETTERS: Final = re.compile(r"(?<![\w'-])[a-z]{4,}(?![\w'-])")
_TAIL: Final = re.compile(
    r"(?:,? (?:by|with|for|in|from|after|before|during|because|despite|near|without|under"
    r"|instead of|together with|as well as|unless|until|only if) [^,.;:()]{6,60}"
    r"|,? (?:and|but) [^,.;:()]{12,70})(?=[.;])"
)
_NOT: Final = re.compile(r" (?:not|never|no longer)\b|(?<=\w)n't\b")
_LIGHT: Final = word_list("light") | word_set(
    "that this with from have been were they their there which when what would could should than"
    " then them these those into over also such each more most some other many much very only"
)
_ENDINGS: Final = ("ing", "ed", "ly", "ion", "s")
_SAME: Final = 4

Draw = random.Random


def kind_of(value: str) -> str:
    """Return whether a value is a number, a name or something else."""
    if re.search(r"\d", value):
        return "number"
    words = [word for word in value.split() if word not in {"of", "the", "and", "de", "The"}]
    return "name" if words and all(word[:1].isupper() for word in words) else "other"


def other_value(value: str, pool: Sequence[str], draw: Draw) -> str | None:
    """Return another value of the same kind, of about as many words and with none in common."""
    kind, words = kind_of(value), set(value.lower().split())
    fitting = [
        one
        for one in pool
        if kind_of(one) == kind
        and words.isdisjoint(one.lower().split())
        and one.lower() not in value.lower()
        and value.lower() not in one.lower()
        and abs(len(one.split()) - len(words)) <= len(words)
    ]
    return draw.choice(fitting) if fitting else None


def values_of(text: str) -> list[str]:
    """Return the names and numbers of a text."""
    return [*NAME.findall(text), *NUMBER.findall(text)]


def exchanged_value(claim: str, pool: Sequence[str], draw: Draw) -> str | None:
    """Return a claim with a name or number exchanged for another of `pool`."""
    own = values_of(claim)
    draw.shuffle(own)
    for one in own:
        other = other_value(one, [value for value in pool if value not in claim], draw)
        if other:
            return claim.replace(one, other, 1)
    return None


def turned(claim: str, draw: Draw) -> str | None:
    """Return a claim in which two names of it have changed places."""
    names = list(dict.fromkeys(NAME.findall(claim)))
    first = re.match(r"[A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)+", claim)
    names += [first.group()] if first and first.group() not in names else []
    apart = [
        (one, other)
        for one in names
        for other in names
        if one < other and set(one.split()).isdisjoint(other.split())
    ]
    if not apart:
        return None
    one, other = draw.choice(apart)
    return claim.replace(one, "\0").replace(other, one).replace("\0", other)


def negated(claim: str, draw: Draw) -> str | None:
    """Return a claim denied, or affirmed if it denies something, or with a word's opposite."""
    ways = [_affirmed(claim), denied(claim, draw), _never(claim, draw), opposed(claim, draw)]
    made = [one for one in ways if one and one != claim]
    return draw.choice(made) if made else None


def _affirmed(claim: str) -> str | None:
    return _NOT.sub("", claim, count=1) if _NOT.search(claim) else None


def _never(claim: str, draw: Draw) -> str | None:
    places = list(re.finditer(r"(?<=\w )[a-z]+ed(?= \w)", claim))
    if not places or _NOT.search(claim):
        return None
    at = draw.choice(places).start()
    return f"{claim[:at]}never {claim[at:]}"


def opposed(claim: str, draw: Draw) -> str | None:
    """Return a claim with one word exchanged for its opposite."""
    places = [one for one in re.finditer(r"\b[a-z]+\b", claim) if one.group() in OPPOSITE]
    if not places:
        return None
    found = draw.choice(places)
    return claim[: found.start()] + OPPOSITE[found.group()] + claim[found.end() :]


def twice_denied(claim: str, draw: Draw) -> str | None:
    """Return a claim with `not` and an opposite for an adjective or participle: it stays true."""
    places = [
        one
        for one in re.finditer(r"(?:(?<= was )|(?<= were )|(?<= are )|(?<= is ))[a-z]+\b", claim)
        if one.group() in OPPOSITE and one.group() not in {"first", "last", "before", "after"}
    ]
    if not places:
        return None
    found = draw.choice(places)
    return f"{claim[: found.start()]}not {OPPOSITE[found.group()]}{claim[found.end() :]}"


def other_word(claim: str, near: str, far: str, draw: Draw) -> str | None:
    """Return a claim with one of its words exchanged for one of the same ending from a text."""
    own = [one for one in _LETTERS.finditer(claim) if _is_weighty(one.group(), "")]
    draw.shuffle(own)
    for found in own[:3]:
        word = found.group()
        text = near if draw.random() < 0.6 else far  # noqa: PLR2004 # more than half of the time
        pool: list[str] = [
            one
            for one in _LETTERS.findall(text)
            if _is_weighty(one, claim)
            and _ending(one) == _ending(word)
            and one[:_SAME] != word[:_SAME]
        ]
        if pool:
            return claim[: found.start()] + draw.choice(pool) + claim[found.end() :]
    return None


def _is_weighty(word: str, elsewhere: str) -> bool:
    return word not in _LIGHT and word[:5] not in elsewhere.lower()


def _ending(word: str) -> str:
    return next((one for one in _ENDINGS if word.endswith(one)), "")


def with_more(claim: str, texts: Sequence[str], draw: Draw) -> str | None:
    """Return a claim with a phrase of another text behind."""
    found = [one for text in texts for one in _TAIL.findall(text) if one.strip(", ") not in claim]
    return f"{claim.rstrip('.')}{draw.choice(found)}." if found else None


def shortened(sentence: str, draw: Draw) -> str:
    """Return a sentence without its parentheses, and at times without its first or last part."""
    text = re.sub(r" ?\([^()]*\)", "", sentence)
    if draw.random() < 0.5 and (found := _TAIL.search(text)) and found.start() > 40:  # noqa: PLR2004
        text = text[: found.start()] + text[found.end() :]
    head, comma, rest = text.partition(", ")
    # What begins with a preposition can be left out.
    leads = head.split(" ")[0] in {
        "In",
        "On",
        "At",
        "After",
        "Before",
        "During",
        "However",
        "While",
    }
    if comma and leads and draw.random() < 0.6 and len(rest) > 30:  # noqa: PLR2004
        text = rest[:1].upper() + rest[1:]
    return text


_WORDS: Final = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_NUMBERS: Final = _WORDS.split("|")
_MONTHS: Final = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_DAY: Final = re.compile(rf"\b(\d{{1,2}}) ({_MONTHS})\b(?!,)")
_MONTH: Final = re.compile(rf"\b({_MONTHS}) (\d{{1,2}})\b(?!\d)")


def _small(match: re.Match[str]) -> str:
    return _NUMBERS[int(match[1])]


def _figure(match: re.Match[str]) -> str:
    return str(_NUMBERS.index(match[1].lower()))


_FORMS: Final[Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]] = (
    (
        re.compile(r"(?<![\w.,$£€-])(1[0-2]|[2-9])(?![\w.,%-]| (?:%|" + _MONTHS + "))"),
        _small,
    ),
    (re.compile(rf"\b({_WORDS[9:]})\b(?!-)"), _figure),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), lambda _: ""),
    (re.compile(r"(?<=\d) ?%"), lambda _: " percent"),
    (re.compile(r"(?<=\d) per ?cent\b"), lambda _: "%"),
    (
        re.compile(r"\$(\d[\d,.]*)(?! (?:million|billion|trillion))"),
        lambda one: f"{one[1]} dollars",
    ),
    (_DAY, lambda one: f"{one[2]} {one[1]}"),
    (_MONTH, lambda one: f"{one[2]} {one[1]}"),
)


def otherwise_formed(claim: str, draw: Draw) -> str:
    """Return a claim with its numbers and dates in other forms, as it is where there are none."""
    forms = list(_FORMS)
    draw.shuffle(forms)
    for pattern, said in forms:
        if pattern.search(claim):
            return pattern.sub(said, claim)
    return claim
