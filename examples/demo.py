"""Ingest the example documents and ask four questions; the documents do not answer the last."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COLLECTION = "demo"
EXPECTED = ["answered", "answered", "answered", "not_found"]


def afterword(*words: str, capture: bool = False) -> str:
    """Run one `afterword` command; return what it printed if `capture` is set."""
    done = subprocess.run(
        [sys.executable, "-m", "afterword", *words],
        check=True,
        text=True,
        stdout=subprocess.PIPE if capture else None,
    )
    return done.stdout or ""


def main() -> None:
    """Run the demonstration; the exit status is 1 if a question is not answered as it should."""
    afterword("ingest", str(HERE / "documents"), "--collection", COLLECTION)
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    statuses = []
    for line in lines[: len(EXPECTED)]:
        question = json.loads(line)["question"]
        print(f"\n$ afterword ask --collection {COLLECTION} {json.dumps(question)}", flush=True)
        answer = afterword("ask", "--collection", COLLECTION, question, capture=True)
        print(answer, end="", flush=True)
        statuses.append(answer.split()[0])
    if statuses != EXPECTED:
        sys.exit(f"\nexpected {EXPECTED}, got {statuses}")
    print(
        "\nGo on with:  make serve     the page to ask on, http://127.0.0.1:8000/"
        "\n             .venv/bin/afterword ingest FOLDER     your own documents"
        '\n             .venv/bin/afterword ask "..."         your own questions'
    )


if __name__ == "__main__":
    main()
