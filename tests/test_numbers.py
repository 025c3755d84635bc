"""Numbers, dates and times: what is one in all its forms, and what is not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.languages import LANGUAGES, Language
from service.numbers import numbers, same

TEXTS = st.text(
    alphabet=st.sampled_from("0123456789.,:-/ $€%°'abkmst年月日万三十五٣ MayJuneIXV\u00a0")
    | st.characters(),
    max_size=80,
)


def says(claimed: str, found: str, language: Language = "en") -> bool:
    """Tell whether the only number of one text is that of another."""
    (one,) = numbers(claimed, language)
    return any(same(one, other) for other in numbers(found, language))


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ("1,000 trees", "1000 trees"),
        ("1k trees", "1,000 trees"),
        ("1\u202f000 trees", "1000 trees"),
        ("two boats", "2 boats"),
        ("twenty-five boats", "25 boats"),
        ("one hundred and five boats", "105 boats"),
        ("three thousand two hundred boats", "3,200 boats"),
        ("two dozen boats", "24 boats"),
        ("1.5 million people", "1,500,000 people"),
        ("half a million people", "500,000 people"),
        ("12%", "12 percent"),
        ("12 per cent", "12%"),
        ("half of them", "50% of them"),
        ("a third of it", "one third of it"),
        ("$3", "3 dollars"),
        ("£48,500", "48,500 pounds"),
        ("$5m", "5 million dollars"),
        ("2.50 euros", "€2.5"),
        ("the 3rd floor", "the third floor"),
        ("the twenty-first floor", "the 21st floor"),
        ("twice a week", "two times a week"),
        ("World War II", "World War 2"),
        ("chapter IV", "chapter 4"),
        ("on 5 May 2024", "on 2024-05-05"),
        ("on May 5th, 2024", "on 5 May 2024"),
        ("in May 2024", "on 5 May 2024"),
        ("in 2024", "on 5 May 2024"),
        ("on 5 May", "on May 5, 2024"),
        ("at 6:40 am", "at 06:40"),
        ("at 6 p.m.", "at 18:00"),
        ("at 6.40", "at 6:40"),
        ("at noon", "at 12:00"),
        ("in the 1990s", "in the 1990's"),
        ("90 minutes", "an hour and a half"),
        ("80 minutes", "an hour and twenty minutes"),
        ("2 h 35 min", "2 hours and 35 minutes"),
        ("three weeks", "21 days"),
        ("15 minutes", "a quarter of an hour"),
        ("half a litre", "500 millilitres"),
        ("1½ cups", "1.5 cups"),
        ("25%", "dropped by a quarter."),
        ("33%", "a third of them"),
        ("at 7.30 in the evening", "at 7.30 pm"),
        ("on 6 May 2024", "from 6 to 9 May 2024"),
        ("120 km/h", "120 kilometres per hour"),
        ("version 8.15.0", "8.15.0 is out"),
        ("minus 5: -5 degrees", "-5 degrees"),
    ],
)
def test_forms_of_one_number(claimed: str, found: str) -> None:
    """Each says what the other does."""
    mine = numbers(claimed)[-1]
    assert any(same(mine, one) for one in numbers(found))


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ("1,001 trees", "1000 trees"),
        ("12 euros", "12 dollars"),
        ("12 kg", "12 g"),
        ("12%", "12 euros"),
        ("version 3.1", "version 3.10"),
        ("version 8.15.0", "version 8.51.0"),
        ("the 3rd floor", "3 floors"),
        ("on 5 May 2024", "in May 2024"),
        ("on 5 May 2024", "on 5 June 2024"),
        ("in 2024", "on 5 May 2023"),
        ("at 6:40 am", "at 18:40"),
        ("at 06:40", "at 6:40 pm"),
        ("in the 1990s", "in 1990"),
        ("5 million", "5 billion"),
        ("-5 degrees", "5 degrees"),
    ],
)
def test_other_numbers(claimed: str, found: str) -> None:
    """Neither unit, nor sign, nor what a date leaves open may differ."""
    assert not says(claimed, found)


@pytest.mark.parametrize(
    ("claimed", "found", "language"),
    [
        ("1.000 Euro", "1000 Euro", "other"),
        ("1,5 Prozent", "1.5 %", "other"),
        ("am 5. Mai 2024", "2024-05-05", "other"),
        ("le 5 mai 2024", "5/5/2024", "other"),
        ("zwei Tage", "2 Tage", "other"),
        ("٣٥ كم", "35 كم", "other"),
        ("2024年5月3日", "2024-05-03", "cjk"),
        ("三千五百人", "3500人", "cjk"),
        ("3万元", "30000元", "cjk"),
    ],
)
def test_other_languages(claimed: str, found: str, language: Language) -> None:
    """Decimal commas, names of months, digits and numerals of other scripts."""
    assert says(claimed, found, language)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("at least 5 days", "least"),
        ("5 days or more", "least"),
        ("more than 5 days", "least"),
        ("up to 5 days", "most"),
        ("no more than 5 days", "most"),
        ("do not take more than 5 tablets", "most"),
        ("until 15 April", "most"),
        ("from 1 June", "least"),
        ("5 days", ""),
    ],
)
def test_bounds(text: str, bound: str) -> None:
    """A least number is not a most one."""
    assert numbers(text)[0].bound == bound


def test_a_range_has_one_unit() -> None:
    """`12 to 16 days` are days at both ends."""
    assert [one.unit for one in numbers("from 12 to 16 days")] == ["day", "day"]


@pytest.mark.parametrize("text", ["HX-40", "HTTP/2", "B204", "He may go", "the Latin Quarter"])
def test_what_is_no_number(text: str) -> None:
    """Codes are names, and words that may count do not always."""
    assert numbers(text) == []


@given(text=TEXTS, language=st.sampled_from(LANGUAGES))
def test_numbers_lie_in_their_text(text: str, language: Language) -> None:
    """In order, none in another, and each says what it says itself."""
    found = numbers(text, language)
    for one in found:
        assert 0 <= one.span.start < one.span.end <= len(text)
        assert same(one, one)
    assert all(a.span.end <= b.span.start for a, b in pairwise(found))


@given(st.integers(0, 10**9))
def test_thousands_are_marked_or_not(value: int) -> None:
    """A comma at each thousand changes nothing."""
    assert says(f"about {value:,} items", f"about {value} items")


def test_a_number_behind_a_million_is_one_of_its_own() -> None:
    """The word belongs to the digits ahead of it, and hides nothing behind."""
    found = numbers("4.5 million ninety-nine euros")
    assert [(str(*one.readings), one.unit) for one in found] == [("4.5E+6", ""), ("99", "euro")]


@pytest.mark.parametrize("signs", ["一", "十万"])
def test_a_long_run_of_chinese_digits_is_only_itself(signs: str) -> None:
    """As one of other digits is; nothing is counted that has thousands of them."""
    text = signs * 5000
    assert says(text, f"{text}人", "cjk")
    assert not says(text, f"{text}二", "cjk")
    assert says("三十", f"{text}，30", "cjk")


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ("at half past nine", "at 9:30"),
        ("at a quarter past nine", "at 9.15"),
        ("at a quarter to nine in the evening", "at 20:45"),
        ("at ten to six", "at 5:50"),
        ("nine o'clock", "9:00"),
        ("nine in the morning", "9 a.m."),
        ("12 noon", "12:00"),
        ("at midnight", "at 24:00"),
        ("the fifth of June", "5 June"),
        ("June the fifth", "5 June"),
        ("the twenty-fifth of June 2024", "25 June 2024"),
        ("two fortnights", "28 days"),
        ("a fortnight", "two weeks"),
        ("one in five", "20 percent"),
        ("1 in 1,000", "0.1 percent"),
        ("one person in ten", "1 in 10 people"),
        ("two thirds", "66%"),
        ("two thirds", "67%"),
        ("1.2m pounds", "£1.2 million"),
        ("50 cents", "€0.50"),
        ("2 euros and 50 cents", "€2.50"),
        ("1 1/2 litres", "1.5 l"),
        ("1/2 of it", "half of it"),
        ("each quarter of an hour", "15 minutes"),
    ],
)
def test_what_several_words_tell(claimed: str, found: str) -> None:
    """They are one number, and the same in either order."""
    assert says(claimed, found)
    assert says(found, claimed)


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ("at half past nine", "at 9:15"),
        ("the fifth of June", "6 June"),
        ("one in five", "25 percent"),
        ("50 cents", "€5"),
        ("at ten to six", "from ten to six"),
    ],
)
def test_what_several_words_do_not_tell(claimed: str, found: str) -> None:
    """Another hour, day, share or amount, and a range that is no time of day."""
    assert not says(claimed, found)


def test_a_year_is_no_part_of_a_whole() -> None:
    """`one in 2020` is one thing of that year."""
    assert [one.fraction for one in numbers("They built one in 2020.")] == [False, False]


def test_the_days_of_a_month_that_was_told_before() -> None:
    """`the 28th` is one of June where June was spoken of; a floor is no day."""
    assert numbers("from 20 June until the 28th.")[1].date == (None, 6, 28)
    assert numbers("on 20 June, on the 28th floor")[1].date is None
    assert numbers("by the 5th.")[0].date is None


def test_days_of_the_week_stand_in_ranges_of_dates() -> None:
    """The first one is of the month of the second."""
    dates = [one.date for one in numbers("from Tuesday 10 to Friday 13 October")]
    assert dates == [(None, 10, 10), (None, 10, 13)]


def test_at_the_earliest_is_a_least_one() -> None:
    """Whatever stands ahead of it."""
    assert numbers("shut until 4 November at the earliest")[0].bound == "least"
    assert numbers("shut until at least 4 November")[0].bound == "least"
