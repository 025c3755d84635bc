"""The container's files against the code, and its health check against real services."""

import importlib.util
import itertools
import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from typer.main import get_command

from afterword import app
from example_documents import EXAMPLES
from indexes.settings import Settings, variable
from installed import PROJECT
from pages import blocks
from service.alive import problem
from service.loopback import reached
from serving import SmallAnswerer, running, small_app

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
SUBCOMMANDS = set(getattr(get_command(app), "commands", {}))
SETTINGS = {variable(name) for name in Settings.model_fields}


# --- the Dockerfile ------------------------------------------------------------------------------


def stages() -> dict[str, list[str]]:
    """Return the instructions of each stage by its name, in order, comments left out."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.startswith("FROM "):
            found[line.split()[-1]] = [line]
        elif line:
            found[next(reversed(found))].append(line)
    return found


def test_the_full_image_is_what_is_built_without_a_target() -> None:
    """It is the last stage; `slim` comes before all that is torch's, so nobody waits for it."""
    names = list(stages())
    assert names[-1] == "full"
    assert names.index("slim") < names.index("build-full")
    slim = [stages()[name] for name in ("packages", "build-slim", "runtime", "slim")]
    assert not [line for stage in slim for line in stage if "torch" in line]


def test_versions_come_from_requirements_alone() -> None:
    """Whatever is installed from an index is pinned, and is checked before the wheel or with it.

    By its hash, but for torch.
    """
    commands = [
        command
        for stage in stages().values()
        for line in stage
        for command in line.split("&&")
        if "pip install" in command
    ]
    kinds = [
        next(
            kind
            for kind in (
                "--require-hashes --no-deps -r locks/",
                "--no-index",
                "-r requirements.txt",
            )
            if kind in command
        )
        for command in commands
    ]
    assert sorted(kinds) == [
        "--no-index",
        "--no-index",
        "--require-hashes --no-deps -r locks/",
        "--require-hashes --no-deps -r locks/",
        "--require-hashes --no-deps -r locks/",
        "-r requirements.txt",
    ]
    checked = [name for name, lines in stages().items() if "pip check" in " ".join(lines)]
    assert checked == ["packages", "build-full"]


def test_each_image_lists_what_it_is_made_of() -> None:
    """Before pip goes, and without the tool itself."""
    for name in ("build-slim", "build-full"):
        (line,) = [one for one in stages()[name] if "cyclonedx-py environment" in one]
        assert line.index("cyclonedx-py") < line.index("pip uninstall")
        assert "-o /opt/afterword/afterword.cdx.json" in line
    assert not [one for one in (*stages()["slim"], *stages()["full"]) if "/tools" in one]


def test_what_is_copied_is_sent_to_the_builder() -> None:
    """.dockerignore leaves out all but what the Dockerfile copies, and each of it exists."""
    copied = {
        word
        for stage in stages().values()
        for line in stage
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    assert copied == {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_sets_settings_that_exist() -> None:
    """And runs as a user of its own, with the default command and a health check."""
    runtime = "\n".join(stages()["runtime"])
    assert set(re.findall(r"\bAFTERWORD_\w+(?==)", runtime)) <= SETTINGS
    assert "USER 10001:10001" in runtime
    assert 'CMD ["afterword", "serve"]' in runtime
    for name in ("slim", "full"):
        assert stages()[name][0].startswith("FROM runtime ")


# --- compose.yaml --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_hardened(name: str) -> None:
    """Nothing but /data and /tmp can be written, no right can be gained, and all is limited."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [place.strip("/") for place in service["tmpfs"]] == ["tmp"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    data, documents = service["volumes"]
    assert data == "data:/data"
    assert documents.endswith(":ro")
    assert service["build"]["target"] == "${IMAGE:-slim}"


@pytest.mark.parametrize("name", SERVICES)
def test_services_set_settings_that_exist(name: str) -> None:
    """A name that the settings do not know would end the service at its start."""
    names = [key for key in SERVICES[name]["environment"] if key.startswith("AFTERWORD_")]
    assert set(names) <= SETTINGS


def test_the_service_is_reached_from_this_machine_with_a_key() -> None:
    """It is published on loopback, and without a key the file says what to do."""
    service = SERVICES["afterword"]
    assert [port.split(":")[0] for port in service["ports"]] == ["127.0.0.1"]
    key = service["environment"]["AFTERWORD_API_KEY"]
    assert re.fullmatch(r"\$\{AFTERWORD_API_KEY:\?[^}]*\.env[^}]*\}", key)
    assert "AFTERWORD_ALLOW_ANONYMOUS" not in COMPOSE


def test_the_command_that_ingests_needs_no_network() -> None:
    """It is started by name alone, and ingests what is mounted."""
    ingest = SERVICES["ingest"]
    assert ingest["network_mode"] == "none"
    assert ingest["profiles"] == ["ingest"]
    assert ingest["command"][-1] == ingest["volumes"][1].split(":")[-2]


def test_health_is_asked_alike() -> None:
    """compose.yaml repeats the Dockerfile's check, for engines that drop it from the image."""
    told = next(line for line in stages()["runtime"] if line.startswith("HEALTHCHECK"))
    words = json.loads(told.split(" CMD ")[1])
    asked = SERVICES["afterword"]["healthcheck"]
    assert asked["test"] == ["CMD", *words]
    options = dict(re.findall(r"--([\w-]+)=(\S+)", told))
    assert {name.replace("_", "-"): str(asked[name]) for name in set(asked) - {"test"}} == options
    # podman's service cuts a check into words at its spaces
    assert not [word for word in words if " " in word]


def test_the_variables_of_compose_are_those_that_it_explains() -> None:
    """With the defaults that it tells."""
    head = COMPOSE.split("x-environment")[0]
    told = dict(re.findall(r"^# ([A-Z]+) .*\((\S+)\)$", head, re.MULTILINE))
    used = set(re.findall(r"\$\{([A-Z]+):-(?:\./)?([^}]+)\}", COMPOSE))
    assert dict(used) == told
    assert len(used) == len(told)


# --- the health check ----------------------------------------------------------------------------


@contextmanager
def deaf() -> Iterator[int]:
    """Give a port on which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_service_is_alive_where_it_listens(tmp_path: Path) -> None:
    """Whatever a proxy setting says, and by the port that is set."""
    with running(small_app(SmallAnswerer(tmp_path))) as client:
        port = client.base_url.port
        settings = Settings(data=tmp_path, port=port)
        assert problem(settings) is None
        assert problem(settings.model_copy(update={"host": "0.0.0.0"})) is None
        environ = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "AFTERWORD_PORT": str(port),
            "http_proxy": "http://192.0.2.1:9",
        }
        words = [sys.executable, "-P", "-m", "service.alive"]
        ended = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, b"")
    assert str(port) in (problem(settings) or "")


def test_a_service_that_does_not_answer_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told within the time that the check has."""
    monkeypatch.setattr("service.alive.SECONDS", 0.1)
    with deaf() as port:
        assert f"port {port}: timed out" in (problem(Settings(port=port)) or "")


def test_wrong_settings_are_told(tmp_path: Path) -> None:
    """As by every command."""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "AFTERWORD_PORT": "high"}
    words = [sys.executable, "-P", "-m", "service.alive"]
    ended = subprocess.run(words, env=environ, cwd=tmp_path, capture_output=True, check=False)
    assert ended.returncode == 1
    assert b"AFTERWORD_PORT: 'high' is not allowed" in ended.stderr


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("localhost", "localhost"),
    ],
)
def test_where_a_service_is_reached(host: str, expected: str) -> None:
    """All addresses include that of loopback."""
    assert reached(host) == expected


# --- the probe -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def probe() -> ModuleType:
    """Give the script that checks a started container."""
    path = ROOT / "tests" / "container" / "probe.py"
    spec = importlib.util.spec_from_file_location("probe", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_probe_asks_what_the_examples_answer(probe: ModuleType) -> None:
    """With the answer that they have."""
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    answers = {line["question"]: line.get("answers") for line in map(json.loads, lines)}
    assert probe.ANSWER in answers[probe.QUESTION]


def test_the_probe_sees_what_was_written(
    probe: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files outside the data and temporary folders are told, mounts and their folders are not."""
    engine = tmp_path / "engine"
    changed = ["C /opt", "A /opt/afterword/x", "C /data", "A /data/y", "A /mnt", "A /mnt/documents"]
    engine.write_text(
        "#!/bin/sh\n"
        f"case $1 in diff) printf '%s\\n' {shlex.join(changed)} ;; *) shift 2\n"
        "case $1 in cat) printf '%s\\n' 'o / overlay ro 0 0' 'd /mnt/documents ext4 ro 0 0' ;;"
        " *) echo /data /tmp ;; esac ;; esac\n"
    )
    engine.chmod(0o755)
    monkeypatch.setattr(probe, "ENGINE", [str(engine)])
    assert probe.Container("any").changed() == ["/opt", "/opt/afterword/x"]
    assert probe.root(probe.Container("any")) == "/ is mounted ro"


# --- the page ------------------------------------------------------------------------------------

HOW_TO = ROOT / "docs" / "how-to"
PAGES = {
    name: (HOW_TO / name).read_text(encoding="utf-8") for name in ("container.md", "install.md")
}


def commands(page: str) -> list[list[str]]:
    """Return the words of each command that a page shows, continued lines joined."""
    shown = [block.text for block in blocks(HOW_TO / page) if block.language == "bash"]
    lines = re.sub(r"\\\n\s*", "", "\n".join(shown)).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line]


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_page_exist(page: str) -> None:
    """Targets, sub-commands and settings that it names are there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pairs = [pair for words in commands(page) for pair in itertools.pairwise(words)]
    made = [after for before, after in pairs if before == "make"]
    assert made
    for name in made:
        assert re.search(rf"^{name}:.* ##", makefile, re.MULTILINE), name
    assert {after for before, after in pairs if before == "--target"} <= set(stages())
    given = r"(?:bin/|:slim |probed |exec afterword |ingest )afterword ([a-z]+)"
    named = re.findall(given, "\n".join(map(" ".join, commands(page))))
    assert {"ingest", "ask", "doctor"} <= set(named)
    assert set(named) <= SUBCOMMANDS
    for name in re.findall(r"\b(?:AFTERWORD_[A-Z_]+)\b", PAGES[page]):
        assert name in SETTINGS, name


def test_the_service_of_the_page_is_hardened_as_that_of_compose() -> None:
    """The long command has every limit of compose.yaml's service."""
    long = next(words for words in commands("container.md") if "--restart" in words)
    service = SERVICES["afterword"]
    for option, value in itertools.pairwise(long):
        expected = {
            "--restart": service["restart"],
            "--cap-drop": service["cap_drop"][0],
            "--security-opt": service["security_opt"][0].removesuffix(":true"),
            "--pids-limit": str(service["pids_limit"]),
            "--memory": "4g",
        }.get(option, value)
        assert value == expected, option
    assert {"--read-only", "--init", "--tmpfs", "--cpus", "--memory"} <= set(long)


def test_the_page_names_the_version_of_the_wheel() -> None:
    """As pyproject.toml has it."""
    names = set(re.findall(r"afterword-[\d.]+-py3-none-any\.whl", PAGES["install.md"]))
    assert names == {f"afterword-{PROJECT['version']}-py3-none-any.whl"}
