"""The service as it is really run: a process of its own, with its worker and its log."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest

from indexes import jobs
from made_mails import mail
from serving import Served, served, start, until

TEXT = (
    "The lighthouse on Skerry Rock was lit for the first time on 4 March 2026. "
    "Its lamp has a range of 21 nautical miles. The keeper is called Ingrid Solheim."
)
QUESTION = "What is the range of the lighthouse's lamp?"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A started service that most tests share."""
    folder = tmp_path_factory.mktemp("service")
    with served(folder / "data", folder / "log", AFTERWORD_MAX_UPLOAD_MB="2") as service:
        yield service


def ended(service: Served, job_id: str) -> dict[str, object]:
    """Wait until a job has ended and return its status."""

    def look() -> dict[str, object] | None:
        told: dict[str, object] = service.client.get(f"/v1/jobs/{job_id}").json()
        return told if told["state"] in {"done", "failed"} else None

    return until(look, 90)


def uploaded(service: Served, text: str, title: str, **fields: object) -> str:
    """Upload a text, wait until it is stored, and return its document id."""
    sent = service.client.post("/v1/documents", json={"text": text, "title": title, **fields})
    assert sent.status_code == 202
    told = ended(service, sent.json()["job_id"])
    assert told["state"] == "done", told
    items = told["items"]
    assert isinstance(items, list)
    return str(items[0]["document_id"])


def test_an_upload_is_answered_from_with_exact_citations(service: Served) -> None:
    """Upload, wait, ask: every quote is the stored text at its offsets."""
    document_id = uploaded(service, TEXT, "Skerry Rock", collection="lights")
    reply = service.client.post(
        "/v1/query", json={"question": QUESTION, "collection": "lights"}
    ).json()
    assert reply["status"] == "answered"
    assert "21 nautical miles" in reply["answer"]
    assert reply["citations"]
    for citation in reply["citations"]:
        assert citation["document_id"] == document_id
        part = service.client.get(
            f"/v1/documents/{document_id}/text",
            params={
                "collection": "lights",
                "start": citation["start"],
                "end": citation["end"],
                "sha256": citation["text_sha256"],
            },
        ).json()
        assert part["text"] == citation["quote"]
        assert citation["quote"] in TEXT
    steps = {"rewrite", "encode", "retrieve", "attend", "generate"}
    assert set(reply["timings"]) == {*steps, "total"}


def test_a_stream_ends_in_the_same_reply(service: Served) -> None:
    """Over the wire: search, tokens, citations, final; the tokens are the answer."""
    uploaded(service, TEXT, "Skerry Rock", collection="lights")
    body = {"question": QUESTION, "collection": "lights", "stream": True}
    names, data = [], []
    with service.client.stream("POST", "/v1/query", json=body) as reply:
        assert reply.status_code == 200
        for line in reply.iter_lines():
            if line.startswith("event: "):
                names.append(line[7:])
            elif line.startswith("data: "):
                data.append(json.loads(line[6:]))
    assert names[0] == "search"
    assert names[-1] == "final"
    final = data[-1]
    tokens = [item["text"] for name, item in zip(names, data, strict=True) if name == "token"]
    cited = [item for name, item in zip(names, data, strict=True) if name == "citation"]
    assert "".join(tokens) == final["answer"]
    assert cited == final["citations"]
    assert data[0]["passages"]


def test_an_update_replaces_and_a_delete_erases(service: Served) -> None:
    """The same title is the same document; after the delete nothing of it is found."""
    first = uploaded(service, "The ferry leaves at nine.", "Ferry", collection="sea")
    second = uploaded(service, "The ferry leaves at ten.", "Ferry", collection="sea")
    assert first == second
    listed = service.client.get("/v1/documents", params={"collection": "sea"}).json()["items"]
    assert [item["document_id"] for item in listed] == [first]
    found = service.client.post(
        "/v1/search", json={"query": "when does the ferry leave", "collection": "sea"}
    ).json()["passages"]
    assert [passage["text"] for passage in found] == ["The ferry leaves at ten."]
    path = f"/v1/documents/{first}"
    assert service.client.delete(path, params={"collection": "sea"}).status_code == 204
    reply = service.client.post(
        "/v1/query", json={"question": "When does the ferry leave?", "collection": "sea"}
    ).json()
    assert (reply["status"], reply["passages"]) == ("no_documents", [])


def test_a_mail_is_uploaded_and_deleted_with_what_is_attached(service: Served) -> None:
    """An attachment is found and cited as a document of its own, until its mail is deleted."""
    sent = service.client.post(
        "/v1/documents",
        files={"file": ("m.eml", mail("See the report.", {"r.txt": TEXT.encode()}).as_bytes())},
        data={"collection": "post"},
    )
    assert sent.status_code == 202
    items = ended(service, sent.json()["job_id"])["items"]
    assert isinstance(items, list)
    whole, part = sorted(items, key=lambda item: len(item["uri"]))
    assert (whole["uri"], part["document_id"]) == ("upload:m.eml", part["uri"].split("#")[1])
    asked = {"question": QUESTION, "collection": "post"}
    reply = service.client.post("/v1/query", json=asked).json()
    assert reply["citations"][0]["document_id"] == part["document_id"]
    place = {"collection": "post"}
    got = service.client.get(f"/v1/documents/{part['document_id']}/text", params=place)
    assert got.json()["text"] == TEXT
    gone = service.client.delete(f"/v1/documents/{whole['document_id']}", params=place)
    assert gone.status_code == 204
    assert service.client.post("/v1/query", json=asked).json()["status"] == "no_documents"


def test_filters_and_dates_narrow_what_is_asked(service: Served) -> None:
    """Metadata given at the upload can be filtered by, in search and in query."""
    for year in (2024, 2025):
        uploaded(
            service,
            f"The budget of {year} was {year * 3} crowns.",
            f"Budget {year}",
            collection="money",
            metadata={"year": year},
        )
    condition = {"field": "metadata.year", "operator": "==", "value": 2024}
    for path, name in (("/v1/search", "query"), ("/v1/query", "question")):
        body = {name: "What was the budget?", "collection": "money", "filter": condition}
        passages = service.client.post(path, json=body).json()["passages"]
        assert [passage["title"] for passage in passages] == ["Budget 2024"]


def test_what_cannot_be_read_is_a_failed_job_that_says_why(service: Served) -> None:
    """A file of an unknown kind fails with its code, and the worker goes on."""
    sent = service.client.post(
        "/v1/documents", files={"file": ("picture.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64)}
    )
    told = ended(service, sent.json()["job_id"])
    assert told["state"] == "failed"
    items = told["items"]
    assert isinstance(items, list)
    assert (items[0]["outcome"], items[0]["code"]) == ("failed", "unsupported_format")
    assert items[0]["message"]
    assert uploaded(service, "Still here.", "After the picture")


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_a_body_is_refused_in_words(service: Served, *, announced: bool) -> None:
    """A client that sends all before it reads still reads the problem, not a broken pipe."""
    connection = HTTPConnection(service.url.removeprefix("http://"), timeout=30)
    body = b"x" * (20 << 20)
    headers = {"Content-Type": "application/json"}
    for path in ("/v1/documents", "/v1/query"):
        sent = body if announced else iter([body])
        connection.request("POST", path, sent, headers, encode_chunked=not announced)
        refused = connection.getresponse()
        assert refused.status == 413
        assert json.loads(refused.read())["code"] == "too_large"


def test_the_collection_that_is_not_there_is_named(service: Served) -> None:
    """Asking where nothing is says how to make it."""
    missing = service.client.post("/v1/query", json={"question": "x", "collection": "nothing"})
    assert (missing.status_code, missing.json()["code"]) == (404, "collection_not_found")
    assert str(service.log.parent) not in missing.text  # where the data lie is nobody's business
    assert "'nothing'" in missing.json()["detail"]


def test_health_stays_quick_while_questions_are_answered(service: Served) -> None:
    """With more questions than cores at work, /health answers within a fifth of a second."""
    uploaded(service, TEXT * 20, "Long", collection="busy")
    stop = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=service.url, timeout=60) as client:
            while not stop.is_set():
                client.post("/v1/query", json={"question": QUESTION, "collection": "busy"})

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    waits = []
    for _ in range(20):
        began = time.monotonic()
        assert service.client.get("/health").status_code == 200
        waits.append(time.monotonic() - began)
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(waits)[len(waits) // 2] < 0.2


def test_the_log_is_json_and_without_what_was_asked(service: Served) -> None:
    """Every line parses; neither a question nor a document's words are in any."""
    uploaded(service, TEXT, "Skerry Rock", collection="lights")
    service.client.post("/v1/query", json={"question": QUESTION, "collection": "lights"})
    text = service.log.read_text()
    assert QUESTION not in text
    assert "Ingrid Solheim" not in text
    lines = service.lines()
    assert {"listening", "loaded", "worker_started", "request"} <= {
        str(line["event"]) for line in lines
    }
    assert all(line["timestamp"] and line["level"] for line in lines)


def test_stopping_ends_well_and_keeps_what_was_accepted(tmp_path: Path) -> None:
    """SIGTERM: exit 0, no worker left, and jobs that wait are done after the next start."""
    data = tmp_path / "data"
    with served(data, tmp_path / "log") as service:
        started = next(line for line in service.lines() if line["event"] == "worker_started")
        os.kill(int(str(started["worker"])), signal.SIGSTOP)
        sent = [
            service.client.post("/v1/documents", json={"text": TEXT, "title": f"t{n}"}).json()
            for n in range(3)
        ]
        assert service.stop() == 0
        assert not Path(f"/proc/{started['worker']}").exists()
    assert jobs.counts(data)["queued"] == 3
    with served(data, tmp_path / "log2") as service:
        assert [ended(service, job["job_id"])["state"] for job in sent] == ["done"] * 3
        documents = service.client.get("/v1/documents").json()["items"]
        assert len(documents) == 3


def test_a_killed_service_loses_no_accepted_upload(tmp_path: Path) -> None:
    """SIGKILL right after 202: the next start ingests it."""
    data = tmp_path / "data"
    with served(data, tmp_path / "log") as service:
        sent = [
            service.client.post("/v1/documents", json={"text": TEXT, "title": f"t{n}"}).json()
            for n in range(5)
        ]
        assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    with served(data, tmp_path / "log2") as service:
        assert [ended(service, job["job_id"])["state"] for job in sent] == ["done"] * 5


def test_no_program_of_the_working_folder_is_run(tmp_path: Path) -> None:
    """A folder of documents may hold a `random.py`, or a clone called `afterword`."""
    ran = tmp_path / "ran"
    for name in ("random.py", "json.py", "afterword.py", "ingest.py", "pypdf.py"):
        (tmp_path / name).write_text(f"open({str(ran)!r}, 'w').close()\nraise SystemExit(7)\n")
    with served(tmp_path / "data", tmp_path / "log") as service:
        job = service.client.post("/v1/documents", json={"text": TEXT, "title": "t"}).json()
        assert ended(service, job["job_id"])["state"] == "done"
    assert not ran.exists()


def test_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    """SIGINT is a stop like any other, without a traceback."""
    with served(tmp_path / "data", tmp_path / "log") as service:
        assert service.stop(signal.SIGINT) == 0
        assert "Traceback" not in service.log.read_text()


def finished(process: subprocess.Popen[bytes], log: Path) -> tuple[int, str]:
    """Return the exit status and the output of a service that does not start."""
    status = process.wait(60)
    return status, log.read_text()


def test_off_loopback_it_needs_a_key(tmp_path: Path) -> None:
    """Without a key it refuses to start, in one line that says what to do."""
    log = tmp_path / "log"
    status, said = finished(start(tmp_path / "data", log, AFTERWORD_HOST="0.0.0.0"), log)
    assert status == 2
    assert said.count("\n") == 1
    assert "AFTERWORD_API_KEY" in said
    assert "AFTERWORD_ALLOW_ANONYMOUS=1" in said


@pytest.mark.parametrize(
    "environ",
    [{"AFTERWORD_API_KEY": "sixteen-or-more-characters"}, {"AFTERWORD_ALLOW_ANONYMOUS": "1"}],
)
def test_off_loopback_with_a_key_or_the_wish_it_starts(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """It binds all addresses and answers by another name."""
    with served(
        tmp_path / "data", tmp_path / "log", AFTERWORD_HOST="0.0.0.0", **environ
    ) as service:
        key = environ.get("AFTERWORD_API_KEY")
        headers = {"Host": "afterword.example"}
        url = f"http://127.0.0.1:{service.url.rpartition(':')[2]}/v1/collections"
        without = httpx2.get(url, headers=headers)
        assert without.status_code == (401 if key else 200)
        if key:
            headers["Authorization"] = f"Bearer {key}"
            assert httpx2.get(url, headers=headers).status_code == 200


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    """Another service on the port: exit 2 and one line."""
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = finished(start(tmp_path / "data", log, "--port", str(port)), log)
    assert status == 2
    assert said.count("\n") == 1
    assert f"port {port}" in said


def test_a_data_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    """Where a file stands in the way: exit 2 and one line."""
    (tmp_path / "file").write_text("in the way")
    log = tmp_path / "log"
    status, said = finished(start(tmp_path / "file" / "data", log), log)
    assert status == 2
    assert "AFTERWORD_DATA" in said
    assert "Traceback" not in said


def test_wrong_settings_are_told_all_at_once(tmp_path: Path) -> None:
    """Unknown and bad settings end the start with exit 2."""
    log = tmp_path / "log"
    process = start(tmp_path / "data", log, AFTERWORD_PROT="1", AFTERWORD_LOG_LEVEL="loud")
    status, said = finished(process, log)
    assert status == 2
    assert "AFTERWORD_PROT" in said
    assert "AFTERWORD_LOG_LEVEL" in said


def test_kubernetes_own_variables_do_no_harm(tmp_path: Path) -> None:
    """What an orchestrator injects for a service of our name is ignored."""
    data, log = tmp_path / "data", tmp_path / "log"
    environ = {"AFTERWORD_SERVICE_HOST": "10.0.0.1", "AFTERWORD_PORT_80_TCP": "tcp://10.0.0.1:80"}
    with served(data, log, **environ) as service:
        assert service.client.get("/health").json() == {"status": "alive"}


def test_nothing_is_written_outside_the_data_folder(tmp_path: Path) -> None:
    """An upload leaves the working folder and the temporary folder as they were."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with served(tmp_path / "data", tmp_path / "log", TMPDIR=str(temporary)) as service:
        sent = service.client.post(
            "/v1/documents", files={"file": ("big.txt", b"some words here. " * 100_000)}
        )
        assert sent.status_code == 202
        assert list(temporary.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"data", "log", "tmp"}
