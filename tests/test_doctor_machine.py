"""`afterword doctor` and the machine: packages, memory, disk, settings, models, ports."""

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes import encoder
from looked_at import files, levels, looked, subject_of
from service import keys
from service.doctor import (
    address,
    children,
    data,
    installation,
    memory,
    models,
    packages,
    processor,
    settings,
)
from service.doctor.children import Ended, run_trials
from service.doctor.file_systems import DOUBTFUL, mount_of
from service.doctor.findings import Finding, amount
from service.doctor.packages import Package
from service.keys import Wanted
from service.sessions import path_of as sessions_of
from serving import SmallAnswerer, running, served, small_app, stored

GB = 1 << 30

# --- packages ------------------------------------------------------------------------------------


def installed(site: Path, name: str, version: str, *lines: str) -> None:
    """Write the metadata of a distribution, as an installer does."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
    (folder / "METADATA").write_text(f"{text}\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions that come before all others."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_packages_by_the_distributions_own_metadata(site: Path, tmp_path: Path) -> None:
    """What is missing, too old or lacks its extra is named; markers and extras are kept apart."""
    installed(site, "old-thing", "1.0")
    installed(
        site, "halved", "2.0", "Provides-Extra: more", "Requires-Dist: no-such; extra == 'more'"
    )
    installed(site, "pre", "3.0rc1")
    installed(
        site,
        "afterword",
        "7.8",
        "Requires-Dist: old-thing>=1.5",
        "Requires-Dist: halved[more]>=1",
        "Requires-Dist: pre>=2",
        "Requires-Dist: never-there>=4",
        "Requires-Dist: for-others; sys_platform == 'win32'",
        "Requires-Dist: torch==99",
        "Requires-Dist: no-recogniser; extra == 'ocr'",
    )
    found = looked(installation.needed, subject_of(tmp_path))
    assert levels(found) == {"halved": "problem", "never-there": "problem", "old-thing": "problem"}
    assert (
        found["old-thing"].message == "old-thing is 1.0, not >=1.5; Afterword needs old-thing>=1.5"
    )
    assert "never-there is not installed" in found["never-there"].message
    assert "lacks its extra more: no-such is not installed" in found["halved"].message
    assert "install Afterword again" in found["never-there"].do
    version = looked(installation.version, subject_of(tmp_path))["afterword"]
    assert (version.level, version.facts["version"]) == ("ok", "7.8")
    assert levels(looked(installation.extras, subject_of(tmp_path))) == {"text recognition": "note"}
    wanted = subject_of(tmp_path, {"AFTERWORD_OCR": "rapidocr"})
    told = looked(installation.extras, wanted)["text recognition"]
    assert told.level == "problem"
    assert re.fullmatch(r"pip install '\.\[ocr\]' .*, or unset AFTERWORD_OCR", told.do)


def test_packages_that_packages_need(site: Path, tmp_path: Path) -> None:
    """A fault further down is told with who needs it, and circles end."""
    installed(site, "upper", "1", "Requires-Dist: middle")
    installed(site, "middle", "1", "Requires-Dist: upper", "Requires-Dist: lower>=2")
    installed(site, "lower", "1")
    installed(site, "afterword", "1", "Requires-Dist: upper")
    found = looked(installation.needed, subject_of(tmp_path))
    assert levels(found) == {"packages": "ok", "packages of packages": "warning"}
    assert "middle needs lower, which is 1, not >=2" in found["packages of packages"].message


def test_a_checkout_that_is_not_installed(tmp_path: Path) -> None:
    """Its project file says what is needed."""
    project = '[project]\nversion = "5"\ndependencies = ["a>=1"]\n'
    (tmp_path / "pyproject.toml").write_text(
        f'{project}[project.optional-dependencies]\nocr = ["b"]\n', encoding="utf-8"
    )
    found = packages.asked("no-such-distribution", tmp_path)
    assert found is not None
    assert (found.version, found.installed) == ("5", False)
    assert packages.packages(found.requirements) == [Package("a", ">=1", None, "is not installed")]
    assert [one.name for one in packages.packages(found.requirements, "ocr")] == ["b"]
    assert packages.asked("no-such-distribution", tmp_path / "nowhere") is None


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Hide distributions from the looks."""
    real = metadata.distribution

    def distribution(name: str) -> metadata.Distribution:
        if name in names:
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(packages, "distribution", distribution)


def test_a_slim_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without all three it is one on purpose; without some it is not."""
    without(monkeypatch, *packages.HUB)
    slim = looked(installation.torch, subject_of(tmp_path))
    assert levels(slim) == {"hub models": "note"}
    assert "models of the hub and folders of such cannot be loaded" in slim["hub models"].message
    without(monkeypatch, "transformers")
    half = looked(installation.torch, subject_of(tmp_path))["hub models"]
    assert (half.level, "transformers missing" in half.message) == ("warning", True)
    assert half.do.startswith("pip install -r requirements.txt")


def test_packages_of_hub_models_in_other_versions(site: Path, tmp_path: Path) -> None:
    """They are named with what is needed, and are no fault of all the others."""
    needs = ("torch==2.13.0", "transformers>=5.23", "sentence-transformers>=6.2")
    installed(site, "afterword", "1", *(f"Requires-Dist: {one}" for one in needs))
    for name, version in (
        ("torch", "1.0"),
        ("transformers", "5.23"),
        ("sentence-transformers", "7"),
    ):
        installed(site, name, version)
    assert levels(looked(installation.needed, subject_of(tmp_path))) == {}
    told = list(installation.torch(subject_of(tmp_path)))
    assert [(one.name, one.level) for one in told] == [("torch", "warning"), ("torch", "ok")]
    assert told[0].message == "torch is 1.0, not ==2.13.0"
    assert told[0].do.startswith("pip install -r requirements.txt")


@pytest.mark.parametrize(
    ("line", "level", "cuda"),
    [("cuda: Optional[str] = None", "ok", None), ("cuda: Optional[str] = '12.8'", "note", "12.8")],
)
def test_the_build_of_torch(
    site: Path, tmp_path: Path, line: str, level: str, cuda: str | None
) -> None:
    """The processors' build is told from CUDA's without importing torch, and what each takes."""
    installed(site, "torch", "9.9", "Requires-Dist: nvidia-cublas==1")
    installed(site, "nvidia-cublas", "1")
    record = "libcublas.so,,3221225472\n"
    (site / "nvidia_cublas-1.dist-info" / "RECORD").write_text(record, encoding="utf-8")
    (site / "torch").mkdir()
    (site / "torch" / "version.py").write_text(f"__version__ = '9.9'\n{line}\n", encoding="utf-8")
    told = looked(installation.torch, subject_of(tmp_path))["torch"]
    assert (told.level, told.facts["cuda"]) == (level, cuda)
    assert told.facts["bytes"] == 3 * GB
    assert "3.0 GB" in told.message


def test_names_of_files_in_another_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is a warning with the variable to set."""
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    told = looked(installation.characters, subject_of(tmp_path))["characters"]
    assert (told.level, "PYTHONUTF8=1" in told.do) == ("warning", True)


# --- children ------------------------------------------------------------------------------------


def test_how_children_end() -> None:
    """A crash, an error, a hang and a success are told apart, in the time of the longest."""
    crash = f"import os; print('some.module', flush=True); os.kill(os.getpid(), {signal.SIGILL:d})"
    ends = run_trials(
        {
            "crash": (crash,),
            "error": ("raise ImportError('no libgomp')",),
            "hang": ("import time; time.sleep(60)",),
            "good": ("print('well')",),
            "offline": ("import os; print(os.environ['HF_HUB_OFFLINE'])",),
        },
        4,
    )
    assert ends["crash"].fault == "the process was ended by SIGILL at some.module"
    assert ends["error"].fault == "ImportError: no libgomp"
    assert ends["hang"].fault == "it did not end in time"
    assert (ends["good"].fault, ends["good"].out) == ("", "well\n")
    assert ends["offline"].out == "1\n"


def test_compiled_libraries_that_do_not_load(tmp_path: Path) -> None:
    """A crash on an instruction asks for another machine, an error for a new installation."""
    trials = {
        "numpy": Ended(0, "", ""),
        "faiss": Ended(-signal.SIGILL, "indexes.dense\n", ""),
        "tantivy": Ended(1, "", "Traceback …\nImportError: no libstdc++\n"),
    }
    found = looked(installation.compiled, subject_of(tmp_path, trials=trials))
    assert levels(found) == {"faiss": "problem", "tantivy": "problem"}
    assert "choose another type of machine" in found["faiss"].do
    assert "no libstdc++" in found["tantivy"].message
    assert "install Afterword again" in found["tantivy"].do


def test_the_trials_themselves() -> None:
    """Here, all that is tried works, and the reader prefers the text that answers."""
    ends = run_trials()
    assert {name: end.fault for name, end in ends.items()} == dict.fromkeys(children.TRIALS, "")
    assert json.loads(ends["reader"].out)["best"] is True
    vectors = json.loads(ends["encoder"].out)["vectors"]
    expected = encoder.load_encoder("bundled").encode_documents(encoder.PROBES)
    assert vectors == pytest.approx(expected, abs=1e-6)


# --- processor and memory ------------------------------------------------------------------------


def system(folder: Path, contents: Mapping[str, str]) -> Path:
    """Write files as the kernel shows them."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


V2 = {"proc/self/cgroup": "0::/work/afterword\n", "sys/fs/cgroup/work/afterword/x": ""}
V1 = {
    "proc/self/cgroup": "9:name=systemd:/\n4:memory:/host/path\n2:cpu,cpuacct:/\n0::/\n",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
}


@pytest.mark.parametrize(
    ("contents", "limit"),
    [
        ({}, None),
        ({**V2, "sys/fs/cgroup/work/afterword/cpu.max": "max 100000\n"}, None),
        ({**V2, "sys/fs/cgroup/work/afterword/cpu.max": "150000 100000\n"}, 1.5),
        ({**V2, "sys/fs/cgroup/work/cpu.max": "50000 100000\n"}, 0.5),
        ({**V1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"}, None),
        ({**V1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n"}, 2.0),
        ({**V2, "sys/fs/cgroup/work/afterword/cpu.max": "rubbish\n"}, None),
    ],
)
def test_the_limit_of_cores(tmp_path: Path, contents: dict[str, str], limit: float | None) -> None:
    """Both versions of control groups, and the groups above one's own."""
    assert processor.cpu_limit(system(tmp_path, contents)) == limit


@pytest.mark.parametrize(
    ("contents", "limit"),
    [
        ({}, None),
        ({**V2, "sys/fs/cgroup/work/afterword/memory.max": "max\n"}, None),
        ({**V2, "sys/fs/cgroup/work/memory.max": f"{GB}\n"}, GB),
        ({**V1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({**V1, "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GB}\n"}, 3 * GB),
    ],
)
def test_the_limit_of_memory(tmp_path: Path, contents: dict[str, str], limit: int | None) -> None:
    """Inside a container the path may be the host's; the group's own root counts then."""
    assert memory.memory_limit(system(tmp_path, contents)) == limit


@pytest.mark.parametrize(
    ("limit", "environ", "level"),
    [
        ("400000 100000", {}, "ok"),
        ("100000 100000", {}, "warning"),
        ("100000 100000", {"AFTERWORD_THREADS": "1"}, "ok"),
        ("max 100000", {"AFTERWORD_THREADS": "9"}, "warning"),
    ],
)
def test_threads_and_cores(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    environ: dict[str, str],
    level: str,
) -> None:
    """More threads than a container may run hinder each other."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    here = system(tmp_path, {**V2, "sys/fs/cgroup/work/cpu.max": f"{limit}\n"})
    found = {one.name: one for one in processor.cores(subject_of(tmp_path, environ), here)}
    assert levels(found) == {"cores": level}
    if limit.startswith("1") and level == "warning":
        assert found["cores"].do == "set AFTERWORD_THREADS=1 and AFTERWORD_READER_PROCESSES=1"


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("fpu sse2", "warning"),
        ("fpu avx2", "note"),
        ("avx2 avx512_vnni", "ok"),
        ("avx2 avx_vnni", "ok"),
    ],
)
def test_instructions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, level: str
) -> None:
    """What makes encoding slow is told."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    here = system(tmp_path, {"proc/cpuinfo": f"processor : 0\nflags\t\t: {flags}\n"})
    assert [one.level for one in processor.instructions(subject_of(tmp_path), here)] == [level]
    nowhere = tmp_path / "none"
    assert [one.level for one in processor.instructions(subject_of(tmp_path), nowhere)] == ["note"]


@pytest.mark.parametrize(
    ("total", "available", "limit", "expected"),
    [
        (16 * GB, 12 * GB, "max", {"memory": "ok", "reading": "ok"}),
        (4 * GB, 3 * GB, "max", {"memory": "ok", "reading": "note"}),
        (16 * GB, GB // 2, "max", {"memory": "warning", "reading": "ok"}),
        (16 * GB, 12 * GB, str(GB // 2), {"memory": "problem", "reading": "note"}),
    ],
)
def test_memory(
    tmp_path: Path, total: int, available: int, limit: str, expected: dict[str, str]
) -> None:
    """What service and children may take is compared with what there is, or with the limit."""
    here = system(
        tmp_path,
        {
            **V2,
            "proc/meminfo": f"MemTotal: {total >> 10} kB\nMemAvailable: {available >> 10} kB\n",
            "sys/fs/cgroup/work/memory.max": f"{limit}\n",
        },
    )
    subject = subject_of(tmp_path, {"AFTERWORD_READER_PROCESSES": "2"})
    found = {one.name: one for one in memory.memory(subject, here)}
    assert levels(found) == expected
    if expected["reading"] == "note":
        assert "AFTERWORD_READER_PROCESSES=1" in found["reading"].do


def test_the_dense_views_count(tmp_path: Path) -> None:
    """A service holds them in memory."""
    (tmp_path / "data" / "large").mkdir(parents=True)
    with (tmp_path / "data" / "large" / "dense.faiss").open("wb") as file:
        file.truncate(5 * GB)
    here = system(
        tmp_path,
        {"proc/meminfo": f"MemTotal: {4 << 20} kB\nMemAvailable: {4 << 20} kB\n"},
    )
    found = {one.name: one for one in memory.memory(subject_of(tmp_path / "data"), here)}
    assert found["memory"].level == "problem"
    assert found["memory"].facts["views"] == 5 * GB


@given(st.integers(0, 1 << 60))
def test_amounts_are_near_what_they_say(count: int) -> None:
    """A number of bytes, said in words, is off by less than one in twenty."""
    number, unit = amount(count).split()
    power = ("bytes", "KB", "MB", "GB", "TB").index(unit)
    assert abs(float(number) * 1024**power - count) <= max(0.5 * 1024 ** min(power, 1), count / 20)


# --- the data folder -----------------------------------------------------------------------------


def test_a_data_folder_that_is_well(tmp_path: Path) -> None:
    """It is written, flushed and locked for real, and nothing stays there."""
    (tmp_path / "data").mkdir()
    subject = subject_of(tmp_path / "data")
    assert levels(looked(data.folder, subject)) == {"folder": "ok"}
    assert levels(looked(data.locks, subject)) == {"locks": "ok"}
    assert list((tmp_path / "data").iterdir()) == []


def test_data_folders_that_cannot_be(tmp_path: Path) -> None:
    """A file in its place, and a place where nobody can write."""
    (tmp_path / "data").write_text("a file")
    assert looked(data.folder, subject_of(tmp_path / "data"))["folder"].level == "problem"
    assert looked(data.folder, subject_of(tmp_path / "later"))["folder"].level == "note"
    if sys.platform == "linux":
        told = looked(data.folder, subject_of(Path("/proc")))["folder"]
        assert (told.level, "AFTERWORD_DATA" in told.do) == ("problem", True)
        assert looked(data.locks, subject_of(Path("/proc")))["locks"].level == "problem"


def test_files_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this user cannot write is named, and how to get it."""
    (tmp_path / "data" / "mine").mkdir(parents=True)
    (tmp_path / "data" / "theirs").mkdir()
    (tmp_path / "data" / "theirs" / "catalog.db").write_bytes(b"")
    real = os.access

    def access(path: Path, mode: int) -> bool:
        return real(path, mode) and "theirs" not in str(path)

    monkeypatch.setattr(os, "access", access)
    told = looked(data.folder, subject_of(tmp_path / "data"))["owners"]
    assert told.facts["refused"] == ["theirs", "theirs/catalog.db"]
    assert "chown" in told.do


@pytest.mark.parametrize("kind", ["flock", "lockf"])
def test_locks_that_do_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Where a second process gets a lock too, that is a problem."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(fcntl, kind, lambda *_: None)
    told = looked(data.locks, subject_of(tmp_path / "data"))["locks"]
    assert told.level == "problem"
    assert kind not in str(told.facts["seen"]).split()
    assert "local disk" in told.do


TABLE = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /mnt/with\\040space rw - nfs4 server:/export rw
31 22 0:41 / /data rw,noatime shared:1 - tmpfs tmpfs rw
32 22 0:42 / /data rw - overlay overlay rw,lowerdir=/a
33 22 0:43 / /media ro - iso9660 /dev/sr0 ro
34 22 0:44 / /database rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "read_only"),
    [
        ("/home/x", "ext4", False),
        ("/mnt/with space/docs", "nfs4", False),
        ("/data/x", "overlay", False),
        ("/media/disc", "iso9660", True),
        ("/database", "xfs", False),
    ],
)
def test_the_mount_of_a_path(tmp_path: Path, path: str, kind: str, *, read_only: bool) -> None:
    """The longest mount point counts, by whole names, and the last of several at one place."""
    (tmp_path / "table").write_text(TABLE)
    mount = mount_of(Path(path), tmp_path / "table")
    assert mount is not None
    assert (mount.kind, mount.read_only) == (kind, read_only)


@pytest.mark.parametrize(
    ("kind", "options", "level", "said"),
    [
        ("ext4", "rw", "ok", "ext4"),
        ("nfs4", "rw", "warning", "network"),
        ("fuse.sshfs", "rw", "warning", "network"),
        ("9p", "rw", "warning", "host"),
        ("tmpfs", "rw", "warning", "memory"),
        ("overlay", "rw", "warning", "container"),
        ("ext4", "ro", "problem", "read-only"),
    ],
)
def test_kinds_of_file_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, options: str, level: str, said: str
) -> None:
    """Those that are no place for a database are told with the reason."""
    table = tmp_path / "table"
    table.write_text(f"1 0 0:1 / / {options} - {kind} source {options}\n")
    monkeypatch.setattr(data, "mount_of", lambda path: mount_of(path, table))
    told = looked(data.file_system, subject_of(tmp_path))["file system"]
    assert (told.level, said in told.message) == (level, True)
    monkeypatch.setattr(data, "mount_of", lambda path: mount_of(path, tmp_path / "none"))
    assert looked(data.file_system, subject_of(tmp_path))["file system"].level == "note"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no /dev/shm")  # noqa: S108
def test_a_real_file_system_in_memory() -> None:
    """The kernel's own table tells it."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as made:
        told = looked(data.file_system, subject_of(Path(made)))["file system"]
    assert told.facts["kind"] in DOUBTFUL
    assert told.level == "warning"


@pytest.mark.parametrize(
    ("free", "inodes", "level"),
    [
        (GB * 9, 10**6, "ok"),
        (GB // 2, 10**6, "warning"),
        (1 << 20, 10**6, "problem"),
        (GB * 9, 5, "problem"),
    ],
)
def test_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, inodes: int, level: str
) -> None:
    """Bytes and names of files are both needed."""
    told = SimpleNamespace(
        f_bavail=free // 4096, f_frsize=4096, f_blocks=10**9, f_favail=inodes, f_files=10**7
    )
    monkeypatch.setattr(os, "statvfs", lambda _: told)
    assert looked(data.space, subject_of(tmp_path / "none"))["space"].level == level
    assert looked(data.temporary, subject_of(tmp_path))["temporary files"].level == level


def test_space_for_the_largest_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore or reindex writes it a second time."""
    (tmp_path / "big").mkdir()
    for name, size in (("catalog.db", 3 * GB), ("dense.faiss", GB)):
        with (tmp_path / "big" / name).open("wb") as file:
            file.truncate(size)
    told = SimpleNamespace(f_bavail=2 << 20, f_frsize=1024, f_blocks=1 << 30, f_favail=0, f_files=0)
    monkeypatch.setattr(os, "statvfs", lambda _: told)
    space = looked(data.space, subject_of(tmp_path))["space"]
    assert (space.level, "takes 4.0 GB" in space.message) == ("warning", True)
    sizes = looked(data.sizes, subject_of(tmp_path))["size of big"]
    assert sizes.facts == {"catalog": 3 * GB, "dense": GB}


def test_no_place_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told with the variable to set."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    told = looked(data.temporary, subject_of(tmp_path))["temporary files"]
    assert (told.level, "TMPDIR" in told.do) == ("problem", True)


# --- settings ------------------------------------------------------------------------------------

KEY = "a-long-secret-of-ours"


def everything_said(found: Mapping[str, Finding]) -> str:
    """Return all that programs and people are told."""
    return json.dumps([[one.name, one.message, one.do, dict(one.facts)] for one in found.values()])


def test_settings_with_their_places(tmp_path: Path) -> None:
    """Each is told with where it stands, and the key is not told at all."""
    (tmp_path / ".env").write_text(f"AFTERWORD_API_KEY={KEY}\nAFTERWORD_THREADS=3\n")
    (tmp_path / "afterword.toml").write_text('reader = "none"\n')
    (tmp_path / ".env").chmod(0o600)
    subject = subject_of(tmp_path / "data", folder=tmp_path)
    found = looked(settings.given, subject)
    assert set(found) == {"from environment", "from .env", "from afterword.toml"}
    assert found["from .env"].message == "AFTERWORD_API_KEY=…, AFTERWORD_THREADS=3"
    assert found["from .env"].facts["AFTERWORD_API_KEY"] == {"from": ".env"}
    assert found["from afterword.toml"].message == "AFTERWORD_READER=none"
    for look in (settings.mistakes, settings.given, settings.exposure, settings.secrets):
        assert KEY not in everything_said(looked(look, subject))
    assert looked(settings.secrets, subject) == {}


def test_a_password_in_an_address_is_not_told(tmp_path: Path) -> None:
    """Neither to people nor to programs."""
    environ = {"OPENAI_BASE_URL": "http://me:se/cr@et@127.0.0.1:8080/v1"}
    found = looked(settings.given, subject_of(tmp_path, environ))
    assert "OPENAI_BASE_URL=http://127.0.0.1:8080/v1" in found["from environment"].message
    assert "cr@et" not in everything_said(found)
    assert "se/cr" not in everything_said(found)


def test_mistakes_in_settings(tmp_path: Path) -> None:
    """All of them are findings, and what is right counts all the same."""
    (tmp_path / "afterword.toml").write_text("treads = 3\nport = 81\n")
    environ = {"AFTERWORD_THREADS": "many", "AFTERWORD_API_KEY": "short", "AFTERWORD_HOST": "::1"}
    subject = subject_of(tmp_path / "data", environ, folder=tmp_path)
    told = list(settings.mistakes(subject))
    assert [one.level for one in told] == ["problem"] * 3
    words = " ".join(one.message for one in told)
    for named in ("AFTERWORD_TREADS", "AFTERWORD_THREADS", "AFTERWORD_API_KEY", "afterword.toml"):
        assert named in words
    assert "short" not in words
    assert (subject.settings.host, subject.settings.threads) == ("::1", 0)


@pytest.mark.parametrize("name", [".env", "afterword.toml"])
def test_a_settings_file_that_is_no_utf8(tmp_path: Path, name: str) -> None:
    """It is one mistake that names the file."""
    (tmp_path / name).write_bytes(b"AFTERWORD_ENCODER='caf\xe9'\n")
    subject = subject_of(tmp_path / "data", folder=tmp_path)
    (told,) = settings.mistakes(subject)
    assert told.message.startswith(f"{name} ")


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, "ok"),
        ({"AFTERWORD_HOST": "localhost", "AFTERWORD_API_KEY": KEY}, "ok"),
        ({"AFTERWORD_HOST": "0.0.0.0"}, "problem"),
        ({"AFTERWORD_HOST": "0.0.0.0", "AFTERWORD_API_KEY": KEY}, "note"),
        ({"AFTERWORD_HOST": "0.0.0.0", "AFTERWORD_ALLOW_ANONYMOUS": "1"}, "warning"),
    ],
)
def test_who_may_ask(tmp_path: Path, environ: dict[str, str], level: str) -> None:
    """A service that would refuse to start is a problem, an open one a warning."""
    told = looked(settings.exposure, subject_of(tmp_path, environ))["exposure"]
    assert told.level == level
    if level == "problem":
        assert "AFTERWORD_API_KEY" in told.do


def test_secrets_that_others_can_read(tmp_path: Path) -> None:
    """The file with the key, and that of the passwords."""
    (tmp_path / ".env").write_text(f"AFTERWORD_API_KEY={KEY}\n")
    (tmp_path / ".env").chmod(0o644)
    told = looked(settings.secrets, subject_of(tmp_path / "data", folder=tmp_path))["secrets"]
    assert (told.level, told.do) == ("warning", f"chmod 600 {tmp_path / '.env'}")


def test_stored_keys(tmp_path: Path) -> None:
    """With one that is good the service starts; their file is for one user alone."""
    environ = {"AFTERWORD_HOST": "0.0.0.0"}
    subject = subject_of(tmp_path, environ)
    key, _ = keys.create(tmp_path, Wanted("test", "read"))
    assert looked(settings.exposure, subject)["exposure"].level == "note"
    assert looked(settings.secrets, subject) == {}
    keys.path_of(tmp_path).chmod(0o644)
    told = looked(settings.secrets, subject)["secrets"]
    assert (told.level, told.do) == ("warning", f"chmod 600 {tmp_path / 'keys.db'}")
    keys.path_of(tmp_path).chmod(0o600)
    sessions_of(tmp_path).write_bytes(b"")
    sessions_of(tmp_path).chmod(0o640)
    told = looked(settings.secrets, subject)["secrets"]
    assert told.do == f"chmod 600 {tmp_path / 'sessions.db'}"
    keys.revoke(tmp_path, key.key_id)
    assert looked(settings.exposure, subject)["exposure"].level == "problem"
    keys.path_of(tmp_path).write_bytes(b"damaged" * 1000)
    damaged = looked(settings.exposure, subject)["keys"]
    assert (damaged.level, "keys.db" in damaged.message) == ("problem", True)


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    """Every ingest would end at its start."""
    environ = {"AFTERWORD_PASSWORD_FILE": str(tmp_path / "none")}
    told = looked(settings.password_file, subject_of(tmp_path, environ))["passwords"]
    assert told.level == "problem"
    assert looked(settings.password_file, subject_of(tmp_path)) == {}


def test_prompts_of_ones_own_are_looked_at(tmp_path: Path) -> None:
    """Which there are, and what is wrong with them."""
    folder = tmp_path / "prompts"
    folder.mkdir()
    subject = subject_of(tmp_path, {"AFTERWORD_PROMPTS": str(folder)})
    (folder / "direct.md").write_text("# user\n$evidence $question")
    told = looked(settings.prompts, subject)["prompts"]
    assert (told.level, told.message) == ("ok", f"direct.md in {folder}")
    (folder / "direkt.md").write_text("")
    told = looked(settings.prompts, subject)["prompts"]
    assert (told.level, "direct.md may be meant" in told.message) == ("problem", True)
    assert looked(settings.prompts, subject_of(tmp_path)) == {}


# --- models --------------------------------------------------------------------------------------


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A copy of the bundled encoder."""
    return shutil.copytree(encoder.FOLDER, tmp_path / "model")


def test_weights_that_are_not_the_recorded_ones(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte is enough; the file is named."""
    monkeypatch.setattr(encoder, "FOLDER", network)
    good = {"encoder": Ended(0, "{}", "")}
    assert levels(looked(models.bundled_encoder, subject_of(tmp_path, trials=good))) == {
        "bundled encoder": "ok"
    }
    weights = network / "model.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    told = looked(models.bundled_encoder, subject_of(tmp_path))["bundled encoder"]
    assert told.level == "problem"
    assert f"{weights} is not the expected file" in told.message
    assert told.do.startswith("Install Afterword again")
    weights.unlink()
    told = looked(models.bundled_encoder, subject_of(tmp_path))["bundled encoder"]
    assert f"{weights} is missing" in told.message


def test_bundled_models_that_do_not_run(tmp_path: Path) -> None:
    """Right files on a wrong processor, and a processor that reckons wrongly."""
    wrong = Ended(0, '{"best": false}', "")
    trials = {"encoder": Ended(-signal.SIGILL, "", ""), "reader": wrong, "entailment": wrong}
    subject = subject_of(tmp_path, trials=trials)
    told = looked(models.bundled_encoder, subject)["bundled encoder"]
    assert (told.level, "SIGILL" in told.message) == ("problem", True)
    told = looked(models.bundled_reader, subject)["bundled reader"]
    assert (told.level, "prefers what is wrong" in told.message) == ("problem", True)
    assert "AFTERWORD_READER=none" in told.do
    told = looked(models.bundled_entailment, subject)["bundled entailment"]
    assert (told.level, "prefers what is wrong" in told.message) == ("problem", True)
    assert "AFTERWORD_GENERATOR=quote" in told.do


def test_readers_that_the_settings_name(network: Path, tmp_path: Path) -> None:
    """None, a network's folder, and a network that is damaged."""
    none = looked(models.named_reader, subject_of(tmp_path, {"AFTERWORD_READER": "none"}))
    assert none["reader"].level == "ok"
    subject = subject_of(tmp_path, {"AFTERWORD_READER": str(network)})
    assert looked(models.named_reader, subject)["reader"].level == "ok"
    (network / "tokenizer.json").write_text("{}")
    told = looked(models.named_reader, subject)["reader"]
    assert (told.level, "tokenizer.json" in told.message) == ("problem", True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and the hub allowed; no look may go there all the same."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def refused(*given: object, **_: object) -> None:
        raise AssertionError(f"looked up {given}")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("name", "level", "said"),
    [
        ("someone/thing", "warning", "a start downloads it"),
        ("no name/of the hub/at all", "problem", "neither a folder nor a name of the hub"),
        ("/nowhere/at/all", "problem", "neither a folder nor a name of the hub"),
    ],
)
@pytest.mark.usefixtures("cache")
def test_models_that_are_not_here(tmp_path: Path, name: str, level: str, said: str) -> None:
    """What would be downloaded is a warning, what could never be found a problem."""
    for role, look in (("ENCODER", models.named_encoder), ("READER", models.named_reader)):
        told = looked(look, subject_of(tmp_path, {f"AFTERWORD_{role}": name}))[role.lower()]
        assert (told.level, said in told.message) == (level, True), told
        assert told.do


def test_a_model_in_the_cache_and_in_a_folder(cache: Path, tmp_path: Path) -> None:
    """Where it is, and how large; a folder without weights is a problem."""
    snapshot = cache / "models--someone--thing" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (cache / "models--someone--thing" / "refs").mkdir()
    (cache / "models--someone--thing" / "refs" / "main").write_text("0" * 40)
    look, name = models.named_encoder, {"AFTERWORD_ENCODER": "someone/thing"}
    assert looked(look, subject_of(tmp_path, name))["encoder"].level == "warning"
    (snapshot / "model.safetensors").write_bytes(b"x" * 2048)
    told = looked(look, subject_of(tmp_path, name))["encoder"]
    assert (told.level, told.facts["folder"], told.facts["bytes"]) == ("ok", str(snapshot), 2048)
    there = {"AFTERWORD_ENCODER": str(snapshot)}
    assert looked(look, subject_of(tmp_path, there))["encoder"].level == "ok"
    (snapshot / "model.safetensors").unlink()
    told = looked(look, subject_of(tmp_path, there))["encoder"]
    assert (told.level, "no *.safetensors file" in told.message) == ("problem", True)


def test_a_model_that_cannot_be_loaded_is_found_in_full(tmp_path: Path) -> None:
    """Without --full it is only seen to be there."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    environ = {"AFTERWORD_ENCODER": str(folder)}
    assert looked(models.named_encoder, subject_of(tmp_path, environ))["encoder"].level == "ok"
    told = looked(models.named_encoder, subject_of(tmp_path, environ, full=True))["encoder"]
    assert (told.level, "cannot be loaded" in told.message) == ("problem", True)


@pytest.mark.usefixtures("cache")
def test_a_hub_model_in_a_slim_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be loaded, whether it is here or not."""
    monkeypatch.setattr(models, "find_spec", lambda _: None)
    subject = subject_of(tmp_path, {"AFTERWORD_ENCODER": "someone/thing"})
    told = looked(models.named_encoder, subject)["encoder"]
    assert (told.level, "sentence-transformers" in told.message) == ("problem", True)
    assert told.do.startswith("pip install -r requirements.txt")


# --- ports ---------------------------------------------------------------------------------------


def at(port: int, host: str = "127.0.0.1", hosts: str = "") -> Finding:
    """Look at an address, with these lines as the hosts file."""
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "hosts").write_text(hosts)
        subject = subject_of(Path(made), {"AFTERWORD_HOST": host, "AFTERWORD_PORT": str(port)})
        (told,) = address.address(subject, Path(made) / "hosts")
    return told


@contextmanager
def listening() -> Iterator[int]:
    """Hold a port of loopback, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port() -> None:
    """And it is free again afterwards."""
    with listening() as port:
        pass
    assert (at(port).level, at(port).level) == ("ok", "ok")
    assert at(0).level == "ok"
    assert at(port, "localhost").level == "ok"
    assert at(port, "0.0.0.0").level == "ok"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_a_silent_program_has(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """It is not waited for long, and said to be another's."""
    monkeypatch.setattr(address, "_SECONDS", 0.2)
    with listening() as port:
        told = at(port, host)
    assert (told.level, "another program" in told.message) == ("problem", True)
    assert "AFTERWORD_PORT" in told.do


class Other(BaseHTTPRequestHandler):
    """A web server of another kind, which finds everything and answers the same."""

    def do_GET(self) -> None:
        """Answer what is no word of ours."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "alive"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_port_that_another_web_server_has() -> None:
    """What answers is not yet Afterword."""
    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = at(server.server_port)
        server.shutdown()
    assert (told.level, "another program" in told.message) == ("problem", True)


def test_a_port_that_afterword_has(tmp_path: Path) -> None:
    """A ready one is well, one that is not ready says why."""
    stored(tmp_path, {"a": "swans are white"})
    answerer = SmallAnswerer(tmp_path)
    with running(small_app(answerer)) as client:
        port = int(client.base_url.port or 0)
        told = at(port)
        assert (told.level, "is ready" in told.message) == ("ok", True)
    answerer.reasons = ("The encoder is gone.",)
    (tmp_path / "default" / "catalog.db").write_bytes(b"nothing")
    answerer.opened.clear()
    with running(small_app(answerer)) as client:
        told = at(int(client.base_url.port or 0))
    assert (told.level, "The encoder is gone." in told.message) == ("problem", True)


def test_a_really_started_service(tmp_path: Path) -> None:
    """From outside, with a key: health is open, and the data folder's worker is seen."""
    environ = {"AFTERWORD_API_KEY": KEY}
    with served(tmp_path / "data", tmp_path / "log", **environ) as service:
        told = at(int(service.url.rpartition(":")[2]))
        before = files(tmp_path / "data")
        assert (told.level, told.facts["readiness"]) != ("problem", None)
        assert told.message.endswith("and is ready")
        assert files(tmp_path / "data") == before


def test_addresses_that_are_not_this_machines() -> None:
    """An address for documentation (RFC 5737) is nobody's."""
    told = at(8000, "192.0.2.1")
    assert (told.name, told.level) == ("host", "problem")
    assert "no address of this machine" in told.message
    assert at(8000, "2001:db8::1").level == "problem"


def test_names_of_hosts_are_looked_up_on_this_machine_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the hosts file; what is not there is told and not asked for."""

    def refused(*given: object, **_: object) -> None:
        raise AssertionError(f"looked up {given}")

    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refused)
    told = at(8000, "elsewhere.example")
    assert (told.name, told.level, "name server" in told.message) == ("host", "warning", True)
    lines = "# elsewhere.example is a comment\n127.0.0.1 localhost Here.example # there.example\n"
    with listening() as port:
        pass
    assert at(port, "here.EXAMPLE", lines).level == "ok"
    assert at(port, "there.example", lines).level == "warning"


def test_a_port_for_the_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says which ports are free for all."""

    def refused(_host: str, _port: int) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(address, "_bind", refused)
    told = at(80)
    assert (told.level, told.do) == ("problem", "use one from 1024 on")
