"""The content of an answer's message, for programs that show it as Markdown.

The words of documents stay words there: what a reader's program would follow, show or run is
written with a backslash, which Markdown leaves out. What is put behind the answer is taken off
again when the message comes back as history.
"""

import re
from typing import Final

from service.command import one_line
from service.reply import ANSWERED, NO_DOCUMENTS, Citation, Reply

NOT_FOUND_SAID: Final = "The documents do not answer this."
NO_DOCUMENTS_SAID: Final = (
    "There is no document to search: the collection is empty, or the filter leaves none."
)
CHORE_SAID: Final = (
    "Afterword answers questions from documents; it writes no titles, tags or further questions."
)
# What makes a picture, a link, the address of either, or an element.
_LIVE: Final = re.compile(r"(?<=!)\[|(?<=\])[(:]|(\\*)<(?=[A-Za-z/!?]|\Z)")
_ESCAPED: Final = re.compile(r"\\(?=[\[(:<])")
_LISTED: Final = re.compile(r"- \[\d+\] ")
_NOTE: Final = "Note: "
_SOURCES: Final = "Sources:"
# Chat programs of the kind of Open WebUI ask a conversation's model for such things as well.
_CHORE: Final = re.compile(r"\s*### Task:\s.*<chat_history>", re.DOTALL)


def as_words(text: str, before: str = "") -> str:
    """Return a text in which nothing is a link, a picture or an element; `before` stands ahead."""
    backslashes = len(before) - len(before.rstrip("\\"))
    ahead = before[-1:] if before[-1:] in {"!", "]"} else "\\" * (backslashes % 2)
    return _LIVE.sub(_escaped, f"{ahead}{text}").removeprefix(ahead)


def _escaped(live: re.Match[str]) -> str:
    """Return a sign behind a backslash; one that is behind one already stays as it is."""
    backslashes = live[1] or ""
    if len(backslashes) % 2:
        return live[0]
    return f"{backslashes}\\{live[0].removeprefix(backslashes)}"


def as_said(content: str) -> str:
    """Return an answer as it was before it became the content of a message."""
    said, _, last = content.rstrip().rpartition("\n\n")
    heading, *listed = last.split("\n")
    if said and heading == _SOURCES and all(map(_LISTED.match, listed)):
        content = said
    said, _, last = content.rpartition("\n\n")
    if said and last.startswith(_NOTE):
        content = said
    return _ESCAPED.sub("", content)


def is_chore(text: str) -> bool:
    """Tell whether a chat program asks for something about the conversation, not about documents.

    Titles, tags and suggestions are asked for so, with the conversation in an element.
    """
    return _CHORE.match(text) is not None


def said_without_answer(reply: Reply) -> str:
    """Return what is said where there is no answer, "" where there is one."""
    if reply.status == ANSWERED:
        return ""
    return NO_DOCUMENTS_SAID if reply.status == NO_DOCUMENTS else NOT_FOUND_SAID


def tail(reply: Reply, *, drops: bool) -> str:
    """Return the notes and sources that stand behind an answer.

    `drops` tells that sentences which the evidence does not bear out were left out, not marked.
    """
    if reply.status != ANSWERED:
        return ""
    note = _note(reply, drops=drops)
    parts = [f"{_NOTE}{note}"] if note else []
    if reply.citations:
        parts.append("\n".join([_SOURCES, *map(_source, reply.citations)]))
    return "".join(f"\n\n{part}" for part in parts)


def title_of(citation: Citation) -> str:
    """Return what a citation is called: its document's title and the page."""
    title = one_line(citation.title or citation.uri)
    return title if citation.page is None else f"{title}, page {citation.page}"


def _note(reply: Reply, *, drops: bool) -> str:
    told = reply.generation
    if told.fallback:
        return as_words(f"this is quoted from the documents: {told.fallback}.")
    count = len(told.unsupported)
    if not drops or not count:
        return ""
    what = "a sentence that the documents do not bear out was"
    if count > 1:
        what = f"{count} sentences that the documents do not bear out were"
    return f"{what} left out."


def _source(citation: Citation) -> str:
    uri = one_line(citation.uri)
    place = "" if uri in title_of(citation) else f" ({as_words(uri)})"
    return f"- {citation.marker} {as_words(title_of(citation))}{place}"
