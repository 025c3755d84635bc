"""The numbers, dates and times that a text states, in a form in which equal ones are equal."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from indexes.documents import Span
from indexes.languages import ENGLISH, Language
from service.number_phrases import PHRASES
from service.number_words import (
    CODES,
    COUNTS,
    CURRENCIES,
    FRACTIONS,
    HAN_DIGITS,
    HAN_LARGE,
    HAN_SMALL,
    LARGE,
    MEASURES,
    MONTHS,
    ORDINALS,
    OTHER_COUNTS,
    OTHER_MONTHS,
    UNITS,
)

Kind = Literal["number", "ordinal", "date", "time"]
Bound = Literal["", "least", "most"]
Date = tuple[int | None, int | None, int | None]

_CODE: Final = "|".join(CODES)
_CURRENCY: Final = rf"[{re.escape(''.join(CURRENCIES))}]"
# Digits in groups of three, with a fraction, or any chain of digits such as a version.
_DIGITS: Final = (
    r"\d{1,3}(?:[\u00a0\u202f\u2009 ']\d{3})+(?![\d])(?:[.,]\d+)?"
    r"|\d+(?:[.,]\d+)*"
)
_VULGAR: Final = {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}
_MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
_OTHER_MONTH: Final = "|".join(sorted(OTHER_MONTHS, key=len, reverse=True))
_YEAR: Final = r"\d{4}"
_TH: Final = r"(?:st|nd|rd|th)?"


def _pattern(month: str, flags: re.RegexFlag) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<iso>(?<![\d-])\d{{4}}-\d\d-\d\d(?![\d-]))"
        r"|(?P<han>(?:\d{4}[年년] ?)?\d{1,2}[月월](?: ?\d{1,2}[日일])?)"
        rf"|(?P<day>(?<![\w.,:])\d{{1,2}}{_TH}\.?(?: (?:of|de|di))? (?:{month})\b(?:\.(?= \d))?"
        rf"(?:(?:,| de| del)? {_YEAR}\b)?)"
        rf"|(?P<month>(?<!\w)(?:{month})\.? \d{{1,2}}{_TH}(?![\w:])(?!\.\d)(?:,? {_YEAR}\b)?)"
        rf"|(?P<in>(?<!\w)(?:{month})\.?(?:,| of| de| del)? {_YEAR}\b)"
        r"|(?P<slashed>(?<![\d./])\d{1,2}(?P<mark>[./])\d{1,2}(?P=mark)\d{4}(?![\d./]))"
        r"|(?P<clock>(?<![\d.,:])\d{1,2}(?:[:.h]\d\d(?::\d\d)?)? ?(?:[ap]\.m\.|[ap]m\b)"
        r"|(?<![\d.,:])\d{1,2}:\d\d(?::\d\d)?(?![\d:])|(?<![\d.,:])\d{1,2}h\d\d\b"
        r"|(?<![\d.,:])\d{1,2}(?=(?: Uhr| o['\u2019]clock)\b))"
        rf"|(?P<digits>(?<![A-Za-z\d_])(?<!\d[.,])(?P<before>{_CURRENCY} ?|\b(?:{_CODE}) )?"
        rf"(?P<sign>(?<![\w)\u2013-])[-\u2212])?(?P<value>{_DIGITS})(?P<vulgar>[½¼¾])?)"
        r"|(?P<part>[½¼¾])"
        r"|(?P<words>[^\W\d_]+)",
        flags,
    )


_ENGLISH: Final = _pattern(_MONTH, re.NOFLAG)
_OTHER: Final = _pattern(f"{_MONTH}|{_OTHER_MONTH}", re.IGNORECASE)
_BEHIND: Final = re.compile(
    r"[-\u00a0\u202f ]?(?P<word>[^\W\d_]+(?:/[^\W\d_]+)?\.?|[%°€$£¥\u2030]+C?)"
)
_HAN_NUMBER: Final = re.compile(r"[〇零一二两三四五六七八九十百千万亿萬億]{2,}")
_HAN_SCALE: Final = re.compile(r"[千万亿萬億만억천]")
_BETWEEN: Final = re.compile(
    r" ?(?:to|and|or|-|\u2013|until|bis|\u00e0|a) ?"
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?"
)
_FROM: Final = re.compile(r"\b(?:from|between) \Z", re.IGNORECASE)
_AND: Final = re.compile(r"(?:,? and|,)? ?")
_SMALLER: Final = {"hour": "minute", "minute": "second", "year": "month", "week": "day"}
_HALF: Final = re.compile(r" (?:(?P<early>in the morning)|in the (?:afternoon|evening))\b")
_RANK: Final = re.compile(
    r"\b(?:rank|place|position|day|stage|phase|step|round|year|week|month|level|sprint|lap)"
    r"(?: is)? \Z",
    re.IGNORECASE,
)
_RANKED: Final = frozenset(("rank", "roman"))
# What may stand behind `the 28th` where that is a day.
_THE_DAY: Final = re.compile(
    r"(?<=\d(?:st|nd|rd|th))(?! of\b)(?:[.,;:)]|\Z| (?:and|or|to|at|in|but)\b)"
)
# Behind `1.2m` where that is no length.
_IN_MONEY: Final = re.compile(r" (?:pounds|euros|dollars|francs|yen|kroner|kronor|rupees)\b")
_DECADE: Final = re.compile(r"['\u2019]?s\b")
_AREA: Final = re.compile(
    r"[-\u00a0 ]?(?:(?:(?P<how>square|cubic) |sq\.? )"
    r"(?P<unit>(?:kilo|centi|milli)?met(?:re|er)s?|k?m|miles?|feet|foot)\b|(?P<sign>k?m|cm)²)"
)
_PER_HOUR: Final = re.compile(r" (?:per|an) hour\b")
_HOURS: Final = re.compile(r"[- ]hours?\b")
_ENERGIES: Final = {"kw": "kwh", "mw": "mwh", "gw": "gwh"}
_SPEEDS: Final = {"km": "kmh", "mile": "mph"}
_PER_CENT: Final = re.compile(r" ?per cent\b")
_LEAST: Final = re.compile(
    r"\b(?:at (?:the )?(?:very )?least|no (?:less|fewer|earlier|sooner) than"
    r"|not (?:less|fewer) than"
    r"|(?:a )?minimum(?: of)?|more than|over|above|exceed(?:s|ing)?"
    r"|(?:old|long|larg|bigg|high|heavi|wid|great|thick|warm|deep|tall)e?r than"
    r"|until at least|from|after|since|later than|starting)"
    r"(?: the| on| at| about| age| year| [a-z]+ of)? ?\Z",
    re.IGNORECASE,
)
_MOST: Final = re.compile(
    r"\b(?:at (?:the )?(?:very )?most|(?:no|not) (?:more|later|longer|older) than|up to"
    r"|(?:a )?maximum(?: of)?|less than|fewer than|under|below|within|until|till|before"
    r"|by|(?:young|short|small|low|light|narrow|thinn|earli|few)er than)"
    r"(?: the| on| at| about| age| year| [a-z]+ of)? ?\Z",
    re.IGNORECASE,
)
_NOT_MORE: Final = re.compile(
    r"\b(?:not|never|cannot|can't|don't|nobody|no one|no) [a-z ]{0,30}"
    r"(?:(?:more|(?!soon|earli|few|low|small|young)[a-z]{1,12}er) than|exceed(?:ing)?) \Z",
    re.IGNORECASE,
)
_OR_MORE: Final = re.compile(
    r"\W*(?:[^\W\d_]+ )?(?:or (?:more|over|older|later)|at (?:the )?(?:least|earliest))\b"
)
_EARLIEST: Final = re.compile(r" at (?:the )?earliest\b")
_OR_LESS: Final = re.compile(
    r"\W*(?:[^\W\d_]+ )?(?:or (?:less|fewer|under|younger|earlier)|at (?:the )?(?:most|latest))\b"
)
_LOOKED_BACK: Final = 32
_ROMAN_AFTER: Final = re.compile(
    r"\b(?:(?!The\b)[A-Z][^\W\d_]+ (?P<roman>[IVX]{2,5})"
    r"|(?i:war|chapter|part|volume|section|act|phase|type|class|book|article|annex)"
    r" (?P<alone>[IVX]{1,5}))\b(?!-)"
)
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_NUMBER_ENDS: Final = frozenset(("st", "nd", "rd", "th", "s"))
_ROMAN: Final = {"I": 1, "V": 5, "X": 10}
_FIRST_YEAR: Final = 1000
_LAST_YEAR: Final = 2199
_HUNDRED: Final = 100
_COINS: Final = {"cent": ("euro", "dollar", "rand", "real"), "penny": ("pound",)}
"""Coins, and of what each is a hundredth."""
_ROUNDING: Final = (ROUND_HALF_EVEN, ROUND_DOWN)
_LAST_DAY: Final = 31
_NOON: Final = 12
_DOZEN: Final = 12
_BEFORE_ORDINALS: Final = frozenset(("", "tens", "hundred", "large", "and"))
_LONGEST: Final = 30


@dataclass(frozen=True, slots=True)
class Number:
    """What a number, date or time says, and where it stands in its text.

    `readings` are the values that its digits may have (1.500 is two in some languages), `date` its
    year, month and day as far as they are told, `clock` hour and minute where it may be a time of
    day, and `halved` whether the hour may lie before or after noon. `unit` has one name for all
    its forms. `soft` is one that words such as `one` may say without counting, `bare` one of four
    digits without a mark, as years are written.
    """

    kind: Kind
    span: Span
    readings: frozenset[Decimal] = frozenset()
    unit: str = ""
    date: Date | None = None
    clock: tuple[int, int] | None = None
    halved: bool = False
    bound: Bound = ""
    soft: bool = False
    fraction: bool = False
    exact: str = ""
    bare: bool = False

    @property
    def year(self) -> int | None:
        """The year that a date tells or a bare number may be."""
        if self.date:
            return self.date[0]
        if not self.bare or self.unit or len(self.readings) != 1:
            return None
        (value,) = self.readings
        whole = value == value.to_integral_value()
        return int(value) if whole and _FIRST_YEAR <= value <= _LAST_YEAR else None


def same(claimed: Number, found: Number) -> bool:
    """Tell whether a claimed number says no more than a found one does, and nothing else."""
    if claimed.date or found.date:
        return _same_date(claimed, found)
    if claimed.kind == "time" or found.kind == "time":
        return _same_time(claimed, found)
    if claimed.fraction != found.fraction:
        return _same_share(claimed, found)
    if {claimed.unit, found.unit} & _COINS.keys() and claimed.unit != found.unit:
        return _same_money(claimed, found)
    if claimed.unit != found.unit and claimed.unit in MEASURES and found.unit in MEASURES:
        return bool(_measured(claimed) & _measured(found))
    return _same_value(claimed, found) and _same_kind(claimed, found)


def _same_share(claimed: Number, found: Number) -> bool:
    """Tell whether one is a part of a whole and the other as many percent."""
    part, whole = (claimed, found) if claimed.fraction else (found, claimed)
    if not whole.unit and part.readings & whole.readings:
        return True
    percents = {one * _HUNDRED for one in part.readings}
    rounded = {one.quantize(Decimal(1), way) for one in percents for way in _ROUNDING}
    return whole.unit == "percent" and not whole.readings.isdisjoint(percents | rounded)


def _same_money(claimed: Number, found: Number) -> bool:
    """Tell whether one amount is told in coins and the other in what a hundred of them make."""
    coins, whole = (claimed, found) if claimed.unit in _COINS else (found, claimed)
    if not whole.unit:
        return bool(coins.readings & whole.readings)
    hundredths = {one / _HUNDRED for one in coins.readings}
    return whole.unit in _COINS[coins.unit] and not hundredths.isdisjoint(whole.readings)


def _measured(number: Number) -> frozenset[tuple[str, Decimal]]:
    """Return what a number with a unit may measure: 90 minutes are 1.5 hours."""
    measure, size = MEASURES[number.unit]
    return frozenset((measure, (size * one).normalize()) for one in number.readings)


def _same_value(claimed: Number, found: Number) -> bool:
    if claimed.readings or found.readings:
        return bool(claimed.readings & found.readings)
    return claimed.exact == found.exact


def _same_kind(claimed: Number, found: Number) -> bool:
    """Tell whether two equal numbers count the same: a swapped unit is a swap too."""
    if (claimed.kind == "ordinal") != (found.kind == "ordinal"):
        return not _RANKED.isdisjoint({claimed.exact, found.exact})
    if claimed.unit and found.unit and claimed.unit != found.unit:
        return False
    if (claimed.exact == "decade") != (found.exact == "decade"):
        return False
    # 3.1 and 3.10 are one price, and two versions.
    if claimed.unit or found.unit or claimed.fraction or not claimed.readings:
        return True
    return any(
        mine == theirs and _places(mine) == _places(theirs)
        for mine in claimed.readings
        for theirs in found.readings
    )


def _places(value: Decimal) -> int:
    """Return how many decimal places a value is written with, 0 for a whole one."""
    return max(0, -int(value.as_tuple().exponent))


def _same_date(claimed: Number, found: Number) -> bool:
    if not claimed.date:
        day = (found.date or (None, None, None))[2]
        if claimed.kind == "ordinal" and day is not None:
            return day in claimed.readings
        return claimed.year is not None and claimed.year == (found.date or (None,))[0]
    known = found.date or (found.year, None, None)
    return all(
        mine is None or mine == theirs for mine, theirs in zip(claimed.date, known, strict=True)
    )


def _same_time(claimed: Number, found: Number) -> bool:
    if not claimed.clock or not found.clock or claimed.clock[1] != found.clock[1]:
        return False
    mine, theirs = claimed.clock[0], found.clock[0]
    if claimed.halved or found.halved:
        # `6:40` may be that of the morning or of the evening; `06:40` and `18:40` are not.
        return mine == theirs or (
            mine % _NOON == theirs % _NOON
            and claimed.halved != found.halved
            and _says_half(claimed, found)
        )
    return mine == theirs


def _says_half(one: Number, other: Number) -> bool:
    """Tell whether a time without a half of the day stands beside one that was told with it."""
    told = other if one.halved else one
    return told.exact == "half"


def comparable(one: Number, other: Number) -> bool:
    """Tell whether one of two numbers may stand where the other does."""
    if one.unit and other.unit and one.unit != other.unit:
        return False
    if (one.kind == "time") != (other.kind == "time"):
        return False
    if (one.kind == "ordinal") != (other.kind == "ordinal"):
        return False
    if bool(one.exact and not one.readings) != bool(other.exact and not other.readings):
        return False  # a chain such as 1.2.3
    dated = (
        one.date is not None or one.year is not None,
        other.date is not None or other.year is not None,
    )
    return dated[0] == dated[1]


def numbers(text: str, language: Language = ENGLISH) -> list[Number]:
    """Return the numbers of a text in order; none lies in another."""
    plain = _plain_digits(text)
    pattern = _ENGLISH if language == ENGLISH else _OTHER
    matches = list(pattern.finditer(plain))
    found = list[Number]()
    at = 0
    while at < len(matches):
        match = matches[at]
        if found and match.start() < found[-1].span.end:
            at += 1
            continue
        taken = 1
        if match["words"]:
            made, taken = _of_words(plain, matches, at, language)
        else:
            made = _of_match(plain, match, language)
        found += [_bounded(plain, one) for one in made]
        at += taken
    if language == "cjk":
        found = sorted([*found, *_han(plain, found)], key=lambda one: one.span)
    if language == ENGLISH:
        found = _with_phrases(plain, found)
    found = _in_half(plain, _joined(plain, _ranged(plain, found)))
    found = _in_month(plain, found) if language == ENGLISH else found
    return sorted([*found, *_roman(plain, found)], key=lambda one: one.span)


def _ranged(text: str, found: Sequence[Number]) -> list[Number]:
    """Return numbers of which the first of a range has the unit and bound that its end tells."""
    ranged = list(found)
    for at in range(len(found) - 2, -1, -1):
        one, other = ranged[at : at + 2]
        between = _BETWEEN.fullmatch(text, one.span.end, other.span.start)
        listed = between or text[one.span.end : other.span.start] == ", "
        if listed and other.kind == "date" and _is_day(one, other):
            (day,) = one.readings
            ranged[at] = Number("date", one.span, date=(*_month_of(other), int(day)))
        if not between or one.kind != "number" or other.kind != "number":
            continue
        if other.unit and not one.unit and not one.bare:
            ranged[at] = replace(ranged[at], unit=other.unit, clock=None)
        if _FROM.search(text, max(0, one.span.start - _LOOKED_BACK), one.span.start):
            ranged[at] = replace(ranged[at], bound="least")
            ranged[at + 1] = replace(ranged[at + 1], bound="most")
    return ranged


def _is_day(one: Number, date: Number) -> bool:
    """Tell whether a number ahead of a date is a day of its month: from 6 to 9 May."""
    days = {day for day in one.readings if 1 <= day <= 31 and not _places(day)}  # noqa: PLR2004
    return bool(days) and date.date is not None and date.date[2] is not None and not one.unit


def _month_of(date: Number) -> tuple[int | None, int | None]:
    return (date.date or (None, None, None))[:2]


def _joined(text: str, found: Sequence[Number]) -> list[Number]:
    """Return numbers of which those that tell one amount are one: 2 hours and 10 minutes."""
    joined = list[Number]()
    for number in found:
        whole = _together(text, joined[-1], number) if joined else None
        if whole:
            joined[-1] = whole
        else:
            joined.append(number)
    return joined


def _together(text: str, one: Number, other: Number) -> Number | None:
    """Return the amount that two numbers tell together, None if they are two amounts."""
    if not one.unit or len(one.readings) != 1 or len(other.readings) != 1:
        return None
    between = text[one.span.end : other.span.start]
    span = Span(one.span.start, other.span.end)
    ((more,), (less,)) = one.readings, other.readings
    if other.fraction and between == " and a ":
        return replace(one, span=span, readings=frozenset({more + less}), soft=False)
    if one.unit in _COINS.get(other.unit, ()) and _AND.fullmatch(between) and less < _HUNDRED:
        amount = frozenset({more + less / _HUNDRED})
        return replace(one, span=span, readings=amount)
    if other.unit != _SMALLER.get(one.unit) or not _AND.fullmatch(between):
        return None
    times = MEASURES[one.unit][1] / MEASURES[other.unit][1]
    if less >= times:
        return None
    amount = frozenset({(more * times + less).normalize()})
    return replace(other, span=span, readings=amount, bound=one.bound or other.bound)


def _in_half(text: str, found: Sequence[Number]) -> list[Number]:
    """Return numbers of which the times are in their half of the day: 7.30 in the evening."""
    told = list[Number]()
    for number in found:
        half = _HALF.match(text, number.span.end) if number.clock and not number.unit else None
        if not half or not number.clock or number.clock[0] > _NOON:
            told.append(number)
            continue
        early = half["early"] is not None
        hour = number.clock[0] % _NOON + (0 if early else _NOON)
        clock = (hour, number.clock[1])
        told.append(Number("time", number.span, clock=clock, bound=number.bound, exact="half"))
    return told


def _with_phrases(text: str, found: Sequence[Number]) -> list[Number]:
    """Return numbers with those that several words tell together, in the place of their parts."""
    told = [_bounded(text, one) for one in _phrases(text)]
    if not told:
        return list(found)
    kept = [
        number
        for number in found
        if not any(
            one.span.start < number.span.end and number.span.start < one.span.end for one in told
        )
    ]
    return sorted([*kept, *told], key=lambda one: one.span)


def _phrases(text: str) -> Iterator[Number]:
    """Yield what several words tell together: half past nine, the fifth of June, a fortnight."""
    for match in PHRASES.finditer(text):
        span = Span(*match.span())
        if match["hour"] or match["alone"]:
            yield _told_hour(match, span)
        elif match["noon"]:
            yield Number("time", span, clock=(_NOON if match["noon"] == "noon" else 0, 0))
        elif match["month"] or match["month2"]:
            yield from _told_day(match, span)
        elif match["fortnights"]:
            many = _small(match["fortnights"])
            yield Number("number", span, frozenset({Decimal(14 * many)}), "day")
        elif match["of_how_many"]:
            share = round(1 / Decimal(_small(match["of_how_many"])), 4)
            yield Number("number", span, frozenset({share}), fraction=True)
        elif match["quarter_hour"]:
            yield Number("number", span, frozenset({Decimal(15)}), "minute")
        else:
            part = Decimal(match["above"]) / Decimal(match["below"])
            whole = Decimal(match["whole"] or 0)
            readings = frozenset({round(whole + part, 4).normalize()})
            unit, end = _unit(text, span.end)
            span = Span(span.start, end)
            yield Number("number", span, readings, unit, fraction=not unit and not whole)


def _told_day(match: re.Match[str], span: Span) -> Iterator[Number]:
    """Yield a day in words: the twenty-fifth of June; none where the month is another word."""
    month = MONTHS.get(match["month"] or match["month2"])
    nth = (match["day"] or match["nth"]).lower()
    day = ORDINALS[nth] + COUNTS.get((match["tens"] or match["tens2"] or "").lower(), 0)
    if month is not None and day <= _LAST_DAY:
        year = int(match["year"]) if match["year"] else None
        yield Number("date", span, date=(year, month, day))


def _small(word: str) -> int:
    """Return what a word or digits with commas count."""
    lower = word.lower()
    if lower in {"a", "an", "every"}:
        return 1
    return COUNTS.get(lower) or {"hundred": _HUNDRED}.get(lower) or int(lower.replace(",", ""))


def _told_hour(match: re.Match[str], span: Span) -> Number:
    """Return a time in words: half past nine, ten to six, nine o'clock."""
    hour, minute = _small(match["hour"] or match["alone"]), 0
    if match["part"]:
        part = match["part"].lower()
        minute = {"half": 30, "quarter": 15}.get(part.removeprefix("a ")) or _small(part)
        if match["way"].lower() == "to":
            hour, minute = hour - 1 or _NOON, 60 - minute
    half = (match["half"] or match["half2"] or match["half3"] or "").lower()
    if not half:
        return Number("time", span, clock=(hour, minute), halved=True)
    late = half.startswith(("p", "in the a", "in the e", "at n"))
    hour = hour % _NOON + (_NOON if late else 0)
    return Number("time", span, clock=(hour, minute), exact="half")


def _in_month(text: str, found: Sequence[Number]) -> list[Number]:
    """Return numbers of which `the 28th` behind a date is a day of the same month."""
    told = list[Number]()
    last: Number | None = None
    for number in found:
        if number.date and number.date[1] is not None:
            last = number
        if last and number.kind == "ordinal" and _THE_DAY.match(text, number.span.end):
            (day,) = number.readings
            date = (*_month_of(last), int(day))
            told.append(Number("date", number.span, date=date, bound=number.bound))
        else:
            told.append(number)
    return told


def _plain_digits(text: str) -> str:
    """Return a text of the same length with the digits of any script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(sign)) if not sign.isascii() and sign.isdecimal() else sign
        for sign in text
    )


def _of_match(text: str, match: re.Match[str], language: Language) -> list[Number]:
    span = Span(*match.span())
    kind = match.lastgroup or ""
    if kind in {"iso", "slashed", "han"}:
        return _numeric_date(match.group(), span, kind)
    if kind in {"day", "month", "in"}:
        return _named_date(match.group(), span)
    if kind == "clock":
        return [_clock(match.group(), span)]
    if kind == "part":
        unit, end = _unit(text, span.end)
        part = frozenset({_VULGAR[match.group()]})
        return [Number("number", Span(span.start, end), part, unit, fraction=not unit)]
    return _of_digits(text, match, language)


def _numeric_date(words: str, span: Span, kind: str) -> list[Number]:
    parts = [int(one) for one in re.findall(r"\d+", words)]
    if kind == "iso":
        year, month, day = parts
    elif kind == "slashed":
        day, month, year = parts
        if month > len(set(MONTHS.values())):  # as it is written in America
            day, month = month, day
    else:
        with_year, with_day = bool(re.match(r"\d{4}", words)), words[-1] in "日일"
        year_found = parts[0] if with_year else None
        month = parts[1] if with_year else parts[0]
        return [Number("date", span, date=(year_found, month, parts[-1] if with_day else None))]
    return [Number("date", span, date=(year, month, day))]


def _named_date(words: str, span: Span) -> list[Number]:
    year, month, day = None, None, None
    for part in re.findall(r"\d+|[^\W\d_]+", words):
        if part.isdigit():
            if len(part) == 4:  # noqa: PLR2004 # the digits of a year
                year = int(part)
            else:
                day = int(part)
        else:
            month = month or MONTHS.get(part) or OTHER_MONTHS.get(part.casefold())
    return [Number("date", span, date=(year, month, day))]


def _clock(words: str, span: Span) -> Number:
    digits = [int(one) for one in re.findall(r"\d+", words)]
    hour, minute = digits[0] % 24, digits[1] if len(digits) > 1 else 0
    half = re.search(r"([ap])\.?m", words)
    if half:
        hour = hour % _NOON + (_NOON if half[1] == "p" else 0)
        return Number("time", span, clock=(hour, minute), exact="half")
    halved = 1 <= hour <= _NOON and not words.startswith("0")
    return Number("time", span, clock=(hour, minute), halved=halved)


def _of_digits(text: str, match: re.Match[str], language: Language) -> list[Number]:
    value = match["value"]
    start, end = match.span()
    if end < len(text) and text[end] == "-" and text[end + 1 : end + 2].isalpha():
        pass  # `90-minute`
    unit = CURRENCIES.get((match["before"] or "").strip(), "") or UNITS.get(
        (match["before"] or "").strip().lower(), ""
    )
    if _is_part_of_code(text, start, end):
        return []
    readings = _readings(value, language)
    if not readings:  # a chain such as 1.2.3
        return [Number("number", Span(start, end), frozenset(), unit, exact=value)]
    if match["sign"]:
        readings = frozenset(-one for one in readings)
    if match["vulgar"]:
        readings = frozenset(one + _VULGAR[match["vulgar"]] for one in readings)
    ordinal = re.compile(r"(?:st|nd|rd|th)\b").match(text, end)
    if ordinal:
        return [Number("ordinal", Span(start, ordinal.end()), readings)]
    scale, end = _scale(text, end, money=bool(unit))
    if scale != 1:
        readings = frozenset((one * scale).normalize() for one in readings)
    found, end = _unit(text, end)
    unit = unit or found
    clock = None if unit or scale != 1 or match["vulgar"] else _as_clock(value)
    exact = "decade" if _DECADE.match(text, end) else ""
    if _RANK.search(text, max(0, start - _LOOKED_BACK), start):
        exact = "rank"
    return [
        Number(
            "number",
            Span(start, end),
            readings,
            unit,
            clock=clock,
            halved=True,
            exact=exact,
            bare=len(value) == 4 and value.isdigit(),  # noqa: PLR2004 # digits
        )
    ]


def _is_part_of_code(text: str, start: int, end: int) -> bool:
    """Tell whether digits belong to a code such as SK-7, HTTP/2 or 64-bit's `x86_64`."""
    behind = _LETTERS.match(text, end)
    word = behind.group() if behind else ""
    if word and word.lower() not in UNITS and word not in LARGE and word not in _NUMBER_ENDS:
        return word[0].isascii()
    return (
        start > 1
        and text[start - 1] in "-/_"
        and text[start - 2].isalpha()
        and text[start - 2].isascii()
    )


def _as_clock(value: str) -> tuple[int, int] | None:
    """Return the time of day that digits with a point may be."""
    found = re.fullmatch(r"(\d{1,2})(?:\.(\d\d))?", value)
    if not found or int(found[1]) > 24 or int(found[2] or 0) > 59:  # noqa: PLR2004 # hours, minutes
        return None
    return int(found[1]), int(found[2] or 0)


def _readings(value: str, language: Language) -> frozenset[Decimal]:
    """Return what digits with points and commas may say."""
    if len(value) > _LONGEST:
        return frozenset()
    bare = re.sub(r"[\u00a0\u202f\u2009 ']", "", value)
    marks = [sign for sign in bare if sign in ".,"]
    if not marks:
        return frozenset({Decimal(bare)})
    found = set[Decimal]()
    groups = re.split(r"[.,]", bare)
    in_groups = all(len(one) == 3 for one in groups[1:]) and 1 <= len(groups[0]) <= 3  # noqa: PLR2004 # digits
    one_mark = len(set(marks)) == 1
    if one_mark and in_groups and (marks[0] == "," or language != ENGLISH):
        found.add(Decimal("".join(groups)))
    if len(marks) == 1 and not (marks[0] == "," and language == ENGLISH and in_groups):
        found.add(Decimal(bare.replace(",", ".")))
    if not one_mark and all(len(one) == 3 for one in groups[1:-1]) and len(set(marks[:-1])) == 1:  # noqa: PLR2004
        found.add(Decimal(f"{''.join(groups[:-1])}.{groups[-1]}"))
    return frozenset(found)


def _scale(text: str, end: int, *, money: bool) -> tuple[Decimal, int]:
    """Return what stands behind a number as a multiple: thousand, k, million, 万."""
    behind = re.compile(r"[-\u00a0 ]?([^\W\d_]+)").match(text, end)
    if not behind:
        return Decimal(1), end
    word = behind[1]
    if (han := _HAN_SCALE.match(text, end)) is not None:
        return HAN_LARGE[han.group()], han.end()
    joined = behind.start(1) == end
    if word in {"m", "M"} and joined and (money or _IN_MONEY.match(text, behind.end())):
        return Decimal(10**6), behind.end()
    if word in {"k", "K"} and not joined:
        return Decimal(1), end
    known = LARGE.get(word) or LARGE.get(word.lower())
    return (known, behind.end()) if known else (Decimal(1), end)


def _unit(text: str, end: int) -> tuple[str, int]:
    """Return the unit that stands behind a number, and where that ends."""
    if cents := _PER_CENT.match(text, end):
        return "percent", cents.end()
    behind = _BEHIND.match(text, end)
    if not behind:
        return "", end
    if found := _AREA.match(text, end):
        unit = UNITS[found["unit"] or found["sign"]]
        return f"{unit}²" if found["sign"] or found["how"] == "square" else f"{unit}³", found.end()
    word = behind["word"].rstrip(".")
    unit = UNITS.get(word) or UNITS.get(word.lower()) or CURRENCIES.get(word[:1], "")
    if unit in _ENERGIES and (hours := _HOURS.match(text, behind.start("word") + len(word))):
        return _ENERGIES[unit], hours.end()
    if unit in _SPEEDS and (hourly := _PER_HOUR.match(text, behind.start("word") + len(word))):
        return _SPEEDS[unit], hourly.end()
    if not unit and "/" in word:
        unit = UNITS.get(word.partition("/")[0].lower(), "")
    return (unit, behind.start("word") + len(word)) if unit else ("", end)


def _of_words(
    text: str, matches: Sequence[re.Match[str]], at: int, language: Language
) -> tuple[list[Number], int]:
    """Return the number that words say from this place on, and how many of them do."""
    if language != ENGLISH:
        return _counted_elsewhere(text, matches[at]), 1
    if (one := _time_or_month(text, matches[at])) is not None:
        return [one], 1
    lower = matches[at].group().lower()
    if lower in {"a", "an"}:
        unit, stop = _unit(text, matches[at].end())
        if unit == "second" and _COUNTED_SECOND.match(text, stop):
            return [], 1
        once = Number("number", Span(matches[at].start(), stop), _ONE, unit, soft=True)
        return ([once], 2) if unit in _TIMES else ([], 1)
    if lower not in _NUMBER_WORDS:
        return [], 1
    return _spoken(text, list(_run(text, matches, at)))


def _counted_elsewhere(text: str, match: re.Match[str]) -> list[Number]:
    count = OTHER_COUNTS.get(match.group().casefold())
    if count is None:
        return []
    unit, stop = _unit(text, match.end())
    return [Number("number", Span(match.start(), stop), frozenset({Decimal(count)}), unit)]


def _time_or_month(text: str, match: re.Match[str]) -> Number | None:
    word, span = match.group(), Span(*match.span())
    lower = word.lower()
    if lower in {"noon", "midday", "midnight"}:
        clock = (0, 0) if lower == "midnight" else (_NOON, 0)
        return Number("time", span, clock=clock)
    if lower in MONTHS_IN_WORDS and word in MONTHS and _is_month(text, match):
        return Number("date", span, date=(None, MONTHS[word], None))
    return None


MONTHS_IN_WORDS: Final = frozenset(one.lower() for one in MONTHS)
_NUMBER_WORDS: Final = frozenset(
    {*COUNTS, *LARGE, *ORDINALS, *FRACTIONS, "hundred", "twice", "once", "dozen"}
)
_ONE: Final = frozenset({Decimal(1)})
_HALF_OF_ONE: Final = Decimal("0.5")
_OF_A: Final = re.compile(r" (?:of )?an? (?P<unit>[a-z]+)\b")
_BY_A: Final = re.compile(
    r"\b(?:by|about|around|nearly|almost|roughly|over|than|only|to|approximately|and) a \Z"
)
_ALONE: Final = re.compile(
    r"(?: (?:of|in|from|since|within|compared|after|over|by|and)\b|[.,;:)]|\Z)"
)
_TIMES: Final = frozenset(("second", "minute", "hour", "day", "week", "month", "year", "decade"))
_COUNTED_SECOND: Final = re.compile(
    r",? (?!(?:per|of|after|before|ago|later|to|and|for|in)\b)[a-z]"
)
_JOINING: Final = frozenset({"and", "a"})
_AHEAD_OF_MAY: Final = re.compile(
    r"\b(?:in|of|since|until|till|by|from|early|late|mid|to|and|or|last|next|this|during|after|before"
    r"|between|through|every|each|on|for)[ -]\Z|[,(] ?\Z",
    re.IGNORECASE,
)


def _is_month(text: str, match: re.Match[str]) -> bool:
    """Tell whether a word is a month's name; `May` and `March` are other words too."""
    if match.group() not in {"May", "March", "Mar", "Jan", "Sun", "Dec"}:
        return match.group() in MONTHS and len(match.group()) > 3  # noqa: PLR2004 # an abbreviation
    return (
        _AHEAD_OF_MAY.search(text, max(0, match.start() - _LOOKED_BACK), match.start()) is not None
    )


def _run(text: str, matches: Sequence[re.Match[str]], at: int) -> Iterator[re.Match[str]]:
    """Yield words that go on a number in words, one space or hyphen apart."""
    yield matches[at]
    before = matches[at]
    for place in range(at + 1, min(at + 12, len(matches))):
        match = matches[place]
        between = text[before.end() : match.start()]
        known = match["words"] and match.group().lower() in _NUMBER_WORDS | _JOINING
        if not known or between not in {" ", "-"}:
            return
        yield match
        before = match


def _spoken(text: str, run: Sequence[re.Match[str]]) -> tuple[list[Number], int]:
    """Return the number that a run of words begins with, and how many words it takes."""
    words = [one.group().lower() for one in run]
    span = Span(*run[0].span())
    if words[0] in {"twice", "once"}:
        times = frozenset({Decimal(2 if words[0] == "twice" else 1)})
        return [Number("number", span, times, "times", soft=words[0] == "once")], 1
    part, taken = _fraction(text, words, span.start)
    if part is not None:
        return _part(text, run, words, part, taken)
    value, taken, ordinal = _count(words)
    if not taken:
        return [], 1
    span = Span(span.start, run[taken - 1].end())
    if ordinal:
        if words[0] == "second" and _is_time(text, span.start):
            return [], 1
        soft = words[:taken] == ["first"]
        return [Number("ordinal", span, frozenset({value}), soft=soft)], taken
    if words[taken : taken + 3] == ["and", "a", "half"]:
        value, taken = value + _HALF_OF_ONE, taken + 3
        span = Span(span.start, run[taken - 1].end())
    unit, stop = _unit(text, span.end)
    soft = words[:taken] == ["one"] and not unit
    return [Number("number", Span(span.start, stop), frozenset({value}), unit, soft=soft)], taken


def _part(
    text: str, run: Sequence[re.Match[str]], words: Sequence[str], part: Decimal, taken: int
) -> tuple[list[Number], int]:
    """Return a part of a whole, or of a million or an hour where that comes next."""
    start, large = run[0].start(), list(words[taken : taken + 2])
    if len(large) > 1 and large[0] == "a" and large[1] in LARGE:
        value = (part * LARGE[large[1]]).normalize()
        return [Number("number", Span(start, run[taken + 1].end()), frozenset({value}))], taken + 2
    span = Span(start, run[taken - 1].end())
    measured = _OF_A.match(text, span.end)
    if measured and (unit := UNITS.get(measured["unit"])):
        span = Span(start, measured.end())
        return [Number("number", span, frozenset({part}), unit)], taken
    return [Number("number", span, frozenset({part}), fraction=True)], taken


def _is_time(text: str, start: int) -> bool:
    """Tell whether a word `second` that begins here is a unit."""
    before = text[max(0, start - _LOOKED_BACK) : start].rstrip()
    return before[-1:].isdigit() or before.endswith(("per", "every", "each"))


def _fraction(text: str, words: Sequence[str], start: int) -> tuple[Decimal | None, int]:
    """Return the part of a whole that words tell, `half` or `two thirds`, None if none."""
    first = words[0]
    if first == "half":
        return Decimal("0.5"), 1
    if (
        len(words) > 1
        and words[1] in FRACTIONS
        and first in COUNTS
        and (words[1].endswith("s") or first == "one")
    ):
        whole = FRACTIONS[words[1]]
        return round(Decimal(COUNTS[first]) / whole, 4), 2
    if (
        first in FRACTIONS
        and first != "second"
        and re.search(r"\ba \Z", text[max(0, start - 3) : start])
    ):
        end = start + len(first)
        alone = _BY_A.search(text, max(0, start - _LOOKED_BACK), start) and _ALONE.match(text, end)
        if alone or text.startswith(" of ", end):
            return round(Decimal(1) / FRACTIONS[first], 4), 1
    return None, 0


def _count(words: Sequence[str]) -> tuple[Decimal, int, bool]:
    """Return what words of number count, how many of them do, and whether they give an order."""
    total, current, taken, last = Decimal(0), Decimal(0), 0, ""
    for at, word in enumerate(words):
        if word in ORDINALS and last in _BEFORE_ORDINALS:
            return total + current + ORDINALS[word], at + 1, True
        if word == "and" and last in {"hundred", "large"} and words[at + 1 : at + 2]:
            last = "and" if words[at + 1] in COUNTS else "end"
            continue
        kind = _kind(word)
        if not kind or not _follows(last, kind):
            break
        if kind == "large" and word != "dozen":
            total, current = total + (current or 1) * LARGE[word], Decimal(0)
        elif kind in {"hundred", "large"}:
            current = (current or Decimal(1)) * (_HUNDRED if kind == "hundred" else _DOZEN)
        else:
            current += COUNTS[word]
        taken, last = at + 1, kind
    return total + current, taken, False


def _kind(word: str) -> str:
    if (value := COUNTS.get(word)) is not None:
        above = value >= COUNTS["ten"]
        return "tens" if value >= COUNTS["twenty"] else "teens" if above else "one"
    if word == "hundred":
        return "hundred"
    return "large" if word == "dozen" or (word in LARGE and len(word) > len("mrd")) else ""


def _follows(last: str, kind: str) -> bool:
    """Tell whether a word of number may come behind another one within a number."""
    if kind in {"hundred", "large"}:
        return last not in {"and", "end"}
    return last in {"", "hundred", "large", "and"} or (last == "tens" and kind == "one")


def _bounded(text: str, number: Number) -> Number:
    """Return a number with which way it is bound: `at least 5`, `5 or more`, `until 5 May`."""
    before = text[max(0, number.span.start - _LOOKED_BACK) : number.span.start]
    bound: Bound = ""
    if _EARLIEST.match(text, number.span.end):
        return replace(number, bound="least")
    if (
        _NOT_MORE.search(text, max(0, number.span.start - 2 * _LOOKED_BACK), number.span.start)
        or _MOST.search(before)
        or _OR_LESS.match(text, number.span.end)
    ):
        bound = "most"
    elif _LEAST.search(before) or _OR_MORE.match(text, number.span.end):
        bound = "least"
    if not bound:
        return number
    return replace(number, bound=bound)


def _han(text: str, known: Sequence[Number]) -> Iterator[Number]:
    """Yield the numbers that are written in Chinese characters."""
    for match in _HAN_NUMBER.finditer(text):
        span = Span(*match.span())
        if any(one.span.start < span.end and span.start < one.span.end for one in known):
            continue
        # As with other digits, a longer run is only the same as itself.
        if len(match.group()) > _LONGEST:
            yield Number("number", span, exact=match.group())
        else:
            yield Number("number", span, frozenset({Decimal(_han_value(match.group()))}))


def _han_value(signs: str) -> int:
    """Return what Chinese characters count, as digits or in words."""
    if all(sign in HAN_DIGITS for sign in signs):
        return int("".join(str(HAN_DIGITS[sign]) for sign in signs))
    total, section, digit = 0, 0, 0
    for sign in signs:
        if sign in HAN_DIGITS:
            digit = HAN_DIGITS[sign]
        elif sign in HAN_SMALL:
            section += (digit or 1) * HAN_SMALL[sign]
            digit = 0
        else:
            total = (total + section + digit) * int(HAN_LARGE[sign])
            section, digit = 0, 0
    return total + section + digit


def _roman(text: str, known: Sequence[Number]) -> Iterator[Number]:
    """Yield Roman numerals behind a name or a word such as `chapter`."""
    for match in _ROMAN_AFTER.finditer(text):
        which = "roman" if match["roman"] else "alone"
        span = Span(*match.span(which))
        signs = [_ROMAN[sign] for sign in match[which]]
        if any(one.span.start < span.end and span.start < one.span.end for one in known):
            continue
        value = sum(
            -one if any(later > one for later in signs[at + 1 : at + 2]) else one
            for at, one in enumerate(signs)
        )
        yield Number("number", span, frozenset({Decimal(value)}), exact="roman")
