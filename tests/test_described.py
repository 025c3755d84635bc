"""Every operation that is described, called by schemathesis with what fits and what does not.

No 5xx, no status and no media type that the description lacks, and every answer as its schema says;
also in sequences, where one call takes what another has made. What it finds it tells with a command
that repeats it.
"""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from serving import SmallAnswerer, ingested, running, served, small_app, stored

KEY = "correct-horse-battery"
# Left out are those that ask of a schema what it cannot say (that `end` lies before `start`), and
# those on keys, which tests/test_service_gate.py has.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,use_after_free,"
    "response_headers_conformance,response_schema_conformance,allow_header_conformance,"
    "unsupported_method"
)
# The systematic cases are some hundred more; the slow run has them.
SHORT = ("--phases", "examples,fuzzing,stateful")


def called(url: str, folder: Path, *options: str) -> None:
    """Run schemathesis over a service and fail with what it tells."""
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    done = subprocess.run(
        [
            str(program),
            "run",
            f"{url}/openapi.json",
            "--checks",
            CHECKS,
            "--continue-on-failure",
            "--no-color",
            "--warnings",
            "off",
            "--generation-database",
            "none",
            *options,
        ],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "HYPOTHESIS_STORAGE_DIRECTORY": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested:" in done.stdout


def seeds(first: int, count: int) -> list[int]:
    """Return the seeds of a run; `SCHEMATHESIS_SEED` is another first one."""
    begin = int(os.environ.get("SCHEMATHESIS_SEED", first))
    return list(range(begin, begin + count))


@pytest.mark.parametrize("key", [None, KEY])
def test_a_short_run(tmp_path: Path, key: str | None) -> None:
    """A few cases of each operation, from one seed: with the key, or without any."""
    stored(tmp_path / "data", {"d": "swans are white", "e": "ravens are black"})
    header = ("--header", f"Authorization: Bearer {key}") if key else ()
    with running(small_app(SmallAnswerer(tmp_path / "data"), api_key=key)) as client:
        url = str(client.base_url).rstrip("/")
        called(url, tmp_path, "--seed", "1", "--max-examples", "3", *SHORT, *header)


def test_without_the_key_all_is_refused_as_described(tmp_path: Path) -> None:
    """Where a key is needed and not sent, nothing but 401 comes, in its documented form."""
    stored(tmp_path / "data", {"d": "swans are white"})
    with running(small_app(SmallAnswerer(tmp_path / "data"), api_key=KEY)) as client:
        url = str(client.base_url).rstrip("/")
        called(url, tmp_path, "--seed", "1", "--max-examples", "1", *SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(100, 1))
def test_a_long_run(tmp_path: Path, seed: int) -> None:
    """The service as it is really run, with documents, originals and its worker."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "d.txt").write_text("Swans are white. Ravens are black.")
    ingested(tmp_path / "data", documents)
    with served(tmp_path / "data", tmp_path / "log") as service:
        called(service.url, tmp_path, "--seed", str(seed), "--max-examples", "25")
        assert "Traceback" not in service.log.read_text()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", seeds(1000, 5))
def test_a_run_of_many_seeds(tmp_path: Path, seed: int) -> None:
    """Two hundred cases of each operation, and as many sequences."""
    test_a_long_run(tmp_path, seed)
    with served(tmp_path / "data", tmp_path / "log") as service:
        called(service.url, tmp_path, "--seed", str(seed), "--max-examples", "200")
