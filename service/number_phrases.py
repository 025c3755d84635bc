"""Numbers, dates and times that English tells in several words, of which no one tells them."""

import re
from typing import Final

from service.number_words import COUNTS, MONTHS, ORDINALS

_ONE_TO_TWELVE: Final = "|".join(word for word, value in COUNTS.items() if 1 <= value <= 12)  # noqa: PLR2004
_TO_TWENTY: Final = "|".join(word for word, value in COUNTS.items() if 1 <= value <= 20)  # noqa: PLR2004
_MONTH: Final = "|".join(name for name in MONTHS if len(name) > len("Sep") or name == "May")
_NTH: Final = "|".join(ORDINALS)
_HALF: Final = (
    r"(?: ?(?P<half{0}>[ap]\.m\.|[ap]m\b|in the (?:morning|afternoon|evening)\b|at night\b))"
)
_ANY: Final = _HALF.format("")

PHRASES: Final = re.compile(
    rf"\b(?P<part>half|a quarter|quarter|(?:five|ten|twenty|twenty-five|5|10|20|25)(?= past\b)"
    rf"|(?<=\bat )(?:five|ten|twenty|twenty-five)(?= to\b))"
    rf" (?P<way>past|(?<!half )to) (?P<hour>{_ONE_TO_TWELVE}|1[0-2]|[1-9])\b(?![:.,]?\d|%){_ANY}?"
    rf"|\b(?P<alone>{_ONE_TO_TWELVE}) ?(?: o['\u2019]clock\b{_HALF.format(2)}?|{_HALF.format(3)})"
    rf"|\b12 (?P<noon>noon|midnight)\b"
    rf"|\b(?:the )?(?:(?P<tens>twenty|thirty)-)?(?P<day>{_NTH}) (?:of )?(?P<month>{_MONTH})\b"
    rf"(?:,? (?P<year>\d{{4}})\b)?"
    rf"|\b(?P<month2>{_MONTH}) (?:the )?(?:(?P<tens2>twenty|thirty)-)?(?P<nth>{_NTH})\b"
    rf"|\b(?P<fortnights>a|one|two|three|four|every) fortnights?\b"
    rf"|\b(?:one|1)(?: [a-z]+)? in (?:every )?"
    rf"(?P<of_how_many>{_TO_TWENTY}|fifty|hundred|(?:[2-9]|[1-9]\d|100|\d{{1,3}},000)(?![\d,.]*\d)(?!\w))"
    rf"(?= (?!January|February|March|April|May|June|July|August|Sept|Oct|Nov|Dec)|[.,;:)]|\Z)"
    rf"|\b(?<!three )(?<!three-)(?P<quarter_hour>quarter(?: of an |[ -])hour)\b"
    rf"|(?<![\d/.,])(?:(?P<whole>\d{{1,3}}) )?(?P<above>[123])/(?P<below>[234])(?![\d/.])",
    re.IGNORECASE | re.ASCII,
)
"""What tells a time, a day, a stretch of time or a part of a whole in several words."""
