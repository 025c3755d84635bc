"""Arabic ligatures in PDF: pdfium turns the letters of one glyph round with those of the line."""

import re
import unicodedata
from itertools import groupby
from typing import Final

from ingest.readers.pdf_letters import Letters

_WORD: Final = re.compile("[\u0590-\u06ff\u0750-\u077f]{2,}")
# Letters of which Unicode knows a ligature, as it writes them: lam before alef.
_LIGATURES: Final = frozenset(
    letters
    for form in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFF00))
    if len(letters := unicodedata.normalize("NFKC", chr(form))) > 1 and " " not in letters
)
_CLUSTER: Final = 3


def with_ligatures(text: str, letters: Letters) -> str:
    """Return a page's text with the letters of its Arabic ligatures in the order of reading.

    Letters that stand each in a place of its own are left as they are. None is moved elsewhere:
    places in the text stay true.
    """
    return _WORD.sub(lambda match: _in_order(match, letters), text)


def _in_order(match: re.Match[str], letters: Letters) -> str:
    places = range(match.start(), match.end())
    shown = zip(match[0], letters.origins(places), strict=True)
    return "".join(
        _glyph("".join(letter for letter, _ in glyph))
        for _, glyph in groupby(shown, lambda one: one[1])
    )


def _glyph(shown: str) -> str:
    """Return the letters of one glyph in order; a letter with its marks is in order."""
    if len(shown) == 1 or shown in _LIGATURES:
        return shown
    is_cluster = len(shown) >= _CLUSTER and sum(map(str.isalpha, shown)) > 1
    return shown[::-1] if is_cluster or shown[::-1] in _LIGATURES else shown
