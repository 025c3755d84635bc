"""A running service and its keys: rates, guesses, the audit log, other sites, headers."""

import asyncio
import hmac
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import AfterwordError, StorageRefused, UsageError
from indexes.settings import Settings, load_settings
from service import keys
from service.keyring import GUESSES, Keyring, network_of
from service.keys import Wanted
from service.logs import configure_logs
from service.problems import KeyRefused, NotReady, RateLimited
from service.rates import Buckets
from serving import SmallAnswerer, loaded, running, small_app, stored, until

SETTING: Final = "correct-horse-battery"
WORDS: Final = "the ptarmigan nests on the north ridge"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one document."""
    stored(tmp_path, {"d": "swans are white"})
    return tmp_path


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Collect all that is logged, at level debug."""
    log, before = io.StringIO(), logging.getLogger().handlers
    try:
        configure_logs("debug", log)
        yield log
    finally:
        logging.getLogger().handlers = before


def lines(log: io.StringIO, event: str) -> list[dict[str, object]]:
    """Return the lines of one kind."""
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


def key(data: Path, *, rate: int | None = None) -> dict[str, str]:
    """Make an administrator's key and return the header with it."""
    _, given_key = keys.create(data, Wanted("test", "admin", None, None, rate))
    return {"X-API-Key": given_key}


# How a key is sent


def test_a_key_is_sent_in_one_of_two_ways(data: Path) -> None:
    """As a bearer or in a header of its own; two that differ are none."""
    mine, other = key(data)["X-API-Key"], key(data)["X-API-Key"]
    with loaded(small_app(SmallAnswerer(data), api_key=SETTING)) as client:
        for headers, status in (
            ({"Authorization": f"Bearer {mine}"}, 200),
            ({"Authorization": f"bearer   {mine} "}, 200),
            ({"X-API-Key": mine}, 200),
            ({"X-API-Key": f" {mine} "}, 200),
            ({"X-API-Key": SETTING}, 200),
            ({"Authorization": "Basic eDp5", "X-API-Key": mine}, 200),
            ({"Authorization": f"Bearer {mine}", "X-API-Key": mine}, 200),
            ({"Authorization": f"Bearer {mine}", "X-API-Key": other}, 401),
            ({"Authorization": mine}, 401),
            ({"Authorization": f"Basic {mine}"}, 401),
            ({"X-API-Key": mine[:-1]}, 401),
            ({"X-API-Key": mine.upper()}, 401),
            ({"X-API-Key": ""}, 401),
            ({"Cookie": f"key={mine}"}, 401),
        ):
            assert client.get("/v1/collections", headers=headers).status_code == status, headers
        assert client.get("/v1/collections", params={"key": mine}).status_code == 401


def test_each_answer_takes_the_same_comparisons(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stored key and with the setting's, in constant time, whatever was sent."""
    made, given_key = keys.create(data, Wanted("test", "read"))
    ring = Keyring(Settings.model_validate({"data": data, "api_key": SETTING}))
    asyncio.run(ring.refresh())
    compared: list[int] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(len(one) + len(other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert ring.find(given_key, "here").key_id == made.key_id
    assert ring.find(SETTING, "here").key_id == "setting"
    for wrong in (f"{given_key[:-1]}!", "aw_00000000_" + "x" * 43, "", "x" * 10_000):
        with pytest.raises(KeyRefused):
            ring.find(wrong, "here")
    assert compared == [64] * 12


def test_a_key_that_was_made_or_revoked_counts_at_once_in_a_running_service(data: Path) -> None:
    """Without a restart, over a real socket."""
    with running(small_app(SmallAnswerer(data), api_key=SETTING)) as client:
        made, given_key = keys.create(data, Wanted("test", "read"))
        headers = {"X-API-Key": given_key}
        until(lambda: client.get("/v1/collections", headers=headers).status_code == 200, 5)
        (used,) = keys.stored_keys(data)
        assert used.last_used is not None
        assert used.last_used % 3600 == 0
        keys.revoke(data, made.key_id)
        until(lambda: client.get("/v1/collections", headers=headers).status_code == 401, 5)


def test_keys_that_cannot_be_read_open_nothing(data: Path) -> None:
    """It is 503 for them, the setting's key goes on, and the log alone says why."""
    headers = key(data)
    with logged() as log, loaded(small_app(SmallAnswerer(data), api_key=SETTING)) as client:
        assert client.get("/v1/collections", headers=headers).status_code == 200
        keys.path_of(data).write_bytes(b"damaged" * 1000)
        until(lambda: client.get("/v1/collections", headers=headers).status_code == 503)
        told = client.get("/v1/collections", headers=headers).json()
        assert told["code"] == "not_ready"
        assert str(data) not in str(told)
        assert client.get("/v1/collections").status_code == 401
        assert client.get("/health/ready", headers=headers).status_code == 200
        assert client.get("/v1/collections", headers={"X-API-Key": SETTING}).status_code == 200
    assert len(lines(log, "keys_unreadable")) == 1


def test_keys_that_could_never_be_read_open_nothing_either(data: Path) -> None:
    """Nobody knows then whether there are any, so the service is not open to all."""
    keys.path_of(data).write_bytes(b"damaged" * 1000)
    with loaded(small_app(SmallAnswerer(data))) as client:
        assert client.get("/v1/collections").status_code == 401
        assert client.get("/health").status_code == 200


def test_a_store_that_cannot_be_written_keeps_nobody_out(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when the key was used is not noted then."""

    def refused(*_: object) -> None:
        raise StorageRefused("read-only")

    headers = key(data)
    monkeypatch.setattr(keys, "note_used", refused)
    with logged() as log, loaded(small_app(SmallAnswerer(data))) as client:
        for _ in range(3):
            assert client.get("/v1/collections", headers=headers).status_code == 200
    assert len(lines(log, "key_use_not_noted")) == 1


# Guesses


def test_keys_cannot_be_guessed_fast(data: Path) -> None:
    """After some wrong keys an address is not heard; a key that was good from there still is."""
    mine, new = key(data), key(data)
    with loaded(small_app(SmallAnswerer(data), api_key=SETTING)) as client:
        assert client.get("/v1/collections", headers=mine).status_code == 200
        for number in range(GUESSES):
            wrong = client.get("/v1/collections", headers={"X-API-Key": f"guess-{number}"})
            assert wrong.status_code == 401
        for headers in ({"X-API-Key": "guess"}, new, {"X-API-Key": SETTING}):
            refused = client.get("/v1/collections", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert client.get("/v1/collections", headers=mine).status_code == 200
        assert client.get("/v1/collections").status_code == 401
        ready = client.get("/health/ready", headers={"X-API-Key": SETTING})
        assert ready.status_code == 200


def test_a_key_that_was_good_once_is_no_guess(data: Path) -> None:
    """A program that goes on with a revoked key locks nobody out."""
    made, old = keys.create(data, Wanted("old", "read"))
    keys.revoke(data, made.key_id)
    ring = Keyring(Settings.model_validate({"data": data, "api_key": SETTING}))
    asyncio.run(ring.refresh())
    for _ in range(3 * GUESSES):
        with pytest.raises(KeyRefused):
            ring.find(old, "192.0.2.1")
    assert ring.find(SETTING, "192.0.2.1").key_id == "setting"


def outcome(ring: Keyring, given_key: str, address: str) -> type[AfterwordError] | None:
    """Return what becomes of a key from an address."""
    try:
        ring.find(given_key, address)
    except (KeyRefused, RateLimited, NotReady) as error:
        return type(error)
    return None


def test_guesses_are_counted_by_network(tmp_path: Path) -> None:
    """An IPv6 client has a whole /64; an IPv4 one its address, in either form."""
    ring = Keyring(Settings.model_validate({"data": tmp_path, "api_key": SETTING}))
    for number in range(GUESSES):
        assert outcome(ring, "guess", f"2001:db8::{number:x}") is KeyRefused
    assert outcome(ring, SETTING, "2001:db8::ffff") is RateLimited
    assert outcome(ring, SETTING, "2001:db8:0:1::1") is None
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("testclient") == "testclient"


# Rates


def test_a_key_has_a_rate(data: Path) -> None:
    """Its own, or the setting's; what is open to all counts nothing."""
    own, usual, free = key(data, rate=3), key(data), key(data, rate=0)
    with loaded(small_app(SmallAnswerer(data), rate_per_minute=5)) as client:
        for headers, rate in ((own, 3), (usual, 5)):
            for number in range(rate):
                for path in ("/health", "/docs"):
                    assert client.get(path, headers=headers).status_code == 200
                answered = client.get("/v1/collections", headers=headers)
                assert answered.status_code == 200
                assert answered.headers["ratelimit-limit"] == str(rate)
                assert answered.headers["ratelimit-remaining"] == str(rate - 1 - number)
                assert 0 < int(answered.headers["ratelimit-reset"]) <= 60
            refused = client.post("/v1/query", json={"question": "swans"}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert f"{rate} requests a minute" in refused.json()["detail"]
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            assert refused.headers["ratelimit-remaining"] == "0"
        for _ in range(20):
            answered = client.get("/v1/collections", headers=free)
            assert answered.status_code == 200
            assert "ratelimit-limit" not in answered.headers


def test_without_keys_an_address_has_the_rate(data: Path) -> None:
    """And without the setting there is none."""
    with loaded(small_app(SmallAnswerer(data), rate_per_minute=2)) as client:
        statuses = [client.get("/v1/collections").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@given(
    st.integers(1, 120),
    st.lists(st.floats(0, 90, allow_nan=False), min_size=1, max_size=60),
)
def test_a_bucket_lets_no_more_through_than_its_rate(rate: int, pauses: list[float]) -> None:
    """In any stretch of time at most a full bucket and what ran in; who waits as told gets in."""
    now = 0.0
    buckets = Buckets(lambda: now)
    passed: list[float] = []
    for pause in pauses:
        now += pause
        taken = buckets.take("who", rate)
        assert 0 <= taken.left <= rate
        if not taken.wait:
            passed.append(now)
            continue
        now += taken.wait
        assert buckets.take("who", rate).wait == 0
        passed.append(now)
    for first, began in enumerate(passed):
        for last, ended in enumerate(passed[first:], 1):
            assert last <= rate + (ended - began) * rate / 60 + 1e-6


# The audit log


def test_what_changes_something_is_audited(data: Path) -> None:
    """Who, what, where and how it ended; not a word of a document, and no secret."""
    made, given_key = keys.create(data, Wanted("test", "admin"))
    headers = {"Authorization": f"Bearer {given_key}"}
    with logged() as log, loaded(small_app(SmallAnswerer(data))) as client:
        client.post("/v1/collections", json={"name": "new"}, headers=headers)
        text = {"text": WORDS, "title": WORDS, "id": "up", "collection": "new"}
        job_id = client.post("/v1/documents", json=text, headers=headers).json()["job_id"]
        client.post("/v1/documents", files={"file": (f"{WORDS}.txt", WORDS)}, headers=headers)
        client.delete("/v1/documents/d", headers=headers)
        client.delete("/v1/documents/d", headers=headers)
        client.delete("/v1/collections/new", headers=headers)
        client.post("/v1/query", json={"question": WORDS}, headers=headers)
    found = lines(log, "audit")
    assert [(one["action"], one["outcome"], one["collection"]) for one in found] == [
        ("create_collection", "done", "new"),
        ("upload", "done", "new"),
        ("upload", "done", "default"),
        ("delete_document", "done", "default"),
        ("delete_document", "failed", "default"),
        ("delete_collection", "done", "new"),
    ]
    assert {one["key"] for one in found} == {made.key_id}
    assert (found[1]["document_id"], found[1]["job_id"]) == ("up", job_id)
    assert len(str(found[2]["document_id"])) == 16
    assert found[3]["document_id"] == "d"
    assert found[4]["problem"] == "document_not_found"
    ours = "\n".join(line for line in log.getvalue().splitlines() if '"httpx' not in line)
    assert WORDS not in ours
    assert given_key[12:] not in log.getvalue()
    assert {one["key"] for one in lines(log, "request")} == {made.key_id}


def test_what_is_refused_is_audited(data: Path) -> None:
    """Without a key, with one that may not, of a hidden collection, and by a rate."""
    stored(data, {"x": "hidden"}, "theirs")
    made, given_key = keys.create(data, Wanted("test", "read", frozenset({"default"}), None, 3))
    headers = {"X-API-Key": given_key}
    with logged() as log, loaded(small_app(SmallAnswerer(data))) as client:
        client.get("/v1/documents")
        client.get("/v1/documents", headers={"X-API-Key": f"{given_key[:-1]}!"})
        client.delete("/v1/documents/d", headers=headers)
        client.get("/v1/documents/x?collection=theirs", headers=headers)
        client.get("/v1/documents/nope", headers=headers)
        client.get("/v1/documents", headers=headers)
    found = lines(log, "audit")
    assert {one["outcome"] for one in found} == {"refused"}
    assert [(one["status"], one["problem"], one.get("key")) for one in found] == [
        (401, "key_refused", None),
        (401, "key_refused", None),
        (403, "scope_refused", made.key_id),
        (404, "collection_not_found", made.key_id),
        (429, "rate_limited", made.key_id),
    ]
    assert found[2]["action"] == "delete_document"
    assert found[3]["collection"] == "theirs"
    assert given_key[12:-1] not in log.getvalue()


# Other sites


SITE: Final = "https://intranet.example.org"
PREFLIGHT: Final = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, x-api-key",
}


def test_other_sites_are_shut_out_unless_named(data: Path) -> None:
    """No header lets a browser hand an answer to a page of another site."""
    headers = {**key(data), "Origin": SITE}
    with loaded(small_app(SmallAnswerer(data))) as client:
        answers = [
            client.get("/v1/collections", headers=headers),
            client.options("/v1/query", headers={"Origin": SITE, **PREFLIGHT}),
        ]
    for answered in answers:
        assert not any(name.startswith("access-control") for name in answered.headers)
    assert answers[1].status_code == 401


def test_a_named_site_may_call(data: Path) -> None:
    """It alone, with a key, and without cookies; what it has to read is exposed."""
    headers = key(data)
    app = small_app(SmallAnswerer(data), cors_origins=f"{SITE}, http://localhost:5173")
    with loaded(app) as client:
        for site in (SITE, "http://localhost:5173"):
            asked = client.options("/v1/query", headers={"Origin": site, **PREFLIGHT})
            assert asked.status_code == 200
            assert asked.headers["access-control-allow-origin"] == site
            assert "access-control-allow-credentials" not in asked.headers
            answered = client.get("/v1/collections", headers={**headers, "Origin": site})
            assert answered.headers["access-control-allow-origin"] == site
            assert "Origin" in answered.headers["vary"]
            assert "Retry-After" in answered.headers["access-control-expose-headers"]
            refused = client.get("/v1/collections", headers={"Origin": site})
            assert refused.status_code == 401
            assert refused.headers["access-control-allow-origin"] == site
        for other in ("https://evil.example", f"{SITE}.evil.example", "null", f"{SITE}:8443"):
            asked = client.options("/v1/query", headers={"Origin": other, **PREFLIGHT})
            assert asked.status_code == 400
            answered = client.get("/v1/collections", headers={**headers, "Origin": other})
            for one in (asked, answered):
                assert "access-control-allow-origin" not in one.headers


def test_without_keys_a_named_site_may_call_too(data: Path) -> None:
    """Others are refused as ever."""
    with loaded(small_app(SmallAnswerer(data), cors_origins=SITE)) as client:
        for site, status in ((SITE, 200), ("https://evil.example", 403)):
            asked = client.post("/v1/query", json={"question": "x"}, headers={"Origin": site})
            assert asked.status_code == status


@pytest.mark.parametrize(
    "given_origins",
    ["*", "example.org", f"{SITE}/page", f"{SITE}/", "null", f"{SITE},,", "ftp://x"],
)
def test_what_is_no_origin_is_a_mistake_in_the_settings(tmp_path: Path, given_origins: str) -> None:
    """All sites at once cannot be meant."""
    with pytest.raises(UsageError, match="AFTERWORD_CORS_ORIGINS"):
        load_settings({"AFTERWORD_CORS_ORIGINS": given_origins}, tmp_path)


# Headers


def test_every_answer_has_the_headers_that_keep_browsers_in_bounds(data: Path) -> None:
    """Good or bad, ours or the framework's, with and without a key."""
    headers = key(data)
    with loaded(small_app(SmallAnswerer(data), cors_origins=SITE)) as client:
        answers = [
            client.get("/"),
            client.get("/page/main.js"),
            client.get("/docs"),
            client.get("/health"),
            client.get("/nowhere"),
            client.get("/nowhere", headers=headers),
            client.get("/v1/collections"),
            client.get("/v1/collections", headers=headers),
            client.put("/v1/query", headers=headers),
            client.post("/v1/query", content=b"{", headers=headers),
            client.post("/v1/query", content=b"x" * (2 << 20), headers=headers),
            client.options("/v1/query", headers={"Origin": SITE, **PREFLIGHT}),
        ]
    for answered in answers:
        told = answered.headers
        assert told["x-content-type-options"] == "nosniff"
        assert told["x-frame-options"] == "DENY"
        assert told["referrer-policy"] == "no-referrer"
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert told["cross-origin-opener-policy"] == "same-origin"
        assert told["cache-control"] in {"no-store", "no-cache"}
        policy = told["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in told
