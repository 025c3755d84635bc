"""Whether a question asks for several things, and whether a list would answer it."""

import re
from typing import Final

# What asks for one number or one name, though it has a word that asks for several things.
_ONE: Final = re.compile(
    r"\bhow (?:many|much) \w+"
    r"|\bhow \w+ (?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|must)\b"
    r"|\bhow (?:is|are|was|were|do|does) .*\b(?:called|named|spelt|spelled|pronounced|written)\b",
    re.IGNORECASE,
)
_LISTED: Final = "steps|reasons|causes|ways|advantages|disadvantages|pros|cons|examples"
_WORD: Final = re.compile(
    r"\b(?:why|how|explain|describe|compare|compared|comparison|differences?|different|differ"
    rf"|{_LISTED}|versus|vs)\b",
    re.IGNORECASE,
)
_ORDER: Final = re.compile(
    r"\s*(?:please |can you |could you )?(?:list|name|enumerate)\b", re.IGNORECASE
)
_PLURAL: Final = re.compile(
    r"\b(?:what|which|who)(?: \w+){0,2} (?:are|were)\b"
    # A noun in -s right after `which`, or after words that end like adjectives; elsewhere it may be
    # a verb.
    r"|\bwhich (?:(?:new|other|main|major|public|\w+(?:al|an|ed|ic|ing|ish|ive|ous)) ){0,2}"
    r"(?!does|goes|this)[a-z]{2,}[^\Wsui_\d]s\b"
    r"|\bwhat (?:do|does|did|must|should|can)(?: \w+){1,3} "
    r"(?:need|do|bring|include|offer|cover|contain|require|have to)\b"
    r"|\bwhat (?:is|was) (?:needed|required|included|covered|offered)\b",
    re.IGNORECASE,
)
_LIST: Final = re.compile(
    rf"\b(?:{_LISTED})\b"
    r"|\bhow (?:do|can|could|should|must|would) (?:i|you|we|one)\b|\bhow to\b",
    re.IGNORECASE,
)
_ASKS: Final = "(?:what|which|who|when|where|why|how)"
_TWICE: Final = re.compile(rf"\b{_ASKS}\b.*\band {_ASKS}\b", re.IGNORECASE)


def asks_for_several(question: str) -> bool:
    """Tell by its words whether a question asks for more than one thing."""
    if _TWICE.search(question) or _ORDER.match(question):
        return True
    rest = _ONE.sub(" ", question)
    return any(one.search(rest) for one in (_WORD, _PLURAL))


def asks_for_list(question: str) -> bool:
    """Tell by its words whether a list answers a question better than one of its items."""
    rest = _ONE.sub(" ", question)
    listed = any(one.search(rest) for one in (_LIST, _PLURAL))
    return listed or _ORDER.match(question) is not None
