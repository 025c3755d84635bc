"""`afterword chat`: question after question, each asked after what was said before.

On a terminal there is a prompt; in a pipe each line is a question. Lines that begin with `/` are
for the chat itself.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TextIO

from indexes.errors import AfterwordError, BadFilter, EncoderMismatch, ModelMissing
from service.answer import Answerer, Question
from service.command import reply_json, reply_lines
from service.evidence import Turn
from service.history import exchange, recent
from service.reply import Reply

PROMPT: Final = "> "
HELP: Final = """\
Ask a question; the next one may lean on it ("And in 2023?").
  /new    forget what was said, and begin anew
  /quit   end (Ctrl-D does too); Ctrl-C stops an answer
  /help   show this"""
_BEGUN_ANEW: Final = "What was said is forgotten."
_UNKNOWN: Final = "there is no such command; /help shows those there are"
_ENDS: Final = frozenset({"/quit", "/exit"})
# With these no other question could be answered either.
_NO_USE: Final = (BadFilter, EncoderMismatch, ModelMissing)


@dataclass(slots=True)
class Chat:
    """A conversation with an answerer; `first` has all that its questions have in common.

    `at` is the line of a pipe that is being heard, from 1, None at a terminal.
    """

    answerer: Answerer
    first: Question
    out: TextIO
    errors: TextIO
    as_json: bool = False
    history: tuple[Turn, ...] = field(default=())
    at: int | None = None

    def hear(self, line: str) -> bool:
        """Do what a line says; return whether it could be done.

        Raises BadFilter, EncoderMismatch and ModelMissing.
        """
        if line == "/new":
            self.history = ()
            self.say([] if self.as_json else [_BEGUN_ANEW])
        elif line == "/help":
            self.say([] if self.as_json else [HELP])
        elif line.startswith("/") and len(line.split()) == 1:
            return self._fail("usage", f"{line}: {_UNKNOWN}")
        elif line:
            return self._answer(line)
        return True

    def ask(self, question: str) -> Reply:
        """Ask after what was said before, and remember it; raises as `Answerer.answer` does."""
        reply = self.answerer.answer(replace(self.first, question=question, history=self.history))
        said = exchange(question, reply.answer, reply.status)
        self.history = recent((*self.history, *said))
        return reply

    def say(self, lines: list[str]) -> None:
        """Write lines at once, also into a pipe."""
        self.out.writelines(f"{line}\n" for line in lines)
        self.out.flush()

    def _answer(self, question: str) -> bool:
        try:
            reply = self.ask(question)
        except _NO_USE:
            raise
        except AfterwordError as error:
            return self._fail(error.code, error.message)
        self.say([reply_json(reply)] if self.as_json else [*_lines(question, reply), ""])
        return True

    def _fail(self, code: str, message: str) -> bool:
        """Tell what went wrong; as JSON on standard output too, so that replies stay in step."""
        if self.as_json:
            place = {} if self.at is None else {"line": self.at}
            self.say([json.dumps({"error": {"code": code, "message": message, **place}})])
        where = "" if self.at is None else f"line {self.at}: "
        self.errors.write(f"afterword: {where}{message}\n")
        self.errors.flush()
        return False


def _lines(question: str, reply: Reply) -> Iterator[str]:
    if reply.rewritten_by is not None and reply.query != question:
        yield f"asked: {reply.query}"
    yield from reply_lines(reply)


def converse(chat: Chat, given: TextIO) -> int:
    """Answer each line until there is none; return the exit status.

    Raises CollectionNotFound and IndexDamaged before anything is asked, and as `Chat.hear` does.
    """
    chat.answerer.collection(chat.first.collection)
    if given.isatty() and chat.out.isatty():
        return _at_terminal(chat)
    status = 0
    for chat.at, line in enumerate(given, start=1):
        if line.strip() in _ENDS:
            break
        if not chat.hear(line.strip()):
            status = 1
    return status


def _at_terminal(chat: Chat) -> int:
    """Ask for questions until the person ends it; a question that fails ends nothing."""
    _edit_lines()
    chat.say([HELP, ""])
    while True:
        try:
            line = input(PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            chat.say([""])
            return 0
        if line in _ENDS:
            return 0
        try:
            chat.hear(line)
        except KeyboardInterrupt:
            chat.errors.write("\nstopped\n")


def _edit_lines() -> None:
    """Let lines be edited and brought back, where the system has what that needs."""
    try:
        import readline
    except ImportError:
        return
    readline.set_auto_history(True)
