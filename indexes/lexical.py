"""The lexical view: tantivy's BM25 over the encoded texts of a collection's chunks.

BM25 as Robertson and Zaragoza (2009) give it, k1 = 1.2 and b = .75, with the length of a text
rounded the way Lucene and tantivy store it (one byte). English is analysed by the engine, with its
stemmer and stop words; texts of other languages come to it as terms of `indexes.words`.
"""

import errno
import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt
import tantivy

from indexes.hits import ChunkSet, Hit, Ids
from indexes.languages import ENGLISH, Language
from indexes.words import LONGEST_TERM, words

_K1: Final = 1.2
_B: Final = 0.75
_FEW_RANGES: Final = 64
# A list of so many ids, few of all, is looked up faster than what is best is looked through.
_FEW_IDS: Final = 20_000
_SMALL_SHARE: Final = 20
_HEAP: Final = 64_000_000
# How tantivy names a file until it is written.
_UNNAMED: Final = ".tmp*"
_ENGLISH_ANALYZER: Final = "afterword_english"
_TERMS_ANALYZER: Final = "afterword_terms"
_EXACT_LENGTHS: Final = 24
_MANTISSA: Final = 8
_MANTISSA_BITS: Final = 4
_TERMS_TRIED: Final = 1_000
# Tantivy's own, at the end of each of its files (tantivy/src/directory/footer.rs).
_MARK: Final = 1337
_LONGEST_NOTE: Final = 4_096
_PART: Final = 1 << 20
_SYSTEM_ERROR: Final = re.compile(r"\(os error (\d+)\)")
# Files that are missing, in the way or unreadable; any other error of the system is no damage.
_DAMAGE: Final = frozenset((errno.ENOENT, errno.EEXIST, errno.EIO))


@cache
def english() -> tantivy.TextAnalyzer:
    """Return the English analyser: words, lower case, accents folded, stop words, stems."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stopword("english"))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def terms(text: str, language: Language = ENGLISH) -> list[str]:
    """Return the terms of a text in order, as they are indexed."""
    return english().analyze(text) if language == ENGLISH else words(text, language)


@cache
def _schema(analyzer: str = _ENGLISH_ANALYZER) -> tantivy.Schema:
    return (
        tantivy.SchemaBuilder()
        .add_text_field("text", tokenizer_name=analyzer, index_option="freq")
        .add_unsigned_field("chunk", indexed=True, fast=True)
        .build()
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25 knows of all texts: their number, their mean length, and how many have a term."""

    texts: int
    mean_length: float
    frequencies: Mapping[str, int]


def stored_lengths(lengths: Ids) -> Ids:
    """Return lengths as the index keeps them in one byte (Lucene's SmallFloat, byte4)."""
    rest = lengths - _EXACT_LENGTHS
    bits = np.frexp(np.maximum(rest, 1))[1]  # how many binary digits each has
    shift = np.maximum(bits - _MANTISSA_BITS, 0)
    return np.where(rest < 2 * _MANTISSA, lengths, _EXACT_LENGTHS + ((rest >> shift) << shift))


def bm25(
    query: Mapping[str, int],
    found: Mapping[str, tuple[Ids, Ids]],
    lengths: Ids,
    of: Statistics,
) -> npt.NDArray[np.float64]:
    """Return the BM25 scores of texts, shape (n,), for a query's terms with their counts.

    `found` has for each term the numbers of the texts that have it and how often each does;
    `lengths`, shape (n,), are those of the texts in terms.
    """
    part = _K1 * (1 - _B + _B * stored_lengths(lengths) / of.mean_length)
    scores = np.zeros(len(lengths))
    for term, asked in query.items():
        texts, counts = found[term]
        if len(texts):
            weight = asked * term_weight(term, of) * (_K1 + 1)
            scores[texts] += weight * counts / (counts + part[texts])
    return scores


def term_weight(term: str, of: Statistics) -> float:
    """Return how much BM25 makes of a term: the more, the fewer texts have it (over 0)."""
    n = of.frequencies[term]
    return math.log(1 + (of.texts - n + 0.5) / (n + 0.5))


@dataclass(frozen=True)
class LexicalView:
    """An immutable state of a tantivy index."""

    searcher: tantivy.Searcher
    last_id: int
    _reckoned: list[tuple[int, float]] = field(default_factory=list)

    def reckoned(self, words: Iterable[str] = ()) -> tuple[int, float]:
        """Return the number of texts and their mean length in terms that BM25 reckons with.

        Removed texts count until the engine has merged them away. It tells the two only when it
        explains a score, so some term of a living text is needed: the rarest of `words` is found at
        once; to look through all terms takes a tenth of a second in a large index.
        """
        if not self._reckoned:
            counts = {word: self.frequency(word) for word in words}
            likely = sorted((word for word in counts if counts[word]), key=counts.__getitem__)
            found = map(self._explained, itertools.chain(likely, self._terms()))
            self._reckoned.append(next((facts for facts in found if facts), (0, 1.0)))
        return self._reckoned[0]

    def _terms(self) -> Iterator[str]:
        for word, _ in self.searcher.terms_with_prefix("text", "", limit=_TERMS_TRIED):
            yield word

    def _explained(self, word: str) -> tuple[int, float] | None:
        found = self.searcher.search(_term(word), 1, count=False).hits
        if not found:
            return None
        explained = json.loads(_term(word).explain(self.searcher, found[0][1]).to_json())
        facts = dict(_facts(explained))
        return int(facts["N"]), facts["avgdl"]

    def search(
        self, query: Mapping[str, int], k: int, allowed: ChunkSet | None, removed: ChunkSet
    ) -> list[Hit]:
        """Return the `k` best chunks for a query's terms with counts, best first.

        Only those are found that are allowed (None: all) and not removed.
        """
        if not query or not self.searcher.num_docs or (allowed is not None and allowed.empty):
            return []
        words = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Should, tantivy.Query.boost_query(_term(word), asked))
                for word, asked in query.items()
            ]
        )
        if allowed is None:
            return self._kept(words, k, k + min(k, len(removed)), None, removed)
        share = max(1, self.searcher.num_docs // max(1, len(allowed)))
        if len(allowed.ranges) <= _FEW_RANGES:
            inside = tantivy.Query.boolean_query(
                [(tantivy.Occur.Should, _range(span.start, span.end)) for span in allowed.ranges]
            )
        elif len(allowed) <= _FEW_IDS and share >= _SMALL_SHARE:
            inside = tantivy.Query.term_set_query(_schema(), "chunk", allowed.ids().tolist())
        else:
            return self._kept(words, k, 2 * k * share, allowed, removed)
        inside = tantivy.Query.const_score_query(inside, 0.0)
        both = [(tantivy.Occur.Must, words), (tantivy.Occur.Must, inside)]
        both_hold = tantivy.Query.boolean_query(both)
        return self._kept(both_hold, k, k + min(k, len(removed)), None, removed)

    def _kept(
        self,
        words: tantivy.Query,
        k: int,
        depth: int,
        allowed: ChunkSet | None,
        removed: ChunkSet,
    ) -> list[Hit]:
        """Look ever deeper until `k` chunks that may be found are, or there are no more."""
        while True:
            hits = self._hits(words, depth)
            ids = np.array([hit.chunk_id for hit in hits], np.int64)
            keep = ~removed.holds(ids)
            if allowed is not None:
                keep &= allowed.holds(ids)
            found = [hit for hit, kept in zip(hits, keep, strict=True) if kept]
            if len(found) >= k or len(hits) < depth:
                return found[:k]
            depth *= 4

    def _hits(self, query: tantivy.Query, k: int) -> list[Hit]:
        result = self.searcher.search(query, min(k, max(1, self.searcher.num_docs)), count=False)
        values = self.searcher.fast_field_values("chunk", [address for _, address in result.hits])
        return [
            Hit(int(value or 0), float(score))
            for (score, _), value in zip(result.hits, values, strict=True)
        ]

    def frequency(self, term: str) -> int:
        """Return how many of the view's texts have the term."""
        return self.searcher.doc_freq("text", term) if self.searcher.num_docs else 0


def _term(word: str) -> tantivy.Query:
    return tantivy.Query.term_query(_schema(), "text", word)


def _range(first: int, end: int) -> tantivy.Query:
    return tantivy.Query.range_query(_schema(), "chunk", tantivy.FieldType.Unsigned, first, end - 1)


def open_lexical(folder: Path) -> LexicalView | None:
    """Return the view that `folder` holds, or None where it is missing or damaged."""
    if not (folder / "meta.json").is_file():
        return None
    try:
        if damaged_files(folder):  # in which the engine would find other words, or nothing
            return None
        index = tantivy.Index.open(str(folder))
        index.config_reader("manual")
        index.reload()
        return _view(index.searcher())
    except (ValueError, OSError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # no JSON, JSON of another kind, or what the engine cannot read


def damaged_files(folder: Path) -> list[str]:
    """Return the names of the index's files that are not as they were written, sorted.

    Each ends in a note of its own checksum: a text in JSON, its length, and a mark. Files that a
    killed writer left belong to no segment of the index, and are not looked at.
    """
    segments = json.loads((folder / "meta.json").read_text())["segments"]
    own = {segment["segment_id"].replace("-", "") for segment in segments}
    files = sorted(path for path in folder.iterdir() if path.name.partition(".")[0] in own)
    return [path.name for path in files if not _is_as_written(path)]


def _is_as_written(path: Path) -> bool:
    try:
        status = path.stat()
        return _as_written(path, status.st_size, status.st_ino, status.st_mtime_ns)
    except FileNotFoundError:  # by a merge just now; what it needs and lacks, the engine tells
        return True


@lru_cache(maxsize=4096)
def _as_written(path: Path, size: int, _inode: int, _modified: int) -> bool:
    """Tell it, and remember: files of an index never change."""
    with path.open("rb") as file:
        file.seek(max(0, size - _LONGEST_NOTE))
        end = file.read()
        length, mark = (int.from_bytes(part, "little") for part in (end[-8:-4], end[-4:]))
        try:
            expected = json.loads(end[:-8][-length:])["crc"]
        except (ValueError, KeyError, TypeError):
            return False
        file.seek(0)
        found, left = 0, size - length - 8
        while left > 0 and (part := file.read(min(left, _PART))):
            found, left = crc32(part, found), left - len(part)
    return mark == _MARK and found == expected


def empty_lexical() -> LexicalView:
    """Return a view of nothing, held in memory."""
    return _view(tantivy.Index(_schema()).searcher())


def _view(searcher: tantivy.Searcher) -> LexicalView:
    return LexicalView(searcher, _last_id(searcher))


def _facts(explained: dict[str, Any]) -> Iterator[tuple[str, float]]:
    yield explained["description"].split(",")[0], explained["value"]
    for detail in explained.get("details", ()):
        yield from _facts(detail)


def _last_id(searcher: tantivy.Searcher) -> int:
    result = searcher.search(
        tantivy.Query.all_query(), 1, count=False, order_by_field="chunk", order=tantivy.Order.Desc
    )
    return int(result.hits[0][0]) if result.hits else 0


class LexicalDamaged(Exception):
    """The index on disk cannot be extended, for a reason that may lie in it."""


def extend_lexical(
    folder: Path, language: Language, removed: ChunkSet, added: Iterable[tuple[int, str]]
) -> None:
    """Write removals and additions `(chunk id, encoded text)` into the index at `folder`.

    The index is made where there is none. Chunks that it has already are passed over, so a replay
    does no harm. One process at a time (tantivy holds a lock of its own). Raises OSError where the
    system refuses, as on a full disk, and LexicalDamaged; what was committed is there either way.
    """
    try:
        if language == ENGLISH:
            _extend(folder, _ENGLISH_ANALYZER, english(), removed, added)
        else:
            said = ((chunk_id, " ".join(words(text, language))) for chunk_id, text in added)
            _extend(folder, _TERMS_ANALYZER, _apart(), removed, said)
    except ValueError as error:  # how tantivy says that it cannot go on
        found = _SYSTEM_ERROR.search(str(error))
        if found and (number := int(found[1])) not in _DAMAGE:
            raise OSError(number, os.strerror(number), str(folder)) from error
        raise LexicalDamaged(str(error)) from error


def _apart() -> tantivy.TextAnalyzer:
    """Return the analyser of texts that are terms already, with a space between them."""
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def _extend(
    folder: Path,
    name: str,
    analyzer: tantivy.TextAnalyzer,
    removed: ChunkSet,
    added: Iterable[tuple[int, str]],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(_schema(name), str(folder))
    index.register_tokenizer(name, analyzer)
    last = _last_id(index.searcher())
    writer = index.writer(_HEAP, num_threads=1)
    writer.garbage_collect_files()  # what a killed writer left would be in the way of this commit
    for left in folder.glob(_UNNAMED):  # of these the engine knows nothing
        left.unlink()
    for span in removed.ranges:
        writer.delete_documents_by_query(_range(span.start, span.end))
    for chunk_id, text in added:
        if chunk_id > last:
            document = tantivy.Document()
            document.add_text("text", text)
            document.add_unsigned("chunk", chunk_id)
            writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
