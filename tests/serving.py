"""Services for tests: an application with a small answerer, and a really started server."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import httpx2
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection, open_collection
from indexes.encoder import Encoder
from indexes.settings import Settings
from service.answer import Answerer, Question, query_of
from service.app import configuration, create_app, listen
from service.reply import (
    Event,
    FinalEvent,
    Passage,
    Reply,
    Scores,
    SearchEvent,
    Timings,
    TokenEvent,
)
from service.summaries.reply import Event as SummaryProgress
from service.summaries.reply import Summary
from service.summaries.summarise import Sources, check_wanted, summarise
from service.summaries.wanted import Wanted
from small_encoder import small_encoder
from stored_documents import prepared

Found = TypeVar("Found")
ROOT = Path(__file__).parent.parent
WORDS = ("All", " swans", " are", " white.")


@dataclass
class SmallAnswerer:
    """Answers from real collections by words alone; `between` runs before each token."""

    data: Path
    between: Callable[[], None] = lambda: None
    reasons: tuple[str, ...] = ()
    asked: list[Question] = field(default_factory=list)
    opened: dict[str, Collection] = field(default_factory=dict)
    closed: bool = False

    def ready(self) -> list[str]:
        """Return what was set."""
        return list(self.reasons)

    def collection(self, name: str) -> Collection:
        """Open a collection once."""
        if name not in self.opened:
            self.opened[name] = open_collection(self.data, name)
        return self.opened[name]

    def encoder(self, name: str) -> Encoder:
        """Return the encoder that made the collections of tests."""
        return small_encoder(self.collection(name).encoder.name)

    def search(
        self,
        query: str,
        collection: str,
        condition: Mapping[str, object] | None,
        top_k: int,
        as_of: str | None = None,
    ) -> tuple[Passage, ...]:
        """Return the best passages by BM25."""
        with self.collection(collection).read() as reading:
            hits = reading.lexical(query, top_k, reading.allowed(condition, as_of))
            chunks = reading.chunks([hit.chunk_id for hit in hits])
        return tuple(
            Passage(
                document_id=chunk.document_id,
                chunk_id=chunk.chunk_id,
                title=chunk.title,
                uri=chunk.uri,
                page=chunk.page,
                section="",
                start=chunk.span.start,
                end=chunk.span.end,
                text=chunk.text,
                score=0.5,
                scores=Scores(dense=None, lexical=0.5, fused=None, reader=None),
                as_of=chunk.as_of,
                text_sha256=chunk.text_sha256,
            )
            for chunk in chunks
        )

    def summarise(
        self,
        wanted: Wanted,
        *,
        on_event: Callable[[SummaryProgress], None],
        check: Callable[[], None],
    ) -> Summary:
        """Summarise as the answerer does, with the small encoder."""
        check_wanted(wanted, Settings(data=self.data))
        with ThreadPoolExecutor(1) as executor:
            sources = Sources(
                Settings(data=self.data),
                self.collection(wanted.collection),
                lambda _: small_encoder(),
                query_of,
                executor,
            )
            self.between()
            return summarise(wanted, sources, on_event, check)

    def answer(
        self,
        question: Question,
        *,
        abstain: bool = True,
        on_event: Callable[[Event], None] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Reply:
        """Search, then say the same words each time."""
        del abstain, check
        self.asked.append(question)
        passages = self.search(
            question.question, question.collection, question.filter, question.top_k
        )
        say = on_event or (lambda _event: None)
        say(SearchEvent(passages, question.question))
        for word in WORDS:
            self.between()
            say(TokenEvent(word))
        reply = Reply(
            status="answered",
            answer="".join(WORDS),
            answer_short="white",
            score=0.75,
            threshold=0.5,
            query=question.question,
            citations=(),
            passages=passages,
            dropped=(),
            usage=None,
            timings=Timings(encode=1.0, retrieve=2.0, attend=3.0, generate=4.0, total=10.0),
            trace_id="",
        )
        say(FinalEvent(reply))
        return reply

    def close(self) -> None:
        """Note that the end has come."""
        self.closed = True


def stored(data: Path, texts: Mapping[str, str], name: str = "default") -> None:
    """Make a collection with one document of one chunk for each text, by id."""
    collection = create_collection(data, name, small_encoder(), SplitterSettings(chunk_tokens=50))
    with collection.write() as writer:
        if texts:
            writer.put([prepared(document_id, [text]) for document_id, text in texts.items()])
        writer.merge_views(force=True)
    collection.close()


def small_app(answerer: SmallAnswerer, **settings: object) -> FastAPI:
    """Return the application around a small answerer, without a worker."""
    chosen = Settings.model_validate({"data": answerer.data, **settings})
    return create_app(chosen, lambda _: cast("Answerer", answerer), worker=False)


@contextmanager
def loaded(app: FastAPI) -> Iterator[TestClient]:
    """Call an application in this process by a loopback name, once it is loaded."""
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        until(lambda: app.state.service.answerer is not None)
        yield client


@contextmanager
def running(app: FastAPI) -> Iterator[httpx2.Client]:
    """Serve an application in a thread, over a real socket, once it is loaded."""
    with loading(app) as url, httpx2.Client(base_url=url, timeout=30) as client:
        until(lambda: app.state.service.answerer is not None)
        yield client


@contextmanager
def loading(app: FastAPI) -> Iterator[str]:
    """Serve an application in a thread, from before it is loaded, and give its address."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(configuration(app, app.state.service.settings))
    server.config.timeout_graceful_shutdown = 1
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@dataclass(frozen=True)
class Served:
    """A server in a process of its own, and its log so far."""

    process: subprocess.Popen[bytes]
    client: httpx2.Client
    url: str
    log: Path

    def lines(self) -> list[dict[str, object]]:
        """Return the log's lines; each must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def served(data: Path, log: Path, **environ: str) -> Iterator[Served]:
    """Start `afterword serve` on a free port, wait until it is ready, and stop it at the end."""
    process = start(data, log, **environ)
    try:
        url = listening(process, log)
        with httpx2.Client(base_url=url, timeout=60) as client:
            until(lambda: client.get("/health/ready").status_code == httpx2.codes.OK, 90)
            yield Served(process, client, url, log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ingested(data: Path, *paths: Path) -> None:
    """Ingest paths by the command, in a process of its own."""
    words = [sys.executable, "-m", "afterword", "ingest", *map(str, paths)]
    environ = {**os.environ, "AFTERWORD_DATA": str(data), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environ, cwd=data.parent, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def start(data: Path, log: Path, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
    """Start `afterword serve` in an empty folder, away from this one's settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AFTERWORD_")}
    ours = {
        "AFTERWORD_DATA": str(data),
        "AFTERWORD_PORT": "0",
        "PYTHONPATH": str(ROOT),
        **environ,
    }
    with log.open("wb") as file:
        return subprocess.Popen(
            # As the installed command does, it takes no module from the working folder.
            [sys.executable, "-P", "-m", "afterword", "serve", *arguments],
            env={**inherited, **ours},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )


def listening(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the line that tells the address, and return it."""

    def url() -> str | None:
        assert process.poll() is None, log.read_text()
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return str(json.loads(line)["url"])
        return None

    return until(url, 60)


def until(look: Callable[[], Found | None], seconds: float = 20) -> Found:
    """Look again and again until something true is found, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {look}")
