"""What is wrong with a field of a request, in a sentence that says what would be right.

Pydantic tells it in words of its own library; ours are the same in every route and every tool.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi.exceptions import RequestValidationError

from indexes.documents import stored_form
from service.schemas import PATTERNS, Mistake

_OBJECT: Final = 'a JSON object is needed, such as {{"name": "value"}}'
_WHOLE: Final = "a whole number is needed"
_NUMBER: Final = "a number is needed"
# From the kind of an error to a sentence, into which the limits are put that it was checked by.
_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "it is missing; send it",
        "extra_forbidden": "there is no such field",
        "string_type": "a text is needed",
        "string_unicode": "it holds half of a surrogate pair, which is no character",
        "string_too_long": "at most {max_length} characters are allowed; shorten it",
        "string_too_short": "{min_length} or more characters are needed",
        "bool_type": "true or false is needed, without quotation marks",
        "bool_parsing": "true or false is needed",
        "int_type": _WHOLE,
        "int_parsing": _WHOLE,
        "int_from_float": f"{_WHOLE}, without a fraction",
        "int_parsing_size": f"{_WHOLE}, of fewer digits",
        "float_type": _NUMBER,
        "float_parsing": _NUMBER,
        "finite_number": f"{_NUMBER} that is finite",
        "greater_than": "use a number above {gt}",
        "greater_than_equal": "use a number of {ge} or more",
        "less_than": "use a number below {lt}",
        "less_than_equal": "use a number of {le} or less",
        "literal_error": "use {expected}",
        "enum": "use {expected}",
        "none_required": "use null, or leave it out",
        "list_type": "a list is needed, in square brackets",
        "too_long": "at most {max_length} entries are allowed; send fewer",
        "too_short": "{min_length} or more entries are needed",
        "dict_type": _OBJECT,
        "model_type": _OBJECT,
        "model_attributes_type": _OBJECT,
    }
)
_NO_BODY: Final = "a JSON object is needed (Content-Type: application/json)"
_ABOUT_THE_BODY: Final = frozenset({"missing", "dict_type", "model_attributes_type"})


def mistakes_of(error: RequestValidationError) -> list[Mistake]:
    """Return all that is wrong with a request, each with its place; what was sent is not told."""
    return [
        Mistake(where=stored_form(_where(item)), message=_sentence(item)) for item in error.errors()
    ]


def _where(item: Mapping[str, Any]) -> str:
    # Of a body that is no JSON at all the framework names the character as if it were a field.
    place = item["loc"][:1] if item["type"] == "json_invalid" else item["loc"]
    return ".".join(map(str, place))


def _sentence(item: Mapping[str, Any]) -> str:
    kind, limits = item["type"], item.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:  # a check of our own, in its own words
        return str(item["msg"]).partition(", ")[2]
    if kind == "json_invalid":
        return f"the body is not JSON ({limits['error']} at character {item['loc'][-1]})"
    if item["loc"] == ("body",) and kind in _ABOUT_THE_BODY:
        return _NO_BODY
    if kind == "string_pattern_mismatch" and limits["pattern"] in PATTERNS:
        return PATTERNS[limits["pattern"]]
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**limits)
    return f"it cannot be taken as it was sent ({item['msg']}); /docs shows what it may be"
