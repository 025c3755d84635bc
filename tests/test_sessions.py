"""The store of sessions: whose they are, how much of them is kept, and that they are forgotten."""

import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexes.errors import CollectionBusy, IndexDamaged, SessionNotFound, SessionsFull, StorageFull
from service import sessions as store
from service.evidence import Turn
from service.history import MOST_TURNS, UNANSWERED
from service.reply import Reply, Status, Timings
from service.sessions import FORMAT, MOST_BYTES, MOST_EXCHANGES, Sessions, path_of

DAY = 86_400.0
WORDS = "the ptarmigan nests on the north ridge"


def reply_of(answer: str, query: str = "?", status: Status = "answered") -> Reply:
    """Return a reply that says this."""
    timings = Timings(encode=0, retrieve=0, attend=0, generate=0, total=0)
    return Reply(status, answer, "", 1.0, 0.5, query, (), (), (), None, timings, "")


@dataclass
class Clock:
    """A time that only tests move."""

    now: float = 1e9

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def kept(tmp_path: Path, clock: Clock) -> Sessions:
    """A store that keeps sessions for two days."""
    return Sessions(tmp_path / "data", 2.0, clock)


def test_a_session_keeps_what_was_said(kept: Sessions, clock: Clock) -> None:
    """In order, with when; its history is what a question is asked after."""
    session_id = kept.begin("k", "c", "Where?", reply_of("There. [1]", "Where?"))
    clock.now += 60
    assert kept.add(session_id, "k", "Why?", reply_of("", "Why? (There)", "not_found"))
    found, said = kept.session(session_id, "k")
    assert (found.collection, found.created, found.used, found.exchanges) == ("c", 1e9, 1e9 + 60, 2)
    assert [(one.question, one.query, one.answer, one.status, one.asked) for one in said] == [
        ("Where?", "Where?", "There. [1]", "answered", 1e9),
        ("Why?", "Why? (There)", "", "not_found", 1e9 + 60),
    ]
    assert kept.history(session_id, "k") == (
        "c",
        (
            Turn("user", "Where?"),
            Turn("assistant", "There. [1]"),
            Turn("user", "Why?"),
            Turn("assistant", UNANSWERED),
        ),
    )


def test_a_session_is_its_owners_alone(kept: Sessions) -> None:
    """To any other it is as if it was not there, whatever is done."""
    session_id = kept.begin("mine", "c", "Where?", reply_of("There."))
    for owner in ("theirs", ""):
        assert not kept.add(session_id, owner, "x", reply_of("y"))
        assert kept.sessions(owner) == ()
        for act in (kept.session, kept.history, kept.delete):
            with pytest.raises(SessionNotFound, match=session_id):
                act(session_id, owner)
    assert [one.session_id for one in kept.sessions("mine")] == [session_id]
    assert len(kept.session(session_id, "mine")[1]) == 1


def test_ids_cannot_be_guessed(kept: Sessions) -> None:
    """Sixteen random bytes each."""
    made = {kept.begin("", "c", "?", reply_of("!")) for _ in range(20)}
    assert len(made) == 20
    assert all(len(bytes.fromhex(one)) == 16 for one in made)


def test_without_a_session_no_file_is_made(kept: Sessions) -> None:
    """Who only looks leaves nothing behind."""
    for act in (kept.session, kept.history, kept.delete):
        with pytest.raises(SessionNotFound):
            act("0" * 32, "k")
    assert not kept.add("0" * 32, "k", "x", reply_of("y"))
    kept.check_room("k")
    kept.forget_old()
    kept.forget_collection("c")
    assert kept.sessions("k") == ()
    assert not kept.data.exists()


def test_the_file_is_its_owners_alone(kept: Sessions) -> None:
    """Whatever the mask."""
    before = os.umask(0)
    try:
        kept.begin("k", "c", "?", reply_of("!"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path_of(kept.data).stat().st_mode) == 0o600


def test_a_session_is_forgotten_after_its_days(kept: Sessions, clock: Clock) -> None:
    """Counted from its last question; then nobody finds it, and the next look rids the file."""
    old = kept.begin("k", "c", WORDS, reply_of("!"))
    clock.now += 1.5 * DAY
    assert kept.add(old, "k", "And?", reply_of("!"))
    young = kept.begin("k", "c", "?", reply_of("!"))
    clock.now += 1.5 * DAY
    (first, second) = sorted(kept.sessions("k"), key=lambda one: one.created)
    assert (first.session_id, second.session_id) == (old, young)
    assert kept.expires(first) == first.used + 2 * DAY
    clock.now += DAY
    with pytest.raises(SessionNotFound):
        kept.session(old, "k")
    assert kept.sessions("k") == ()
    assert WORDS.encode() in path_of(kept.data).read_bytes()
    kept.forget_old()
    assert WORDS.encode() not in path_of(kept.data).read_bytes()


@pytest.mark.parametrize("how", ["session", "collection"])
def test_what_is_deleted_is_not_in_the_file_any_more(kept: Sessions, how: str) -> None:
    """Its words are overwritten, and no log beside it has them; others stay."""
    gone = kept.begin("k", "c", WORDS, reply_of(WORDS * 50))
    stays = kept.begin("k", "other", "Where?", reply_of("There."))
    assert WORDS.encode() in path_of(kept.data).read_bytes()
    if how == "session":
        kept.delete(gone, "k")
    else:
        kept.forget_collection("c")
    files = list(kept.data.iterdir())
    assert files == [path_of(kept.data)]
    assert WORDS.encode() not in files[0].read_bytes()
    assert [one.session_id for one in kept.sessions("k")] == [stays]
    assert not kept.add(gone, "k", "x", reply_of("y"))
    with pytest.raises(SessionNotFound):
        kept.session(gone, "k")


def test_of_a_long_session_the_end_is_kept(kept: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many exchanges; the history of a question is shorter still."""
    monkeypatch.setattr(store, "MOST_EXCHANGES", 30)
    session_id = kept.begin("k", "c", "0", reply_of("!"))
    for number in range(1, 40):
        kept.add(session_id, "k", str(number), reply_of("!"))
    _, said = kept.session(session_id, "k")
    assert [one.question for one in said] == [str(number) for number in range(10, 40)]
    history = kept.history(session_id, "k")[1]
    assert len(history) == MOST_TURNS
    assert history[-2].text == "39"
    assert MOST_EXCHANGES >= 40


def test_of_a_large_session_the_end_is_kept(kept: Sessions) -> None:
    """So many bytes; the last exchange in any case."""
    session_id = kept.begin("k", "c", "first", reply_of("x" * (MOST_BYTES // 2)))
    kept.add(session_id, "k", "second", reply_of("é" * (MOST_BYTES // 5)))
    kept.add(session_id, "k", "third", reply_of("z" * (MOST_BYTES // 5)))
    assert [one.question for one in kept.session(session_id, "k")[1]] == ["second", "third"]
    kept.add(session_id, "k", "last", reply_of("x" * MOST_BYTES))
    assert [one.question for one in kept.session(session_id, "k")[1]] == ["last"]


def test_an_owner_has_so_many_sessions(kept: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """More are refused until one is deleted or its days are over; others have their own number."""
    monkeypatch.setattr(store, "MOST_SESSIONS", 2)
    first, _ = (kept.begin("k", "c", "?", reply_of("!")) for _ in range(2))
    for act in (lambda: kept.check_room("k"), lambda: kept.begin("k", "c", "?", reply_of("!"))):
        with pytest.raises(SessionsFull, match="DELETE"):
            act()
    kept.check_room("other")
    kept.begin("other", "c", "?", reply_of("!"))
    kept.delete(first, "k")
    kept.begin("k", "c", "?", reply_of("!"))


def test_many_threads_lose_nothing(kept: Sessions) -> None:
    """Each exchange is there once, whoever writes at the same time."""
    session_id = kept.begin("k", "c", "begin", reply_of("!"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: kept.add(session_id, "k", str(n), reply_of("!")), range(24)))
    said = kept.session(session_id, "k")[1]
    assert said[0].question == "begin"
    assert sorted(one.question for one in said[1:]) == sorted(map(str, range(24)))


def test_a_damaged_file_is_told_with_what_to_do(kept: Sessions) -> None:
    """It is never written over."""
    kept.begin("k", "c", "?", reply_of("!"))
    path = path_of(kept.data)
    path.write_bytes(b"no database" * 1000)
    for act in (lambda: kept.sessions("k"), lambda: kept.begin("k", "c", "?", reply_of("!"))):
        with pytest.raises(IndexDamaged, match=r"sessions\.db.*move it away"):
            act()
    assert path.read_bytes() == b"no database" * 1000


def test_a_later_format_is_left_alone(kept: Sessions) -> None:
    """It is told which version is needed."""
    kept.begin("k", "c", "?", reply_of("!"))
    with closing(sqlite3.connect(path_of(kept.data))) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(IndexDamaged, match=f"format {FORMAT + 1}"):
        kept.sessions("k")


def test_a_file_that_another_process_holds_is_told(
    kept: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some waiting."""
    monkeypatch.setattr(store, "_BUSY_SECONDS", 0.05)
    session_id = kept.begin("k", "c", "?", reply_of("!"))
    with closing(sqlite3.connect(path_of(kept.data), isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CollectionBusy):
            kept.add(session_id, "k", "x", reply_of("y"))
    assert len(kept.session(session_id, "k")[1]) == 1


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 2 MB, where this user may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("this user may not mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_is_told_and_loses_nothing(disk: Path, clock: Clock) -> None:
    """What was said before is still there, and it goes on when there is room."""
    kept = Sessions(disk / "data", 2.0, clock)
    session_id = kept.begin("k", "c", "Where?", reply_of("There."))
    filling = disk / "fill"
    with filling.open("wb", 0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    with pytest.raises(StorageFull):
        kept.add(session_id, "k", "Why?", reply_of("x" * 100_000))
    assert [one.question for one in kept.session(session_id, "k")[1]] == ["Where?"]
    filling.unlink()
    assert kept.add(session_id, "k", "Why?", reply_of("x" * 100_000))
