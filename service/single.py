"""Whether a sentence gives the one value that a thing has, or one of several that it may have.

A house has one year in which it was built and may have been renovated in several; a museum has one
head and many friends. Two of several values contradict nothing.
"""

import re
from typing import Final

from indexes.lexical import terms
from service.answer_kinds import Kind
from service.wording import is_past

_BE: Final = r"(?:is|are|was|were|remains?|becomes?|became|will be)"
_NOW: Final = r"(?:(?:now|currently|still|again|called|named) )*"
# `The head of the museum is V`, `the office is in V`, `the committee is chaired by V`.
_IS_VALUE: Final = re.compile(
    r"\s*(?:the|our|its|his|her|their|your|this|\S+['\u2019]s)\b.*\b"
    rf"{_BE} {_NOW}(?:(?:held |located |situated )?(?:in|at|on|by|behind|under) |"
    r"(?:chaired|led|headed|run|managed|directed|owned) by )?(?:the |an? )?",
    re.IGNORECASE | re.DOTALL,
)
# `V is the head of the museum`, `V is head of the museum`.
_VALUE_IS: Final = re.compile(
    rf"\s*{_BE} {_NOW}(?:(?:the|our|its)\b|(?!an?\b|one\b|also\b)\S+ of\b)", re.IGNORECASE
)
_ONCE: Final = frozenset(
    terms(
        "built constructed erected founded established opened born died lit launched published "
        "released invented discovered completed finished introduced created began started adopted "
        "passed commissioned inaugurated"
    )
)
# What leaves at one time leaves at others as well, but for the first and the last of a day.
_OFTEN: Final = frozenset(terms("leaves departs arrives sails goes runs comes"))
_OF_MANY: Final = frozenset(terms("first last next earliest latest"))


def is_the_one(kind: Kind, before: str, behind: str) -> bool:
    """Tell whether a value of this kind, between these parts of its sentence, is the only one."""
    found = frozenset(terms(f"{before} {behind}"))
    if kind == "date":
        return not is_past(f"{before} {behind}") or bool(found & _ONCE)
    if kind == "time":
        return not found & _OFTEN or bool(found & _OF_MANY)
    if kind == "amount":
        return True
    if before.strip():
        return _IS_VALUE.fullmatch(f"{before.rstrip()} ") is not None
    return _VALUE_IS.match(behind) is not None
