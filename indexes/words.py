"""The words of texts that are not English, in a form in which spellings of one word meet.

Texts and questions go through `words` alike, so that what is indexed is what is asked for. Case,
accents and vowel points are folded; scripts that are written without spaces are cut into pieces of
a few characters. There are no stop words. A long word stands beside its first letters, which
inflected forms have in common (McNamee, Nicholas and Mayfield 2009); Arabic words lose their
article and endings (light10: Larkey, Ballesteros and Connell 2007).
"""

import unicodedata
from functools import lru_cache
from typing import Final

import regex

from indexes.languages import Language

LONGEST_TERM: Final = 100

_IDEOGRAMS: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\u30fc"
_ALPHABETS: Final = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# Letters of scripts that are written without spaces, as a part of a set of `regex`.
UNSPACED: Final = _IDEOGRAMS + _ALPHABETS
_HANGUL: Final = r"\p{Hangul}"
# Signs that are not seen: soft hyphens, joiners, marks of direction, choices of a glyph.
_UNSEEN: Final = regex.compile(
    r"[\u00ad\u200d-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]+"
)
# Accents, Hebrew and Arabic points, and the stroke that makes an Arabic word longer; the marks of
# other scripts (the vowels of Indic ones) are letters.
_POINTS: Final = regex.compile(
    r"[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]+"
)
_ZEROS: Final = (0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66,
                 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0)  # fmt: skip
_LETTERS: Final = str.maketrans(
    {
        "\u0131": "i", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th",
        "ħ": "h", "ŧ": "t",
        # Alef maksura, farsi yeh, teh marbuta, keheh, heh goal, ae, alef wasla
        "\u0649": "\u064a", "\u06cc": "\u064a", "\u0629": "\u0647", "\u06a9": "\u0643",
        "\u06c1": "\u0647", "\u06d5": "\u0647", "\u0671": "\u0627",
        **{chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)},
    }
)  # fmt: skip
# How umlauts and Nordic letters are written where a keyboard has none.
_SPELT_OUT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_ARABIC: Final = regex.compile(r"[\u0621-\u06d3]+")
_ARTICLES: Final = ("ال", "وال", "بال", "كال", "فال", "لل", "و")
_ENDINGS: Final = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
_BEGINNING: Final = 5
_LEAST_STEM: Final = 2
_LEAST_AFTER_AND: Final = 3


def _pattern(unspaced: str) -> regex.Pattern[str]:
    return regex.compile(
        rf"([{unspaced}][{unspaced}\p{{M}}]*)|([{_ALPHABETS}][{_ALPHABETS}\p{{M}}]*)"
        rf"|([[\p{{L}}\p{{N}}]--[{unspaced}{_ALPHABETS}]]"
        rf"[[\p{{L}}\p{{N}}\p{{M}}]--[{unspaced}{_ALPHABETS}]]*)",
        regex.VERSION1,
    )


_RUNS: Final = {"other": _pattern(_IDEOGRAMS), "cjk": _pattern(_IDEOGRAMS + _HANGUL)}
_NUMBER: Final = regex.compile(r"\p{N}")
_CHARACTER: Final = regex.compile(r"\P{M}\p{M}*|\p{M}+")


def words(text: str, language: Language) -> list[str]:
    """Return the terms of a text in order, `language` being `other` or `cjk`.

    No term has white space. Spellings of a word come one after the other.
    """
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).casefold()
    found: list[str] = []
    for signs, letters, word in _RUNS[language].findall(seen):
        if word:
            found += _spellings(word)
        else:
            found += _pieces(signs, (1, 2)) if signs else _pieces(letters, (2, 3))
    return found


def _pieces(run: str, sizes: tuple[int, int]) -> list[str]:
    """Return the pieces of a run that have so many characters, the run itself if it is shorter."""
    signs = _CHARACTER.findall(run)
    found = [
        "".join(signs[at : at + size]) for size in sizes for at in range(len(signs) - size + 1)
    ]
    return found or ["".join(signs)]


@lru_cache(maxsize=100_000)
def _spellings(word: str) -> tuple[str, ...]:
    """Return a word's plain form, the one with umlauts spelt out, and the beginnings of both."""
    composed = unicodedata.normalize("NFC", word)
    plain = _plain(composed)
    if _ARABIC.fullmatch(plain):
        return (_stem(plain),)
    forms = dict.fromkeys((plain, _plain(composed.translate(_SPELT_OUT))))
    if not _NUMBER.search(word):
        forms.update(dict.fromkeys(form[:_BEGINNING] for form in list(forms)))
    return tuple(form for form in forms if form)


def _plain(word: str) -> str:
    bare = _POINTS.sub("", unicodedata.normalize("NFKD", word)).casefold()
    return unicodedata.normalize("NFC", bare.translate(_LETTERS))[:LONGEST_TERM]


def _stem(word: str) -> str:
    """Return an Arabic word without article, conjunction and endings, two letters at least."""
    for article in _ARTICLES:
        least = _LEAST_AFTER_AND if len(article) == 1 else _LEAST_STEM
        if word.startswith(article) and len(word) - len(article) >= least:
            word = word[len(article) :]
            break
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            word = word[: -len(ending)]
    return word
