"""What the codes of a report mean and what to do about each: the rows of the reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Told:
    """What a code tells in one sentence, and what to do about it."""

    meaning: str
    remedy: str


CODES: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "no_text_layer": Told(
            "Pages, or all of a file, are pictures without text.",
            "Ingest again with `--ocr`, or make a searchable copy of the file.",
        ),
        "empty": Told(
            "There is no text to be found.", "Write some, or leave the file out with `--exclude`."
        ),
        "encrypted": Told(
            "A password is needed and none was given, or a part of a mail or book is encrypted.",
            "Name a file of passwords with `--password-file`, or save an open copy.",
        ),
        "wrong_password": Told(
            "None of the passwords opens the file.", "Add the right one to the file of passwords."
        ),
        "damaged": Told(
            "The file, or the parts and pages that are named, cannot be read.",
            "Open it in the program that made it and save it anew, or fetch it again.",
        ),
        "wrong_type": Told(
            "The content is not what the name says; it is read as what it is where that is known.",
            "Give the file the ending of its content.",
        ),
        "unsupported_format": Told(
            "No reader knows the format, which the message names.",
            "Unpack archives, and save old or rare formats as one of [these](formats.md).",
        ),
        "too_large": Told(
            "The file, or what it unpacks to, is over a limit.",
            "Split it, or raise `AFTERWORD_MAX_FILE_MB` where the message says so.",
        ),
        "time_limit": Told(
            "Reading took longer than `AFTERWORD_READER_SECONDS`, or fetching longer than "
            "`AFTERWORD_FETCH_SECONDS`.",
            "Split the file, raise the limit, or try again later.",
        ),
        "memory_limit": Told(
            "Reading took more memory than `AFTERWORD_READER_MEMORY_MB`, or the machine had none "
            "left.",
            "Split the file, raise the limit, or set fewer `AFTERWORD_READER_PROCESSES`.",
        ),
        "unreadable": Told(
            "The system does not let us read the file or folder, or it is no ordinary file.",
            "Make it readable, or leave it out with `--exclude`.",
        ),
        "changed_while_read": Told(
            "The file was written to while it was read.", "Run again when the writing has ended."
        ),
        "bad_id": Told(
            "A record's id is not allowed, or another document of the collection has it.",
            "Give the record an id of its own.",
        ),
        "bad_record": Told(
            "A record of the file cannot be read; the others are.",
            "Mend the line that is named and run again.",
        ),
        "hidden_text": Told(
            "The document has text that nobody sees, which can carry words meant for machines.",
            "Look where the file comes from; the message says what was left out and what was kept.",
        ),
        "ocr": Told(
            "Text was recognised in pictures, and may have mistakes.",
            "Compare what matters with the page; citations from there say `recognised`.",
        ),
        "fetch_refused": Told(
            "An address may not be fetched: its host leads to a network that is not public, or its "
            "scheme, port or host is not allowed.",
            "Download the file yourself and ingest it, or see `AFTERWORD_FETCH_HOSTS` and "
            "`AFTERWORD_FETCH_PORTS`.",
        ),
        "fetch_failed": Told(
            "A page could not be fetched: no server, a certificate that cannot be trusted, a "
            "refusal, or redirections without end.",
            "Look at the address in a browser; what needs a login, download yourself.",
        ),
        "gone": Told(
            "The server says that a page is not there (404 or 410); what was stored of it is kept.",
            "Check the address, or remove the document with `afterword documents delete`.",
        ),
        "disk_full": Told(
            "No space is left in the data folder; the run stopped there.",
            "Make room and run again: it goes on where it was.",
        ),
    }
)
"""Codes of inputs that failed or are partial, and of findings."""

NOTES: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "overlap": Told(
            "A folder lies inside another that was ingested, so its documents are there twice.",
            "Leave it out with `--exclude`, or delete the documents of one of the two sources.",
        ),
        "links": Told(
            "Links that lead out of the folder were not followed.",
            "Ingest what they lead to by its own path.",
        ),
        "ignored": Told(
            "Files and folders were left out by `.afterwordignore`.", "Nothing, if that is meant."
        ),
        "ignored_path": Told(
            "A path that was given is left out by `.afterwordignore`.", "Take it out of there."
        ),
        "unquiet": Told(
            "With `--watch`: files are being written to.", "Nothing: they are read when quiet."
        ),
        "empty_folder": Told(
            "Nothing to ingest was found where it was looked for; documents that it had are kept.",
            "Check the path, and whether the folder is mounted.",
        ),
        "nothing_fits": Told("No file fits `--include` and `--exclude`.", "Check the patterns."),
        "mass_removal": Told(
            "Over half of a source's documents have no file any more; they were kept.",
            "If they shall go, run again with `--allow-mass-removal`.",
        ),
        "views_lag": Told(
            "All is stored and found, but the search indexes on disk are not up to it yet.",
            "Nothing: the next run or question tries again. The message says what was in the way.",
        ),
        "not_made": Told(
            "No collection was made, since there was nothing to store.", "Check the path."
        ),
        "records_kept": Told(
            "Records that are not in a file any more were kept, since lines of it cannot be read.",
            "Mend those lines and run again.",
        ),
    }
)
"""Codes of notes on a run as a whole."""
