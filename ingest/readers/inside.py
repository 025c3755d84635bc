"""Documents inside others, like the attachments of a mail: read by the readers of their kinds."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import READERS, ReadOptions, RecordFailure
from ingest.readers.detect import detect

DEEPEST: Final = 8
_SHOWN: Final = 200


def read_inside(data: bytes, options: ReadOptions) -> Iterator[Extract | RecordFailure]:
    """Yield what is in `data`, a whole file of the name and uri in `options`.

    Nothing is written to a disk. Raises ReadFailure where it, or the rest of it, cannot be read,
    whatever its reader raised: a broken part must not cost the file that it lies in.
    """
    if options.depth > DEEPEST:
        raise ReadFailure(
            "unsupported_format",
            f"it lies in more than {DEEPEST} other files; take it out of them and ingest it alone",
        )
    descriptor = os.memfd_create("inside")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield from _read(Path(f"/proc/self/fd/{descriptor}"), options)
    except (ReadFailure, MemoryError):
        raise
    except Exception as error:  # a library may raise anything
        raise ReadFailure(
            "damaged",
            f"its reader failed ({type(error).__name__}: {str(error)[:_SHOWN]}); it is most likely "
            "damaged: open it in the program it comes from and save it anew",
        ) from error
    finally:
        os.close(descriptor)


def _read(path: Path, options: ReadOptions) -> Iterator[Extract | RecordFailure]:
    entry = READERS[detect(path, options.name, ocr=options.ocr)]
    for item in entry.load()(path, options):
        if isinstance(item, Extract) and not item.reader:
            yield replace(item, reader=entry.label)
        else:
            yield item
