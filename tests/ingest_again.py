"""A program for the kill test: ingests a folder again and again, each time in a forked process.

Usage: ingest_again.py FOLDER DATA. For each line on standard input a process is forked that ingests
FOLDER; standard output gets `pid N`, a line for each item as it is settled, and `end STATUS` (exit
status or signal); the next line of standard input lets go of the process. The
encoder is the small one of the tests, and transactions are small, so that a run has many of them.
"""

import os
import sys
from dataclasses import replace

from indexes.encoder import FOLDER, Encoder
from indexes.settings import Settings, load_settings
from ingest import pipeline
from ingest.progress import Advanced, Event
from ingest.survey import Order
from small_encoder import small_encoder


def encoder() -> Encoder:
    """Return the small encoder with the tokenizer of the bundled one."""
    tokenizer = (FOLDER / "tokenizer.json").read_text(encoding="utf-8")
    return replace(small_encoder(), tokenizer_json=tokenizer)


def tell(event: Event) -> None:
    """Write a line for each settled item, at once."""
    if isinstance(event, Advanced):
        for item in event.items:
            os.write(1, f"{item.outcome} {item.uri}\n".encode())


def run(folder: str, settings: Settings) -> int:
    """Ingest the folder and return the exit status."""
    order = Order((folder,), allow_mass_removal=True)
    return pipeline.ingest(order, settings, tell).exit_status()


def main() -> None:
    """Fork a run for each line of standard input."""
    folder, data = sys.argv[1:]
    loaded = encoder()
    setattr(pipeline, "load_encoder", lambda *_, **__: loaded)  # noqa: B010  # it is imported there
    setattr(pipeline, "_GROUP_CHUNKS", 8)  # noqa: B010  # Final, but for this
    given = {"AFTERWORD_DATA": data, "AFTERWORD_READER_PROCESSES": "1"}
    settings = load_settings({**given, "AFTERWORD_CHUNK_TOKENS": "16"})
    while sys.stdin.readline():
        child = os.fork()
        if child == 0:  # which says its number itself, so that this comes before its items
            os.write(1, f"pid {os.getpid()}\n".encode())
            os._exit(run(folder, settings))
        # It stays a zombie until the next line, so that its number can be killed without harm.
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        os.write(1, f"end {ended.si_status}\n".encode())
        sys.stdin.readline()
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
