"""The line that parts a chain of thought from its answer, in the spellings that models give it.

Nothing is shown until it has come: what stands ahead of it is no answer, and nobody knows before.
"""

from collections.abc import Iterator
from typing import Final

import regex

from service.evidence import Thought
from service.holding import held_back
from service.language_model import Ended
from service.steps import answer_among_steps

_HEAD: Final = (
    r"^[ \t]{0,8}(?:[#>]{1,6}[ \t]{0,2})?(?:(?:\d{1,2}[.)]|[-*\u2022])[ \t]{1,2})?"
    r"(?P<mark>(?:\*{1,3}|_{1,3})?)"
)
_ENGLISH: Final = (
    r"(?:(?:so|thus|therefore|hence|the|my|final|short|full|complete|correct|direct)\b,?[ ]){0,3}"
    r"answers?(?:[ ]to[ ](?:the|your)[ ]question)?"
)
# Models that answer in another language put the word into it too.
_OTHERS: Final = (
    r"(?:\w{1,14}[ ])?(?:antwort|antwoord|svar|vastaus|r[ée]ponse|respuesta|resposta|risposta|"
    r"r[aă]spuns|odpowied[zź]|odpov[eě][dď]|v[aá]lasz|cevap|απάντηση|ответ|відповідь|отговор|"
    r"答案|回答|答え|答|정답|답변|답)(?:[ ]\w{1,14})?"
)
_NAME: Final = rf"(?:{_ENGLISH}|{_OTHERS})"
_GAP: Final = r"[ \t\u00a0\u202f]?"
_SIGN: Final = r"[:\uff1a]"
_COLON: Final = rf"(?:(?P=mark){_GAP}{_SIGN}|{_GAP}{_SIGN}{_GAP}(?P=mark)|{_GAP}{_SIGN})"
# Without a colon it is one only where it stands alone, as a heading or in bold.
_HEADING: Final = (
    rf"^[ \t]{{0,4}}(?:\#{{1,6}}[ \t]{{1,2}}(?P<bold>\*{{0,3}}){_ENGLISH}(?P=bold)"
    rf"|(?P<strong>\*\*|__){_ENGLISH}(?P=strong))[ \t]{{0,4}}(?=\n)"
)
_LABEL: Final = regex.compile(
    rf"{_HEAD}{_NAME}{_COLON}|{_HEADING}|^[ \t]{{0,4}}<answer>", regex.MULTILINE | regex.IGNORECASE
)
# Within a line it has a capital, and a sentence has ended ahead of it.
_WITHIN: Final = regex.compile(
    r"(?<=[.!?;:)\]][ \t])(?P<mark>(?:\*{1,3}|_{1,3})?)"
    rf"(?:Final[ ][Aa]nswer|FINAL[ ]ANSWER|Answer|ANSWER){_COLON}"
)
# No label is longer, and its last mark is among so many characters behind its colon.
_LONGEST: Final = 160
_SETTLED: Final = 8


def behind_answer_line(pieces: Iterator[str | Thought | Ended]) -> Iterator[str | Thought | Ended]:
    """Yield what comes ahead of the first such line as thoughts, and what comes behind as it is.

    Where none comes, the whole text is the answer but for its steps (see `service/steps.py`), and
    is yielded at its end. Lines of the kind within an answer are left out.
    """
    yield from held_back(pieces, _Parting())


class _Parting:
    """A text as far as it has come: held back until the line has, and then given."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._held = ""
        self._looked_at = 0
        self._is_behind = False
        self._begins_line = True

    def take(self, piece: str) -> Iterator[str | Thought]:
        self._held += piece
        if not self._is_behind:
            yield from self._ahead(is_over=False)
        if self._is_behind:
            yield from self._behind(is_over=False)

    def rest(self, *, cut: bool) -> Iterator[str | Thought]:
        if not self._is_behind:
            yield from self._ahead(is_over=True)
        if self._is_behind:
            yield from self._behind(is_over=True)
        else:
            yield from answer_among_steps(self._held, is_cut=cut)
        self._begin()

    def _ahead(self, *, is_over: bool) -> Iterator[Thought]:
        """Look for the line in what has come since, and leave what stands behind it."""
        text = f"{self._held}\n" if is_over else self._held
        at = max(0, self._looked_at - _LONGEST)
        found = [one for one in (_LABEL.search(text, at), _WITHIN.search(text, at)) if one]
        if not found:
            self._looked_at = len(text)
            return
        first = min(found, key=lambda one: one.start())
        if not (is_over or _is_settled(text, first.end())):
            return
        if first.start():
            yield Thought(self._held[: first.start()])
        self._held, self._is_behind = self._held[first.end() :], True

    def _behind(self, *, is_over: bool) -> Iterator[str]:
        while self._held:
            if self._begins_line:
                label = _LABEL.match(self._held, partial=not is_over)
                if label and not is_over and not _is_settled(self._held, label.end()):
                    return  # more of it may come
                if label:
                    self._held = self._held[label.end() :]
                self._begins_line = False
            line, ended, rest = self._held.partition("\n")
            self._held, self._begins_line = rest, bool(ended)
            if line or ended:
                yield line + ended


def _is_settled(text: str, end: int) -> bool:
    """Tell whether what follows can no longer be a part of the label that ends there."""
    return len(text) - end >= _SETTLED or "\n" in text[end:]
