"""Which file system a folder is on, and whether that kind can be trusted with a database."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NETWORK: Final = (
    "a network file system: SQLite's log and locks hold within one machine only, and several "
    "machines, or a server that caches, can damage the catalogs"
)
_SHARED: Final = (
    "a folder of the host, shared into this machine: its locks and its shared memory may not "
    "reach across, and many small writes are slow"
)
_MEMORY: Final = "it lies in memory: all is lost when the machine or container stops"
_LAYER: Final = "the container's own layer: all is lost with the container"
_NAMES: Final = "it knows no owners and no files over 4 GB"

# The reason not to put a data folder there, by the kind that the kernel tells.
DOUBTFUL: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre",
            "beegfs", "gpfs", "gfs2", "ocfs2", "davfs", "ncpfs", "coda", "fuse.sshfs",
            "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.davfs", "fuse.gcsfuse",
            "fuse.goofys", "fuse.ceph", "fuse.juicefs", "fuse.mount-s3", "fuse.blobfuse2",
        ),
        _NETWORK,
    ),
    **dict.fromkeys(
        ("9p", "virtiofs", "vboxsf", "prl_fs", "drvfs", "fakeowner", "fuse.grpcfuse",
         "fuse.osxfs", "fuse.vmhgfs-fuse"),
        _SHARED,
    ),
    **dict.fromkeys(("tmpfs", "ramfs"), _MEMORY),
    **dict.fromkeys(("overlay", "aufs"), _LAYER),
    **dict.fromkeys(("vfat", "msdos", "exfat"), _NAMES),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system is mounted, its kind, what it is of, and whether it can be written."""

    point: str
    kind: str
    source: str
    read_only: bool


def mount_of(path: Path, table: Path = Path("/proc/self/mountinfo")) -> Mount | None:
    """Return the mount that `path` lies on, None where the system has no such table (macOS).

    The form of a line is that of proc(5); of mounts at one place the last one counts.
    """
    try:
        lines = table.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    real = path.resolve()
    best: Mount | None = None
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = _unescaped(fields.split()[4])
        if not real.is_relative_to(point) or (best and len(point) < len(best.point)):
            continue
        kind, source, options = (*rest.split(), "", "")[:3]
        own = fields.split()[5].split(",")
        best = Mount(point, kind, _unescaped(source), "ro" in {*own, *options.split(",")})
    return best


def _unescaped(field: str) -> str:
    for code, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        field = field.replace(code, character)
    return field
