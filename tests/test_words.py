"""Words that are not English: spellings that meet, and an index that holds what is asked for."""

import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.catalog import SplitterSettings
from indexes.collection import create_collection
from indexes.hits import ChunkSet
from indexes.languages import LANGUAGES, Language
from indexes.lexical import extend_lexical, open_lexical, terms
from indexes.words import LONGEST_TERM, words
from language_texts import load_texts
from small_encoder import small_encoder
from stored_documents import prepared

SPACED = {"de": "other", "ar": "other", "zh": "cjk"}
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Größe", "GRÖẞE"),
        ("Größe", "Grösse"),
        ("Größe", "groesse"),
        ("Ærøskøbing", "aeroeskoebing"),
        ("élève", "eleve"),
        ("élève", "e\u0301le\u0300ve"),
        ("Œuvre", "oeuvre"),
        ("Łódź", "lodz"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("Wasser\u00adturm", "Wasserturm"),
        ("Kirchtürme", "Kirchturm"),
        ("lesson", "lessons"),
        ("ёлка", "елка"),
        ("Βιβλίος", "ΒΙΒΛΙΟΣ"),
        ("الْكِتَابُ", "كتاب"),
        ("الكتـــاب", "الكتاب"),
        ("والكتاب", "كتاب"),
        ("للكتاب", "الكتاب"),
        ("أحمد", "احمد"),
        ("إلى", "الي"),
        ("مدرسة", "المدرسه"),
        ("مهندسون", "مهندسين"),
        ("ﻻعب", "لاعب"),
        ("کتاب", "كتاب"),
        ("می\u200cخواهم", "می خواهم"),
        ("٣٧", "37"),
        ("१२", "12"),
        ("שָׁלוֹם", "שלום"),
        ("ｶﾞﾗｽ", "ガラス"),
        ("Ｔｏｋｙｏ", "tokyo"),
        ("葛\U000e0100城", "葛城"),
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
    ],
)
def test_spellings_of_a_word_meet(one: str, other: str) -> None:
    """They share a term, in both kinds of collections."""
    for language in ("other", "cjk"):
        assert set(words(one, language)) & set(words(other, language)), language


@pytest.mark.parametrize(
    ("one", "other"),
    [("schon", "schlecht"), ("boek", "bok"), ("कल", "काल"), ("کار", "مار"), ("ガス", "バズ")],
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    """Vowels of Indic scripts are letters, and so are voiced signs of kana."""
    assert not set(words(one, "other")) & set(words(other, "other"))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("中文 ABC", "cjk", ["中", "文", "中文", "abc"]),
        ("中文 ABC", "other", ["中", "文", "中文", "abc"]),
        ("서울은", "cjk", ["서", "울", "은", "서울", "울은"]),
        ("서울은", "other", ["서울은"]),
        ("\U00020000\U00020001。", "cjk", ["\U00020000", "\U00020001", "\U00020000\U00020001"]),
        ("ไทย", "other", ["ไท", "ทย", "ไทย"]),
        ("3月5日", "cjk", ["3", "月", "5", "日"]),
        ("iPhone手机", "cjk", ["iphone", "iphon", "手", "机", "手机"]),
        ("L’an 1842", "other", ["l", "an", "1842"]),
        ("हिन्दी की किताब", "other", ["हिन्दी", "हिन्द", "की", "किताब"]),
        ("… — ?!", "other", []),
        ("", "cjk", []),
    ],
)
def test_terms(text: str, language: Language, expected: list[str]) -> None:
    """Words and their beginnings; characters and pairs where no spaces are written."""
    assert words(text, language) == expected


@given(ANY_TEXT, st.sampled_from(["other", "cjk"]))
def test_any_text_gives_plain_terms(text: str, language: Language) -> None:
    """Terms have no white space and a bounded length; composed or not, a text has the same ones."""
    found = words(text, language)
    assert found == words(unicodedata.normalize("NFD", text), language)
    for term in found:
        assert term
        assert not any(character.isspace() for character in term)
        assert len(term) <= LONGEST_TERM
    kinds = {unicodedata.category(one) for one in unicodedata.normalize("NFKC", text)}
    if kinds & {"Ll", "Lu", "Lo"}:
        assert found


@settings(max_examples=20, deadline=None)
@given(st.lists(ANY_TEXT, min_size=1, max_size=20), st.sampled_from(["other", "cjk"]))
def test_the_engine_holds_the_terms_that_are_asked_for(
    texts: Sequence[str], language: Language
) -> None:
    """As many texts have each term in the index on disk as `terms` gives it to."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "view"
        extend_lexical(place, language, ChunkSet(()), enumerate(texts, start=1))
        view = open_lexical(place)
        assert view is not None
        held = [set(terms(text, language)) for text in texts]
        for term in set().union(*held):
            assert view.frequency(term) == sum(term in one for one in held)


@given(st.data(), st.sampled_from(sorted(SPACED)))
def test_a_text_is_found_by_its_own_words(data: st.DataObject, name: str) -> None:
    """Any of its words, or any run of its characters where it has no spaces."""
    texts = load_texts(name)
    text = data.draw(st.sampled_from([one.text for one in texts.paragraphs]))
    if texts.language == "cjk":
        start = data.draw(st.integers(0, len(text) - 1))
        query = text[start : start + data.draw(st.integers(1, 8))]
    else:
        query = data.draw(st.sampled_from(text.split()))
    asked = words(query, texts.language)
    assert set(asked) <= set(words(text, texts.language))
    assert asked or not any(character.isalnum() for character in query)


@pytest.mark.parametrize("name", sorted(SPACED))
def test_every_text_is_found_on_disk_and_in_the_delta(name: str, tmp_path: Path) -> None:
    """By a query of its own words, with the same scores whether the views were merged or not."""
    texts = load_texts(name)
    encoder, splitter = small_encoder(), SplitterSettings(64)
    made = create_collection(tmp_path, "c", encoder, splitter, texts.language)
    with made.write() as writer:
        writer.put([prepared(one.id, [one.text]) for one in texts.paragraphs])
        found = []
        for merged in (False, True):
            if merged:
                writer.merge_views(force=True)
            with made.read() as reading:
                hits = [reading.lexical(one.text[:40], 50) for one in texts.paragraphs]
                for one, ranked in zip(texts.paragraphs, hits, strict=True):
                    (best,) = reading.chunks([ranked[0].chunk_id])
                    assert best.document_id == one.id
                    assert best.language == texts.language
            found.append([[hit.score for hit in ranked] for ranked in hits])
    for before, after in zip(*found, strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-4)


def test_english_is_what_it_was() -> None:
    """Stop words, stems and folded accents, by the engine's own analyser."""
    assert terms("The élèves were running to cities' cafés") == [
        "elev", "were", "run", "citi", "cafe",
    ]  # fmt: skip
    assert terms("The élèves") == terms("The élèves", "en")
    assert LANGUAGES == ("en", "other", "cjk")
