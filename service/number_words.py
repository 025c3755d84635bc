"""The words in which numbers, months and units are written."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

_COUNTED: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
COUNTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{word: value for value, word in enumerate(_COUNTED)},
        **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    }
)
LARGE: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "k": Decimal(10**3), "thousand": Decimal(10**3), "thousands": Decimal(10**3),
        "million": Decimal(10**6), "millions": Decimal(10**6), "mn": Decimal(10**6),
        "mio": Decimal(10**6), "billion": Decimal(10**9), "billions": Decimal(10**9),
        "bn": Decimal(10**9), "mrd": Decimal(10**9), "trillion": Decimal(10**12),
        "lakh": Decimal(10**5), "crore": Decimal(10**7), "millionen": Decimal(10**6),
        "milliarden": Decimal(10**9), "millones": Decimal(10**6), "milliards": Decimal(10**9),
        "tausend": Decimal(10**3), "mille": Decimal(10**3), "mil": Decimal(10**3),
    }
)  # fmt: skip
_ORDINAL_WORDS: Final = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth",
)  # fmt: skip
ORDINALS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{word: value for value, word in enumerate(_ORDINAL_WORDS, start=1)},
        **{f"{word[:-1]}ieth": 10 * value for value, word in enumerate(_TENS, start=2)},
    }
)
FRACTIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourths": 4,
        "fifth": 5, "fifths": 5, "sixths": 6, "eighths": 8, "tenth": 10, "tenths": 10,
    }
)  # fmt: skip
_MONTH_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
MONTHS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{name: value for value, name in enumerate(_MONTH_NAMES, start=1)},
        **{name[:3]: value for value, name in enumerate(_MONTH_NAMES, start=1)},
        "Sept": 9,
    }
)
# German, French, Spanish, Italian, Dutch, Portuguese, Polish and Russian (as in a date).
OTHER_MONTHS: Final[Mapping[str, int]] = MappingProxyType(
    {
        form: value
        for value, forms in enumerate(
            (
                "januar jänner janvier enero gennaio januari janeiro stycznia января",
                "februar février febrero febbraio februari fevereiro lutego февраля",
                "märz mars marzo maart março marca марта",
                "avril abril aprile kwietnia апреля",
                "mai mayo maggio mei maio maja мая",
                "juni juin junio giugno junho czerwca июня",
                "juli juillet julio luglio julho lipca июля",
                "août agosto augustus sierpnia августа",
                "septembre septiembre settembre setembro września сентября",
                "oktober octobre octubre ottobre outubro października октября",
                "novembre noviembre novembro listopada ноября",
                "dezember décembre diciembre dicembre dezembro grudnia декабря",
            ),
            start=1,
        )
        for form in forms.split()
    }
)
# Words that count in these languages and mean nothing else in another of them.
OTHER_COUNTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        form: value
        for value, forms in {
            2: "zwei deux dos twee dois два две",
            3: "drei trois tres tre drie três три",
            4: "vier quatre cuatro quattro quatro четыре",
            5: "fünf cinq cinco cinque vijf пять",
            6: "sechs seis zes шесть",
            7: "sieben siete sette zeven sete семь",
            8: "acht huit ocho otto oito восемь",
            9: "neun nueve negen девять",
            10: "zehn diez dieci tien десять",
            11: "onze undici",
            12: "zwölf douze doce dodici twaalf doze двенадцать",
            20: "zwanzig vingt veinte venti twintig двадцать",
            30: "dreißig trente treinta trenta dertig тридцать",
            100: "hundert cento honderd сто",
        }.items()
        for form in forms.split()
    }
)
CURRENCIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "$": "dollar",
        "€": "euro",
        "£": "pound",
        "¥": "yen",
        "₹": "rupee",
        "%": "percent",
        "°": "degree",
    }
)
_UNIT_FORMS: Final = (
    "euro eur euros", "dollar usd dollars", "pound gbp pounds quid", "yen jpy", "franc chf francs",
    "rupee inr rupees", "krona kronor kroner krone sek nok dkk", "yuan rmb cny", "cent cents",
    "penny pence",
    "zloty pln zlotys złoty", "forint huf forints", "koruna czk korunas", "real brl reais",
    "peso mxn ars pesos", "rand zar", "naira ngn", "won krw",
    "shekel ils shekels", "lira try liras",
    "percent pct prozent",
    "m metre metres meter meters", "km kilometre kilometres kilometer kilometers",
    "cm centimetre centimetres centimeter centimeters",
    "mm millimetre millimetres millimeter millimeters", "mile miles mi", "foot feet ft",
    "inch inches", "yard yards", "hectare hectares ha", "acre acres",
    "kg kilo kilos kilogram kilograms", "g gram grams", "mg milligram milligrams",
    "tonne tonnes ton tons t", "pound-weight lb lbs", "ounce ounces oz",
    "l litre litres liter liters", "ml millilitre millilitres milliliter milliliters",
    "gallon gallons",
    "second sec secs seconds", "minute min mins minutes minuten", "hour h hr hrs hours stunden",
    "day days tage tagen jours días", "week weeks wochen semaines semanas",
    "month months monate monaten mois meses", "year years yr yrs jahre jahren ans années años",
    "times", "decade decades", "century centuries",
    "ms millisecond milliseconds", "kmh km/h kph", "mph", "knot knots",
    "watt watts w", "kw kilowatt kilowatts", "mw megawatt megawatts", "gw gigawatt gigawatts",
    "kwh", "mwh", "gwh", "volt volts v", "ampere amperes amp amps A", "bar bars", "hz hertz", "khz",
    "mhz", "ghz", "byte bytes", "kb kilobyte kilobytes", "mb megabyte megabytes",
    "gb gigabyte gigabytes", "tb terabyte terabytes", "degree degrees °c", "mbit", "gbit",
)  # fmt: skip
CODES: Final = (
    "EUR", "USD", "GBP", "CHF", "JPY", "INR", "SEK", "NOK", "DKK", "RMB", "CNY", "PLN", "HUF",
    "CZK", "BRL", "MXN", "ARS", "ZAR", "NGN", "KRW", "ILS", "TRY",
)  # fmt: skip
"""Codes of currencies (ISO 4217) that stand before amounts."""
UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {form: forms.split()[0] for forms in _UNIT_FORMS for form in forms.split()}
)
"""The forms of units, each with the unit's one name."""

_MEASURES: Final[Mapping[str, Mapping[str, str]]] = {
    "time": {
        "ms": "0.001", "second": "1", "minute": "60", "hour": "3600", "day": "86400",
        "week": "604800",
    },
    "months": {"month": "1", "year": "12", "decade": "120", "century": "1200"},
    "length": {"mm": "0.001", "cm": "0.01", "m": "1", "km": "1000"},
    "mass": {"mg": "0.001", "g": "1", "kg": "1000", "tonne": "1000000"},
    "volume": {"ml": "0.001", "l": "1"},
    "power": {"watt": "1", "kw": "1000", "mw": "1000000", "gw": "1000000000"},
    "energy": {"kwh": "1", "mwh": "1000", "gwh": "1000000"},
}  # fmt: skip
MEASURES: Final[Mapping[str, tuple[str, Decimal]]] = MappingProxyType(
    {
        unit: (measure, Decimal(size))
        for measure, sizes in _MEASURES.items()
        for unit, size in sizes.items()
    }
)
"""What units measure, and how much of it: those of one measure can be turned into each other."""

HAN_DIGITS: Final[Mapping[str, int]] = MappingProxyType(
    {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"\u3007": 0, "两": 2}
)
HAN_SMALL: Final[Mapping[str, int]] = MappingProxyType({"十": 10, "百": 100, "千": 1000})
HAN_LARGE: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "千": Decimal(10**3), "천": Decimal(10**3), "万": Decimal(10**4), "萬": Decimal(10**4),
        "만": Decimal(10**4), "亿": Decimal(10**8), "億": Decimal(10**8), "억": Decimal(10**8),
    }
)  # fmt: skip
