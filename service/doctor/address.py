"""The address of the service: can it be bound, and who is there if not."""

import errno
import ipaddress
import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from service.doctor.findings import Finding, Subject, listed
from service.loopback import is_loopback, reached

_HOSTS: Final = Path("/etc/hosts")
_SECONDS: Final = 3.0
# A service that looks at its collections says so after ten seconds.
_READY_SECONDS: Final = 12.0
_PRIVILEGED: Final = 1024
_OTHER_PORT: Final = "choose another by AFTERWORD_PORT or --port"
_OTHER_HOST: Final = "set AFTERWORD_HOST to 127.0.0.1, or to an address of this machine"


def address(subject: Subject, hosts: Path = _HOSTS) -> Iterator[Finding]:
    """Tell whether the service's address can be bound, and who has it if it cannot.

    A host name is looked up on this machine alone.
    """
    host, port = subject.settings.host, subject.settings.port
    facts = {"host": host, "port": port}
    found = _numeric(host, hosts)
    if found is None:
        message = f"{host} is neither an address nor a name in {hosts}; no name server was asked"
        advice = f"{_OTHER_HOST}, which does not depend on one"
        yield Finding("host", "warning", message, advice, facts)
        return
    if port == 0:
        message = f"any free port of {host}; the log tells which"
        yield Finding("port", "ok", message, facts=facts)
        return
    try:
        _bind(found, port)
    except OSError as error:
        yield _refused(found, port, error, facts)
    else:
        yield Finding("port", "ok", f"{host} port {port} is free", facts=facts)


def _numeric(host: str, hosts: Path) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        lines = hosts.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        first, *names = line.partition("#")[0].split() or [""]
        if host.lower() in map(str.lower, names):
            return first
    return "127.0.0.1" if host.lower() == "localhost" else None


def _bind(host: str, port: int) -> None:
    """Bind as the service does, without listening, and let go. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((host, port))


def _refused(host: str, port: int, error: OSError, facts: dict[str, object]) -> Finding:
    if error.errno == errno.EADDRINUSE:
        return _taken(host, port, facts)
    message = f"{host} port {port} cannot be bound: {error.strerror}"
    if error.errno in {errno.EACCES, errno.EPERM} and port < _PRIVILEGED:
        message = f"port {port} is for the administrator alone: {error.strerror}"
        return Finding("port", "problem", message, "use one from 1024 on", facts)
    if error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
        kind = " (IPv6)" if ":" in host else ""
        message = f"{host}{kind} is no address of this machine: {error.strerror}"
        return Finding("host", "problem", message, _OTHER_HOST, facts)
    return Finding("port", "problem", message, f"{_OTHER_PORT}, or {_OTHER_HOST}", facts)


def _taken(host: str, port: int, facts: dict[str, object]) -> Finding:
    near = reached(host)
    if not is_loopback(near):
        message = f"{host} port {port} is taken; who has it is asked on loopback only"
        return Finding("port", "problem", message, f"stop that program, or {_OTHER_PORT}", facts)
    alive = _asked(near, port, "/health", _SECONDS)
    ready = _asked(near, port, "/health/ready", _READY_SECONDS) if alive else None
    if alive is None or alive.get("status") != "alive" or ready is None or "ready" not in ready:
        message = f"{host} port {port} is taken by another program"
        return Finding("port", "problem", message, f"stop it, or {_OTHER_PORT}", facts)
    told = f"Afterword runs on {host} port {port}"
    facts = {**facts, "readiness": ready}
    reasons = [str(reason) for reason in _items(ready.get("reasons"))]
    broken = ready.get("broken")
    names = sorted(map(str, broken)) if isinstance(broken, dict) else []
    if not ready["ready"]:
        message = f"{told} and is not ready: {' '.join(reasons) or 'it gives no reason'}"
        return Finding("port", "problem", message, "mend what it says; its log tells more", facts)
    if names:
        message = f"{told}; it cannot search {listed(names)}"
        return Finding("port", "warning", message, "see these collections above", facts)
    if reasons:
        message = f"{told} and is ready, but: {' '.join(reasons)}"
        return Finding("port", "warning", message, "see the queue above", facts)
    return Finding("port", "ok", f"{told} and is ready", facts=facts)


def _asked(host: str, port: int, path: str, seconds: float) -> dict[str, object] | None:
    """Return the JSON object that a service answers, None where it gives none."""
    connection = HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", path)
        found = json.loads(connection.getresponse().read(1 << 20))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
