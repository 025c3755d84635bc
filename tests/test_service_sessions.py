"""Sessions over HTTP: begun if asked for, gone on with, looked at, deleted; whose they are."""

import io
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from indexes.catalog import SplitterSettings
from indexes.collection import create_collection, delete_collection
from service import keys, sessions
from service.evidence import Turn
from service.keys import Wanted
from service.logs import configure_logs
from service.sessions import path_of
from serving import WORDS, SmallAnswerer, loaded, small_app, stored
from small_encoder import small_encoder

SAID = "".join(WORDS)
NOBODYS = "0" * 32


@pytest.fixture
def answerer(tmp_path: Path) -> SmallAnswerer:
    """An answerer over two collections."""
    stored(tmp_path, {"birds": "swans are white"})
    create_collection(tmp_path, "other", small_encoder(), SplitterSettings(50)).close()
    return SmallAnswerer(tmp_path)


@pytest.fixture
def client(answerer: SmallAnswerer) -> Iterator[TestClient]:
    """A client of a service without keys."""
    with loaded(small_app(answerer)) as made:
        yield made


def begun(client: TestClient, question: str = "swans?", **headers: str) -> str:
    """Begin a session and return its id."""
    body = {"question": question, "session": True}
    reply = client.post("/v1/query", json=body, headers=headers)
    assert reply.status_code == 200, reply.text
    session_id = reply.json()["session_id"]
    assert isinstance(session_id, str)
    return session_id


def opened(data: Path) -> sqlite3.Connection:
    """Open the store beside the service, as another process may."""
    return sqlite3.connect(path_of(data), isolation_level=None, check_same_thread=False)


def hold(database: sqlite3.Connection) -> None:
    """Let nobody else read or write the store until the connection is closed."""
    if not database.in_transaction:
        database.execute("BEGIN EXCLUSIVE")


def test_nothing_is_kept_unless_asked_for(client: TestClient, answerer: SmallAnswerer) -> None:
    """No session, no file."""
    bodies: list[dict[str, object]] = [{}, {"session": False}, {"session": None}, {"history": []}]
    for body in bodies:
        reply = client.post("/v1/query", json={"question": "swans?", **body})
        assert (reply.status_code, reply.json()["session_id"]) == (200, None)
    assert not path_of(answerer.data).exists()


def test_a_session_remembers(client: TestClient, answerer: SmallAnswerer) -> None:
    """Each question is asked after those before it, streamed or not; all is there to be read."""
    session_id = begun(client)
    second = {"question": "why?", "session": session_id}
    assert client.post("/v1/query", json=second).json()["session_id"] == session_id
    streamed = client.post(
        "/v1/query", json={"question": "and?", "session": session_id, "stream": True}
    )
    (final,) = [block for block in streamed.text.split("\n\n") if block.startswith("event: final")]
    assert json.loads(final.partition("data: ")[2])["session_id"] == session_id
    assert [one.history for one in answerer.asked] == [
        (),
        (Turn("user", "swans?"), Turn("assistant", SAID)),
        (
            Turn("user", "swans?"),
            Turn("assistant", SAID),
            Turn("user", "why?"),
            Turn("assistant", SAID),
        ),
    ]
    found = client.get(f"/v1/sessions/{session_id}").json()
    assert (found["session_id"], found["collection"], found["exchanges"]) == (
        session_id,
        "default",
        3,
    )
    assert found["created"] <= found["last_used"] < found["expires"]
    assert [one["question"] for one in found["turns"]] == ["swans?", "why?", "and?"]
    assert {(one["answer"], one["status"]) for one in found["turns"]} == {(SAID, "answered")}


def test_a_session_is_deleted_with_all_of_it(client: TestClient) -> None:
    """After that it is not there, for any operation."""
    session_id = begun(client)
    assert client.delete(f"/v1/sessions/{session_id}").status_code == 204
    asked = {"question": "why?", "session": session_id}
    for answered in (
        client.get(f"/v1/sessions/{session_id}"),
        client.delete(f"/v1/sessions/{session_id}"),
        client.post("/v1/query", json=asked),
        client.post("/v1/query", json={**asked, "stream": True}),
        client.get(f"/v1/sessions/{NOBODYS}"),
        client.get("/v1/sessions/x"),
    ):
        assert (answered.status_code, answered.json()["code"]) == (404, "session_not_found")


def test_a_session_is_of_its_collection(client: TestClient, answerer: SmallAnswerer) -> None:
    """Which need not be named again, and must not be another one; it goes with it."""
    reply = client.post(
        "/v1/query", json={"question": "swans?", "session": True, "collection": "other"}
    )
    session_id = reply.json()["session_id"]
    client.post("/v1/query", json={"question": "why?", "session": session_id})
    assert answerer.asked[-1].collection == "other"
    same = {"question": "why?", "session": session_id, "collection": "other"}
    assert client.post("/v1/query", json=same).status_code == 200
    refused = client.post("/v1/query", json={**same, "collection": "default"})
    assert refused.status_code == 422
    assert [one["where"] for one in refused.json()["errors"]] == ["body.collection"]
    kept = begun(client)
    assert client.delete("/v1/collections/other").status_code == 204
    assert client.get(f"/v1/sessions/{session_id}").status_code == 404
    assert client.get(f"/v1/sessions/{kept}").status_code == 200


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"session": "x"}, "body.session"),
        ({"session": f"{NOBODYS}\n"}, "body.session"),
        ({"session": 1}, "body.session"),
        ({"session": []}, "body.session"),
        ({"session": True, "history": [{"role": "user", "content": "x"}]}, "body.history"),
        ({"session": NOBODYS, "history": [{"role": "user", "content": "x"}]}, "body.history"),
    ],
)
def test_what_is_no_session_is_told(
    client: TestClient, body: dict[str, object], where: str
) -> None:
    """By the field, with what it may be."""
    refused = client.post("/v1/query", json={"question": "swans?", **body})
    assert refused.status_code == 422
    assert [one["where"] for one in refused.json()["errors"]] == [where]


def test_two_questions_at_once_do_not_know_of_each_other(
    client: TestClient, answerer: SmallAnswerer
) -> None:
    """Both are asked after what was said when they came, and both are kept."""
    session_id = begun(client)
    both = threading.Barrier(2, timeout=20)
    waited: set[int] = set()

    def between() -> None:
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            both.wait()

    answerer.between = between
    with ThreadPoolExecutor(2) as pool:
        replies = list(
            pool.map(
                lambda q: client.post("/v1/query", json={"question": q, "session": session_id}),
                ["one?", "two?"],
            )
        )
    assert [one.status_code for one in replies] == [200, 200]
    assert [len(one.history) for one in answerer.asked] == [0, 2, 2]
    turns = client.get(f"/v1/sessions/{session_id}").json()["turns"]
    assert turns[0]["question"] == "swans?"
    assert sorted(one["question"] for one in turns[1:]) == ["one?", "two?"]


def test_a_session_that_is_deleted_meanwhile_stays_deleted(
    client: TestClient, answerer: SmallAnswerer
) -> None:
    """The question is answered, and nothing of it is kept."""
    session_id = begun(client)
    deleted: list[int] = []

    def between() -> None:
        if not deleted:
            deleted.append(client.delete(f"/v1/sessions/{session_id}").status_code)

    answerer.between = between
    reply = client.post("/v1/query", json={"question": "why?", "session": session_id})
    assert deleted == [204]
    assert (reply.status_code, reply.json()["session_id"]) == (200, None)
    assert "was deleted while" in reply.json()["session_note"]
    assert client.get(f"/v1/sessions/{session_id}").status_code == 404


@pytest.mark.parametrize("what", ["begins", "goes on"])
def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    client: TestClient, answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """With why it is not kept; what was kept before stays."""
    monkeypatch.setattr(sessions, "_BUSY_SECONDS", 0.05)
    before = begun(client)
    with closing(opened(answerer.data)) as database:
        answerer.between = lambda: hold(database)
        asked = {"question": "why?", "session": True if what == "begins" else before}
        reply = client.post("/v1/query", json=asked)
    assert (reply.status_code, reply.json()["answer"]) == (200, SAID)
    assert reply.json()["session_id"] is None
    assert "held by another process" in reply.json()["session_note"]
    assert client.get(f"/v1/sessions/{before}").json()["exchanges"] == 1


def test_a_collection_whose_sessions_cannot_be_forgotten_stays(
    client: TestClient, answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they are not those of the next collection of that name; it is deleted later."""
    monkeypatch.setattr(sessions, "_BUSY_SECONDS", 0.05)
    session_id = begun(client)
    with closing(opened(answerer.data)) as database:
        hold(database)
        assert client.delete("/v1/collections/default").status_code == 409
    assert client.get("/v1/collections/default").status_code == 200
    assert client.delete("/v1/collections/default").status_code == 204
    assert client.get(f"/v1/sessions/{session_id}").status_code == 404


def test_no_session_begins_about_a_collection_that_is_deleted_meanwhile(
    client: TestClient, answerer: SmallAnswerer
) -> None:
    """The question is answered, and nothing of it is kept."""
    deleted: list[int] = []

    def between() -> None:
        if not deleted:
            deleted.append(client.delete("/v1/collections/default").status_code)

    answerer.between = between
    reply = client.post("/v1/query", json={"question": "swans?", "session": True})
    assert deleted == [204]
    assert (reply.status_code, reply.json()["session_id"]) == (200, None)
    assert "default" in reply.json()["session_note"]
    assert SAID.encode() not in path_of(answerer.data).read_bytes()


def test_a_session_that_begins_while_its_collection_is_deleted_goes_with_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was forgotten before the collection goes is not all."""
    found: list[str] = []

    def begin_and_delete(data: Path, name: str) -> None:
        found.append(begun(client))
        delete_collection(data, name)

    monkeypatch.setattr("service.routes_collections.delete_collection", begin_and_delete)
    assert client.delete("/v1/collections/default").status_code == 204
    assert client.get(f"/v1/sessions/{found[0]}").status_code == 404


def test_what_could_not_be_answered_is_not_kept(
    client: TestClient, answerer: SmallAnswerer
) -> None:
    """A session that would begin with it does not."""
    body = {"question": "?", "session": True, "filter": {"field": "id", "operator": "?"}}
    assert client.post("/v1/query", json=body).status_code == 422
    assert client.post("/v1/query", json={**body, "collection": "absent"}).status_code == 404
    assert not path_of(answerer.data).exists()


def test_as_many_sessions_as_may_be(
    client: TestClient, answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is refused before it is answered."""
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 1)
    session_id = begun(client)
    asked = len(answerer.asked)
    refused = client.post("/v1/query", json={"question": "swans?", "session": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "sessions_full")
    assert len(answerer.asked) == asked
    goes_on = client.post("/v1/query", json={"question": "why?", "session": session_id})
    assert goes_on.status_code == 200


def test_a_service_may_keep_none(answerer: SmallAnswerer) -> None:
    """Where its days are 0."""
    with loaded(small_app(answerer, session_days=0)) as client:
        for session in (True, NOBODYS):
            refused = client.post("/v1/query", json={"question": "swans?", "session": session})
            assert (refused.status_code, refused.json()["code"]) == (403, "sessions_off")
        assert client.post("/v1/query", json={"question": "swans?"}).status_code == 200
    assert not path_of(answerer.data).exists()


def test_a_session_is_of_its_key(answerer: SmallAnswerer) -> None:
    """Another key's is as one that is not there; each lists its own."""
    given = [keys.create(answerer.data, Wanted("test", "read"))[1] for _ in range(2)]
    mine, theirs = ({"X-API-Key": one} for one in given)
    with loaded(small_app(answerer)) as client:
        first, second = begun(client, **mine), begun(client, **mine)
        path = f"/v1/sessions/{first}"
        asked = {"question": "why?", "session": first}
        for answered in (
            client.get(path, headers=theirs),
            client.delete(path, headers=theirs),
            client.post("/v1/query", json=asked, headers=theirs),
        ):
            assert (answered.status_code, answered.json()["code"]) == (404, "session_not_found")
        assert client.get(path).status_code == 401
        assert client.get("/v1/sessions", headers=theirs).json() == {"items": []}
        client.post("/v1/query", json=asked, headers=mine)
        listed = client.get("/v1/sessions", headers=mine).json()["items"]
        assert {one["session_id"] for one in listed} == {first, second}
        assert {one["exchanges"] for one in listed} == {1, 2}
        assert client.get(path, headers=mine).json()["exchanges"] == 2


def test_without_keys_nobodys_sessions_are_listed(client: TestClient) -> None:
    """They are of who knows their ids."""
    session_id = begun(client)
    refused = client.get("/v1/sessions")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_refused")
    assert session_id not in refused.text
    assert client.get(f"/v1/sessions/{session_id}").status_code == 200


def test_logs_tell_of_no_session(client: TestClient) -> None:
    """Neither its id, by which it could be read, nor what was said."""
    log, before = io.StringIO(), logging.getLogger().handlers
    configure_logs("debug", log)
    try:
        session_id = begun(client, "the ptarmigan?")
        client.get(f"/v1/sessions/{session_id}")
        client.post("/v1/query", json={"question": "why?", "session": NOBODYS})
        client.delete(f"/v1/sessions/{session_id}")
    finally:
        logging.getLogger().handlers = before
    # The client in this process tells what it sends.
    ours = [line for line in log.getvalue().splitlines() if '"httpx2"' not in line]
    told = "\n".join(ours) + client.get("/metrics").text
    assert "delete_session" in told
    for secret in (session_id, "ptarmigan", NOBODYS, SAID):
        assert secret not in told
