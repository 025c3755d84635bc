"""Readiness tells which part is not ready, in one shape whatever is the matter."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient

from indexes.errors import ModelMissing
from indexes.settings import Settings
from service.answer import Answerer
from service.app import create_app
from serving import SmallAnswerer, loaded, small_app, stored, until

PARTS = {"models", "collections", "uploads", "storage"}


@pytest.fixture
def answerer(tmp_path: Path) -> SmallAnswerer:
    """A collection of one document."""
    stored(tmp_path / "data", {"a": "All swans are white."})
    return SmallAnswerer(tmp_path / "data")


def parts(client: TestClient, status: int) -> dict[str, str | None]:
    """Return the reason of each part, None where it is ready."""
    told = client.get("/health/ready")
    assert told.status_code == status
    found = told.json()["parts"]
    assert set(found) == PARTS
    for part in found.values():
        assert set(part) == {"state", "reason"}
        assert (part["state"] == "ready") == (part["reason"] is None)
        assert part["reason"] is None or part["reason"].endswith(".")
    return {name: part["reason"] for name, part in found.items()}


def test_all_but_the_worker_are_ready(answerer: SmallAnswerer) -> None:
    """Which this application has not; questions go on."""
    with loaded(small_app(answerer)) as client:
        told = parts(client, 200)
    assert told["uploads"] is not None
    assert "No worker process runs" in told["uploads"]
    assert [told[name] for name in ("models", "collections", "storage")] == [None] * 3


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ({}, ["quote"]),
        ({"generator": "openai"}, ["openai", "quote"]),
        ({"generator": "openai", "model": "m"}, ["openai", "quote"]),
        ({"model": "m"}, ["quote", "transformers"]),
        ({"model": "m", "openai_api_key": "k"}, ["quote", "transformers"]),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, ["quote", "openai"]),
    ],
)
def test_the_generators_that_can_be_named_are_told(
    answerer: SmallAnswerer, given: dict[str, str], offered: list[str]
) -> None:
    """The service's own first; a model that is set can be asked for where quoting is usual."""
    with loaded(small_app(answerer, **given)) as client:
        assert client.get("/health/ready").json()["generators"] == offered


def test_models_that_are_missing_are_named(tmp_path: Path) -> None:
    """By the reason that a question would be answered with."""

    def build(_: Settings) -> Answerer:
        raise ModelMissing("The model file x is missing. Install Afterword again.")

    app = create_app(Settings(data=tmp_path), build, worker=False)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        until(lambda: "file x" in str(parts(client, 503)["models"]))
        told = parts(client, 503)
    assert told["collections"] == "The models are not loaded yet."
    assert told["storage"] is None


def test_collections_that_cannot_be_asked_are_told(answerer: SmallAnswerer) -> None:
    """Where none is left; `broken` has each by its name."""
    with loaded(small_app(answerer)) as client:
        shutil.rmtree(answerer.data / "default" / "lexical")
        for path in (answerer.data / "default").glob("catalog.db*"):
            path.write_bytes(b"no database" * 1000)
        until(lambda: client.get("/health/ready").status_code == 503, 10)
        told = parts(client, 503)
    assert told["collections"] == "No collection can be searched; `broken` says why."
    assert told["models"] is None


class Usage(NamedTuple):
    """What the disk says of itself."""

    total: int
    used: int
    free: int


def test_a_full_disk_keeps_no_question_from_being_answered(
    answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told beside the others, and the status stays."""
    with loaded(small_app(answerer)) as client:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 5 << 20))
        told = parts(client, 200)
    assert told["storage"] == f"Only 5 MiB are free where {answerer.data} lies. Make room there."


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(answerer: SmallAnswerer) -> None:
    """With its place."""
    with loaded(small_app(answerer)) as client:
        answerer.data.chmod(0o500)
        told = parts(client, 200)
        answerer.data.chmod(0o700)
    assert told["storage"] == f"This user may not write to the data folder {answerer.data}."


def test_a_folder_that_is_gone_is_told(answerer: SmallAnswerer) -> None:
    """Nobody has to find out by an upload."""
    with loaded(small_app(answerer)) as client:
        answerer.data.rename(answerer.data.with_name("moved"))
        told = parts(client, 200)
    assert told["storage"] == f"The data folder {answerer.data} is not there."
