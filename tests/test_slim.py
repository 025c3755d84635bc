"""The slim installation, without torch and its like: what it needs is declared, and all works.

The processes of these tests find no package but those of requirements-slim.txt.
"""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from docx import Document
from openpyxl import Workbook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pypdf import PdfReader, PdfWriter

from example_documents import DOCUMENTS, EXAMPLES
from indexes.catalog import SplitterSettings
from indexes.collection import create_collection
from indexes.hub import PACKAGES
from installed import EXTRAS, REQUIRED, ROOT, SLIM, closure, modules_of, without_hub
from locked_xls import locked_xls
from made_mails import mail
from serving import served, until
from small_encoder import small_encoder
from stored_documents import prepared
from test_readers_sheets import old_workbook

HUB_MODULES = {
    "indexes/hub.py",
    "indexes/hub_encoder.py",
    "service/hub_language_model.py",
    "service/hub_reader.py",
}
OCR_MODULES = {"ingest/readers/ocr.py", "ingest/readers/picture.py"}
OCR_PACKAGES = {"rapidocr", "cv2", "PIL"}
# starlette imports the one for the forms of uploads, and does not require it; sentence-transformers
# imports the other, and takes older versions of it than those that are tested
FOR_OTHERS = {"python-multipart", "transformers"}
OURS = {"afterword", "indexes", "ingest", "service"}
E5 = "intfloat/multilingual-e5-small"
PYTHON = "When is the final release of Python 3.15 planned?"


# --- what is declared ----------------------------------------------------------------------------


def pins(*names: str) -> dict[str, str]:
    """Return the versions that these files of requirements pin."""
    lines = [
        line
        for name in names
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    found = [Requirement(line) for line in lines]
    assert len({canonicalize_name(one.name) for one in found}) == len(found)
    return {canonicalize_name(one.name): str(one.specifier) for one in found}


def imports() -> Iterator[tuple[str, str]]:
    """Yield each module of the product with each top-level module that it imports."""
    sources = [ROOT / "afterword.py"]
    sources += [path for name in sorted(OURS) for path in (ROOT / name).rglob("*.py")]
    for path in sources:
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                yield path.relative_to(ROOT).as_posix(), name.partition(".")[0]


def test_every_import_is_of_a_declared_package() -> None:
    """Each package that a module imports is required by name, and torch by few modules."""
    slim = modules_of(canonicalize_name(Requirement(one).name) for one in SLIM)
    for module, name in set(imports()):
        if name in OURS | slim | sys.stdlib_module_names:
            continue
        assert module in HUB_MODULES | OCR_MODULES, (module, name)
        assert name in (PACKAGES if module in HUB_MODULES else OCR_PACKAGES), (module, name)


def test_every_declared_package_is_imported() -> None:
    """Nothing is installed for nothing: each requirement is imported somewhere in the product."""
    used = {name for _, name in imports()}
    for name in {canonicalize_name(Requirement(one).name) for one in REQUIRED} - FOR_OTHERS:
        assert used & modules_of([name]), name


def test_what_hub_models_need_is_required_and_not_slim() -> None:
    """The packages that are looked for are required, and nothing else brings one of them."""
    names = {canonicalize_name(package) for package in PACKAGES}
    assert names <= {canonicalize_name(Requirement(one).name) for one in REQUIRED}
    assert not names & set(closure(SLIM))


def test_every_package_is_pinned() -> None:
    """requirements.txt is what is required with all that it needs, no more."""
    pinned, everything = set(pins("requirements.txt")), set(closure(REQUIRED))
    assert pinned <= everything
    if importlib.metadata.version("torch").endswith("+cpu"):  # that for CUDA needs many more
        assert pinned == everything


def test_slim_is_pinned_alike() -> None:
    """requirements-slim.txt is the part of requirements.txt that all but hub models need."""
    everything = pins("requirements.txt")
    slim = {name: everything[name] for name in closure(SLIM)}
    assert pins("requirements-slim.txt") == slim


def test_pins_are_of_allowed_versions() -> None:
    """No pin is under the lower bound that pyproject.toml gives."""
    versions = pins("requirements.txt", "requirements-test.txt")
    extras = [one for name in ("test", "training") for one in EXTRAS[name]]
    for wanted in map(Requirement, [*REQUIRED, *extras]):
        version = versions.get(canonicalize_name(wanted.name), "").removeprefix("==")
        if version:
            assert wanted.specifier.contains(version), wanted


# --- what works ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slim:
    """A slim installation with a folder of its own."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return self.python("-m", "afterword", *words, **environ)

    def python(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run Python to its end."""
        return subprocess.run(
            [sys.executable, "-P", *words],
            env={**self.environ, **environ},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def slim(tmp_path_factory: pytest.TempPathFactory) -> Slim:
    """Give an installation with the example documents and some others, ingested."""
    folder = tmp_path_factory.mktemp("slim")
    made = Slim(folder, without_hub(folder))
    documents = folder / "documents"
    documents.mkdir()
    for path in DOCUMENTS:
        (documents / path.name).write_bytes(path.read_bytes())
    for name, data in others().items():
        (documents / name).write_bytes(data)
    (folder / "passwords").write_text("open sesame\n", encoding="utf-8")
    ended = made.run("ingest", "--json", "--password-file", "passwords", "documents")
    assert ended.returncode == 0, ended.stderr
    assert {item["outcome"] for item in json.loads(ended.stdout)["items"]} == {"added"}
    return made


def others() -> dict[str, bytes]:
    """Return an office document, a workbook, locked ones, and a mail."""
    text, book = BytesIO(), BytesIO()
    document = Document()
    document.add_heading("Ferries", 1)
    document.add_paragraph("The ferry to Hirta sails on 7 May 2027.")
    document.save(text)
    sheet = Workbook()
    assert sheet.active is not None
    sheet.active.append(["Island", "Ferry"])
    sheet.active.append(["Hirta", "7 May 2027"])
    sheet.save(book)
    locked = BytesIO()
    writer = PdfWriter(PdfReader(EXAMPLES / "documents" / "clock-changes.pdf"))
    writer.encrypt("open sesame", "owner", algorithm="AES-256")
    writer.write(locked)
    return {
        "ferries.docx": text.getvalue(),
        "ferries.xlsx": book.getvalue(),
        "locked.xls": locked_xls(old_workbook(), "open sesame"),
        "locked.pdf": locked.getvalue(),
        "ferry.eml": bytes(mail("The ferry is late.")),
    }


def test_the_heavy_packages_are_hidden(slim: Slim) -> None:
    """Such a process finds none of them, and every reader and module of the product is imported."""
    hidden = [*PACKAGES, "sklearn", "scipy", "ir_measures", "pip"]
    program = f"""
from importlib.util import find_spec
found = [name for name in {hidden} if find_spec(name)]
assert not found, found
from ingest.readers import PICTURES, READERS
for media_type, entry in READERS.items():
    if media_type not in PICTURES:
        entry.load()
import afterword, ingest.pipeline, ingest.watch, ingest.worker
import service.app, service.calibrate_command, service.eval_command
"""
    ended = slim.python("-c", program)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_questions_are_answered(slim: Slim) -> None:
    """With the words of a document, an office file among them."""
    ended = slim.run("ask", "--json", PYTHON)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["answer_short"] == "1 October 2026"
    ended = slim.run("ask", "When does the ferry to Hirta sail?")
    assert "7 May 2027" in ended.stdout


@pytest.mark.slow
def test_answers_are_measured(slim: Slim) -> None:
    """Evaluation and calibration need no more."""
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = str(slim.folder / "questions.jsonl")
    Path(questions).write_text("\n".join(lines[:6]), encoding="utf-8")
    ended = slim.run("eval", "--json", "--html", "report.html", questions)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["hit"]["5"] > 0.9
    assert (slim.folder / "report.html").stat().st_size > 1000
    ended = slim.run("calibrate", "--json", questions)
    assert ended.returncode == 0, ended.stderr


def test_it_serves(slim: Slim, tmp_path: Path) -> None:
    """Uploads are ingested and questions answered over HTTP; a model of the hub is answered 503."""
    path = slim.environ["PYTHONPATH"]
    with served(tmp_path / "data", tmp_path / "log", PYTHONPATH=path) as server:
        sent = {"text": "The ferry to Hirta sails on 7 May 2027.", "title": "Ferries"}
        job = server.client.post("/v1/documents", json=sent).json()["job_id"]

        def done() -> bool:
            state = str(server.client.get(f"/v1/jobs/{job}").json()["state"])
            assert state != "failed"
            return state == "done"

        until(done, 60)
        asked = {"question": "When does the ferry to Hirta sail?"}
        reply = server.client.post("/v1/query", json=asked).json()
        assert reply["answer_short"] == "7 May 2027"
        assert reply["citations"][0]["quote"] == sent["text"]
        ready = server.client.get("/health/ready").json()

        encoder = small_encoder(E5)
        create_collection(tmp_path / "data", "hub", encoder, SplitterSettings(50)).close()
        refused = server.client.post("/v1/query", json={**asked, "collection": "hub"})
        assert refused.status_code == httpx2.codes.SERVICE_UNAVAILABLE
        assert refused.json()["code"] == "model_missing"
        assert f"The encoder {E5} needs sentence_transformers, torch" in refused.json()["detail"]
        # Whether the new collection has been looked at yet is a matter of a second.
        now = server.client.get("/health/ready").json()
        assert {**now, "broken": {}} == ready


# --- what needs more -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "setting", "role"),
    [
        (["ingest", "--collection", "new", "documents"], "AFTERWORD_ENCODER", "encoder"),
        (["ask", PYTHON], "AFTERWORD_READER", "reader"),
        (["eval", str(EXAMPLES / "questions.jsonl")], "AFTERWORD_READER", "reader"),
    ],
)
def test_a_model_of_the_hub_is_refused_with_what_to_do(
    slim: Slim, words: list[str], setting: str, role: str
) -> None:
    """The message says what is missing and which installation has it."""
    ended = slim.run(*words, **{setting: "owner/model"})
    assert ended.returncode == 3
    told = "needs sentence_transformers, torch, transformers, which this installation does not have"
    assert ended.stderr.startswith(f"afterword: The {role} owner/model {told}")
    assert "pip install -r requirements.txt" in ended.stderr
    assert "the full image in the place of `slim`" in ended.stderr
    assert "`bundled`" in ended.stderr


def test_a_collection_of_a_hub_encoder_can_be_brought_to_the_bundled_one(slim: Slim) -> None:
    """As the message says; until then its documents are listed all the same."""
    data = slim.folder / "data"
    made = create_collection(data, "e5", small_encoder(E5), SplitterSettings(50))
    with made.write() as writer:
        writer.put([prepared("ferries", ["The ferry to Hirta sails on 7 May 2027."])])
        writer.merge_views(force=True)
    made.close()
    ask = ["ask", "--collection", "e5", "When does the ferry to Hirta sail?"]
    ended = slim.run(*ask)
    assert ended.returncode == 3
    command = re.search(r"`afterword (reindex [^`]*)`", ended.stderr)
    assert command is not None
    assert "ferries" in slim.run("documents", "list", "--collection", "e5").stdout
    ended = slim.run(*command[1].split(), "--collection", "e5")
    assert ended.returncode == 0, ended.stderr
    assert "7 May 2027" in slim.run(*ask).stdout
