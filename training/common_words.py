"""Which words are written small within sentences: `python -m training.common_words --data DATA`.

Counts the words of squad-train's paragraphs that do not open a sentence, and writes those that are
mostly written small and that the paragraphs have often enough, one a line. Who meets another word
at the beginning of a sentence may take it for a name.
"""

import argparse
import re
from collections import Counter
from pathlib import Path
from typing import Final

from service.common_words import PATH
from training.sets import read_rows

LEAST: Final = 3
MOSTLY: Final = 0.5
_WORD: Final = re.compile(r"(?<=[a-z,;] )([A-Za-z][a-z]+)\b")


def main() -> None:
    """Count and write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    given = arguments.parse_args()
    rows = read_rows(given.data / "squad-train" / "corpus.jsonl.gz")
    words = common_words([str(row["text"]) for row in rows])
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{len(words)} words in {PATH}")


def common_words(texts: list[str]) -> list[str]:
    """Return the words that are mostly written small within sentences, in order."""
    small, capital = Counter[str](), Counter[str]()
    for text in texts:
        for word in _WORD.findall(text):
            (small if word[0].islower() else capital)[word.lower()] += 1
    return sorted(
        word
        for word, count in small.items()
        if count >= LEAST and count > MOSTLY * (count + capital[word])
    )


if __name__ == "__main__":
    main()
