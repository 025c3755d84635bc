"""Snapshot and restore over HTTP: whole, refused with a reason, and nothing is left behind."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from indexes.collection import open_collection
from indexes.snapshot import check_whole, restore
from service import backups
from serving import SmallAnswerer, loaded, running, small_app, stored, until
from stored_documents import prepared

OCTETS = {"Content-Type": "application/octet-stream"}
TEXTS = {"a": "swans are white", "b": "geese are grey"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Give a service with a collection of two documents."""
    stored(tmp_path, TEXTS)
    with loaded(small_app(SmallAnswerer(tmp_path))) as made:
        yield made


def left(data: Path) -> list[Path]:
    """Return what requests have left of their files."""
    return list((data / ".jobs" / "tmp").glob("backup-*"))


def texts(data: Path, name: str) -> dict[str, str]:
    """Return the texts that a collection holds, by document id."""
    with closing(open_collection(data, name)) as opened, opened.read() as reading:
        found = [document.document_id for document in reading.documents(10_000)]
        return {key: reading.text(key) for key in found}


def test_a_collection_goes_out_and_comes_back(client: TestClient, tmp_path: Path) -> None:
    """The file is a snapshot with every document, and is one under another name again."""
    taken = client.post("/v1/collections/default/snapshot")
    assert taken.status_code == 200
    assert taken.headers["content-type"] == "application/octet-stream"
    assert taken.headers["content-disposition"].startswith('attachment; filename="default-')
    assert "accept-ranges" not in taken.headers
    assert int(taken.headers["content-length"]) == len(taken.content)
    assert taken.headers["etag"] == f'"{hashlib.sha256(taken.content).hexdigest()}"'
    (tmp_path / "file").write_bytes(taken.content)
    check_whole(tmp_path / "file")
    put = client.post("/v1/collections/again/restore", content=taken.content, headers=OCTETS)
    assert put.status_code == 200
    assert (put.json()["name"], put.json()["documents"]) == ("again", 2)
    assert texts(tmp_path, "again") == TEXTS
    found = client.post("/v1/search", json={"query": "geese", "collection": "again"}).json()
    assert found["passages"][0]["document_id"] == "b"
    assert not left(tmp_path)


def test_a_collection_is_replaced_where_that_is_said(client: TestClient, tmp_path: Path) -> None:
    """Else it stays; questions see the other content at once."""
    taken = client.post("/v1/collections/default/snapshot").content
    with closing(open_collection(tmp_path, "default")) as opened, opened.write() as writer:
        writer.put([prepared("c", ["ducks are brown"])])
    path = "/v1/collections/default/restore"
    refused = client.post(path, content=taken, headers=OCTETS)
    assert (refused.status_code, refused.json()["code"]) == (409, "collection_exists")
    assert "replace=true" in refused.json()["detail"]
    assert texts(tmp_path, "default").keys() == {"a", "b", "c"}
    put = client.post(f"{path}?replace=true", content=taken, headers=OCTETS)
    assert (put.status_code, put.json()["documents"]) == (200, 2)
    found = client.post("/v1/search", json={"query": "ducks"}).json()
    assert found["passages"] == []
    assert not left(tmp_path)


def test_what_is_no_snapshot_is_refused(client: TestClient, tmp_path: Path) -> None:
    """By what is wrong with it, not by where it lay; the collection stays as it was."""
    whole = client.post("/v1/collections/default/snapshot").content
    middle = len(whole) // 2
    bad = {
        b"": "an empty file",
        b"no snapshot at all": "no SQLite database",
        whole[:-5000]: "cut off",
        whole[:middle] + bytes(4096) + whole[middle + 4096 :]: "",
    }
    for body, said in bad.items():
        refused = client.post(
            "/v1/collections/default/restore?replace=true", content=body, headers=OCTETS
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_snapshot")
        assert said in refused.json()["detail"]
        assert str(tmp_path) not in refused.json()["detail"]
    assert texts(tmp_path, "default") == TEXTS
    assert not left(tmp_path)


def test_what_else_is_refused(client: TestClient, tmp_path: Path) -> None:
    """A collection that is not there, a form, a name that is none."""
    assert client.post("/v1/collections/none/snapshot").json()["code"] == "collection_not_found"
    form = client.post("/v1/collections/new/restore", files={"file": b"x"})
    assert (form.status_code, form.json()["code"]) == (415, "media_type_refused")
    named = client.post("/v1/collections/..x/restore", content=b"x", headers=OCTETS)
    assert named.status_code == 422
    assert not left(tmp_path)


def test_a_body_over_its_limit_is_refused(tmp_path: Path) -> None:
    """With the setting that raises it."""
    with loaded(small_app(SmallAnswerer(tmp_path), max_restore_mb=1)) as client:
        content = b"x" * (1 << 21)
        refused = client.post("/v1/collections/new/restore", content=content, headers=OCTETS)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert "AFTERWORD_MAX_RESTORE_MB" in refused.json()["detail"]
    assert not left(tmp_path)


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    """While documents are written in pairs, each snapshot has both of a pair or neither."""
    stored(tmp_path, TEXTS)
    stop = threading.Event()

    def write() -> None:
        with closing(open_collection(tmp_path, "default")) as opened, opened.write() as writer:
            number = 0
            while not stop.is_set():
                number += 1
                writer.put([prepared(f"{side}{number}", [f"pair {number}"]) for side in "lr"])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with loaded(small_app(SmallAnswerer(tmp_path))) as client:
            files = [client.post("/v1/collections/default/snapshot").content for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    sizes = []
    for number, content in enumerate(files):
        (tmp_path / "file").write_bytes(content)
        restore(tmp_path, f"copy{number}", tmp_path / "file").close()
        held = texts(tmp_path, f"copy{number}").keys() - TEXTS.keys()
        assert {key[1:] for key in held if key[0] == "l"} == {
            key[1:] for key in held if key[0] == "r"
        }
        sizes.append(len(held))
    assert sizes == sorted(sizes)


def test_a_client_that_leaves_leaves_nothing(tmp_path: Path) -> None:
    """In the middle of a snapshot, and in the middle of a body."""
    stored(tmp_path, {f"d{n}": f"{n}" + "x" * 100_000 for n in range(100)})
    app = small_app(SmallAnswerer(tmp_path))
    with running(app) as client:
        with client.stream("POST", "/v1/collections/default/snapshot") as answer:
            assert answer.status_code == 200
            next(answer.iter_raw())
            assert left(tmp_path)
        until(lambda: not left(tmp_path))

        def halves() -> Iterator[bytes]:
            yield b"SQLite format 3\0" * 1000
            until(lambda: left(tmp_path))
            raise httpx2.WriteError("gone")

        with pytest.raises(httpx2.WriteError):
            client.post("/v1/collections/new/restore", content=halves(), headers=OCTETS)
        until(lambda: not left(tmp_path))
        until(lambda: app.state.service.backups.taken == 0)
    assert not (tmp_path / "new").exists()


def test_what_a_killed_service_left_goes_with_the_next(tmp_path: Path) -> None:
    """And what another one is using does not."""
    used = backups.scratch(tmp_path)
    killed = used.folder.with_name("backup-killed")
    killed.mkdir()
    (killed / "snapshot").write_bytes(b"half")
    again = backups.scratch(tmp_path)
    assert set(left(tmp_path)) == {used.folder, again.folder}
    used.close()
    again.close()
    assert not left(tmp_path)


def test_a_collection_that_was_deleted_has_no_snapshot(client: TestClient, tmp_path: Path) -> None:
    """Though the service had it open, and whatever is left of its folder."""
    assert client.post("/v1/collections/default/snapshot").status_code == 200
    assert client.delete("/v1/collections/default").status_code == 204
    (tmp_path / "default").mkdir(exist_ok=True)
    answered = client.post("/v1/collections/default/snapshot")
    assert (answered.status_code, answered.json()["code"]) == (404, "collection_not_found")
    assert not left(tmp_path)
