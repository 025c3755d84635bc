"""Pages by their addresses: each is fetched into a file, from which it is read like any other.

A page that the collection has is asked for on condition that it has changed. What a server told of
its state is kept beside the marks of files of records, and counts only for the very bytes that it
came with.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Final

from indexes.catalog import storage_errors
from indexes.collection import Writer
from indexes.documents import WEB, WEB_STATES
from indexes.errors import ReadFailure, UsageError
from indexes.settings import NO_OCR, Settings
from indexes.urls import Reach, Url, is_url, parse_url
from ingest.internet import Fetched, Limits, Network, Validators, Wanted
from ingest.names import shown
from ingest.plan import Asked, Failed, Given, Mark, Plan, Settled, Step, last_seen, settled
from ingest.readers import HTML, JSON, PICTURES, PLAIN, READERS, RTF, TEX, XML
from ingest.survey import failed_item

_AT_ONCE: Final = 4
# Begins the names of folders for what is being fetched; a dot, so that they are no collections.
_FOLDER: Final = ".fetched-"
_LEFT_SECONDS: Final = 24 * 3600.0
# What servers say where they do not know, or mean any text: the content tells.
_VAGUE: Final = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/gzip",
     "application/x-gzip", PLAIN}
)  # fmt: skip
_OTHER_NAMES: Final = {
    "application/xhtml+xml": HTML,
    "text/xml": XML,
    "text/json": JSON,
    "text/rtf": RTF,
    "application/x-rtf": RTF,
    "application/x-tex": TEX,
    "text/x-markdown": "text/markdown",
}
_ENDINGS: Final = (("+xml", XML), ("+json", JSON))


@dataclass(frozen=True, slots=True)
class WebPages:
    """The plan of the pages of a run, with what servers told of their states, by uri."""

    plan: Plan
    states: dict[str, str]


@dataclass(frozen=True, slots=True)
class _State:
    """What a server told of a page: its validators, and the sha256 of what they were told of."""

    validators: Validators
    sha256: str

    def dumps(self) -> str:
        return json.dumps([self.validators.etag, self.validators.last_modified, self.sha256])

    @classmethod
    def loads(cls, text: str) -> "_State":
        etag, modified, sha256 = json.loads(text)
        return cls(Validators(etag, modified), sha256)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page as it is known: its step without a file, and what was last seen and told of it.

    `kept` are its documents as they shall be if it has not changed, None where it is to be read
    anew whether it has or not.
    """

    url: Url
    step: Step
    last: Mark | None
    kept: Settled | None
    told: _State | None


@dataclass(frozen=True, slots=True)
class Web:
    """How pages are fetched: limits, reach, network, and where files go."""

    limits: Limits
    reach: Reach
    network: Network
    ocr: bool
    keep: bool
    data: Path


def web_of(settings: Settings, network: Network) -> Web:
    """Return how the settings want pages to be fetched."""
    return Web(
        Limits(settings.max_file_mb, settings.fetch_seconds),
        settings.reach,
        network,
        settings.ocr != NO_OCR,
        settings.keep_uploads,
        settings.data,
    )


def read_urls(path: Path) -> tuple[str, ...]:
    """Return the addresses in a file, one a line; empty lines and those with # are left out.

    Raises UsageError where it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"--urls {shown(str(path))} cannot be read ({why}); check it") from None
    found = (line.strip() for line in lines)
    return tuple(line for line in found if line and not line.startswith("#"))


def parse_urls(texts: Sequence[str]) -> tuple[Url, ...]:
    """Return addresses, each once. Raises UsageError that lists all mistakes."""
    urls = dict[Url, None]()
    mistakes = list[str]()
    for text in texts:
        try:
            urls[parse_url(text)] = None
        except UsageError as error:
            mistakes.append(error.message)
    if mistakes:
        raise UsageError("; ".join(mistakes))
    return tuple(urls)


def told_apart(given: Sequence[str], file: Path | None) -> tuple[tuple[str, ...], tuple[Url, ...]]:
    """Return the paths among what was given, and the addresses with those of a file.

    Raises UsageError that lists all addresses that are wrong.
    """
    paths = tuple(one for one in given if not is_url(one))
    written = [one for one in given if is_url(one)]
    return paths, parse_urls([*written, *(read_urls(file) if file else ())])


@contextmanager
def web_pages(
    urls: Sequence[Url], given: Given, writer: Writer | None, web: Web
) -> Iterator[WebPages]:
    """Fetch pages into a folder that is there until the end, and plan what is to be done with them.

    Raises StorageFull, StorageRefused.
    """
    asked = Asked(
        readers=frozenset(entry.label for entry in READERS.values()),
        digest=lambda _: "",
        given=given,
        ocr=web.ocr,
    )
    told = writer.marks(WEB_STATES) if writer else {}
    marks = writer.marks(WEB) if writer else {}
    pages = [_page(url, writer, asked, marks, told) for url in urls]
    with storage_errors(web.data), _folder(web.data) as folder:
        with storage_errors(folder):
            done = _all_fetched(web, folder, pages)
        yield _planned(done, keep=web.keep)


@contextmanager
def _folder(data: Path) -> Iterator[Path]:
    """Make a folder for what is fetched, and remove what killed runs left long ago."""
    data.mkdir(parents=True, exist_ok=True)
    for left in data.glob(f"{_FOLDER}*"):
        if left.stat().st_mtime < time.time() - _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=data) as folder:
        yield Path(folder)


def _page(
    url: Url, writer: Writer | None, asked: Asked, marks: dict[str, str], told: dict[str, str]
) -> _Page:
    uri = str(url)
    known = tuple(writer.known_file(WEB, uri)) if writer else ()
    mark = Mark.loads(marks[uri]) if uri in marks else None
    step = Step(uri, WEB, "", 0, 0, known, mark)
    last = last_seen(step)
    if last is None:
        return _Page(url, step, None, None, None)
    step = replace(step, size=last.size, modified=last.modified)
    state = _State.loads(told[uri]) if uri in told else None
    if state is not None and state.sha256 != last.content_sha256:
        state = None
    return _Page(url, step, last, settled(step, asked), state)


@dataclass(frozen=True, slots=True)
class _Done:
    """A page with what came of asking for it: a file, a failure, or, with neither, no change."""

    page: _Page
    path: Path
    found: Fetched | None = None
    failure: ReadFailure | None = None


def _all_fetched(web: Web, folder: Path, pages: Sequence[_Page]) -> list[_Done]:
    """Fetch some pages at once; where this is interrupted, those under way are stopped."""
    threads = ThreadPoolExecutor(_AT_ONCE)
    try:
        return list(threads.map(partial(_fetched, web, folder), range(len(pages)), pages))
    except BaseException:
        web.limits.stop.set()
        raise
    finally:
        threads.shutdown(cancel_futures=True)


def _fetched(web: Web, folder: Path, number: int, page: _Page) -> _Done:
    from ingest.fetch import fetch

    path = folder / str(number)
    validators = page.told.validators if page.told and page.kept is not None else Validators()
    wanted = Wanted(page.url, partial(_is_read, ocr=web.ocr), validators)
    try:
        return _Done(page, path, fetch(wanted, path, web.limits, web.reach, web.network))
    except ReadFailure as failure:
        return _Done(page, path, failure=failure)


def _planned(done: Sequence[_Done], *, keep: bool) -> WebPages:
    read = list[Step]()
    kept = list[tuple[Step, Settled]]()
    failed = list[tuple[str, Failed]]()
    states = dict[str, str]()
    for one in done:
        step, uri = one.page.step, one.page.step.uri
        if one.failure is not None:
            failed.append((uri, _failed(one.failure, step)))
            continue
        if one.found is not None:
            states[uri] = _State(one.found.validators, one.found.sha256).dumps()
        if one.page.kept is not None and _is_same(one):
            kept.append((step, one.page.kept))
        elif one.found is not None:
            read.append(_step(one.page, one.path, one.found, keep=keep))
    known = sum(len(one.page.step.known) for one in done)
    plan = Plan(WEB, tuple(read), tuple(kept), known=known, failed=tuple(failed))
    return WebPages(plan, states)


def _is_same(done: _Done) -> bool:
    """Tell whether a page is as it was, by its server's word or byte for byte."""
    last = done.page.last
    return done.found is None or (last is not None and done.found.sha256 == last.content_sha256)


def _failed(failure: ReadFailure, step: Step) -> Failed:
    message = failed_item(step.uri, failure, step.known).message or ""
    if failure.reason == "gone":
        remedy = "; check the address"
        if step.known:
            remedy = "; `afterword documents delete` removes it, if it shall go"
        message += remedy
    return Failed(step.size, step.modified, failure.reason, message)


def _step(page: _Page, path: Path, found: Fetched, *, keep: bool) -> Step:
    name = _name(found.url, found.media_type)
    return replace(page.step, path=str(path), size=found.size, modified=0, name=name, kept=keep)


def _reader_of(media_type: str) -> str:
    """Return the media type by which a reader knows what a server calls so; "" for none."""
    media_type = _OTHER_NAMES.get(media_type, media_type)
    if media_type in READERS:
        return media_type
    return next((reader for end, reader in _ENDINGS if media_type.endswith(end)), "")


def _is_read(media_type: str, *, ocr: bool) -> bool:
    """Tell whether any reader reads what a server states."""
    if media_type in PICTURES:
        return ocr
    is_text = media_type.startswith("text/") and media_type != "text/css"
    return media_type in _VAGUE or is_text or _reader_of(media_type) != ""


def _name(url: Url, media_type: str) -> str:
    """Return a page's name with the ending of what its server states, where that says something."""
    name = url.file_name
    reader = _reader_of(media_type)
    if media_type in _VAGUE or not reader:
        return name
    usual = READERS[reader].suffix
    return name if PurePath(name).suffix.lower() == usual else f"{name}{usual}"
