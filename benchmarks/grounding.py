"""How well sentences are checked against evidence: `python -m benchmarks.grounding`.

The set in `tests/grounding` has passages, true sentences on them, and wrong ones made of these by
swapping one number, one name, or one denial or opposite. `--squad DATA` measures on paragraphs of
SQuAD's development articles too, in which answers are swapped with other answers. Prints JSON:
`caught` shares of wrong sentences, `lost` shares of true ones.
"""

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.documents import Span, StoredChunk
from indexes.encoder import load_encoder
from service.evidence import Candidate, Evidence
from service.grounding import grounding

SET: Final = Path(__file__).parent.parent / "tests" / "grounding"
PARTS: Final = ("tuned", "held")
KINDS: Final = {"#": "number", "@": "name", "!": "negation"}
_PLACE: Final = re.compile(r"\{([#@!])([^}]*)\}")
_PASSAGES: Final = 8


@dataclass(frozen=True)
class Case:
    """A sentence, what evidence it is checked against, and what it is."""

    sentence: str
    evidence: Sequence[Evidence]
    kind: str  # true, number, name, negation, invented
    topic: str


def evidence_of(text: str, title: str = "", headings: Sequence[str] = (), number: int = 1) -> Evidence:
    """Return evidence of a passage that is a document of its own."""
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
    )
    return Evidence(Candidate(chunk, None, None, 1.0), 0.9)


def cases(part: str) -> Iterator[Case]:
    """Yield the sentences of a part of the set, each with its own passages and some others."""
    rows = [json.loads(line) for line in (SET / f"{part}.jsonl").read_text("utf-8").splitlines()]
    made = [
        [
            evidence_of(one["text"], one["title"], one.get("headings", ()), 100 * at + place)
            for place, one in enumerate(row["passages"])
        ]
        for at, row in enumerate(rows)
    ]
    for at, row in enumerate(rows):
        others = [one for step in range(1, len(rows)) for one in made[(at + step) % len(rows)]]
        evidence = tuple([*made[at], *others][:_PASSAGES])
        for marked in row["true"]:
            for sentence, kind in written(marked):
                yield Case(sentence, evidence, kind, row["id"])
        for sentence in row["invented"]:
            yield Case(sentence, evidence, "invented", row["id"])


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


def measured(found: Sequence[Case], *, told: bool = False) -> dict[str, object]:
    """Return how many sentences of each kind there are, and which share was refused."""
    encoder = load_encoder("bundled")
    counts, refused = defaultdict[str, int](int), defaultdict[str, int](int)
    seconds = list[float]()
    last, ground = None, grounding(encoder)
    for case in found:
        if case.evidence is not last:
            last, ground = case.evidence, grounding(encoder)
        began = time.perf_counter()
        support = ground(case.sentence, case.evidence, ())
        seconds.append(time.perf_counter() - began)
        counts[case.kind] += 1
        refused[case.kind] += support.reason is not None
        if told and (support.reason is None) != (case.kind == "true"):
            sys.stderr.write(f"{case.kind:9} {case.topic}: {case.sentence}  <{support.reason or ''}>\n")
    seconds.sort()
    return {
        "sentences": dict(counts),
        "caught": {
            kind: round(refused[kind] / counts[kind], 3) for kind in counts if kind != "true"
        },
        "lost": round(refused["true"] / max(1, counts["true"]), 3),
        "ms": {
            "p50": round(1000 * seconds[len(seconds) // 2], 2),
            "p95": round(1000 * seconds[int(len(seconds) * 0.95)], 2),
        },
    }


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.grounding", description=__doc__)
    arguments.add_argument("--part", choices=PARTS, action="append", help="all, if none is given")
    arguments.add_argument("--told", action="store_true", help="print what was misjudged")
    arguments.add_argument("--squad", type=Path, help="folder that holds squad-open-dev")
    arguments.add_argument("--limit", type=int, default=600, help="sentences of SQuAD")
    given = arguments.parse_args()
    result = {
        part: measured(list(cases(part)), told=given.told) for part in given.part or PARTS
    }
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
