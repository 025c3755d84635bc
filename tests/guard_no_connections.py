"""Run a Python program and fail if it connects beyond this machine or writes elsewhere.

    python tests/guard_no_connections.py ALLOWED -- script.py argument…
    python tests/guard_no_connections.py ALLOWED -- -m module argument…
    python tests/guard_no_connections.py ALLOWED --native -- script.py argument…

ALLOWED is the folder below which files may be written (several: joined by the path separator);
temporary files are sent into the first. The first two forms watch what Python does, in the program
and in the Python children that it starts, and refuse it. `--native` watches the system calls by
strace, those of compiled libraries too, and only reports. Exit status 70 and one line on stderr for
each thing that was seen; else the program's own status.
"""

import atexit
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

SEEN = 70
_ALLOWED = "GUARD_ALLOWED"
_LOG = "GUARD_LOG"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES = ("/dev/null", "/dev/tty", "/dev/shm", "/dev/pts", "/proc/self")  # noqa: S108
_CONNECTIONS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname"}
# Event: the positions of the paths and, behind each, of the folder's descriptor it is relative to.
_CHANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.chmod": ((0, 2),),
    "os.utime": ((0, 3),),
    "os.truncate": ((0, -1),),
}


def install(allowed: Sequence[Path], log: Path) -> None:
    """Watch this process from now on; each offence is refused and written to `log`."""
    roots = [*map(os.path.realpath, allowed), *_DEVICES]
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        for offence in _offences(event, arguments, roots):
            os.write(descriptor, f"{event}: {offence}\n".encode())
            raise PermissionError(f"refused by the guard: {event}: {offence}")

    sys.addaudithook(watch)


def _offences(event: str, arguments: tuple[object, ...], roots: Sequence[str]) -> Iterator[str]:
    if event in _CONNECTIONS:
        address = arguments[1]
        if isinstance(address, tuple) and not _is_near(address[0]):
            yield repr(address)
    elif event in _LOOKUPS:
        if not _is_near(arguments[0]):
            yield repr(arguments[0])
    else:
        yield from (path for path in _written(event, arguments) if not _is_below(path, roots))


def _is_near(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    near = {None, "", "localhost", "::1", "0.0.0.0", "::"}
    return name in near or (isinstance(name, str) and name.startswith("127."))


def _written(event: str, arguments: tuple[object, ...]) -> Iterator[str]:
    if event == "open":
        path, mode, flags = arguments
        writes = (
            bool(set(mode) & set("wax+"))
            if isinstance(mode, str)
            else isinstance(flags, int) and bool(flags & _WRITING)
        )
        if writes and isinstance(path, str | bytes | os.PathLike):
            yield os.fsdecode(path)
    elif event == "sqlite3.connect":
        yield from _database(arguments[0])
    for at, folder in _CHANGES.get(event, ()):
        path, base = arguments[at], arguments[folder] if folder >= 0 else -1
        if isinstance(path, str | bytes | os.PathLike):
            relative = isinstance(base, int) and base >= 0
            start = Path(f"/proc/self/fd/{base}").readlink() if relative else Path()
            yield str(start / os.fsdecode(path))


def _database(name: object) -> Iterator[str]:
    text = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""
    if text.startswith("file:"):
        parts = urlsplit(text)
        text = "" if "mode=memory" in parts.query else unquote(parts.path)
    if text not in {"", ":memory:"}:
        yield text


def _is_below(path: str, roots: Sequence[str]) -> bool:
    # The name itself may be a link that is replaced: only its folder is followed.
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    real = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    return any(real == root or real.startswith(f"{root}/") for root in roots)


def native(command: Sequence[str], allowed: Sequence[Path], log: Path) -> tuple[int, list[str]]:
    """Run `command` under strace; return its exit status and what it connected to or wrote."""
    calls = "connect,sendto,sendmsg,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
    tracer = ["strace", "-f", "-qq", "-y", "-s", "4096", "-e", f"trace={calls}", "-o", str(log)]
    status = subprocess.run([*tracer, *command], check=False).returncode
    roots = [*map(os.path.realpath, allowed), *_DEVICES]
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return status, [found for line in lines for found in _native_offences(line, roots)]


_CALL = re.compile(r"^\d+ +(\w+)\((.*)")
_ADDRESS = re.compile(r'htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)')
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"([^"]*)"')
_DNS = "53"


def _native_offences(line: str, roots: Sequence[str]) -> Iterator[str]:
    call = _CALL.match(line)
    if call is None:
        return
    name, rest = call.groups()
    if name in {"connect", "sendto", "sendmsg"}:
        address = _ADDRESS.search(rest)
        if address and (address[1] == _DNS or not _is_near(address[2])):
            yield f"{name}: {address[2]} port {address[1]}"
    elif " = -1 " not in rest and (
        not name.startswith("open") or re.search(r"O_WRONLY|O_RDWR|O_CREAT", rest)
    ):
        for folder, path in _PATH.findall(rest):
            if not _is_below(os.path.join(folder, path), roots):  # noqa: PTH118
                yield f"{name}: {path}"


def _run(program: Sequence[str]) -> None:
    if program[0] == "-m":
        sys.argv = list(program[1:])
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(program)
        sys.path[0] = str(Path(program[0]).resolve().parent)
        runpy.run_path(program[0], run_name="__main__")


def _watch_children(site: Path) -> None:
    # Python imports sitecustomize at its start, so every Python child installs the guard too.
    (site / "sitecustomize.py").write_text(
        "import importlib.util, os, pathlib\n"
        f"spec = importlib.util.spec_from_file_location('guard', {__file__!r})\n"
        "guard = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(guard)\n"
        f"allowed = os.environ['{_ALLOWED}'].split(os.pathsep)\n"
        f"guard.install([*map(pathlib.Path, allowed)], pathlib.Path(os.environ['{_LOG}']))\n",
        encoding="utf-8",
    )
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


def _report(read: Callable[[], Sequence[str]]) -> None:
    found = read()
    if found:
        sys.stdout.flush()
        print(*(f"guard: {line}" for line in found), sep="\n", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(SEEN)


def main(arguments: Sequence[str]) -> None:
    """Run the program behind `--` under the guard."""
    end = arguments.index("--")
    options, program = arguments[:end], arguments[end + 1 :]
    allowed = [Path(path).resolve() for path in options[0].split(os.pathsep)]
    site = Path(tempfile.mkdtemp(prefix="guard-"))
    log = site / "log"
    temporary = allowed[0] / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if "--native" in options:
        status, found = native([sys.executable, *program], allowed, log)
        shutil.rmtree(site)
        _report(lambda: found)
        sys.exit(status)
    sys.dont_write_bytecode = True
    os.environ[_ALLOWED] = os.pathsep.join(map(str, allowed))
    os.environ[_LOG] = str(log)
    _watch_children(site)
    # Registered first, so run last: after what the program itself does at its exit.
    atexit.register(_report, lambda: log.read_text(encoding="utf-8").splitlines())
    install([*allowed, site], log)
    _run(program)


if __name__ == "__main__":
    main(sys.argv[1:])
