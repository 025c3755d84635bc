"""What many connections need of the system: open files, and an end to those that vanished."""

import resource
import socket
from typing import Final

from indexes.errors import UsageError

# What a service opens besides connections: catalogs, originals on their way, spools, the worker.
_OTHER_DESCRIPTORS: Final = 512
# After a minute of silence it is asked four times, every 15 s; what was sent it has a minute for.
_PEER_OPTIONS: Final = (
    ("TCP_KEEPIDLE", 60),
    ("TCP_KEEPINTVL", 15),
    ("TCP_KEEPCNT", 4),
    ("TCP_USER_TIMEOUT", 60_000),
)


def watch_peers(listener: socket.socket) -> None:
    """Have the kernel end connections whose other end has vanished; those accepted inherit it."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PEER_OPTIONS:
        if hasattr(socket, name):  # each system has its own of these
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def make_room(connections: int) -> None:
    """Raise this process's limit of open files to what so many connections need.

    Raises UsageError where the system does not allow it.
    """
    needed = connections + _OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UsageError(
            f"{connections:,} connections need {needed:,} open files, and the system allows this "
            f"process {hard:,}. Raise its limit (`ulimit -Hn`, LimitNOFILE of systemd), or set "
            f"AFTERWORD_MAX_CONNECTIONS to {max(1, hard - _OTHER_DESCRIPTORS)} or less."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
