"""Looking at the given paths: which source each belongs to and what there is to do for it."""

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from indexes.collection import Writer
from indexes.documents import Document
from indexes.errors import ReadFailure
from indexes.languages import Language
from indexes.urls import Url
from ingest.ignore import IGNORE_FILE
from ingest.listing import list_target
from ingest.names import stored_name
from ingest.plan import Asked, Draft, Failed, Given, Plan, Step, record_uri, removes_too_many
from ingest.progress import Planned
from ingest.readers import READERS
from ingest.report import Item, Note, Outcome, stored_item
from ingest.sources import (
    Selection,
    Target,
    find_targets,
    overlapping,
)

# The code of the note on files that may be being written.
UNQUIET: Final = "unquiet"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks of an ingestion of files and folders.

    `urls` are pages to fetch. Files that were written to in the last `quiet_seconds` are left for a
    later run, and those that are as they were when they `failed` (by uri) are not read again.
    `language` is that of a new collection; None means the one of the settings.
    """

    paths: tuple[str, ...]
    urls: tuple[Url, ...] = field(default=(), kw_only=True)
    collection: str = "default"
    source: str | None = None
    selection: Selection = field(default_factory=Selection)
    given: Given = field(default_factory=Given)
    language: Language | None = None
    dry_run: bool = False
    allow_mass_removal: bool = False
    quiet_seconds: float = 0.0
    failed: Mapping[str, Failed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """One plan for each source, and what is worth telling about the paths.

    `roots` are the folders of the sources that the collection does not know, or not there;
    `states` is what servers told of pages, by uri.
    """

    plans: tuple[Plan, ...]
    notes: tuple[Note, ...]
    roots: Mapping[str, str]
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def steps(self) -> dict[str, Step]:
        """The files to read, by uri."""
        return {step.uri: step for plan in self.plans for step in plan.read}


def survey(
    order: Order, data: Path, writer: Writer | None, *, ocr: bool = False, unlocks: bool = False
) -> Survey:
    """Look at the order's paths; `writer` is None where the collection does not exist yet.

    With `ocr` documents are read again that have pages without text; where a password `unlocks`,
    mails with attachments that asked for one.

    Raises UsageError that lists every path that cannot be ingested. Writes nothing.
    """
    roots = writer.source_roots() if writer else {}
    targets = find_targets(order.paths, order.source, roots)
    asked = Asked(
        readers=frozenset(entry.label for entry in READERS.values()),
        digest=_digest,
        selection=order.selection,
        given=order.given,
        quiet_since=time.time_ns() - order.quiet_seconds * 1e9 if order.quiet_seconds else math.inf,
        failed=order.failed,
        ocr=ocr,
        unlocks=unlocks,
    )
    drafts: dict[str, Draft] = {}
    for target in targets:
        if target.source not in drafts:
            drafts[target.source] = _draft(target.source, asked, writer)
        drafts[target.source].look(target, list_target(target, order.selection, data))
    plans = tuple(draft.plan() for draft in drafts.values())
    found = {target.source: stored_name(str(target.root)) for target in targets}
    return Survey(
        plans,
        (*_overlap_notes(targets, roots), *_listing_notes(plans, order.selection)),
        {name: root for name, root in found.items() if roots.get(name) != root},
    )


def _digest(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # the reader will say what is wrong with the file
        return ""


def _draft(source: str, asked: Asked, writer: Writer | None) -> Draft:
    if writer is None:
        return Draft(source, asked, (), {})
    return Draft(source, asked, writer.known(source).values(), writer.marks(source))


def _overlap_notes(targets: Sequence[Target], roots: Mapping[str, str]) -> Iterator[Note]:
    for name, root in overlapping(targets, roots).items():
        yield Note(
            "overlap",
            f"the folder {root} is the source {name!r} already, so its documents are in this "
            f"collection twice; leave it out with --exclude, or delete those of {name!r}",
        )


def _listing_notes(plans: Iterable[Plan], selection: Selection) -> Iterator[Note]:
    for plan in plans:
        if plan.outside:
            yield Note(
                "links",
                f"links in {plan.source!r} that lead out of the folder were not followed: "
                f"{plan.outside}; ingest what they lead to by its own path",
            )
        for path, held in plan.empty:
            yield _empty_note(path, held, selection.options)
        yield from _left_notes(plan)


def _left_notes(plan: Plan) -> Iterator[Note]:
    """Tell of what ignore files leave out, and of what is left until it is written to its end."""
    left = plan.left_out
    if left.files or left.folders:
        what = [counted(left.files, "file")] * (left.files > 0)
        what += [f"{counted(left.folders, 'folder')} with all in them"] * (left.folders > 0)
        yield Note("ignored", f"{' and '.join(what)} left out of {plan.source!r} by {IGNORE_FILE}")
    for path in left.named:
        yield Note(
            "ignored_path",
            f"{path} is left out by {IGNORE_FILE} of its folder or of one above; take it out of "
            "there to ingest it",
        )
    if plan.unquiet:
        message = (
            f"{counted(plan.unquiet, 'file')} of {plan.source!r} left until written to the end"
        )
        yield Note(UNQUIET, message)


def counted(number: int, what: str) -> str:
    """Return a number of things in words: `1 file`, `2 files`."""
    return f"{number} {what}{'s' * (number != 1)}"


def _empty_note(path: str, held: int, options: str) -> Note:
    message = f"nothing to ingest was found in {path}"
    options = stored_name(options)
    if options:
        kept = f"; {held} documents that fit were kept" if held else ""
        return Note("nothing_fits", f"{message} with {options}; check the patterns{kept}", held)
    kept = f"; its {held} documents were kept (is it mounted?)" if held else "; check the path"
    return Note("empty_folder", f"{message}{kept}", held)


def mass_note(source: str, held: int, known: int) -> Note:
    """Return the note on documents that were kept although their files are gone."""
    return Note(
        "mass_removal",
        f"{held} of the {known} documents of {source!r} have no file any more; they were kept, "
        "for it may be a mistake: run again with --allow-mass-removal to remove them",
        held,
    )


def lag_note(error: Exception) -> Note:
    """Return the note on views that could not be merged."""
    return Note(
        "views_lag",
        f"all is stored and found, but the search indexes on disk could not be brought up to it: "
        f"{error}; the next run or question tries again",
    )


def not_made_note(name: str, data: Path) -> Note:
    """Return the note on a collection that a run did not make, having nothing to store."""
    return Note(
        "not_made",
        f"there is no collection {name!r} in {data.absolute()} yet, and none was made, for there "
        "was nothing to store",
    )


def kept_note(uri: str, kept: int) -> Note:
    """Return the note on records that were kept, for what took their place cannot be read."""
    return Note(
        "records_kept",
        f"{uri}: {kept} records are not in the file any more but were kept, for some of its lines "
        "could not be read; mend those lines and run again",
    )


def forecast(
    found: Survey, foresee: Callable[[Step], ReadFailure | None], *, allow_mass_removal: bool
) -> tuple[list[Item], list[Note]]:
    """Return what would happen, as far as it can be told without reading the files.

    `foresee` says why a file would not be read, where that can be told.
    """
    items: list[Item] = []
    notes = list(found.notes)
    for plan in found.plans:
        items += unlisted_items(plan)
        for step in plan.read:
            if (failure := foresee(step)) is not None:
                items.append(failed_item(step.uri, failure, step.known))
            else:
                items.append(Item(step.uri, "updated" if step.known else "added"))
        for step, documents in plan.settled:
            items += settled_items(step, documents)
        if removes_too_many(len(plan.vanished), plan.known) and not allow_mass_removal:
            notes.append(mass_note(plan.source, len(plan.vanished), plan.known))
        else:
            items += [removed_item(document) for document in plan.vanished]
    return items, notes


def kind_of(step: Step) -> str:
    """Return what foretells best how much text a file has: its name's extension."""
    return PurePath(step.name or step.uri).suffix.lower()


def planned(steps: Iterable[Step]) -> Planned:
    """Return how much there is to read."""
    kinds = Counter[str]()
    files = 0
    for step in steps:
        files += 1
        kinds[kind_of(step)] += step.size
    return Planned(files, kinds.total(), kinds)


def failed_item(uri: str, failure: ReadFailure, known: Sequence[Document]) -> Item:
    """Return the item of a failure; `known` are the documents that should have been updated."""
    message = failure.message
    if known:
        message = f"{message.rstrip('.')}; the version that was stored earlier is kept"
    key = next((d.document_id for d in known if d.uri == uri), None)
    return Item(uri, "failed", failure.reason, message, failure.pages, key)


def unlisted_items(plan: Plan) -> list[Item]:
    """Return the items of what could not be looked at, and of what failed before."""
    items = [Item(uri, "failed", "unreadable", f"{uri} {said}") for uri, said in plan.unlisted]
    return items + [Item(uri, "failed", one.code, one.message) for uri, one in plan.failed]


def settled_items(step: Step, documents: Sequence[Document]) -> list[Item]:
    """Return the items of a file that need not be read, its failed records among them."""
    items: list[Item] = []
    for known, document in zip(step.known, documents, strict=True):
        facts = (known.metadata, known.as_of, known.as_of_source)
        same = facts == (document.metadata, document.as_of, document.as_of_source)
        outcome: Outcome = "unchanged" if same else "updated"
        items.append(stored_item(document.uri, outcome, document.document_id, document.findings))
    for record, code, message in step.mark.failed if step.mark else ():
        items.append(Item(record_uri(step.uri, record), "failed", code, message))
    return items


def removed_item(document: Document) -> Item:
    """Return the item of a document that is gone."""
    return Item(document.uri, "removed", document_id=document.document_id)
