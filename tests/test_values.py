"""Values of a few words: equal ones are equal however they are written."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.values import denies, values

DATES = st.dates(dt.date(1000, 1, 1), dt.date(2999, 12, 31))


@given(DATES)
def test_a_date_has_the_same_values_in_every_form(day: dt.date) -> None:
    """ISO, day first, month first, months short or whole, ordinals."""
    forms = [
        day.isoformat(),
        f"{day.day} {day:%B} {day.year}",
        f"{day:%B} {day.day}, {day.year}",
        f"{day.day}th {day:%b} {day.year}",
    ]
    assert {tuple(sorted(values(form))) for form in forms} == {
        tuple(sorted([str(day.day), f"{day:%b}".lower(), str(day.year)]))
    }


@given(st.integers(0, 10**12))
def test_thousands_may_be_marked(number: int) -> None:
    """By commas in groups of three; other commas part values."""
    assert values(f"{number:,}") == values(str(number)) == [str(number)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the two Boats", ["2", "boats"]),
        ("-5", ["-5"]),
        ("\u22125", ["-5"]),
        ("1914-18", ["1914-18"]),
        ("\u20ac4.2", ["\u20ac4.2"]),
        ("1,5", ["1,5"]),
        ("$ 5 for 3", ["$5", "for", "3"]),
        ("12 %", ["12%"]),
        ("2026-13-01", ["1", "13", "2026"]),
        ("twenty-five boats", ["25", "boats"]),
        ("two hundred and six", ["206"]),
        ("1.5 million", ["1500000"]),
        ("\u20ac3 thousand", ["\u20ac3000"]),
        ("a hundred", ["100"]),
        ("fifty thousand", ["50000"]),
        ("3 men", ["3", "men"]),
        ("", []),
    ],
)
def test_values(text: str, expected: list[str]) -> None:
    """Signs, currencies and what is no date."""
    assert values(text) == expected


def test_denials() -> None:
    """Words that deny, also shortened; not those that only contain one."""
    assert all(map(denies, ("not allowed", "There is no ferry", "it isn't", "isn\u2019t", "Never")))
    assert not any(map(denies, ("a note", "nothing-like", "knot", "another", "")))
