"""Garbage where the service and the worker read what was stored: a named error, or made anew."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes import jobs
from indexes.collection import open_collection
from indexes.errors import AfterwordError, IndexDamaged
from indexes.jobs_seen import look_at_queue
from indexes.views import _stamp
from serving import stored

FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
texts = st.text(max_size=12)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
stamp_fields = st.sampled_from(["uuid", "epoch", "number", "cleared", "parts", "name", "more"])
part = st.dictionaries(st.sampled_from(["name", "rows", "centres", "more"]), any_json, max_size=4)
stamps = any_json | st.dictionaries(stamp_fields, any_json | st.lists(part, max_size=2))


def texts_of(written: object) -> str:
    """Return JSON as Python writes it."""
    return json.dumps(written)


@FUZZ
@given(values=stamps)
def test_any_json_is_a_stamp_or_none(values: object) -> None:
    """What is no stamp raises what `read_stamp` takes for none; what is one has the right kinds."""
    try:
        stamp = _stamp(values)
    except (TypeError, LookupError):
        return
    assert isinstance(stamp.number, int)
    assert all("/" not in part.name and part.name.endswith(".faiss") for part in stamp.parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one collection whose views are on disk."""
    data = tmp_path_factory.mktemp("stored")
    stored(data, {"d": "swans are white", "e": "ravens are black"})
    return data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"[[" * 50_000,
        b"\xff\xfe",
        b'{"number": "x"}',
        b'{"uuid": 1, "epoch": 2, "number": "3", "cleared": null}',
        b'{"parts": [{"name": "../../catalog.db", "rows": -1}]}',
        b"9" * 5000,
    ],
)
def test_a_stamp_of_garbage_is_written_anew(folder: Path, tmp_path: Path, content: bytes) -> None:
    """Each stamp of a collection in turn: what is searched for is found all the same."""
    names = [path.relative_to(folder) for path in folder.rglob("*.json")]
    assert names
    for number, name in enumerate(names):
        data = tmp_path / str(number)
        shutil.copytree(folder, data)
        (data / name).write_bytes(content)
        collection = open_collection(data, "default")
        with collection.read() as reading:
            hits = reading.lexical("swans", 5, None)
            assert [chunk.document_id for chunk in reading.chunks([h.chunk_id for h in hits])] == [
                "d"
            ]
        collection.close()


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """A queue with one upload that waits."""
    jobs.enqueue(tmp_path, payload=b"text", collection="c", filename="f.txt")
    return tmp_path


def overwrite(data: Path, column: str, value: object) -> None:
    """Write a column of all jobs."""
    with closing(sqlite3.connect(jobs.database_path(data))) as database:
        database.execute(f"UPDATE jobs SET {column} = ?", (value,))  # noqa: S608 # our own names
        database.commit()


@FUZZ
@given(text=any_json.map(texts_of) | st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_in_a_job_is_its_value_or_damage(queue: Path, text: str) -> None:
    """Metadata and items that are not what was written are named, with what to do."""
    overwrite(queue, "metadata", text)
    overwrite(queue, "items", text)
    overwrite(queue, "state", "queued")
    (job_id,) = [path.name for path in (queue / jobs.FOLDER / "spool").iterdir()]
    for look in (lambda: jobs.claim(queue), lambda: jobs.job(queue, job_id)):
        with suppress(IndexDamaged):
            look()
    overwrite(queue, "state", "failed")
    with suppress(IndexDamaged):
        look_at_queue(queue)


@FUZZ
@given(data=st.data())
def test_any_bytes_in_the_queue_are_its_jobs_or_a_named_error(
    queue: Path, data: st.DataObject
) -> None:
    """Bytes of `jobs.db` overwritten anywhere, or cut off: nothing but our own errors."""
    path = jobs.database_path(queue)
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        garbage = data.draw(st.binary(min_size=1, max_size=64))
        damaged = whole[:place] + garbage + whole[place + len(garbage) :]
    else:
        damaged = whole[:place]
    path.write_bytes(damaged)
    try:
        for look in (
            lambda: jobs.counts(queue),
            lambda: jobs.recover(queue),
            lambda: jobs.claim(queue),
            lambda: jobs.job(queue, "none"),
        ):
            with suppress(AfterwordError):
                look()
    finally:
        for beside in path.parent.glob("jobs.db*"):
            beside.unlink()
        path.write_bytes(whole)
