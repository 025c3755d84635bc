"""Arabic ligatures in PDF: pdfium turns the letters of one glyph round with those of the line."""

import re
from typing import Final

from ingest.readers.pdf_letters import Letters

_ALEFS: Final = "\u0622\u0623\u0625\u0627\u0671"
_ALLAH: Final = ("\u0627\u0644\u0644\u0647", "\u0644\u0644\u0647")
# What a ligature looks like when it is turned round; the same letters may stand there on their own.
_TURNED: Final = re.compile("|".join([*(word[::-1] for word in _ALLAH), f"[{_ALEFS}]\u0644"]))


def with_ligatures(text: str, letters: Letters) -> str:
    """Return a page's text with the letters of its Arabic ligatures in the order of reading.

    Lam and alef are one glyph, in which alef never comes first; where it does the two were turned.
    Letters that stand each in a place of its own are left as they are. No letter is moved
    elsewhere: places in the text stay true.
    """
    return _TURNED.sub(lambda match: _in_order(match, letters), text)


def _in_order(match: re.Match[str], letters: Letters) -> str:
    shown = match[0]
    if len(set(letters.origins(range(match.start(), match.end())))) > 1:
        return shown
    return shown[::-1]
