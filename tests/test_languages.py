"""Collections of other languages: what is found and quoted, and how a language is kept."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bundled_documents import make_collection, stored
from earlier_formats import make_earlier, meta
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection, open_collection
from indexes.documents import Extract
from indexes.encoder import load_encoder
from indexes.errors import IndexDamaged, UsageError
from indexes.schema import FORMAT
from indexes.settings import Settings
from indexes.snapshot import restore, snapshot
from ingest.pipeline import ingest
from ingest.reindex import reindex
from ingest.split import Splitter
from ingest.survey import Order
from language_texts import NAMES, Texts, load_texts
from service.answer import Answerer, Question
from service.reply import Reply
from service.sentences import sentence_spans
from small_encoder import small_encoder
from stored_documents import prepared

# Arabic with vowel points, an astral character of CJK extension B, an accent of its own, marks of
# direction: a place in a text is counted in code points whatever stands before it.
ODD = {
    "points": "مُدَّةُ \u200fالإعارةِ ثلاثةُ أسابيعَ. والغرامةُ نصفُ دينارٍ. \U0001f4da الكتب كثيرة.",
    "astral": "编者是\U00020bb7田信。他记录了\U0002a6a5溪的村庄。e\u0301le\u0300ve 也在里面。",
    "marks": "E\u0301lise a mange\u0301. \u202bالتفاح أحمر\u202c. Elle est a\u0300 Paris.",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder with a collection for each language."""
    folder = tmp_path_factory.mktemp("languages")
    for name in NAMES:
        texts = load_texts(name)
        documents = [
            stored(
                one.id, [one.text], title=one.title, metadata={"even": place % 2 == 0, "at": place}
            )
            for place, one in enumerate(texts.paragraphs)
        ]
        make_collection(folder, name, documents, texts.language)
    odd = [stored(key, [text], title=key) for key, text in ODD.items()]
    make_collection(folder, "odd", odd, "other")
    return folder


@pytest.fixture(scope="module")
def answerer(data: Path) -> Iterator[Answerer]:
    """Give an answerer with the default settings."""
    made = Answerer(Settings(data=data))
    yield made
    made.close()


def ranked(reply: Reply) -> list[str]:
    """Return the documents of the passages, best first."""
    return [one.document_id for one in reply.passages]


@pytest.mark.parametrize("name", NAMES)
def test_the_right_paragraph_is_found(name: str, answerer: Answerer) -> None:
    """By words as people ask, spelt in other ways too; questions without an answer get none."""
    texts = load_texts(name)
    first = quoted = answered = 0
    for one in texts.questions:
        reply = answerer.answer(Question(one.question, name), abstain=False)
        assert one.relevant in ranked(reply)[:5], one.question
        first += ranked(reply)[0] == one.relevant
        quoted += one.answer in reply.answer
        answered += reply.score >= reply.threshold
    count = len(texts.questions)
    refused = sum(
        answerer.answer(Question(one, name)).status == "not_found" for one in texts.unanswerable
    )
    assert first >= 0.9 * count
    assert quoted >= 0.75 * count
    assert answered >= 0.75 * count
    assert refused >= len(texts.unanswerable) - 1


@pytest.mark.parametrize("name", NAMES)
def test_search_alone_finds_it_too(name: str, answerer: Answerer) -> None:
    """Words lead where the encoder does not know the language."""
    texts = load_texts(name)
    hits = [answerer.search(one.question, name)[:5] for one in texts.questions]
    for one, found in zip(texts.questions, hits, strict=True):
        assert one.relevant in [passage.document_id for passage in found], one.question


@pytest.mark.parametrize(
    ("name", "question", "relevant"),
    [
        ("de", "STADTWALD GROESSE", "wald"),
        ("de", "grosse strasse", "strasse"),
        ("de", "Suederoog", "hafen"),
        ("de", "Storche", "storch"),
        ("ar", "مدة الاعاره", "library"),
        ("ar", "المنارة", "lighthouse"),
        ("ar", "منارة", "lighthouse"),
        ("ar", "والمـــنارةُ", "lighthouse"),
        ("zh", "猫头鹰灯会", "festival"),
        ("zh", "银", "forest"),
        ("zh", "\U00020bb7", "name"),
        ("zh", "Ｑ\U0002a6a5", "name"),
    ],
)
def test_variants_of_words(name: str, question: str, relevant: str, answerer: Answerer) -> None:
    """Umlauts, vowel points, the article and single characters."""
    assert answerer.search(question, name)[0].document_id == relevant


@pytest.mark.parametrize("name", [*NAMES, "odd"])
def test_quotes_are_the_text_between_their_offsets(
    name: str, data: Path, answerer: Answerer
) -> None:
    """In code points of the stored text, of every citation."""
    asked = [one.question for one in load_texts(name).questions] if name in NAMES else []
    asked += [text[:20] for text in ODD.values()]
    texts = {}
    with open_collection(data, name).read() as reading:
        for document in reading.documents(100):
            texts[document.document_id] = reading.text(document.document_id)
    cited = 0
    for question in asked:
        for one in answerer.answer(Question(question, name), abstain=False).citations:
            cited += 1
            assert one.quote == texts[one.document_id][one.start : one.end]
            assert one.quote.strip() == one.quote
    assert cited >= len(asked)


def test_a_question_asks_and_answers_nothing(tmp_path: Path) -> None:
    """Also one with the question mark of another script."""
    texts = ["متى يفتح المتحف؟ يفتح المتحف في التاسعة.", "博物馆几点开门？博物馆九点开门。"]
    make_collection(tmp_path, "c", [stored(f"d{i}", [t]) for i, t in enumerate(texts)], "other")
    with_answers = Answerer(Settings(data=tmp_path))
    for question, quote in (
        ("متى يفتح المتحف؟", "يفتح المتحف في التاسعة."),
        ("博物馆几点开门？", "博物馆九点开门。"),
    ):
        reply = with_answers.answer(Question(question, "c"), abstain=False)
        assert [one.quote for one in reply.citations] == [quote]


@pytest.mark.parametrize("name", NAMES)
def test_filters_hold(name: str, answerer: Answerer) -> None:
    """What a filter leaves out is neither found nor quoted."""
    texts = load_texts(name)
    for one in texts.questions[:6]:
        for even in (True, False):
            condition = {"field": "metadata.even", "operator": "==", "value": even}
            reply = answerer.answer(Question(one.question, name, condition), abstain=False)
            places = [[p.id for p in texts.paragraphs].index(found) for found in ranked(reply)]
            assert places
            assert all((place % 2 == 0) == even for place in places)


def test_the_english_reader_is_not_asked(data: Path) -> None:
    """The bundled one and none give the same in another language, where words alone count."""
    question = Question("Wie hoch ist der Kirchturm?", "de")
    replies = []
    for reader in ("bundled", "none"):
        asked = Answerer(Settings(data=data, reader=reader))
        reply = asked.answer(question)
        replies.append((reply.status, reply.answer, reply.score, reply.threshold))
        asked.close()
    assert replies[0] == replies[1]
    assert replies[0][0] == "answered"


def test_an_encoder_that_is_not_bundled_counts(tmp_path: Path) -> None:
    """Then what is meant and what is said count the same, as in English."""
    folder = tmp_path / "data"
    encoder = load_encoder("bundled")
    other = replace(encoder, identity=replace(encoder.identity, name="someone/multilingual"))
    made = create_collection(folder, "c", other, SplitterSettings(200), "other")
    texts = load_texts("de")
    with made.write() as writer:
        writer.put([stored(one.id, [one.text], title=one.title) for one in texts.paragraphs])
    asked = Answerer(Settings(data=folder, reader="none"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.answer.load_encoder", lambda _name, **_: other)
        reply = asked.answer(Question("Wie hoch ist der Kirchturm?", "c"), abstain=False)
    assert reply.threshold == 0.45
    assert reply.passages[0].scores.dense is not None
    first = max(reply.passages, key=lambda one: one.scores.fused or 0.0)
    dense = [one.scores.dense or 0.0 for one in reply.passages]
    assert sorted(dense)[-5] <= (first.scores.dense or 0.0)


# --- how a language is kept ----------------------------------------------------------------------


def small(folder: Path, texts: Texts, name: str = "c") -> Collection:
    """Make a collection of the small encoder."""
    made = create_collection(folder, name, small_encoder(), SplitterSettings(64), texts.language)
    with made.write() as writer:
        writer.put([prepared(one.id, [one.text]) for one in texts.paragraphs])
        writer.merge_views(force=True)
    return made


def best(collection: Collection, query: str) -> str | None:
    """Return the document that words find first."""
    with collection.read() as reading:
        hits = reading.lexical(query, 1)
        return reading.chunks([hits[0].chunk_id])[0].document_id if hits else None


def aged(collection: Collection) -> None:
    """Make a collection's catalog one of the format that knew of no language."""
    collection.close()
    make_earlier(collection.folder, 1)


def test_a_collection_of_the_first_format_opens_as_english(tmp_path: Path) -> None:
    """It has today's format then; its views stay, and it is asked in English as before."""
    made = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        writer.put([prepared("d", ["The runners were running."])])
        writer.merge_views(force=True)
    aged(made)
    before = {path: path.stat().st_mtime_ns for path in made.folder.rglob("*.*") if path.is_file()}
    opened = open_collection(tmp_path, "c")
    assert (opened.language, best(opened, "run"), best(opened, "laufen")) == ("en", "d", None)
    with opened.write() as writer:
        writer.put([prepared("e", ["Cities and a city."])])
    assert best(opened, "city") == "e"
    told = meta(made.folder / "catalog.db")
    assert (told["format"], told.get("language")) == (str(FORMAT), None)
    views = [path for path in before if "lexical" in str(path) and path.suffix != ".lock"]
    assert views
    assert {path: path.stat().st_mtime_ns for path in views} == {p: before[p] for p in views}


def test_a_collection_of_the_first_format_can_be_given_a_language(tmp_path: Path) -> None:
    """And so can what a snapshot that was made by an earlier version is restored to."""
    made = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        writer.put([prepared("d", ["Größe und Höhe des Turms"])])
    aged(made)
    shutil.copy(made.folder / "catalog.db", tmp_path / "old.db")
    opened = open_collection(tmp_path, "c")
    restored = restore(tmp_path, "again", tmp_path / "old.db")
    assert (restored.language, meta(tmp_path / "old.db")["format"]) == ("en", "1")
    reindex(opened, small_encoder(), SplitterSettings(64), lambda *_: None, "other")
    assert (opened.language, best(opened, "groesse")) == ("other", "d")
    assert meta(opened.folder / "catalog.db")["language"] == "other"


def test_a_language_that_is_not_known_is_refused(tmp_path: Path) -> None:
    """By name, as a later format is."""
    made = small(tmp_path, load_texts("de"))
    made.close()
    with closing(sqlite3.connect(made.folder / "catalog.db")) as raw:
        raw.execute("UPDATE meta SET value = 'tlh' WHERE key = 'language'")
        raw.commit()
    with pytest.raises(IndexDamaged, match="tlh"):
        open_collection(tmp_path, "c")


def test_snapshot_and_restore_keep_the_language(tmp_path: Path) -> None:
    """Also over a collection of another language that is open."""
    texts = load_texts("zh")
    made = small(tmp_path, texts)
    snapshot(made, tmp_path / "copy.db")
    other = small(tmp_path, load_texts("de"), "other")
    assert other.language == "other"
    restore(tmp_path, "other", tmp_path / "copy.db", replace=True)
    for collection in (other, restore(tmp_path, "new", tmp_path / "copy.db")):
        assert best(collection, "银杏") == "forest"
        assert collection.language == "cjk"


def test_reindex_changes_the_language_alone(tmp_path: Path) -> None:
    """Vectors are kept; those who have the collection open ask in the new language at once."""
    texts = load_texts("ar")
    made = small(tmp_path, replace(texts, language="en"))
    open_before = open_collection(tmp_path, "c")
    assert best(open_before, "منارة") != best(made, "المنـارةُ")
    encoder, splitter = small_encoder(), SplitterSettings(64)
    reindex(made, encoder, splitter, lambda *_: None, "other")
    for query in ("منارة", "المنـارةُ"):
        assert best(open_before, query) == best(made, query) == "lighthouse"
    assert open_before.language == made.language == "other"
    reindex(made, encoder, splitter, lambda *_: None)
    assert made.language == "other"
    with open_collection(tmp_path, "c").read() as reading:
        assert reading.language == "other"


def test_a_killed_reindex_keeps_the_language(tmp_path: Path) -> None:
    """Until its one change is made all is as it was."""
    made = small(tmp_path, load_texts("de"))

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(made, small_encoder(), SplitterSettings(64), stop, "cjk")
    assert (open_collection(tmp_path, "c").language, best(made, "Groesse")) == ("other", None)
    assert best(made, "suederoog") == "hafen"


def test_a_damaged_view_is_built_in_the_collections_language(tmp_path: Path) -> None:
    """It is derived: what the catalog says counts."""
    made = small(tmp_path, load_texts("zh"))
    (index,) = (made.folder / "lexical").iterdir()
    (index / "meta.json").write_text("{}")
    opened = open_collection(tmp_path, "c")
    assert best(opened, "银杏") == "forest"
    with opened.write() as writer:
        writer.merge_views(force=True)
    assert best(opened, "银杏") == "forest"


def test_ingest_makes_a_collection_of_the_language_that_is_asked_for(tmp_path: Path) -> None:
    """The order's language, else the setting's; another one for what exists is refused."""
    texts = load_texts("zh")
    file = tmp_path / "zh.jsonl"
    lines = [{"id": p.id, "title": p.title, "text": p.text} for p in texts.paragraphs[:3]]
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    settings = Settings(data=tmp_path / "data", reader_processes=1, language="other")

    def into(name: str, **order: str | bool | None) -> Collection:
        made = Order((str(file),), name, **order)  # type: ignore[arg-type]
        assert not ingest(made, settings, lambda _event: None).stopped
        return open_collection(settings.data, name)

    assert into("set").language == "other"
    assert into("asked", language="cjk").language == "cjk"
    assert into("asked").language == "cjk"
    assert into("asked", language="cjk").language == "cjk"
    for dry_run in (False, True):
        with pytest.raises(UsageError, match="reindex --collection asked --language en") as told:
            into("asked", language="en", dry_run=dry_run)
        assert "'cjk'" in told.value.message


def test_text_without_spaces_is_cut_at_its_sentences() -> None:
    """Chunks are as large as they may be, end with sentences, and cover the text."""
    encoder = load_encoder("bundled")
    text = "".join(one.text for one in load_texts("zh").paragraphs)
    chunks = Splitter(encoder, 60).split(Extract(text, "text/plain", "书"))
    words = [chunk.span.cut(text) for chunk in chunks]
    assert "".join(words) == text
    assert all(encoder.count_tokens(f"书\n{one}") <= 66 for one in words)
    assert all(one.endswith("。") for one in words)
    for one in words:
        spans = sentence_spans(one, "text/plain", "cjk")
        assert all(a.end == b.start for a, b in pairwise(spans))
        assert len(spans) == one.count("。")
