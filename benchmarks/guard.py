"""Whether ingestion and answers have become much slower than what they rest on, in one run.

`python -m benchmarks.guard` ingests the example documents and the documentation, and asks the
example questions. Exit status 1 where the encoder alone would take less than a part of the whole
run's time, an unchanged folder is read again, or a whole answer takes many times as long as the
reader alone on the same pairs. The bounds are wide: what they find is a mistake, not noise.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.answer import candidate_texts, milliseconds
from benchmarks.ingest import COLLECTION, measure
from benchmarks.start import started
from indexes.network import PairNetwork
from indexes.settings import Settings
from service.answer import Answerer, Question
from service.evaluate import read_lines

ROOT: Final = Path(__file__).parent.parent
LEAST_WHOLE_SHARE: Final = 0.3
MOST_AGAIN_SHARE: Final = 0.2
MOST_ANSWER_TIMES: Final = 2.5
MOST_SERVICE_MB: Final = 600
_WARM_UP: Final = 3
_CANDIDATES: Final = 24


@dataclass(frozen=True, slots=True)
class Guarded:
    """The ratios: the encoder alone by the whole run, a second run by the first, and answers.

    `service_mb` is the most that a service held while it answered, its worker not counted.
    """

    whole_share: float
    again_share: float
    answer_times: float
    service_mb: float

    def held(self) -> bool:
        """Tell whether all are within their bounds."""
        return (
            self.whole_share >= LEAST_WHOLE_SHARE
            and self.again_share <= MOST_AGAIN_SHARE
            and self.answer_times <= MOST_ANSWER_TIMES
            and self.service_mb <= MOST_SERVICE_MB
        )


def guarded() -> Guarded:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ingested = measure([ROOT / "examples" / "documents", ROOT / "docs"], folder)
        questions = [line.question for line in read_lines(ROOT / "examples" / "questions.jsonl")]
        return Guarded(
            ingested.whole_share,
            ingested.again_share,
            _answer_times(folder / "data", questions),
            started(folder / "data", COLLECTION, questions).peak,
        )


def _answer_times(data: Path, questions: Sequence[str]) -> float:
    answerer = Answerer(Settings(data=data))
    network = PairNetwork(ROOT / "service" / "models" / "reader")
    times = []
    for asked in questions:
        texts = candidate_texts(answerer, asked, COLLECTION, _CANDIDATES)
        question = Question(asked, COLLECTION, candidates=_CANDIDATES)
        whole = milliseconds(partial(answerer.answer, question))
        times.append(whole / milliseconds(partial(network.run, asked, texts)))
    answerer.close()
    return round(float(np.median(times[_WARM_UP:])), 3)


def main() -> None:
    """Measure, print, and end with status 1 where a bound is broken."""
    found = guarded()
    bounds = {"whole_share": LEAST_WHOLE_SHARE, "again_share": MOST_AGAIN_SHARE}
    bounds |= {"answer_times": MOST_ANSWER_TIMES, "service_mb": MOST_SERVICE_MB}
    shown = {**asdict(found), "bounds": bounds}
    json.dump(shown, sys.stdout, indent=1)
    sys.stdout.write("\n")
    sys.exit(0 if found.held() else 1)


if __name__ == "__main__":
    main()
