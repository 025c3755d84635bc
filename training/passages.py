"""Passages with sentences on them, true and wrong, that were written by hand.

A true sentence has marked places, `{#right|wrong}`: the first option is right, each other one makes
it wrong. The marks tell what is exchanged: `#` a number, `@` a name, `!` a denial or an opposite,
`~` another word, `+` a phrase that is added.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.documents import Span, StoredChunk
from service.evidence import Candidate, Evidence

KINDS: Final = {
    "#": "number",
    "@": "name",
    "!": "negation",
    "~": "word",
    "+": "added",
}
PASSAGES: Final = 8
"""So many passages are checked against, a sentence's own first."""
_PLACE: Final = re.compile(r"\{([#@!~+])([^}]*)\}")


@dataclass(frozen=True)
class Marked:
    """Passages of one subject, marked sentences that they bear out, and ones that they do not."""

    topic: str
    evidence: tuple[Evidence, ...]
    true: tuple[str, ...]
    invented: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A sentence, what evidence it is checked against, and what it is."""

    sentence: str
    evidence: Sequence[Evidence]
    kind: str  # true, invented, or one of KINDS
    topic: str


def cases_of(path: Path) -> Iterator[Case]:
    """Yield the sentences of a file, each with its own passages and some others."""
    rows = read_marked(path)
    for at, row in enumerate(rows):
        rest = (rows[(at + step) % len(rows)] for step in range(1, len(rows)))
        others = [one for other in rest for one in other.evidence]
        evidence = (*row.evidence, *others)[:PASSAGES]
        for marked in row.true:
            for sentence, kind in written(marked):
                yield Case(sentence, evidence, kind, row.topic)
        for sentence in row.invented:
            yield Case(sentence, evidence, "invented", row.topic)


def read_marked(path: Path) -> list[Marked]:
    """Read a file of JSON lines; no two passages of it have the same number."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        Marked(
            row["id"],
            tuple(
                evidence_of(
                    one["text"],
                    one["title"],
                    one.get("headings", ()),
                    100 * at + place,
                    one.get("header"),
                )
                for place, one in enumerate(row["passages"])
            ),
            tuple(row["true"]),
            tuple(row["invented"]),
        )
        for at, row in enumerate(rows)
    ]


def evidence_of(
    text: str,
    title: str = "",
    headings: Sequence[str] = (),
    number: int = 1,
    header: str | None = None,
) -> Evidence:
    """Return evidence of a passage that is a document of its own, with a table's header."""
    chunk = StoredChunk(
        chunk_id=number,
        document_id=f"d{number}",
        uri=f"u{number}",
        title=title,
        media_type="text/plain",
        as_of=None,
        text_sha256="",
        span=Span(0, len(text)),
        text=text,
        headings=tuple(headings),
        header=header,
    )
    return Evidence(Candidate(chunk, None, None, 1.0), 0.9)


def written(marked: str) -> Iterator[tuple[str, str]]:
    """Yield the true sentence of a marked one, then the wrong ones, each wrong in one place."""
    places = [(match[1], match[2].split("|")) for match in _PLACE.finditer(marked)]

    def filled(wrong: int | None = None, option: int = 0) -> str:
        chosen = iter(one[option] if at == wrong else one[0] for at, (_, one) in enumerate(places))
        return " ".join(_PLACE.sub(lambda _: next(chosen), marked).split())

    yield filled(), "true"
    for at, (kind, options) in enumerate(places):
        for option in range(1, len(options)):
            yield filled(at, option), KINDS[kind]
