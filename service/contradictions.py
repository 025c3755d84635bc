"""Contradictions: whether a sentence denies what the evidence affirms, or says its opposite."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from service.directions import goes_the_wrong_way
from service.lines import Line
from service.numbers import same
from service.opposites import (
    allies,
    formed_against,
    is_negator,
    opposites,
    refuses,
    refuses_strongly,
    stem,
)
from service.stated import LIGHT, Stated
from service.turned import turned

# Small words whose opposites say the reverse wherever they stand.
_FEW: Final = 3
_UNTIL: Final = frozenset(("before", "until"))
_ELLIPTIC: Final = frozenset(
    ("in", "on", "at", "for", "by", "with", "the", "from", "of", "under", "during", ",", ".")
)
_EXCEPTING: Final = frozenset(("except", "unless", "but", "apart", "only", "besides"))
_OTHER: Final = frozenset(("other", "apart", "excluding", "save", "but", "only"))
_CONDITIONS: Final = frozenset(("without", "unless", "until"))
_NEEDING: Final = frozenset(("only", "must", "need", "needs", "require", "requires", "required"))
_MAY: Final = frozenset(("may", "can", "cannot"))
_ALLOWED: Final = frozenset({stem("allow"), *allies(stem("allow"))})
_FORBIDDEN: Final = frozenset({stem("forbid"), *allies(stem("forbid"))})
_TELLING: Final = re.compile(r"(?:s|ed|t)\Z")
_SMALL: Final = tuple(
    tuple(pair.split("/"))
    for pair in (
        "before/after", "after/before", "above/below", "below/above", "over/under", "under/over",
        "unless/if", "if/unless", "ahead/behind", "behind/ahead", "inside/outside",
        "outside/inside", "more/less", "less/more", "more/fewer", "fewer/more", "most/least",
        "always/never", "all/none", "all/no", "both/neither", "neither/both", "until/from",
        "from/until", "until/since", "since/until", "up/down", "down/up", "still/longer",
        "on/off", "off/on", "must/may", "with/without", "some/no", "some/none", "many/few",
        "few/many", "many/no", "everyone/nobody", "nobody/everyone", "against/favour",
        "favour/against", "latest/earliest", "earliest/latest", "afterwards/advance",
        "advance/afterwards", "afterwards/ahead", "ahead/afterwards",
    )
)  # fmt: skip


def contradicted(claim: Stated, lines: Sequence[Line]) -> bool:
    """Tell whether one of these sentences says the reverse of the claim, as far as words tell."""
    if turned(claim, lines) or goes_the_wrong_way(claim):
        return True
    if (elliptic := _elliptic(claim, lines)) is not None:
        return elliptic
    return (
        _limited_otherwise(claim, lines)
        or _denied_only_here(claim, lines)
        or _denied_only_there(claim, lines)
        or _opposed(claim, lines)
        or _small_opposed(claim, lines)
        or _bound_otherwise(claim, lines)
        or _refused(claim, lines)
    )


def _limited_otherwise(claim: Stated, lines: Sequence[Line]) -> bool:
    """Tell whether the evidence says `not before` or the like where the claim has no `not`."""
    denies = any(is_negator(word.lower) for word in claim.words)
    limits = frozenset[str]().union(*(line.said.denial.limits for line in lines))
    if limits & _UNTIL:
        limits |= _UNTIL
    return not denies and bool(limits & claim.lowers)


def _elliptic(claim: Stated, lines: Sequence[Line]) -> bool | None:
    """Tell whether a claim goes against `but not in Pell` behind what is said of others.

    None where the evidence has no such clause on what the claim speaks of.
    """
    for line in lines:
        for at in sorted(line.said.denying):
            about = _left_alone(line.said, at)
            if not about or about - claim.stems:
                continue
            ahead = frozenset(one for word in line.said.words[:at] for one in word.stems)
            again = line.said.words[at].lower
            if again in {"never", "none"} & claim.lowers:
                return False
            if _excepts(claim, about) and not any(place < at for place in line.said.denying):
                return False
            for telling in (False, True):
                for place in range(len(claim.words)):
                    agrees = _agrees(claim, place, ahead, about, telling=telling)
                    if agrees is not None:
                        return not agrees
    return None


def _excepts(claim: Stated, about: frozenset[str]) -> bool:
    """Tell whether a claim leaves the same out: not on Fridays, only there, out of the sun."""
    if about <= claim.denied_stems or _EXCEPTING & claim.lowers:
        return True
    clauses = {word.clause for word in claim.words if about.intersection(word.stems)}
    if any(claim.words[at].clause in clauses for at in claim.denying):
        return True
    return any(word.clause in clauses and refuses(word.lower) for word in claim.words)


def _left_alone(said: Stated, at: int) -> frozenset[str]:
    """Return what a denial without a verb of its own leaves out: `but not in Pell`."""
    clause = said.words[at].clause
    behind = [word for word in said.words[at + 1 :] if word.clause == clause]
    if behind and behind[0].lower not in _ELLIPTIC and any(word.stems for word in behind):
        return frozenset()
    inside = (place for place in said.denied if said.words[place].clause == clause)
    return frozenset(one for place in inside for one in said.words[place].stems) - LIGHT


def _agrees(
    claim: Stated, at: int, ahead: frozenset[str], about: frozenset[str], *, telling: bool
) -> bool | None:
    """Tell whether a word of the claim says what the clause before says, with its denial."""
    denied = at in claim.denied
    word = claim.words[at]
    if word.lower in _MAY and ahead & (_ALLOWED | _FORBIDDEN):
        return (denied or word.lower == "cannot") == bool(ahead & _ALLOWED)
    for one in word.stems:
        if one in about:
            return None
        tells = bool(opposites(one)) or (telling and _TELLING.search(word.lower) is not None)
        if tells and one not in LIGHT and (one in ahead or allies(one) & ahead):
            return denied
        if opposites(one) & ahead:
            return not denied
    return None


def _is_of_values(claim: Stated, said: Stated, clause: int) -> bool:
    """Tell whether a clause has one of the claim's values, if the sentence has any."""
    there = {
        said.words[at].clause
        for value in claim.values
        if value.sure
        for one in claim.words[value.first].stems
        for at in said.places.get(one, ())
    }
    return not there or clause in there


def _refused(claim: Stated, lines: Sequence[Line]) -> bool:
    """Tell whether the evidence refuses what the claim affirms, as `waive` and `avoid` do."""
    if claim.denying or claim.denial.limits or _refuses_anew(claim, lines):
        return False
    for line in lines:
        for at, word in enumerate(line.said.words):
            strong = any(refuses_strongly(one) and one not in claim.stems for one in word.stems)
            if not strong or at in line.said.denied or not _reached(line.said, at) & claim.content:
                continue
            if _is_of_values(claim, line.said, word.clause):
                return True
    return False


def _said(lines: Sequence[Line]) -> frozenset[str]:
    return frozenset[str]().union(*(line.said.stems for line in lines))


def _denied_only_here(claim: Stated, lines: Sequence[Line]) -> bool:
    if not claim.denying:
        return False
    said = frozenset[str]().union(*(line.said.affirmed_stems for line in lines))
    meant = claim.denied_stems & claim.content
    if _negators(claim) == {"except"} and any(_OTHER & line.said.lowers for line in lines):
        return False
    if 2 * len(meant & said) < len(meant):
        return False  # in other words: whether it says so, other words tell
    twice = _CONDITIONS & claim.lowers and _negators(claim) - _CONDITIONS
    if twice and any(_NEEDING & line.said.lowers for line in lines):
        return False  # not without a key, only with a key
    mine = _negators(claim)
    if any(theirs and theirs < mine for theirs in (_negators(line.said) for line in lines)):
        return True
    return not any(_denies_too(claim, line.said) for line in lines)


def _denies_too(claim: Stated, said: Stated) -> bool:
    """Tell whether a sentence says no to what a claim denies, in one way or another."""
    denied = claim.denied_stems
    return (
        (bool(said.denial.limits) and any(is_negator(word.lower) for word in said.words))
        or bool((said.denied_stems - LIGHT) & (claim.stems - LIGHT))
        or any(allies(one) & said.denied_stems for one in denied - LIGHT)
        or any(
            (denied - LIGHT).intersection(word.stems)
            for at in said.denying
            for word in said.words
            if word.clause == said.words[at].clause
        )
        or _denies_in_place(claim, said)
        # Where the denied word itself is affirmed, its opposite is told of something else.
        or any(opposites(one) & said.affirmed_stems for one in denied - said.affirmed_stems)
        or any(formed_against(word.lower, said.lowers) for word in claim.words)
        or any(
            refuses(word.lower)
            and word.lower not in claim.lowers
            and (_reached(said, at) & claim.content or _speaks_of(said, at, denied - LIGHT))
            for at, word in enumerate(said.words)
        )
    )


def _reached(said: Stated, at: int) -> frozenset[str]:
    """Return what a word such as `avoid` refuses: what stands behind it, else what stands ahead."""
    clause = said.words[at].clause
    behind = frozenset(
        one for word in said.words[at + 1 :] if word.clause == clause for one in word.stems
    )
    if behind - LIGHT:
        return behind
    return frozenset(one for word in said.words[:at] if word.clause == clause for one in word.stems)


def _speaks_of(said: Stated, at: int, stems: frozenset[str]) -> bool:
    """Tell whether the clause of a word has most of these stems."""
    clause = said.words[at].clause
    there = {one for word in said.words if word.clause == clause for one in word.stems}
    return 2 * len(stems & there) > len(stems)


def _negators(said: Stated) -> frozenset[str]:
    return frozenset(said.words[at].lower for at in said.denying) - {"neither", "nor"}


def _denies_in_place(claim: Stated, said: Stated) -> bool:
    """Tell whether a sentence denies something in the clause that has most of the claim."""
    clauses: dict[int, set[str]] = {}
    for word in said.words:
        clauses.setdefault(word.clause, set()).update(word.stems)
    best = max(clauses, key=lambda at: len(clauses[at] & claim.stems), default=-1)
    near = clauses.get(best, set()) & (claim.stems - LIGHT)
    return bool(near) and any(said.words[at].clause == best for at in said.denying)


def _denies_the_same(claim: Stated, said: Stated) -> bool:
    """Tell whether a sentence denies, too, in a clause that has a word of the claim."""
    clauses = {word.clause for word in said.words if claim.content.intersection(word.stems)}
    return any(said.words[at].clause in clauses for at in said.denying)


def _denied_first(said: Stated) -> frozenset[str]:
    """Return the first stem that each denial denies."""
    found = set[str]()
    for at in said.denying:
        behind = (
            word.stems
            for place, word in enumerate(said.words[at + 1 :], at + 1)
            if place in said.denied
        )
        found.update(next((stems for stems in behind if frozenset(stems) - LIGHT), ()))
    return frozenset(found)


def _refuses_anew(claim: Stated, lines: Sequence[Line]) -> bool:
    """Tell whether a claim refuses with a word that the evidence has not."""
    words = frozenset[str]().union(*(line.said.lowers for line in lines))
    if any(pair <= claim.lowers and not pair <= words for pair in _REFUSING_PAIRS):
        return True
    return any(refuses(word.lower) and word.lower not in words for word in claim.words)


def _denied_only_there(claim: Stated, lines: Sequence[Line]) -> bool:
    if _refuses_anew(claim, lines):
        return False
    if (claim.denying or claim.denial.limits) and any(
        _denies_the_same(claim, line.said) for line in lines
    ):
        return False
    affirmed = frozenset[str]().union(*(line.said.affirmed_stems for line in lines))
    for line in lines:
        denied = line.said.denied_stems & (claim.affirmed_stems - claim.denied_stems - LIGHT)
        if claim.denying:
            denied &= _denied_first(line.said)
        if len(line.said.denying) > 1 and "without" in line.said.lowers:
            continue  # no felling without a permit
        bare = {one for one in denied if one not in affirmed}
        if not bare:
            continue
        if any(opposites(one) & claim.stems for one in line.said.denied_stems):
            continue
        if any(formed_against(word.lower, line.said.lowers) for word in claim.words):
            continue
        return True
    return False


def _opposed(claim: Stated, lines: Sequence[Line]) -> bool:
    words = frozenset[str]().union(*(line.said.lowers for line in lines))
    for at, word in enumerate(claim.words):
        here = at in claim.denied
        formed = formed_against(word.lower, words)
        if (
            formed
            and word.lower not in words
            and not _flipped(claim, lines, stem(formed), here=here)
        ):
            return True
        for one in word.stems:
            against = opposites(one)
            if not against or against & claim.stems:
                continue
            other = _in_place_of(one, against, claim, word.clause, lines)
            if other and not _flipped(claim, lines, other, here=here):
                return True
    return False


def _in_place_of(
    one: str, against: frozenset[str], claim: Stated, clause: int, lines: Sequence[Line]
) -> str | None:
    """Return the opposite that the evidence has where it speaks of what the claim's clause does."""
    here = {other for word in claim.words if word.clause == clause for other in word.stems}
    whole = len(here - LIGHT) < _FEW
    about = {
        other: at in claim.value_places
        for at, word in enumerate(claim.words)
        if word.clause == clause or whole
        for other in word.stems
        if other != one
    }
    found = None
    same = {one, *allies(one)}
    for line in lines:
        clauses: dict[int, set[str]] = {}
        for word in line.said.words:
            clauses.setdefault(word.clause, set()).update(word.stems)
        for stems in clauses.values():
            near = stems & about.keys()
            if same & stems and (
                len(stems) == 1
                or any(about[other] for other in near)
                or (near and not any(about.values()))
            ):
                return None
            if against & stems and near:
                found = min(against & stems)
    return found


def _flipped(
    claim: Stated,
    lines: Sequence[Line],
    against: str,
    *,
    here: bool,
) -> bool:
    """Tell whether a denial on one of both sides makes opposites agree."""
    there = any(
        against in line.said.denied_stems
        or (line.said.denied_stems - line.said.affirmed_stems - LIGHT) & claim.stems
        for line in lines
    )
    if here or there:
        return here != there
    return bool(claim.denying) and not claim.denied


def _small_opposed(claim: Stated, lines: Sequence[Line]) -> bool:
    near = list(_near_words(claim, lines))
    words = frozenset(near)
    everywhere = frozenset[str]().union(*(line.said.lowers for line in lines))
    for one, other in _SMALL:
        if one in claim.lowers and one not in everywhere and other in words:
            if other in claim.lowers or claim.denying or _denies_near(lines, other):
                continue
            if one in _TURNED and not _behind(claim, one) & _behind_any(lines, other):
                continue
            if one == "must" and not _next(claim, one) & _next_any(lines, other):
                continue
            return True
    return False


_REFUSING_PAIRS: Final = (
    frozenset(("turned", "down")),
    frozenset(("voted", "down")),
    frozenset(("keep", "from")),
    frozenset(("keeps", "from")),
    frozenset(("kept", "from")),
    frozenset(("give", "up")),
    frozenset(("gave", "up")),
    frozenset(("given", "up")),
)
_AHEAD: Final = frozenset(("before", "prior", "advance"))
"""At least 9 days before it is no later than 9 days before it."""
_TURNED: Final = frozenset(("before", "after", "until", "since", "from"))
"""What comes behind one of these comes ahead of its opposite: before B is A, after A is B."""


def _behind(said: Stated, word: str) -> frozenset[str]:
    found = set[str]()
    for at, one in enumerate(said.words):
        if one.lower == word:
            found.update(
                stem
                for later in said.words[at + 1 :]
                if later.clause == one.clause
                for stem in later.stems
            )
    return frozenset(found)


def _behind_any(lines: Sequence[Line], word: str) -> frozenset[str]:
    return frozenset[str]().union(*(_behind(line.said, word) for line in lines))


def _next(said: Stated, word: str) -> frozenset[str]:
    """Return the stems close behind a word, which it goes with: must wear."""
    return frozenset(
        stem
        for at, one in enumerate(said.words)
        if one.lower == word
        for later in said.words[at + 1 : at + 1 + _FEW]
        for stem in later.stems
    )


def _next_any(lines: Sequence[Line], word: str) -> frozenset[str]:
    return frozenset[str]().union(*(_next(line.said, word) for line in lines))


def _denies_near(lines: Sequence[Line], word: str) -> bool:
    return word not in {"longer", "no", "none", "never", "without", "neither", "nobody"} and any(
        line.said.words[at].lower == word for line in lines for at in line.said.denied
    )


def _near_words(claim: Stated, lines: Sequence[Line]) -> Iterator[str]:
    """Yield the words of those clauses of the evidence that have a stem of the claim."""
    for line in lines:
        clauses = {word.clause for word in line.said.words if claim.stems.intersection(word.stems)}
        for word in line.said.words:
            if word.clause in clauses:
                yield word.lower


def _bound_otherwise(claim: Stated, lines: Sequence[Line]) -> bool:
    """Tell whether a number is a least one here and a most one there."""
    if claim.denying or len(lines) > 1 or _AHEAD & claim.lowers:
        return False
    for mine in claim.numbers:
        found = [
            one.number.bound
            for line in lines
            for one in line.said.numbers
            if one.number
            and mine.number
            and same(mine.number, one.number)
            and not line.said.denying
        ]
        if (
            mine.number
            and mine.number.bound
            and found
            and mine.number.bound not in found
            and "" not in found
        ):
            return True
    return False
