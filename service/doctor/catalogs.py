"""Each collection: its catalog, its views, its vectors, its encoder; and what deletions left."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.doctor.findings import Finding, Subject, listed, many
from service.doctor.models import BUNDLED, source_of, tried

if TYPE_CHECKING:
    from indexes.catalog import Identity
    from indexes.soundness import Tally, View

_SECONDS: Final = 20.0
_LOOKS: Final = 4
_AGAIN_SECONDS: Final = 0.5
_RESTORE: Final = (
    "restore it from a snapshot (`afterword restore --replace --collection {name} FILE`), or "
    "delete its folder {folder} and ingest again"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look into a catalog gave; `unfinished` where its time was over before the end.

    `tally` is None where not even that was reached.
    """

    who: "Identity"
    form: int
    tally: "Tally | None"
    faults: tuple[str, ...]
    views: tuple["View", ...]
    wrong_texts: tuple[str, ...]
    wrong_vectors: int
    erased_in_log: bool
    missing_roots: tuple[str, ...]
    changed: str
    unfinished: bool


def collections(subject: Subject) -> Iterator[Finding]:
    """Tell of each collection whether it is sound; one that is broken hides no other."""
    from indexes.collection import collection_names

    data = subject.data
    names = collection_names(data)
    if subject.collection is not None and subject.collection not in names:
        there = f"there are: {listed(names)}" if names else "there is none"
        message = f"there is no collection {subject.collection!r} in {data.absolute()}; {there}"
        advice = f"make it with `afterword ingest PATH --collection {subject.collection}`"
        yield Finding(subject.collection, "problem", message, advice)
        return
    chosen = [one for one in names if subject.collection in {None, one}]
    if not chosen:
        yield Finding("collections", "note", "there is none yet: `afterword ingest PATH` makes one")
    for name in chosen:
        yield from _collection(subject, name)


def _collection(subject: Subject, name: str) -> Iterator[Finding]:
    from indexes.errors import AfterwordError, CollectionBusy

    folder = subject.data.absolute() / name
    restore = _RESTORE.format(name=name, folder=folder)
    try:
        seen = _look(folder, full=subject.full)
    except CollectionBusy as error:
        yield Finding(f"{name}: catalog", "warning", error.message, "look again when that is over")
    except AfterwordError as error:
        what, _, do = error.message.partition("; ")
        yield Finding(f"{name}: catalog", "problem", what, do or restore)
    except (sqlite3.Error, ValueError, TypeError, KeyError, OSError) as error:
        # Damage has many names: rows of another kind, texts that are no JSON.
        message = f"{folder / 'catalog.db'} cannot be read: {type(error).__name__}: {error}"
        yield Finding(f"{name}: catalog", "problem", message, restore)
    else:
        yield _catalog(name, seen, restore, full=subject.full)
        yield from _contents(name, seen, restore)
        yield from _views(name, folder, seen)
        yield _encoder(subject, name, folder, seen)
        yield from _others(name, seen)
    yield from _backups(name, folder)


def _look(folder: Path, *, full: bool) -> Seen:
    """Look at a collection; again where the views are being written just then."""
    from indexes.looking import look_at

    path = folder / "catalog.db"
    for _ in range(_LOOKS):
        seen = look_at(path, lambda connection: _seen(folder, connection, full=full))
        in_use = path.with_name("catalog.db-wal").exists()
        if not in_use or not any(_in_the_making(folder, view) for view in seen.views):
            return seen
        time.sleep(_AGAIN_SECONDS)
    return seen


def _in_the_making(folder: Path, view: "View") -> bool:
    """Tell whether a view may only look wrong because it is being written."""
    stamped = (folder / f"{view.name}.json").exists()
    return view.state in {"damaged", "different"} or (view.state == "missing" and stamped)


def _seen(folder: Path, connection: sqlite3.Connection, *, full: bool) -> Seen:
    from indexes import soundness
    from indexes.catalog import check_format, identity, source_roots

    check_format(connection, folder / "catalog.db")
    who = identity(connection)
    form, log = _noted(connection, "format"), _noted(connection, "log_unscrubbed")
    counted: Tally | None = None
    views: tuple[View, ...] = ()
    faults, texts = list[str](), list[str]()
    vectors, unfinished = 0, False
    try:
        with soundness.within(connection, None if full else _SECONDS):
            counted = soundness.tally(connection, who)
            views = soundness.views(folder, connection, who, full=full)
            if full:
                texts = soundness.wrong_texts(connection)
                vectors = soundness.wrong_vectors(connection, who)
            faults = soundness.faults(connection, full=full)
    except soundness.Unfinished:
        unfinished = True
    row = connection.execute("SELECT at FROM changes ORDER BY number DESC LIMIT 1").fetchone()
    roots = source_roots(connection)
    return Seen(
        who,
        int(form or 0),
        counted,
        tuple(faults),
        views,
        tuple(texts),
        vectors,
        log is not None,
        tuple(f"{name} ({root})" for name, root in roots.items() if not Path(root).exists()),
        str(row[0]) if row else "",
        unfinished,
    )


def _noted(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _catalog(name: str, seen: Seen, restore: str, *, full: bool) -> Finding:
    facts = {"format": seen.form, "faults": list(seen.faults), "full": full}
    what = f"{name}: catalog"
    if seen.faults:
        message = f"it is damaged: {listed(seen.faults, 2)}"
        return Finding(what, "problem", message, restore, facts)
    if seen.unfinished:
        message = f"after {_SECONDS:.0f} s the look at it was not over; so far nothing is wrong"
        return Finding(what, "note", message, f"afterword doctor --full --collection {name}", facts)
    looked = "read in full" if full else "sound"
    changed = f", last changed {_day(seen.changed)}" if seen.changed else ""
    return Finding(what, "ok", f"{looked}, format {seen.form}{changed}", facts=facts)


def _day(stamp: str) -> str:
    with suppress(ValueError):
        return f"{datetime.fromisoformat(stamp):%Y-%m-%d %H:%M} UTC"
    return stamp


def _contents(name: str, seen: Seen, restore: str) -> Iterator[Finding]:
    held, who = seen.tally, seen.who
    if held is None:
        return
    facts: dict[str, object] = {
        "documents": held.documents,
        "chunks": held.chunks,
        "vectors": held.vectors,
        "lacking": held.lacking,
        "language": who.language,
        "chunk_tokens": who.splitter.chunk_tokens,
    }
    told = f"{many(held.documents, 'document')}, {many(held.chunks, 'chunk')}"
    again = f"afterword reindex --collection {name}"
    if held.lacking:
        message = f"{told}; {held.lacking:,} of the chunks have no vector and cannot be found"
        yield Finding(f"{name}: contents", "problem", message, again, facts)
    elif seen.wrong_vectors:
        message = f"{told}; {many(seen.wrong_vectors, 'vector')} cannot be right"
        yield Finding(f"{name}: contents", "problem", message, restore, facts)
    else:
        yield Finding(f"{name}: contents", "ok", f"{told}, language {who.language}", facts=facts)
    if seen.wrong_texts:
        message = f"the stored text is not what was read: {listed(seen.wrong_texts)}"
        facts = {"uris": list(seen.wrong_texts)}
        yield Finding(f"{name}: texts", "problem", message, restore, facts)


def _views(name: str, folder: Path, seen: Seen) -> Iterator[Finding]:
    for view in seen.views:
        facts = {"state": view.state, "behind": view.behind, "chunks": view.chunks}
        what = f"{name}: {view.name} view"
        if view.state in {"sound", "behind"}:
            late = f"{many(view.behind, 'change')} ({many(view.chunks, 'chunk')}) behind, which"
            late += " questions make up for"
            message = late if view.state == "behind" else "as the catalog says"
            yield Finding(what, "ok", message, facts=facts)
        elif view.state == "unread":
            message = "too large to be read in passing; --full compares it"
            yield Finding(what, "ok", message, facts=facts)
        elif view.state == "refused":
            message = "cannot be opened: the engine locks a file, and this user cannot write there"
            advice = f"let this user write in {folder}"
            yield Finding(what, "problem", message, advice, facts)
        elif view.state == "missing":
            message = (
                "there is none for this state of the catalog; nothing is lost: questions make up "
                "for it, and it is rebuilt automatically when one is asked or a run ends"
            )
            yield Finding(what, "note", message, facts=facts)
        elif view.state == "damaged":
            message = "it cannot be read whole; nothing is lost: it is made from the catalog"
            advice = f"delete {folder / (view.name + '.json')}: it is then rebuilt automatically"
            yield Finding(what, "warning", message, advice, facts)
        else:
            message = "it does not hold what the catalog says, so answers may be missed"
            advice = f"delete {folder / (view.name + '.json')}: it is then rebuilt automatically"
            yield Finding(what, "problem", message, advice, facts)


def _encoder(subject: Subject, name: str, folder: Path, seen: Seen) -> Finding:
    encoder = seen.who.encoder
    what = f"{name}: encoder"
    facts = {"name": encoder.name, "sha256": encoder.sha256, "dimension": encoder.dimension}
    again = f"put the original model back, or `afterword reindex --collection {name}`"
    told = f"{encoder.name}, {encoder.dimension} dimensions"
    if encoder.name == BUNDLED:
        trial = subject.trials.get("encoder")
    else:
        source = source_of(encoder.name, "AFTERWORD_ENCODER")
        if source.level != "ok":
            advice = f"{source.do}, or `afterword reindex --collection {name} --encoder bundled`"
            return Finding(what, source.level, source.message, advice, {**facts, **source.facts})
        trial = tried(subject, "encoder", encoder.name)
        told = source.message
    if trial is None:
        return Finding(what, "ok", f"{told}; whether it is the same, --full tells", facts=facts)
    if trial.fault:
        return Finding(what, "problem", f"{told}: {trial.fault}", again, facts)
    fault = _mismatch(folder, encoder.name, trial.out)
    if fault:
        return Finding(what, "problem", fault, again, facts)
    return Finding(what, "ok", f"{told}, gives the vectors that are stored", facts=facts)


def _mismatch(folder: Path, name: str, out: str) -> str:
    """Return what is wrong with the vectors that the encoder now gives its probe texts."""
    import numpy as np

    from indexes.catalog import check_probes, stored_probes
    from indexes.encoder import PROBES
    from indexes.errors import EncoderMismatch
    from indexes.looking import look_at

    given = dict(zip(PROBES, np.array(json.loads(out)["vectors"], np.float32), strict=True))
    stored = look_at(folder / "catalog.db", stored_probes)
    known = {text: vector for text, vector in stored.items() if text in given}
    if not known:
        return ""
    try:
        check_probes(name, known, np.stack([given[text] for text in known]))
    except EncoderMismatch as error:
        return error.message.partition(";")[0]
    return ""


def _others(name: str, seen: Seen) -> Iterator[Finding]:
    if seen.erased_in_log:
        message = (
            "words of deleted documents are still in the catalog's log; the next change or "
            "question empties it, once no other question is open"
        )
        yield Finding(f"{name}: erased words", "note", message)
    if seen.missing_roots:
        message = f"not there now: the folder of {listed(seen.missing_roots)}"
        advice = "its documents stay as they are; ingest it under --source from where it is now"
        facts = {"sources": list(seen.missing_roots)}
        yield Finding(f"{name}: sources", "note", message, advice, facts)


def _backups(name: str, folder: Path) -> Iterator[Finding]:
    from indexes.backup import backups

    for path in backups(folder):
        size = path.stat().st_size
        message = f"the catalog as it was before an upgrade, {size / 1e6:,.1f} MB: {path.name}"
        advice = f"rm {path}, once all is well"
        facts = {"file": str(path), "bytes": size}
        yield Finding(f"{name}: backup", "note", message, advice, facts)


def leftovers(subject: Subject) -> Iterator[Finding]:
    """Tell what deletions, restores and merges that were cut short have left."""
    data = subject.data
    if not data.is_dir() or subject.collection is not None:
        return
    deleted = _names(data, data.glob(".deleted-*"))
    if deleted:
        message = f"collections deleted by half, their words still on the disk: {listed(deleted)}"
        advice = f"they are removed when a collection is made or deleted; or delete them in {data}"
        yield Finding("deleted by half", "warning", message, advice, {"folders": deleted})
    unfinished = _names(data, [*data.glob("*/catalog.*.new*"), *data.glob("*/lexical/*.new")])
    if unfinished:
        message = f"what is being written, or was when it was cut short: {listed(unfinished)}"
        facts = {"files": unfinished}
        yield Finding("unfinished files", "note", message, "nothing: it goes by itself", facts)
    headless = _names(data, (path.parent for path in data.glob("*/*.json") if _headless(path)))
    if headless:
        message = f"folders with views and without a catalog: {listed(headless)}"
        advice = "restore their catalogs from snapshots, or delete the folders"
        yield Finding("lost catalogs", "problem", message, advice, {"folders": headless})


def _headless(stamp: Path) -> bool:
    views = {"dense.json", "lexical.json"}
    own = not stamp.parent.name.startswith(".")
    return own and stamp.name in views and not (stamp.parent / "catalog.db").exists()


def _names(data: Path, paths: Iterable[Path]) -> list[str]:
    return sorted({str(path.relative_to(data)) for path in paths})
