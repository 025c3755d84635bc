"""The routes of documents and collections: uploads, jobs, reading, deleting."""

import json
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from indexes import document_table, jobs
from indexes.collection import open_collection
from indexes.documents import Page, Span, document_id_for, sha256_text
from service import uploads
from service.schemas import UploadFields
from service.uploads import clean_filename
from serving import SmallAnswerer, loaded, small_app, stored
from stored_documents import prepared

TEXT = "swans are white 🦢 and swim"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two documents."""
    stored(tmp_path, {"birds": TEXT, "fish": "trout are brown"})
    return tmp_path


@pytest.fixture
def client(data: Path) -> Iterator[TestClient]:
    """A client of a service over that folder, without a worker."""
    with loaded(small_app(SmallAnswerer(data))) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, TestClient]]:
    """A folder with the same documents and its client, for tests that change nothing."""
    data = tmp_path_factory.mktemp("shared")
    stored(data, {"birds": TEXT, "fish": "trout are brown"})
    with loaded(small_app(SmallAnswerer(data))) as client:
        yield data, client


def claimed(data: Path) -> jobs.Job:
    """Return the one job that was queued."""
    job = jobs.claim(data)
    assert job is not None
    assert jobs.claim(data) is None
    return job


def test_an_uploaded_file_is_a_job_with_its_bytes(data: Path, client: TestClient) -> None:
    """The form's file and fields reach the queue as they were sent, the name cleaned."""
    payload = bytes(range(256)) * 20_000
    sent = client.post(
        "/v1/documents",
        files={"file": ("C:\\dir\\..\\Q3  report.pdf", payload, "text/html")},
        data={
            "collection": "reports",
            "as_of": "2025-09-30",
            "metadata": '{"year": 2025, "tags": ["a", "b"]}',
        },
    )
    assert sent.status_code == 202
    assert sent.headers["location"] == f"/v1/jobs/{sent.json()['job_id']}"
    job = claimed(data)
    assert job.payload.read_bytes() == payload
    assert (job.job_id, job.collection) == (sent.json()["job_id"], "reports")
    assert (job.filename, job.uri) == ("Q3 report.pdf", "upload:Q3 report.pdf")
    assert job.metadata == {"year": 2025, "tags": ["a", "b"]}
    assert (job.document_id, job.title, job.media_type) == (None, None, None)
    assert job.as_of == "2025-09-30"


def test_an_uploaded_text_is_a_job_too(data: Path, client: TestClient) -> None:
    """JSON text is queued in UTF-8 with its title and id."""
    body = {"text": TEXT, "title": "Birds", "id": "b.1~x:y", "metadata": {"draft": False}}
    body["as_of"] = "2026-02-28"
    sent = client.post("/v1/documents", json=body)
    assert sent.status_code == 202
    job = claimed(data)
    assert job.payload.read_text(encoding="utf-8") == TEXT
    assert (job.document_id, job.title, job.filename) == ("b.1~x:y", "Birds", "b.1~x:y")
    assert (job.collection, job.media_type) == ("default", "text/plain")
    assert job.metadata == {"draft": False}
    assert job.as_of == "2026-02-28"


def test_the_same_title_is_the_same_document(data: Path, client: TestClient) -> None:
    """Without an id the title names the text, so sending it again is an update."""
    for text in ("one", "two"):
        client.post("/v1/documents", json={"text": text, "title": "a/b: notes"})
    first, second = jobs.claim(data), jobs.claim(data)
    assert first is not None
    assert second is not None
    assert first.uri == second.uri


def test_uploads_are_parsed_off_the_event_loop(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long body keeps a thread busy, while others are answered."""
    threads: list[str] = []
    checked = uploads._checked

    def noted(model: type[UploadFields], values: object) -> UploadFields:
        threads.append(threading.current_thread().name)
        return checked(model, values)

    monkeypatch.setattr(uploads, "_checked", noted)
    sent = [
        client.post("/v1/documents", json={"text": "x" * 5_000_000, "title": "long"}),
        client.post("/v1/documents", files={"file": ("a.txt", b"x")}, data={"title": "a"}),
    ]
    assert [one.status_code for one in sent] == [202, 202]
    assert [name.partition("_")[0] for name in threads] == ["documents", "documents"]


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ({"metadata": "{"}, "body.metadata"),
        ({"metadata": "[]"}, "body.metadata"),
        ({"metadata": '{"a": {"b": 1}}'}, "body.metadata.a"),
        ({"metadata": '{"a": [1, "x"]}'}, "body.metadata.a"),
        ({"metadata": '{"a": [[1]]}'}, "body.metadata.a"),
        ({"metadata": '{"a": NaN}'}, "body.metadata.a"),
        ({"metadata": '{"a": 1e999}'}, "body.metadata.a"),
        ({"metadata": '{"a": [1, -1e999]}'}, "body.metadata.a"),
        ({"metadata": '{"a": 9223372036854775808}'}, "body.metadata.a"),
        ({"metadata": '{"\\ud800": 1}'}, "body.metadata.\ufffd\ufffd\ufffd.[key]"),
        ({"metadata": '{"a": "\\ud800"}'}, "body.metadata.a"),
        ({"metadata": '{"a\\"b": 1}'}, 'body.metadata.a"b.[key]'),
        ({"metadata": json.dumps(dict.fromkeys(map(str, range(65))))}, "body.metadata"),
        ({"as_of": "2026-02-30"}, "body.as_of"),
        ({"as_of": "20260228"}, "body.as_of"),
        ({"as_of": ""}, "body.as_of"),
        ({"id": "a/b"}, "body.id"),
        ({"id": "x" * 129}, "body.id"),
        ({"collection": ".jobs"}, "body.collection"),
        ({"collection": "a/../b"}, "body.collection"),
        ({"colection": "a"}, "body.colection"),
    ],
)
def test_a_bad_form_is_named_and_queues_nothing(
    shared: tuple[Path, TestClient], form: dict[str, str], where: str
) -> None:
    """What is wrong with a form is 422 with its place."""
    data, client = shared
    refused = client.post("/v1/documents", files={"file": ("a.txt", b"x")}, data=form)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["where"] == where
    assert sum(jobs.counts(data).values()) == 0


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"x", "text/plain", 415),
        (b"x", "", 415),
        (b"{", "application/json", 422),
        (b"[1]", "application/json", 422),
        (b'{"text": "x"}', "application/json", 422),
        (b'{"text": "x", "title": " "}', "application/json", 422),
        (b'{"text": "\\ud800", "title": "x"}', "application/json", 422),
        (b'{"text": "x", "title": "x", "as_of": "today"}', "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            422,
        ),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
    ],
)
def test_what_is_no_upload_is_refused(
    shared: tuple[Path, TestClient], content: bytes, media_type: str, status: int
) -> None:
    """Other media types, broken forms and forms without a file are the client's mistake."""
    data, client = shared
    refused = client.post("/v1/documents", content=content, headers={"Content-Type": media_type})
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert sum(jobs.counts(data).values()) == 0


@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_a_clean_filename_is_one_harmless_name(name: str) -> None:
    """No folders, no control or invisible characters, not hidden, 200 bytes at most, stable."""
    clean = clean_filename(name)
    assert clean
    assert not set(clean) & set("/\\\0")
    assert not clean.startswith(".")
    assert all(unicodedata.category(c)[0] != "C" for c in clean)
    assert len(clean.encode()) <= 200
    assert clean_filename(clean) == clean


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("report.pdf", "report.pdf"),
        (". 0", "0"),
        ("x" * 199 + " y", "x" * 199),
        ("../../etc/passwd", "passwd"),
        ("..", "upload"),
        ("", "upload"),
        (".env", "env"),
        ("a\nb\x00c.txt", "abc.txt"),
        ("exe\u202efdp.txt", "exefdp.txt"),
        ("é.md", "é.md"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_filenames_are_cleaned_like_this(name: str, clean: str) -> None:
    """Examples of the rule above."""
    assert clean_filename(name) == clean


def test_a_full_queue_is_429(data: Path) -> None:
    """Where as many uploads wait as may, one more is refused before it is read."""
    with loaded(small_app(SmallAnswerer(data), max_queued_jobs=2)) as client:
        codes = [
            client.post("/v1/documents", json={"text": "x", "title": str(n)}).status_code
            for n in range(3)
        ]
    assert codes == [202, 202, 429]
    assert jobs.counts(data)["queued"] == 2


def test_a_job_tells_its_course(data: Path, client: TestClient) -> None:
    """Queued, running with progress, then done with items in ingest's form."""
    job_id = client.post("/v1/documents", json={"text": "x", "title": "t"}).json()["job_id"]
    path = f"/v1/jobs/{job_id}"
    assert client.get(path).json()["state"] == "queued"
    jobs.claim(data)
    jobs.progress(data, job_id, 2, 5, "pages")
    running = client.get(path).json()
    assert running["state"] == "running"
    assert running["progress"] == {"done": 2, "total": 5, "unit": "pages"}
    finding = {"code": "no_text_layer", "message": "m", "pages": [2]}
    item = {
        "uri": "upload:t",
        "outcome": "partial",
        "code": "no_text_layer",
        "message": "m",
        "pages": [2],
        "document_id": document_id_for("upload:t"),
        "findings": [finding],
    }
    jobs.finish(data, job_id, "done", [item])
    done = client.get(path).json()
    assert (done["state"], done["items"]) == ("done", [item])
    missing = client.get("/v1/jobs/nope")
    assert (missing.status_code, missing.json()["code"]) == (404, "job_not_found")


def test_documents_are_paged_by_id(tmp_path: Path) -> None:
    """Following `next` gives every document once, in order, whatever the page's size."""
    ids = sorted(f"doc-{number}" for number in range(23))
    stored(tmp_path, {document_id: f"text {document_id}" for document_id in ids})
    with loaded(small_app(SmallAnswerer(tmp_path))) as client:
        for limit in (1, 7, 23, 100):
            found: list[str] = []
            after: dict[str, str] = {}
            while True:
                page = client.get("/v1/documents", params={"limit": limit, **after}).json()
                found += [item["document_id"] for item in page["items"]]
                assert len(page["items"]) <= limit
                if page["next"] is None:
                    break
                after = {"after": page["next"]}
            assert found == ids


NAMES = {
    "a1": ("Annual Report", "docs/2025/report.pdf"),
    "a2": ("ÉTÉ à la plage", "docs/été.txt"),
    "a3": ("Straße nach ΣΊΣΥΦΟΣ", "docs/STRASSE.md"),
    "a4": ("東京の年次報告", "upload:Tokyo 100%_x.pdf"),
    "a5": ("e\u0301te\u0301 again", "docs/Отчёт.docx"),
    "a6": ("", "docs/report.pdf#page"),
}
WANTED = {
    "report": ["a1", "a6"],
    "REPORT annual": ["a1"],
    "2025 pdf": ["a1"],
    "\tpdf  ": ["a1", "a4", "a6"],
    "été": ["a2", "a5"],
    "e\u0301t": ["a2", "a5"],
    "STRASSE": ["a3"],
    "straße": ["a3"],
    "σίσυφος": ["a3"],
    "年次": ["a4"],
    "отчЁт": ["a5"],
    "100%": ["a4"],
    "0%_x": ["a4"],
    "%": ["a4"],
    "_": ["a4"],
    "*": [],
    "report nothing": [],
    "'": [],
    " ": list(NAMES),
    "": list(NAMES),
}


@pytest.mark.parametrize("at_once", [2, 500])
def test_documents_are_found_by_words_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Parts of title or uri, in letters of any size and script; in pages, in the order of ids."""
    monkeypatch.setattr(document_table, "_SEARCHED_AT_ONCE", at_once)
    stored(tmp_path, {})
    with open_collection(tmp_path, "default").write() as writer:
        writer.put(
            [prepared(key, [key], title=title, uri=uri) for key, (title, uri) in NAMES.items()]
        )
    with loaded(small_app(SmallAnswerer(tmp_path))) as client:
        for words, wanted in WANTED.items():
            for limit in (1, 2, 100):
                found, after = [], None
                while True:
                    asked = {"q": words, "limit": limit, **({"after": after} if after else {})}
                    page = client.get("/v1/documents", params=asked).json()
                    found += [item["document_id"] for item in page["items"]]
                    if (after := page["next"]) is None:
                        break
                assert found == wanted, words
        long = client.get("/v1/documents", params={"q": "x" * 201})
        assert (long.status_code, long.json()["errors"][0]["where"]) == (422, "query.q")


def test_a_document_is_told_with_its_pages(data: Path, client: TestClient) -> None:
    """Everything about a document but its text; pages as spans of the text."""
    with open_collection(data, "default").write() as writer:
        pages = (Page(1, Span(0, 5)), Page(2, Span(5, 11)))
        writer.put([prepared("paged", ["first second"], pages=pages, metadata={"year": 2025})])
    told = client.get("/v1/documents/paged").json()
    assert told["pages"] == [
        {"number": 1, "start": 0, "end": 5},
        {"number": 2, "start": 5, "end": 11},
    ]
    assert told["metadata"] == {"year": 2025}
    assert told["text_sha256"] == sha256_text("first second")
    assert (told["uri"], told["characters"], told["chunks"]) == ("source/paged", 12, 1)
    missing = client.get("/v1/documents/nope")
    assert (missing.status_code, missing.json()["code"]) == (404, "document_not_found")
    nowhere = client.get("/v1/documents/paged", params={"collection": "nowhere"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "collection_not_found")


@pytest.mark.parametrize("start", [None, 0, 3, 16, 26, 1000, 2**62])
def test_text_is_cut_by_code_points(shared: tuple[Path, TestClient], start: int | None) -> None:
    """The part is what a slice of the text gives, the hash is the whole text's."""
    for end in (None, 0, 5, 17, 26, 1000, 2**62):
        given = {"start": start, "end": end}
        parameters = {name: value for name, value in given.items() if value is not None}
        reply = shared[1].get("/v1/documents/birds/text", params=parameters)
        if end is not None and end < (start or 0):
            assert (reply.status_code, reply.json()["errors"][0]["where"]) == (422, "query.end")
            continue
        told = reply.json()
        assert told["text"] == TEXT[start:end] == TEXT[told["start"] : told["end"]]
        assert told["sha256"] == sha256_text(TEXT)
        assert told["characters"] == len(TEXT)


def test_another_text_than_expected_is_a_conflict(client: TestClient) -> None:
    """A citation's hash tells whether the text is still the one that was quoted."""
    path = "/v1/documents/birds/text"
    assert client.get(path, params={"sha256": sha256_text(TEXT)}).status_code == 200
    changed = client.get(path, params={"sha256": sha256_text("older")})
    assert (changed.status_code, changed.json()["code"]) == (409, "document_changed")
    assert client.get(path, params={"sha256": "abc"}).status_code == 422


@pytest.mark.parametrize("number", ["-1", "x", "1.5", str(2**63), "1" * 400])
def test_offsets_are_numbers_that_the_index_can_hold(
    shared: tuple[Path, TestClient], number: str
) -> None:
    """Anything else is the client's mistake."""
    refused = shared[1].get("/v1/documents/birds/text", params={"start": number})
    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, "query.start")


def test_a_deleted_document_is_gone_at_once(data: Path, client: TestClient) -> None:
    """Not listed, not read, not found, and its words are in no file of the collection."""
    assert client.post("/v1/search", json={"query": "swans"}).json()["passages"]
    assert client.delete("/v1/documents/birds").status_code == 204
    assert client.get("/v1/documents/birds").status_code == 404
    assert client.get("/v1/documents/birds/text").status_code == 404
    assert [d["document_id"] for d in client.get("/v1/documents").json()["items"]] == ["fish"]
    assert client.post("/v1/search", json={"query": "swans"}).json()["passages"] == []
    files = [path for path in (data / "default").iterdir() if path.name.startswith("catalog")]
    assert files
    assert not any(TEXT.encode() in path.read_bytes() for path in files)
    again = client.delete("/v1/documents/birds")
    assert (again.status_code, again.json()["code"]) == (404, "document_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/documents/birds?colection=other"),
        ("GET", "/v1/documents?colection=other"),
        ("GET", "/v1/documents/birds/text?first=3"),
        ("GET", "/v1/collections?limit=1"),
        ("POST", "/v1/query?collection=other"),
        ("GET", "/v1/collections/default?%ED%A0%80=1"),
    ],
)
def test_an_unknown_parameter_is_refused(client: TestClient, method: str, path: str) -> None:
    """A name that is misspelt would else mean the default collection."""
    refused = client.request(method, path, json={"question": "x"} if method == "POST" else None)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["where"].startswith("query.")
    message = refused.json()["errors"][0]["message"]
    assert message.startswith("there is no such parameter; ")
    assert message.endswith("this path takes none") == ("POST" in method or "collections" in path)
    assert client.get("/v1/documents/birds").status_code == 200
    assert client.get("/health?from=probe").status_code == 200


def test_a_delete_ends_the_uploads_that_wait(data: Path, client: TestClient) -> None:
    """An upload that was accepted before the delete does not bring the document back."""
    body = {"text": "x", "title": "t", "id": "birds"}
    job_id = client.post("/v1/documents", json=body).json()["job_id"]
    assert client.delete("/v1/documents/birds").status_code == 204
    told = client.get(f"/v1/jobs/{job_id}").json()
    assert (told["state"], told["items"][0]["outcome"]) == ("failed", "removed")
    fresh = client.post("/v1/documents", json={**body, "id": "only-queued"}).json()["job_id"]
    assert client.delete("/v1/documents/only-queued").status_code == 204
    assert client.get(f"/v1/jobs/{fresh}").json()["state"] == "failed"
    assert jobs.claim(data) is None


def test_a_delete_waits_for_an_upload_at_work(data: Path, client: TestClient) -> None:
    """While an upload of it is being ingested, a delete says which job to wait for."""
    body = {"text": "x", "title": "t", "id": "birds"}
    job_id = client.post("/v1/documents", json=body).json()["job_id"]
    jobs.claim(data)
    busy = client.delete("/v1/documents/birds")
    assert (busy.status_code, busy.json()["code"]) == (409, "collection_busy")
    assert job_id in busy.json()["detail"]
    assert client.get("/v1/documents/birds").status_code == 200


def test_collections_are_made_listed_and_deleted(data: Path, client: TestClient) -> None:
    """The whole life of a collection."""
    made = client.post("/v1/collections", json={"name": "notes"})
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/collections/notes"
    told = made.json()
    assert (told["name"], told["documents"], told["chunks"]) == ("notes", 0, 0)
    assert told["encoder"]["dimension"] == 384
    assert told["language"] == "en"
    assert client.get("/v1/collections/notes").json() == told
    listed = client.get("/v1/collections").json()["items"]
    assert [item["name"] for item in listed] == ["default", "notes"]
    assert (listed[0]["documents"], listed[0]["chunks"]) == (2, 2)
    taken = client.post("/v1/collections", json={"name": "notes"})
    assert (taken.status_code, taken.json()["code"]) == (409, "collection_exists")
    client.post("/v1/documents", json={"text": "x", "title": "t", "collection": "notes"})
    assert client.delete("/v1/collections/notes").status_code == 204
    assert client.get("/v1/collections/notes").status_code == 404
    assert client.delete("/v1/collections/notes").status_code == 404
    assert not (data / "notes").exists()
    assert jobs.claim(data) is None


def test_a_collection_tells_its_media_types(data: Path, client: TestClient) -> None:
    """The most frequent first, those as frequent by name; not in the list of all collections."""
    with open_collection(data, "default").write() as writer:
        for number, kind in enumerate(["c/c", "a/a", "c/c", "b/b"]):
            writer.put([prepared(f"m{number}", [f"m{number}"], media_type=kind)])
    told = client.get("/v1/collections/default").json()
    assert [(one["media_type"], one["documents"]) for one in told["media_types"]] == [
        ("c/c", 2),
        ("text/plain", 2),
        ("a/a", 1),
        ("b/b", 1),
    ]
    assert "media_types" not in client.get("/v1/collections").json()["items"][0]
    assert client.post("/v1/collections", json={"name": "new"}).json()["media_types"] == []


def test_a_collection_is_made_in_a_language(client: TestClient) -> None:
    """It is shown wherever the collection is; one that there is not is refused by name."""
    made = client.post("/v1/collections", json={"name": "zh", "language": "cjk"})
    assert (made.status_code, made.json()["language"]) == (201, "cjk")
    listed = client.get("/v1/collections").json()["items"]
    assert [(item["name"], item["language"]) for item in listed] == [
        ("default", "en"),
        ("zh", "cjk"),
    ]
    wrong = client.post("/v1/collections", json={"name": "de", "language": "de"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    assert wrong.json()["errors"][0]["where"] == "body.language"


def test_a_damaged_collection_is_listed_with_its_problem(data: Path, client: TestClient) -> None:
    """One that cannot be read spoils neither the list nor the others, and can be deleted."""
    (data / "broken").mkdir()
    (data / "broken" / "catalog.db").write_bytes(b"no database" * 1000)
    listed = client.get("/v1/collections").json()["items"]
    assert [(item["name"], item["problem"] is None) for item in listed] == [
        ("broken", False),
        ("default", True),
    ]
    one = client.get("/v1/collections/broken")
    assert (one.status_code, one.json()["code"]) == (503, "index_damaged")
    assert client.delete("/v1/collections/broken").status_code == 204


def test_what_is_there_is_counted(data: Path, client: TestClient) -> None:
    """Prometheus reads jobs by state, and documents and chunks by collection."""
    client.post("/v1/documents", json={"text": "x", "title": "t"})
    page = client.get("/metrics").text
    assert 'afterword_jobs{state="queued"} 1.0' in page
    assert 'afterword_documents{collection="default"} 2.0' in page
    assert 'afterword_chunks{collection="default"} 2.0' in page
    assert jobs.counts(data)["queued"] == 1
