"""OLE files and Outlook's mails made for tests, byte by byte after [MS-CFB] and [MS-OXMSG]."""

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeAlias

Folder: TypeAlias = Mapping[str, "bytes | Folder"]

_FREE, _END, _NONE, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096


class _Writer:
    """Collects the sectors, the small sectors and the directory of a file."""

    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.fat: list[int] = []
        self.mini = b""
        self.mini_fat: list[int] = []
        self.entries: list[list[int | str]] = []  # name, kind, right, child, start, size

    def chain(self, data: bytes) -> int:
        """Store data in sectors of its own; return the first."""
        first = len(self.sectors)
        pieces = [
            data[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(data), _SECTOR)
        ]
        self.sectors += pieces
        self.fat += [*range(first + 1, first + len(pieces)), _END]
        return first

    def stream(self, data: bytes) -> int:
        """Store a stream; return its first sector, small or not."""
        if not data:
            return _END
        if len(data) >= _CUTOFF:
            return self.chain(data)
        first, count = len(self.mini_fat), -(-len(data) // _MINI)
        self.mini += data.ljust(count * _MINI, b"\0")
        self.mini_fat += [*range(first + 1, first + count), _END]
        return first

    def folder(self, held: Folder) -> int:
        """Add the entries of a folder; return the first, whose right neighbours are the others."""
        places = list[int]()
        for name in sorted(held):
            places.append(len(self.entries))
            self.entries.append([name, 2, _NONE, _NONE, _END, 0])
        for place, name in zip(places, sorted(held), strict=True):
            content = held[name]
            if isinstance(content, bytes):
                self.entries[place][4:] = [self.stream(content), len(content)]
            else:
                self.entries[place][1] = 1
                self.entries[place][3] = self.folder(content)
        for place, right in pairwise(places):
            self.entries[place][2] = right
        return places[0] if places else _NONE


def ole(held: Folder) -> bytes:
    """Return an OLE file with these streams and folders."""
    made = _Writer()
    made.entries.append(["Root Entry", 5, _NONE, _NONE, _END, 0])
    made.entries[0][3] = made.folder(held)
    made.entries[0][4:] = [made.chain(made.mini) if made.mini else _END, len(made.mini)]
    mini_fat = b"".join(struct.pack("<I", n) for n in made.mini_fat)
    mini_start = made.chain(mini_fat.ljust(_SECTOR, b"\xff")) if mini_fat else _END
    mini_count = -(-len(mini_fat) // _SECTOR)
    directory = made.chain(b"".join(_entry(*entry) for entry in made.entries))  # type: ignore[arg-type]
    count = -(-(len(made.fat) + 1) // 127)
    first = len(made.sectors)
    made.fat += [_FAT] * count
    table = b"".join(struct.pack("<I", n) for n in made.fat).ljust(count * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16x5H6x9I", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
        0, count, directory, 0, _CUTOFF, mini_start, mini_count, _END, 0,
    )  # fmt: skip
    places = [*range(first, first + count), *[_FREE] * (109 - count)]
    return header + struct.pack("<109I", *places) + b"".join(made.sectors) + table


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    words = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16xI8x8xIII", words, len(words) + 2, kind, 1, _NONE, right, child, 0,
        start, size, 0,
    )  # fmt: skip


def properties(
    texts: Mapping[int, str | bytes],
    numbers: Mapping[int, int] | None = None,
    header: int = 8,
    folders: Folder | None = None,
) -> dict[str, "bytes | Folder"]:
    """Return the streams of a thing: text (Unicode), bytes (binary), numbers of eight bytes."""
    held: dict[str, bytes | Folder] = dict(folders or {})
    for key, value in texts.items():
        kind, data = (
            (0x001F, value.encode("utf-16-le")) if isinstance(value, str) else (0x0102, value)
        )
        held[f"__substg1.0_{key:04X}{kind:04X}"] = data
    fixed = b"".join(struct.pack("<HHIQ", 3, key, 6, n) for key, n in (numbers or {}).items())
    held["__properties_version1.0"] = bytes(header) + fixed
    return held


def filetime(moment: datetime) -> int:
    """Return a time in tenths of microseconds since 1601."""
    return int((moment - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000


def attachments(*held: Folder) -> dict[str, "bytes | Folder"]:
    """Return the folders of attachments, in their order."""
    return {f"__attach_version1.0_#{n:08X}": one for n, one in enumerate(held)}


def receivers(*names: Sequence[str]) -> dict[str, "bytes | Folder"]:
    """Return the folders of receivers given by name, address and kind ("1" is to, "2" is cc)."""
    return {
        f"__recip_version1.0_#{n:08X}": properties(
            {0x3001: name, 0x39FE: mail}, {0x0C15: int(kind)}
        )
        for n, (name, mail, kind) in enumerate(names)
    }
