"""The TeX reader, against sources written here."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.readers import TEX
from ingest.readers.tex import _calls, _without_comments, plain
from read_one import headings, read_one

PAPER = r"""\documentclass{article} % \section{No}
\title[short]{On {\em Swans} \\ and Ravens\thanks{To all.}}
\author{Ann Ex \and Bob~Why}
\date{2024-05-01}
\begin{document}\maketitle
% \section{Neither}
\section*{First % comment
 words}
100\% of them \section[Toc]{Second \emph{one}} \label{x}
\begin{verbatim}
\section{Shown as it is} % no comment
\end{verbatim}
\subsection {Inner}\sectionmark{no}
\end{document}
"""


def test_a_paper(tmp_path: Path) -> None:
    """Headings, title, author and date are found; the text is stored as it is written."""
    extract = read_one(tmp_path / "a.tex", TEX, PAPER.encode())
    assert extract.text == PAPER
    assert headings(extract) == [
        (1, "First % comment\n words"), (1, r"Second \emph{one}"), (2, "Inner"),
    ]  # fmt: skip
    assert extract.title == "On Swans and Ravens"
    assert extract.metadata == {"author": "Ann Ex Bob Why"}
    assert (extract.as_of, extract.as_of_source) == ("2024-05-01", "content")


def test_levels_begin_with_the_outermost_kind(tmp_path: Path) -> None:
    """In a book a chapter is above a section; `today` is no date."""
    text = r"\chapter{A}\subsection{B}\section{C}\date{\today}\part{D}"
    extract = read_one(tmp_path / "book.tex", TEX, text.encode())
    assert headings(extract) == [(2, "A"), (4, "B"), (3, "C"), (1, "D")]
    assert (extract.title, extract.as_of) == ("book", None)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (r"A \textbf{b} $x^2$", "A b x^2"),
        (r"\'Etat \& co", "'Etat & co"),
        (r"a\\[2pt]b\footnote{no}", "a b"),
        ("a % no\n b", "a b"),
    ],
)
def test_titles_are_words(words: str, shown: str) -> None:
    """Marks are taken out of a title."""
    assert plain(words) == shown


@pytest.mark.parametrize(
    "piece", ["\\section{", "\\begin{verbatim}", "{", "%", "\\", "\\section[", "\\section{a}"]
)
def test_time_grows_with_length(piece: str) -> None:
    """A brace that is never closed does not make a file slow."""
    started = time.process_time()
    list(_calls(_without_comments(piece * 20_000)))
    assert time.process_time() - started < 5


@given(st.lists(st.sampled_from(["\\section", "{", "}", "a", "%", "\n", "\\", "[", "]", "*"])))
def test_any_source_is_read(parts: list[str]) -> None:
    """Blanking keeps every place, and every heading lies in the text."""
    text = "".join(parts)
    blanked = _without_comments(text)
    assert len(blanked) == len(text)
    for call in _calls(blanked):
        assert call.span.cut(text).strip()
