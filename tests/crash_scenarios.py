"""The pieces of work that are killed and given faults, each with a data folder to do it on."""

import gzip
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Final

from crashing import Driver, Scenario
from indexes import jobs
from indexes.collection import open_collection
from indexes.snapshot import snapshot

CATALOGS: Final = Path(__file__).parent / "catalogs"
_FILES: Final = 12
_RECORDS: Final = 16


def write_folder(folder: Path, version: int) -> None:
    """Write files and records; a later version has some more, some fewer and some others."""
    chance = random.Random(f"folder {version}")
    folder.mkdir(exist_ok=True)
    for number in range(_FILES):
        path = folder / f"{number:02}.txt"
        if version > 1 and number % 5 == 0:
            path.unlink(missing_ok=True)
        elif version == 1 and number % 4 == 3:
            continue
        elif version == 1 or number % 2:
            path.write_text(_text(f"f{number}", version, chance))
    records = [
        {"id": f"k{number}", "text": _text(f"k{number}", 1 + (number % 3 and version), chance)}
        for number in range(_RECORDS)
        if (number + version) % 7
    ]
    lines = [json.dumps(record) + "\n" for record in records]
    (folder / "r.jsonl").write_text("".join(lines))


def _text(name: str, version: int, chance: random.Random) -> str:
    """Return a text of several chunks, each beginning with a word that is nowhere else."""
    return "\n".join(
        f"{name}v{version}part{part} is told here in words that no other place has at all."
        for part in range(chance.randint(1, 6))
    )


def _ingested(folder: Path, driver: Driver) -> None:
    """Ingest the first version of a folder into the data folder as it is before."""
    write_folder(folder / "docs", 1)
    given = {"work": "ingest", "folder": str(folder / "docs"), "data": str(folder / "before")}
    outcome = driver.run(given)
    assert outcome.status == 0, outcome
    with closing(open_collection(folder / "before", "default")) as opened, opened.write() as writer:
        writer.merge_views(force=True)


def _ingest(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    write_folder(folder / "docs", 2)
    return Scenario("ingest", folder, {"work": "ingest", "folder": str(folder / "docs")})


def _first_ingest(folder: Path, _driver: Driver) -> Scenario:
    (folder / "before").mkdir()
    write_folder(folder / "docs", 2)
    return Scenario("first_ingest", folder, {"work": "ingest", "folder": str(folder / "docs")})


def _uploads(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    chance = random.Random("uploads")
    for number in range(5):
        payload = BytesIO(_text(f"u{number}", 1, chance).encode())
        name = f"u{number}.txt"
        jobs.enqueue(folder / "before", payload=payload, collection="default", filename=name)
    return Scenario("uploads", folder, {"work": "uploads"})


def _erase(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    gone = ["docs/01.txt", "docs/r.jsonl#k3", "docs/05.txt"]
    return Scenario("erase", folder, {"work": "erase", "uris": " ".join(gone)})


def _snapshot(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    return Scenario(
        "snapshot", folder, {"work": "snapshot", "target": str(folder / "target.snapshot")}
    )


def _restore(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    with closing(open_collection(folder / "before", "default")) as opened:
        snapshot(opened, folder / "old.snapshot")
    write_folder(folder / "docs", 2)
    given = {"work": "ingest", "folder": str(folder / "docs"), "data": str(folder / "before")}
    assert driver.run(given).status == 0
    source = str(folder / "old.snapshot")
    return Scenario("restore", folder, {"work": "restore", "source": source}, whole=True)


def _restore_over_damage(folder: Path, driver: Driver) -> Scenario:
    """What cannot be opened is replaced as a file, not by a transaction."""
    made = _restore(folder, driver)
    catalog = folder / "before" / "default" / "catalog.db"
    catalog.write_bytes(b"no catalog" * 1000)
    for left in ("-wal", "-shm"):
        catalog.with_name(f"{catalog.name}{left}").unlink(missing_ok=True)
    return Scenario("restore_over_damage", folder, made.given, whole=True, damaged=True)


def _reindex(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    return Scenario("reindex", folder, {"work": "reindex"}, whole=True)


def _delete(folder: Path, driver: Driver) -> Scenario:
    _ingested(folder, driver)
    return Scenario("delete", folder, {"work": "delete"}, whole=True)


def _earlier(folder: Path, _driver: Driver) -> Scenario:
    """A catalog of an earlier format, with the log that a killed process of that time left."""
    catalog = folder / "before" / "default" / "catalog.db"
    catalog.parent.mkdir(parents=True)
    catalog.write_bytes(gzip.decompress((CATALOGS / "format-3.db.gz").read_bytes()))
    with closing(sqlite3.connect(catalog)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    return Scenario("migrate", folder, {"work": "open"}, whole=True)


MADE: Final[Mapping[str, Callable[[Path, Driver], Scenario]]] = {
    "ingest": _ingest,
    "first_ingest": _first_ingest,
    "uploads": _uploads,
    "erase": _erase,
    "snapshot": _snapshot,
    "restore": _restore,
    "restore_over_damage": _restore_over_damage,
    "reindex": _reindex,
    "delete": _delete,
    "migrate": _earlier,
}


def scenario(name: str, folder: Path, driver: Driver) -> Scenario:
    """Make a scenario in an empty folder, and do its work once."""
    made = MADE[name](folder, driver)
    made.learn(driver)
    return made


def kept(made: Scenario, place: Path) -> None:
    """Copy the data folder as it is now, for who looks at what went wrong."""
    shutil.copytree(made.folder / "data", place, dirs_exist_ok=True)


def names() -> Iterator[str]:
    """Give the names of all scenarios."""
    yield from MADE
