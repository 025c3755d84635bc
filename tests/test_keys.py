"""API keys on disk, and `afterword keys`."""

import hashlib
import json
import os
import re
import sqlite3
import stat
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from afterword import app
from indexes.errors import BadName, IndexDamaged, KeyNotFound, UsageError
from indexes.settings import Settings
from service import keys
from service.app import check_exposure
from service.keys import Wanted
from service.keys_command import make_key

NAME = "reports"


def test_a_key_is_stored_as_its_hash_alone(tmp_path: Path) -> None:
    """The file holds no part of the secret, is its owner's alone, and the key fits its hash."""
    key, given_key = keys.create(tmp_path, Wanted(NAME, "read"))
    assert re.fullmatch(r"aw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", given_key)
    assert keys.id_of(given_key) == key.key_id
    stored = keys.path_of(tmp_path).read_bytes()
    assert given_key[12:].encode() not in stored
    assert hashlib.sha256(given_key.encode()).digest() in stored
    assert stat.S_IMODE(keys.path_of(tmp_path).stat().st_mode) == 0o600
    assert keys.stored_keys(tmp_path) == [key]
    assert given_key not in repr(key)
    assert key.digest.hex() not in repr(key)


def test_the_file_is_its_owners_alone_whatever_the_mask(tmp_path: Path) -> None:
    """Its journal too, while it is written."""
    before = os.umask(0)
    try:
        keys.create(tmp_path / "new" / "data", Wanted(NAME, "read"))
    finally:
        os.umask(before)
    path = keys.path_of(tmp_path / "new" / "data")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE keys SET name = 'other'")
        journal = path.with_name("keys.db-journal")
        assert stat.S_IMODE(journal.stat().st_mode) == 0o600
        database.execute("ROLLBACK")


def test_no_two_keys_are_alike(tmp_path: Path) -> None:
    """Each has an id and a secret of its own."""
    made = [keys.create(tmp_path, Wanted(NAME, "read")) for _ in range(20)]
    assert len({key.key_id for key, _ in made}) == len({given_key for _, given_key in made}) == 20


def test_a_key_is_good_until_it_is_over_or_revoked(tmp_path: Path) -> None:
    """To the moment; a second revocation leaves the first one's time."""
    key, _ = keys.create(tmp_path, Wanted(NAME, "write", frozenset({"b", "a"}), 2e9, 7))
    assert (key.scope, key.collections, key.rate) == ("write", frozenset({"a", "b"}), 7)
    assert key.is_good(2e9 - 1)
    assert not key.is_good(2e9)
    revoked = keys.revoke(tmp_path, key.key_id)
    assert not revoked.is_good(0)
    assert keys.revoke(tmp_path, key.key_id) == revoked
    keys.note_used(tmp_path, {key.key_id: 3600.0, "nobody": 1.0})
    assert [one.last_used for one in keys.stored_keys(tmp_path)] == [3600.0]


def test_what_is_not_there(tmp_path: Path) -> None:
    """No store is no keys, and an id that no key has is told."""
    assert keys.stored_keys(tmp_path) == []
    with pytest.raises(KeyNotFound, match="keys list"):
        keys.revoke(tmp_path, "01234567")
    assert not keys.path_of(tmp_path).exists()
    keys.create(tmp_path, Wanted(NAME, "read"))
    with pytest.raises(KeyNotFound):
        keys.revoke(tmp_path, "01234567")


def test_a_store_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Damaged, or of a later version; one that is only begun has no keys yet."""
    path = keys.path_of(tmp_path)
    path.write_bytes(b"")
    assert keys.stored_keys(tmp_path) == []
    keys.create(tmp_path, Wanted(NAME, "read"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(IndexDamaged, match="newer"):
        keys.stored_keys(tmp_path)
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(IndexDamaged, match="keys create"):
        keys.stored_keys(tmp_path)
    with pytest.raises(IndexDamaged):
        keys.create(tmp_path, Wanted(NAME, "read"))


@given(st.text())
def test_only_what_has_the_form_of_a_key_has_an_id(text: str) -> None:
    """And every text has a digest, halves of surrogate pairs included."""
    assert keys.id_of(text) is None
    assert len(keys.digest_of(text)) == 32


def test_off_loopback_a_key_that_is_good_lets_the_service_start(tmp_path: Path) -> None:
    """One that is revoked does not."""
    settings = Settings.model_validate({"data": tmp_path, "host": "0.0.0.0"})
    with pytest.raises(UsageError, match="afterword keys create"):
        check_exposure(settings)
    key, _ = keys.create(tmp_path, Wanted(NAME, "read"))
    check_exposure(settings)
    keys.revoke(tmp_path, key.key_id)
    with pytest.raises(UsageError):
        check_exposure(settings)


# The command


def run(data: Path, *words: str) -> tuple[int, str]:
    """Run `afterword keys` and return its status and what it prints."""
    ended = CliRunner().invoke(app, ["keys", *words], env={"AFTERWORD_DATA": str(data)})
    return ended.exit_code, ended.output


def test_create_list_and_revoke(tmp_path: Path) -> None:
    """In lines for people: the key is shown once, and the list tells what became of it."""
    status, created = run(
        tmp_path, "create", NAME, "--scope", "write", "--collection", "c", "--rate", "5"
    )
    assert status == 0
    *told, given_key = created.splitlines()
    key_id = keys.id_of(given_key)
    assert key_id is not None
    assert told[0].startswith(f"{key_id}  {NAME}: write, c, 5 a minute, created ")
    assert "no collection c yet" in told[1]
    assert "once" in told[2]
    status, listed = run(tmp_path, "list")
    assert (status, listed.splitlines()) == (0, [told[0]])
    status, revoked = run(tmp_path, "revoke", key_id)
    assert status == 0
    assert "REVOKED" in revoked
    assert given_key[12:] not in listed + revoked
    assert run(tmp_path, "list")[1] == revoked


def test_the_same_for_programs(tmp_path: Path) -> None:
    """One JSON object each, with moments as ISO 8601; only the first has the key."""
    created = json.loads(run(tmp_path, "create", NAME, "--expires", "90d", "--json")[1])
    assert keys.id_of(created["key"]) == created["key_id"]
    assert (created["scope"], created["collections"], created["good"]) == ("read", None, True)
    life = datetime.fromisoformat(created["expires"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < life <= timedelta(days=90)
    listed = json.loads(run(tmp_path, "list", "--json")[1])
    assert listed == {"items": [{k: v for k, v in created.items() if k != "key"}]}
    revoked = json.loads(run(tmp_path, "revoke", created["key_id"], "--json")[1])
    assert (revoked["good"], revoked["key_id"]) == (False, created["key_id"])
    assert datetime.fromisoformat(revoked["revoked"]) <= datetime.now(UTC)


def test_no_keys_yet(tmp_path: Path) -> None:
    """It says how to make one."""
    assert "keys create" in run(tmp_path, "list")[1]
    assert json.loads(run(tmp_path, "list", "--json")[1]) == {"items": []}


@pytest.mark.parametrize(
    ("expires", "seconds"), [("12h", 43_200), ("1d", 86_400), ("8w", 8 * 7 * 86_400)]
)
def test_a_key_ends_after_a_while(tmp_path: Path, expires: str, seconds: int) -> None:
    """So many hours, days or weeks from now."""
    before = time.time()
    ends = make_key(tmp_path, NAME, "read", None, expires, None).key.expires
    assert ends is not None
    assert before + seconds <= ends <= time.time() + seconds


def test_a_key_ends_with_the_day_before(tmp_path: Path) -> None:
    """A day is given in UTC, and the key is not good on it any more."""
    made = make_key(tmp_path, NAME, "read", None, "2999-01-02", None)
    assert made.key.expires == datetime(2999, 1, 2, tzinfo=UTC).timestamp()
    assert made.given not in repr(made)


@pytest.mark.parametrize(
    "expires",
    ["90", "d", "0d", "-1d", "1.5h", "1y", "soon", "2026-02-30", "2020-01-01", "1d ", ""],
)
def test_other_ends_are_refused(tmp_path: Path, expires: str) -> None:
    """And nothing is made."""
    with pytest.raises(UsageError, match="--expires"):
        make_key(tmp_path, NAME, "read", None, expires, None)
    with pytest.raises(UsageError):
        make_key(tmp_path, NAME, "read", None, date.min.isoformat(), None)
    assert keys.stored_keys(tmp_path) == []


def test_what_no_key_may_be(tmp_path: Path) -> None:
    """Names on one line, collections with names that there can be, rates that can be counted."""
    for name in ("", "  ", "x" * 101, "a\nb", "a\x1b[2J"):
        with pytest.raises(UsageError):
            make_key(tmp_path, name, "read", None, None, None)
    with pytest.raises(BadName):
        make_key(tmp_path, NAME, "read", ["../x"], None, None)
    with pytest.raises(UsageError):
        make_key(tmp_path, NAME, "read", None, None, 10**7)
    assert run(tmp_path, "create", NAME, "--scope", "root")[0] == 2
    assert keys.stored_keys(tmp_path) == []
