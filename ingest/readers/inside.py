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


def read_inside(data: bytes, options: ReadOptions) -> Iterator[Extract | RecordFailure]:
    """Yield what is in `data`, a whole file of the name and uri in `options`.

    Nothing is written to a disk. Raises ReadFailure where nothing of it can be read.
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
        path = Path(f"/proc/self/fd/{descriptor}")
        entry = READERS[detect(path, options.name, ocr=options.ocr)]
        for item in entry.load()(path, options):
            if isinstance(item, Extract) and not item.reader:
                yield replace(item, reader=entry.label)
            else:
                yield item
    finally:
        os.close(descriptor)
