"""Write: a language model summarises parts that it can read, then its own checked sentences.

Each sentence, of a part or of the whole, is checked against the passages of the documents
themselves, so that nothing creeps in from one round to the next, and citations lead to where it is
said first. Parts are read in an order that spreads over the text: where the time ends before all
are read, those that were are of all of it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from indexes.errors import ModelFailed, ModelTooSlow, PromptTooLong
from indexes.languages import ENGLISH
from service.evidence import Evidence, Ground, Quoted, Thought
from service.heads import NOTHING_BELOW, CheckWords, Head, Heads
from service.language_model import Check, Ended, Message, Reason, Usage
from service.overtime import used_until
from service.prompts import NOT_FOUND, abstains, fenced
from service.reply import Dropped, UnsupportedSentence
from service.streamed import StreamedSentence, inert, streamed_sentences
from service.summaries.parts import packed, spread
from service.summaries.reply import ProgressEvent
from service.writing import MARK, NO_ROOM, Desk, Manner, until

# What the parts may take of the time, so that some is left to make one summary of them.
_PARTS_SHARE: Final = 0.75
# What a sentence takes in tokens, its marker included, and the share of the context for all.
_SENTENCE_TOKENS: Final = 48
_OUTPUT_SHARE: Final = 0.25
_LEAST_OUTPUT: Final = 64
# Sentences that a part gives at least and at most, and a round of notes for so many of them.
_LEAST, _MOST = 2, 6
_A_ROUND: Final = 3
# A round that leaves more than this share of the notes makes them no shorter.
_SHORTER: Final = 0.8
_FAILURES: Final = 3
_ALL: Final = "everything that matters most"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence that a model wrote and the quotes that bear it out, none where none does."""

    text: str
    quoted: tuple[Quoted, ...] = ()


@dataclass(slots=True)
class Written:
    """What a model has written of what was selected, and what became of it.

    `read` are the ids of the chunks in the parts that it read, and `unread` says why it did not
    read other parts.
    """

    notes: list[Note] = field(default_factory=list)
    unsupported: list[UnsupportedSentence] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    usage: Usage | None = None
    model: str | None = None
    finish_reason: Reason = "stop"
    fallback: str | None = None
    read: set[int] = field(default_factory=set)
    unread: str | None = None
    abstained: bool = False

    @property
    def silent(self) -> bool:
        """Whether the model found nothing to say: it wrote no sentence, and said so."""
        return self.abstained and not self.notes and not self.unsupported

    def note_end(self, ended: Ended) -> None:
        """Add what a call used."""
        self.usage = (self.usage or Usage()) + ended.usage
        self.model = ended.model or self.model
        self.finish_reason = ended.reason

    def note_late(self, error: ModelTooSlow) -> None:
        """Add what a call had used that the time ended."""
        self.usage = (self.usage or Usage()) + used_until(error)


@dataclass(frozen=True, slots=True, eq=False)
class Writer:
    """What a summary is written with; `pick` chooses so many of notes where none can be written."""

    desk: Desk
    ground: Ground
    manner: Manner
    seconds: float
    pick: Callable[[Sequence[Note], int], list[Note]]
    tell: Callable[[ProgressEvent], None]
    check: Check


def write(writer: Writer, evidence: Sequence[Evidence], sentences: int, focus: str) -> Written:
    """Return a summary in up to so many sentences of evidence in its order.

    Raises PromptTooLong where the context has no room for any of it, and what the model raises
    where it fails at every part.
    """
    work = _Work(writer, sentences, focus or _ALL)
    parts = list(work.parts(evidence))
    if not parts:
        raise PromptTooLong(
            f"no passage fits into the {writer.desk.model.context_tokens} tokens that "
            f"{writer.desk.model.name} reads and writes at once; shorten the focus, or use a model "
            "with a longer context"
        )
    notes = work.read(parts)
    if len(parts) > 1 and notes:
        notes = work.made_one(notes)
    written = work.written
    written.notes = notes
    if written.unread:
        written.finish_reason = "length"
    if not notes and not written.silent:
        written.fallback = written.unread or "the evidence bears out no sentence that it wrote"
    return written


class _Work:
    """One summary at work."""

    def __init__(self, writer: Writer, sentences: int, about: str) -> None:
        self._writer = writer
        self._sentences = sentences
        self._about = about
        self._began = time.monotonic()
        # What is cut to fit must fit whatever number of sentences is then asked for.
        self._widest = max(sentences, _MOST)
        self.written = Written(model=writer.desk.model.name)

    def parts(self, evidence: Sequence[Evidence]) -> Iterator[list[Evidence]]:
        """Cut evidence into parts that the model can read, and note what fits into none."""
        desk = self._desk(self._widest)

        def fits(some: Sequence[Evidence]) -> bool:
            self._writer.check()
            return desk.fits(self._messages("summarise", desk, some))

        for part in packed(evidence, fits):
            if fits(part):
                yield part
            else:
                chunk = part[0].candidate.chunk
                self.written.dropped.append(Dropped(chunk.chunk_id, NO_ROOM))

    def read(self, parts: Sequence[list[Evidence]]) -> list[Note]:
        """Return the sentences of all parts, in the order of the text."""
        count, last = self._sentences, len(parts) == 1
        if not last:
            count = min(_MOST, max(_LEAST, -(-2 * self._sentences // len(parts))))
        check = self._until(1.0 if last else _PARTS_SHARE)
        found = dict[int, list[Note]]()
        failed = list[ModelFailed]()
        for done, at in enumerate(spread(len(parts))):
            self._tell(done, len(parts), "write")
            try:
                found[at] = self._of_part(parts[at], count, check, last=last)
            except ModelTooSlow:
                break
            except ModelFailed as error:
                failed.append(error)
                if len(failed) >= _FAILURES and found:
                    break
                if len(failed) == min(_FAILURES, len(parts)):
                    raise
        else:
            self._tell(len(parts), len(parts), "write")
        if len(found) < len(parts):
            self.written.unread = f"the language model read {len(found)} of {len(parts)} parts" + (
                " and failed at others" if failed else ", then the time was over"
            )
        unfit = {one.chunk_id for one in self.written.dropped}
        self.written.read = {
            one.candidate.chunk.chunk_id for at in found for one in parts[at]
        } - unfit
        return [note for at in sorted(found) for note in found[at]]

    def _of_part(
        self, part: Sequence[Evidence], count: int, check: Check, *, last: bool
    ) -> list[Note]:
        """Return the sentences of a part; one that is longer than was counted is read in halves."""
        desk = self._desk(count)
        try:
            written = desk.write(self._messages("summarise", desk, part, count), check)
            return self._checked(written, part, [[at] for at in range(len(part))], count, last=last)
        except PromptTooLong:
            if len(part) == 1:
                chunk = part[0].candidate.chunk
                self.written.dropped.append(Dropped(chunk.chunk_id, NO_ROOM))
                return []
            half = len(part) // 2
            return [
                note
                for each in (part[:half], part[half:])
                for note in self._of_part(each, max(1, count // 2), check, last=last)
            ]

    def made_one(self, notes: list[Note]) -> list[Note]:
        """Return one summary of notes: in rounds, until all fit into one prompt."""
        check = self._until(1.0)
        try:
            while len(groups := list(packed(notes, self._note_fits))) > 1:
                notes = self._shorter(notes, groups, check)
            final = self._of_notes(notes, self._sentences, check, last=True)
        except (ModelFailed, PromptTooLong) as error:
            self.written.fallback = f"the parts were not made one summary: {error.message}"
            final = []
        if not final:
            self.written.fallback = self.written.fallback or (
                "the evidence bears out no sentence of the summary of the parts"
            )
            return self._writer.pick(notes, self._sentences)
        return final

    def _shorter(self, notes: list[Note], groups: Sequence[list[Note]], check: Check) -> list[Note]:
        shorter = list[Note]()
        for done, group in enumerate(groups):
            self._tell(done, len(groups), "reduce")
            count = min(self._widest, max(1, len(group) // _A_ROUND))
            shorter += self._of_notes(group, count, check) or self._writer.pick(group, count)
        self._tell(len(groups), len(groups), "reduce")
        if len(shorter) <= _SHORTER * len(notes):
            return shorter
        return self._writer.pick(shorter, max(1, len(notes) // 2))

    def _of_notes(
        self, notes: Sequence[Note], count: int, check: Check, *, last: bool = False
    ) -> list[Note]:
        desk = self._desk(count)
        evidence, places = _behind(notes)
        messages = self._messages("summarise_notes", desk, _as_evidence(notes), count)
        written = desk.write(messages, check)
        return self._checked(written, evidence, places, count, last=last)

    def _note_fits(self, notes: Sequence[Note]) -> bool:
        desk = self._desk(self._widest)
        return desk.fits(self._messages("summarise_notes", desk, _as_evidence(notes)))

    def _checked(
        self,
        written: Iterator[str | Thought | Ended],
        evidence: Sequence[Evidence],
        places: Sequence[Sequence[int]],
        count: int,
        *,
        last: bool,
    ) -> list[Note]:
        """Return up to `count` sentences that the evidence bears out, and note the others.

        `places` are those of the evidence that stands behind each number that may be written.
        """
        notes = list[Note]()
        heads = Heads()
        try:
            for one in self._finished(written, evidence, len(places)):
                if len(notes) == count:
                    continue
                self._left(heads.left(one))
                if heads.take(one):
                    continue
                named = [
                    at for number in one.named if 0 <= number < len(places) for at in places[number]
                ]
                text = inert(one.text)  # what is shown is what was checked
                shown = replace(one, text=text)
                checked = heads.check(shown, self._asking(evidence, named))
                told = heads.told(shown, checked)
                self._left(checked.out)
                if checked.support.reason is None:
                    for head in checked.heads:
                        head.state = "stays"
                    notes.append(Note(told, checked.support.quoted))
                    continue
                self.written.unsupported.append(
                    UnsupportedSentence(one.text, checked.support.reason)
                )
                if last and self._writer.manner == "mark":
                    notes.append(Note(f"{told} {MARK}"))
            self._left(heads.left(None))
        except ModelTooSlow as error:
            self.written.note_late(error)
            if not notes:
                raise
            self.written.finish_reason = "length"
        return notes

    def _left(self, heads: Sequence[Head]) -> None:
        """Note what leads in no sentence of the summary."""
        self.written.unsupported += [
            UnsupportedSentence(head.sentence.text, NOTHING_BELOW) for head in heads
        ]

    def _asking(self, evidence: Sequence[Evidence], named: Sequence[int]) -> CheckWords:
        return lambda words: self._writer.ground(words, evidence, named)

    def _finished(
        self, written: Iterator[str | Thought | Ended], evidence: Sequence[Evidence], most: int
    ) -> Iterator[StreamedSentence]:
        """Yield the sentences that were written to their end; markers name `most` at most."""
        language = evidence[0].candidate.chunk.language if evidence else ENGLISH
        for one in streamed_sentences(written, language, most):
            if isinstance(one, Thought):
                continue
            if isinstance(one, Ended):
                self.written.note_end(one)
            elif abstains(one.text):
                self.written.abstained = True
            elif one.is_over:
                yield one

    def _messages(
        self, prompt: str, desk: Desk, evidence: Sequence[Evidence], count: int | None = None
    ) -> list[Message]:
        return desk.prompts.fill(
            prompt,
            evidence=fenced(evidence),
            about=self._about,
            sentences=str(count or self._widest),
            not_found=NOT_FOUND,
        )

    def _desk(self, sentences: int) -> Desk:
        """Return what a summary of so many sentences is written with: room for these, no more."""
        desk = self._writer.desk
        most = int(_OUTPUT_SHARE * desk.model.context_tokens)
        tokens = min(most, _LEAST_OUTPUT + _SENTENCE_TOKENS * sentences)
        return replace(desk, sampling=replace(desk.sampling, max_tokens=tokens))

    def _until(self, share: float) -> Check:
        """Return a check that raises ModelTooSlow once this share of the time is over."""
        seconds = self._writer.seconds
        told = (
            f"the language model worked longer than {share * seconds:g} s on the summary; "
            f"AFTERWORD_SUMMARY_SECONDS allows {seconds:g} s in all"
        )
        return until(self._began + share * seconds, self._writer.check, told)

    def _tell(self, done: int, total: int, step: str) -> None:
        self._writer.check()
        self._writer.tell(ProgressEvent(done, total, "parts", step))


def _behind(notes: Sequence[Note]) -> tuple[list[Evidence], list[list[int]]]:
    """Return the passages behind notes, each once, and their places for each of the notes."""
    places = dict[int, int]()
    evidence = list[Evidence]()
    of_notes = list[list[int]]()
    for note in notes:
        own = list[int]()
        for quoted in note.quoted:
            key = quoted.evidence.candidate.chunk.chunk_id
            if key not in places:
                places[key] = len(evidence)
                evidence.append(quoted.evidence)
            own.append(places[key])
        of_notes.append(own)
    return evidence, of_notes


def _as_evidence(notes: Sequence[Note]) -> list[Evidence]:
    """Return notes as evidence is shown, with a note's words in its passage's place."""
    shown = list[Evidence]()
    for note in notes:
        first = note.quoted[0].evidence
        chunk = replace(first.candidate.chunk, text=note.text)
        shown.append(replace(first, candidate=replace(first.candidate, chunk=chunk)))
    return shown
