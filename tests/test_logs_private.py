"""The log of a busy service has no word of what was asked, stored or named, unless asked for."""

import itertools
import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from serving import Served, SmallAnswerer, loaded, served, small_app, stored, until

SYLLABLES: Final = ("zor", "bla", "quim", "vex", "plu", "dran", "fnu", "gwop", "yst", "klee")


def words(seed: int) -> Iterator[str]:
    """Give words that no log has by itself, each once."""
    numbers = random.Random(seed)
    for number in itertools.count():
        yield "".join(numbers.choices(SYLLABLES, k=3)) + SYLLABLES[number % 10]


class Told:
    """Makes sentences of words that are not used again, and keeps them."""

    def __init__(self) -> None:
        self._words = words(7)
        self.words: set[str] = set()

    def sentence(self, length: int = 6) -> str:
        """Return new words with blanks between them."""
        new = list(itertools.islice(self._words, length))
        self.words.update(new)
        return " ".join(new)


def busy(server: Served, told: Told) -> int:
    """Upload, ask, search, stream, read, and make mistakes of each kind; return the requests."""
    client = server.client
    jobs = []
    for name, content in (
        ("md", told.sentence(40).encode()),
        ("html", f"<title>{told.sentence()}</title><p>{told.sentence(30)}".encode()),
        ("csv", f"{told.sentence(1)},{told.sentence(1)}\n{told.sentence(4)}".encode()),
        ("pdf", b"%PDF-1.7 " + told.sentence(30).encode()),
        ("docx", b"PK\x03\x04 " + told.sentence(30).encode()),
        ("jsonl", f'{{"id": 3, "text": "{told.sentence()}"'.encode()),
        ("eml", f"From: {told.sentence(1)}\n\n{told.sentence(20)}".encode()),
    ):
        form = {"metadata": json.dumps({told.sentence(1): told.sentence()})}
        file = (f"{told.sentence(1)}.{name}", content)
        sent = client.post("/v1/documents", files={"file": file}, data=form)
        jobs.append(sent.json()["job_id"])
    for _ in range(4):
        sent = client.post(
            "/v1/documents",
            json={
                "text": f"{told.sentence(12)}.",
                "title": told.sentence(),
                "id": told.sentence(1),
            },
        )
        jobs.append(sent.json()["job_id"])

    def ended(job: str) -> bool:
        return client.get(f"/v1/jobs/{job}").json()["state"] in {"done", "failed"}

    for job in jobs:
        until(partial(ended, job), 60)
    known = sorted(told.words)[:20]
    asked = [{"question": f"{word} {told.sentence()}?"} for word in known[:6]]
    mistakes = [
        {"question": told.sentence(), "collection": told.sentence(1)},
        {"question": told.sentence(), "generator": told.sentence(1)},
        {"question": told.sentence(), "as_of": told.sentence(1)},
        {"question": f"{told.sentence()} " * 200},
        {
            "question": told.sentence(),
            "filter": {"field": told.sentence(1), "operator": "==", "value": told.sentence(1)},
        },
        {"question": told.sentence(), told.sentence(1): 1},
    ]
    for body in (*asked, *mistakes, *({**one, "stream": True} for one in asked)):
        client.post("/v1/query", json=body)
    for word in known[:6]:
        client.post("/v1/search", json={"query": word})
    client.post("/v1/query", content=told.sentence().encode())
    client.get(f"/v1/documents/{told.sentence(1)}")
    client.get(f"/{told.sentence(1)}", params={told.sentence(1): told.sentence(1)})
    client.get("/v1/documents", params={"named": known[0], "after": known[1]})
    for item in client.get("/v1/documents").json()["items"]:
        client.get(f"/v1/documents/{item['document_id']}")
        client.get(f"/v1/documents/{item['document_id']}/text")
        client.delete(f"/v1/documents/{item['document_id']}")
    return len(asked) * 2 + len(mistakes)


@pytest.mark.slow
def test_a_busy_service_logs_no_word_of_anybody(tmp_path: Path) -> None:
    """Neither of documents, their names and metadata, nor of questions, filters and paths.

    But for ids that whoever uploads gave, in the audit log.
    """
    told = Told()
    with served(tmp_path / "data", tmp_path / "log") as server:
        sent = busy(server, told)
        server.stop()
        lines = server.lines()
    # Who uploaded or deleted which document is what the audit log is for; ids are part of that.
    audited = [line.pop("document_id", None) for line in lines if line["event"] == "audit"]
    log = json.dumps(lines).lower()
    assert len(told.words) > 300
    assert [word for word in sorted(told.words) if word in log] == []
    assert any(audited)
    assert sum(line.get("route") == "/v1/query" for line in lines) >= sent
    assert {"started", "listening", "loaded"} & {str(line["event"]) for line in lines}


@pytest.mark.parametrize("wanted", [True, False])
def test_questions_are_logged_where_they_are_asked_for(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    *,
    wanted: bool,
) -> None:
    """With the collection and what came of it; a document's words are in no line."""
    caplog.set_level("INFO")
    stored(tmp_path / "data", {"a": "All zorblatts are white."})
    app = small_app(SmallAnswerer(tmp_path / "data"), log_questions=wanted)
    with loaded(app) as client:
        client.post("/v1/query", json={"question": "Which quimvexes are there?"})
        client.post("/v1/query", json={"question": "And pludrans?", "stream": True})
        client.post("/v1/search", json={"query": "fnugwops"})
    # Where it goes is for the tests before to say that ran in this process.
    log = "".join(capsys.readouterr()) + caplog.text
    assert ("quimvexes" in log) is ("pludrans" in log) is ("fnugwops" in log) is wanted
    assert "zorblatts" not in log
