"""Capitals: names that were typed in small letters, told by how the collection writes them.

"And slovakia?" names a country as "And Slovakia?" does. A word that the documents have in capital
letters within their sentences, and hardly ever in small ones, is a name.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import regex

from service.described import Beside
from service.leaning import goes_on
from service.said import Said
from service.spoken import telling, words_of

# At the start of a sentence, an item or a cell any word has a capital letter.
_STARTS: Final = regex.compile(r"(?:^|[.!?:;|\t\n*•#>-])\s*[\"'\u201c\u2018(\[]*$")
_AHEAD: Final = 6
# So many times as often in capital letters as in small ones.
_MOSTLY: Final = 3
# So many words of a question are looked up at most.
_MOST_WORDS: Final = 8


def capitalised(asked: Said, said: Sequence[Said], beside: Beside) -> tuple[Said, list[Said]]:
    """Return a question and what was said before it, with names in their capital letters.

    Only a piece of a sentence and the question that it goes on from are looked at, if they have no
    name in capital letters: that one of their names takes the place of another has to be seen.
    """
    questions = [asked, *(one for one in said if one.is_question)]
    wanted = {
        one.age: one
        for piece, last in pairwise(questions)
        if goes_on(piece.text, piece.words)
        for one in (piece, last)
        if not one.is_pasted and not any(word.is_name for word in one.words)
    }
    found = {age: _with_capitals(one, beside) for age, one in wanted.items()}
    return found.get(asked.age, asked), [
        found.get(one.age, one) if one.is_question else one for one in said
    ]


def _with_capitals(said: Said, beside: Beside) -> Said:
    text = said.text
    words = [word for word in telling(said.words) if word.plain.isalpha()]
    for word in words[:_MOST_WORDS]:
        form = _name_form(word.plain, beside)
        if form is not None:
            text = text[: word.at] + form + text[word.end :]
    return said if text == said.text else replace(said, text=text, words=words_of(text))


def _name_form(word: str, beside: Beside) -> str | None:
    """Return a word as the collection writes it, None if it is no name there."""
    forms = Counter(form for near in beside(word) for form in _forms(word, near.text))
    small = forms.pop(word, 0)
    if not forms:
        return None
    ((form, count),) = forms.most_common(1)
    return form if count >= _MOSTLY * small and len(form) == len(word) else None


def _forms(word: str, text: str) -> Iterator[str]:
    """Yield the forms of a word within sentences; in a path or the name of a file it is none."""
    whole = rf"(?<![\w/.@#:-]){regex.escape(word)}(?![\w/@#-]|[.:]\w)"
    for found in regex.finditer(whole, text, regex.IGNORECASE):
        at = found.start()
        if not _STARTS.search(text[max(0, at - _AHEAD) : at]):
            yield found[0]
