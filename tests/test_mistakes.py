"""What is wrong with a field is told in our own words, whatever kind of mistake it is."""

from typing import Annotated, Any, Literal

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import (
    UUID4,
    AfterValidator,
    BaseModel,
    Field,
    FiniteFloat,
    StrictBool,
    ValidationError,
)

from service.mistakes import mistakes_of
from service.schemas import CollectionName, IsoDate


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("an odd number is needed, or 3")
    return value


class Form(BaseModel, extra="forbid"):
    """A field of each kind."""

    text: str = ""
    short: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    name: CollectionName = "a"
    other: Annotated[str, Field(pattern="^x$")] = "x"
    flag: StrictBool = True
    loose: bool = True
    count: Annotated[int, Field(ge=1, le=100)] = 1
    offset: Annotated[int, Field(lt=2**63)] = 1
    share: Annotated[float, Field(gt=0)] = 1.0
    finite: FiniteFloat = 1.0
    few: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    fields: dict[str, int] = {}
    inner: "Form | None" = None
    way: Literal["auto", "none"] = "auto"
    nothing: None = None
    day: IsoDate = "2026-01-31"
    odd: Annotated[int, AfterValidator(_odd)] = 1
    key: UUID4 | None = None


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("text", 3, "a text is needed"),
        ("short", "abcd", "at most 3 characters are allowed; shorten it"),
        ("short", "a", "2 or more characters are needed"),
        ("flag", 1, "true or false is needed, without quotation marks"),
        ("loose", "perhaps", "true or false is needed"),
        ("count", 0, "use a number of 1 or more"),
        ("count", 101, "use a number of 100 or less"),
        ("count", [], "a whole number is needed"),
        ("count", "many", "a whole number is needed"),
        ("count", 1.5, "a whole number is needed, without a fraction"),
        ("count", "9" * 5000, "a whole number is needed, of fewer digits"),
        ("offset", 2**63, "use a number below 9223372036854775808"),
        ("share", 0, "use a number above 0.0"),
        ("share", {}, "a number is needed"),
        ("share", "x", "a number is needed"),
        ("finite", float("nan"), "a number is needed that is finite"),
        ("few", "x", "a list is needed, in square brackets"),
        ("few", [], "1 or more entries are needed"),
        ("few", [1, 2, 3], "at most 2 entries are allowed; send fewer"),
        ("fields", [], 'a JSON object is needed, such as {"name": "value"}'),
        ("inner", "x", 'a JSON object is needed, such as {"name": "value"}'),
        ("way", "guess", "use 'auto' or 'none'"),
        ("nothing", 1, "use null, or leave it out"),
        ("day", "2026-02-30", "there is no such day; write one as YYYY-MM-DD"),
        ("odd", 2, "an odd number is needed, or 3"),
        ("more", 1, "there is no such field"),
    ],
)
def test_each_kind_of_mistake_has_a_sentence(field: str, value: object, told: str) -> None:
    """It says what would be right, and names the field."""
    assert mistakes({field: value}) == {f"body.{field}": told}


def test_a_name_is_told_by_what_it_may_have() -> None:
    """And no pattern is shown, but where nobody put it into words."""
    assert "begins with a letter or digit" in mistakes({"name": "../x"})["body.name"]
    assert "/docs shows what it may be" in mistakes({"other": "y"})["body.other"]


def test_what_is_not_foreseen_is_told_all_the_same() -> None:
    """With the library's words, and where to look."""
    told = mistakes({"key": "x"})["body.key"]
    assert told.startswith("it cannot be taken as it was sent (")
    assert told.endswith("; /docs shows what it may be")


def test_places_within_are_named() -> None:
    """By the way that leads to them."""
    found = mistakes({"few": [1, "x"], "inner": {"count": 0, "flagg": True}})
    assert set(found) == {"body.few.1", "body.inner.count", "body.inner.flagg"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"type": "missing", "loc": ("body",)}, "Content-Type: application/json"),
        ({"type": "missing", "loc": ("body", "question")}, "it is missing; send it"),
        ({"type": "model_attributes_type", "loc": ("body",)}, "Content-Type: application/json"),
        (
            {"type": "json_invalid", "loc": ("body", 13), "ctx": {"error": "Expecting value"}},
            "the body is not JSON (Expecting value at character 13)",
        ),
    ],
)
def test_the_body_as_a_whole_is_told(error: dict[str, Any], told: str) -> None:
    """Where it is missing, another thing, or no JSON."""
    (mistake,) = mistakes_of(RequestValidationError([{"msg": "Field required", **error}]))
    assert told in mistake.message
    assert mistake.where in {"body", "body.question"}


def mistakes(values: object) -> dict[str, str]:
    """Return what is told of a form, by place."""
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(values)
    items = [{**one, "loc": ("body", *one["loc"])} for one in caught.value.errors()]
    return {one.where: one.message for one in mistakes_of(RequestValidationError(items))}
