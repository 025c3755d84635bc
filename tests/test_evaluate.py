"""Evaluate: figures against hands, SQuAD's script written anew, ir-measures and scikit-learn."""

import gzip
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, Success, nDCG
from sklearn.metrics import roc_auc_score

from bundled_documents import birds, make_collection
from indexes.encoder import load_encoder
from indexes.errors import UsageError
from indexes.settings import Settings
from service.answer import Answerer, build_answerer
from service.evaluate import (
    EvaluationRun,
    Failed,
    Line,
    Outcome,
    Stage,
    evaluate,
    exact_match,
    matches,
    rank,
    read_lines,
    relevant_at,
    token_f1,
)
from service.evidence import Turn
from service.figures import (
    STEPS,
    auroc,
    figures,
    flattened,
    lost_in,
    once,
    precision_from,
    risk_coverage,
    summarise,
)
from service.reply import Citation, Passage, Scores

SWIFTS = "How long does a young swift fly without landing?"
FALCONS = "How many pairs of peregrine falcons did the city count?"
WORDS = st.lists(
    st.sampled_from(["the", "A", "an", "cat", "Cat's", "theatre", "3.5", "-", "naïve", "?", "\n"]),
    max_size=8,
).map(" ".join)


# --- comparing answers ---------------------------------------------------------------------------


def squad(given_text: str, answer: str) -> tuple[float, float]:
    """Return exact match and F1 of words counted one by one; no words are no words."""
    words = []
    for text in (given_text, answer):
        bare = "".join(c for c in text.lower() if c not in r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~""")
        words.append([w for w in re.split(r"\s+", bare) if w not in ("", "a", "an", "the")])
    mine, truth = words
    left = list(truth)
    for word in mine:
        if word in left:
            left.remove(word)
    same = len(truth) - len(left)
    if not mine or not truth:
        return float(mine == truth), float(mine == truth)
    precision, recall = same / len(mine), same / len(truth)
    f1 = 2 * precision * recall / (precision + recall) if same else 0.0
    return float(mine == truth), f1


@given(WORDS, WORDS)
def test_answers_are_compared_as_in_squad(given_text: str, answer: str) -> None:
    """Exact match and F1 are those of the script, and the same both ways."""
    em, f1 = squad(given_text, answer)
    assert exact_match(given_text, answer) == em
    assert token_f1(given_text, answer) == pytest.approx(f1)
    assert token_f1(answer, given_text) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("given_text", "answer", "em", "f1"),
    [
        ("The Norman conquest.", "norman conquest", 1.0, 1.0),
        ("in the 10th century", "10th and 11th centuries", 0.0, 2 / 7),
        ("a cat a cat", "the cat", 0.0, 2 / 3),
        ("3.5 million", "35 million", 1.0, 1.0),
        ("dog", "cat", 0.0, 0.0),
        ("三十八米。", "「三十八米」", 1.0, 1.0),
        ("高三十八米", "三十八米", 0.0, 8 / 9),
        ("东京Tower", "Tower", 0.0, 1 / 2),
        ("أربعين مترًا؟", "أربعين مترًا", 1.0, 1.0),
    ],
)
def test_known_pairs(given_text: str, answer: str, em: float, f1: float) -> None:
    """As a hand computes them."""
    assert exact_match(given_text, answer) == em
    assert token_f1(given_text, answer) == pytest.approx(f1)


SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_auroc_is_scikit_learns(positive: list[float], negative: list[float]) -> None:
    """With ties and all."""
    truth = [1] * len(positive) + [0] * len(negative)
    expected = roc_auc_score(truth, positive + negative)
    assert auroc(positive, negative) == pytest.approx(expected, abs=5.1e-5)
    assert auroc([], negative) is None
    assert auroc(positive, []) is None


# --- what is relevant ----------------------------------------------------------------------------


def passage(document_id: str, pages: Sequence[int] = ()) -> Passage:
    """Return a passage of a document on these pages."""
    return Passage(
        document_id=document_id,
        chunk_id=1,
        title="",
        uri=f"files/{document_id}.pdf",
        page=pages[0] if pages else None,
        section="",
        start=0,
        end=1,
        text="x",
        score=1.0,
        scores=Scores(1.0, None, 1.0, None),
        as_of=None,
        text_sha256="",
        pages=tuple(pages),
    )


def test_documents_are_ranked_once_each() -> None:
    """By their best passage, relevant ones by the entry's name, at most ten."""
    found = [passage(name) for name in "abacb"]
    assert rank(found, ["files/c.pdf", "a"]) == ("a", " b", "files/c.pdf")
    many = [passage(str(number)) for number in range(30)]
    assert rank(many, ["10"]) == tuple(f" {number}" for number in range(10))
    assert rank(many, ["9"])[9] == "9"
    assert rank([], ["a"]) == ()
    assert relevant_at(found, ["files/c.pdf"]) == 4
    assert relevant_at(many, ["29"]) == 30
    assert relevant_at(many, ["a"]) is None


def test_pages_are_ranked_where_pages_matter() -> None:
    """A page counts by itself, and a chunk counts for every page that it touches."""
    found = [passage("a", [1]), passage("a", [4]), passage("a", [1, 2]), passage("a", [2, 3])]
    assert rank(found, ["a#page=3"]) == (" a 1", " a 4", "a#page=3")
    assert rank(found, ["files/a.pdf#page=4"]) == (" a 1", "files/a.pdf#page=4", " a 2")
    assert rank(found, ["a#page=2"]) == (" a 1", " a 4", "a#page=2")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a", True),
        ("files/a.pdf", True),
        ("a#page=2", True),
        ("files/a.pdf#page=3", True),
        ("a#page=4", False),
        ("a#page=22", False),
        ("b", False),
        ("b#page=2", False),
        ("a#page=x", False),
    ],
)
def test_an_entry_means_a_document_or_a_page(entry: str, *, expected: bool) -> None:
    """By id or uri, of pages 2 and 3."""
    assert matches(entry, "a", "files/a.pdf", [2, 3]) is expected


def test_a_document_may_have_a_page_in_its_name() -> None:
    """A uri is compared whole first."""
    assert matches("u#page=1", "a", "u#page=1", [])


# --- figures -------------------------------------------------------------------------------------

LINE = Line("1", "?", None, None, None, None)


def outcome(line: Line, ranked: tuple[str, ...] = (), **given_facts: object) -> Outcome:
    """Return an outcome that was answered with score .5 in 10 ms but for these facts."""
    at = next((at for at, entry in enumerate(ranked, start=1) if entry[0] != " "), None)
    made = Outcome(line, ranked, at, True, "", 0.5, 0.45, (), 10.0)
    return replace(made, **given_facts)  # type: ignore[arg-type]


def citation(document_id: str, page: int | None = None) -> Citation:
    """Return a citation of a document."""
    return Citation(
        marker="[1]",
        document_id=document_id,
        title="",
        uri=f"files/{document_id}",
        page=page,
        row=None,
        section="",
        start=0,
        end=1,
        quote="x",
        score=1.0,
        as_of=None,
        text_sha256="",
    )


def test_figures_are_what_a_hand_computes() -> None:
    """Four questions: found first, found third and fourth of two, not found, not answerable."""
    one = replace(LINE, answers=("the cat", "a dog"), relevant=("a",), answerable=True)
    two = replace(LINE, answers=("two cats",), relevant=("a", "b"), answerable=True)
    gone = replace(LINE, answers=("mouse",), relevant=("c",), answerable=True)
    never = replace(LINE, answers=("mouse",), relevant=(), answerable=False)
    cited_a, cited_b = citation("a"), citation("b")
    found = summarise(
        [
            outcome(one, ("a", " x"), short="Cat", score=0.9, citations=(cited_a, cited_b)),
            outcome(two, (" x", " y", "b", "a"), short="cats", score=0.6, citations=(cited_b,)),
            outcome(gone, (" x",), short="mouse", score=0.2, answered=False, milliseconds=20.0),
            outcome(never, (" x",), short="mouse", score=0.6, milliseconds=30.0),
        ],
        EvaluationRun("c"),
    )
    ideal = 1 + 1 / math.log2(3)
    second = (1 / math.log2(4) + 1 / math.log2(5)) / ideal
    assert found == {
        "questions": 4,
        "hit": {"1": 0.3333, "5": 0.6667, "10": 0.6667},
        "mrr": round((1 + 1 / 3) / 3, 4),
        "ndcg": {"10": round((1 + second) / 3, 4)},
        "em": 0.3333,
        "f1": round((1 + 2 / 3) / 3, 4),
        "em_forced": 0.6667,
        "f1_forced": round((1 + 2 / 3 + 1) / 3, 4),
        "citation_precision": 0.6667,
        "answering": {
            "auroc": 0.5,
            "precision": 0.6667,
            "recall": 0.6667,
            "coverage": 0.75,
            "precision_at_80": 0.75,
        },
        "lost": {
            "retrieve": 0.3333,
            "attend": 0.3333,
            "generate": 0.0,
            "abstain": 0.0,
            "found": 0.3333,
        },
        "latency_ms": {"p50": 15.0, "p95": 28.5},
        "risk_coverage": [
            {"coverage": 0.25, "risk": 0.0, "threshold": 0.9},
            {"coverage": 0.75, "risk": 0.4444, "threshold": 0.6},
            {"coverage": 1.0, "risk": 0.3333, "threshold": 0.2},
        ],
    }


ENTRIES = st.lists(st.sampled_from("abcdefghijklmnop"), max_size=10, unique=True).map(tuple)


@given(st.lists(st.tuples(ENTRIES, ENTRIES), min_size=1, max_size=5))
def test_ranking_is_that_of_ir_measures(pairs: list[tuple[tuple[str, ...], ...]]) -> None:
    """Hits, reciprocal rank and nDCG are trec_eval's, of every question that names documents."""
    outcomes = [outcome(replace(LINE, relevant=truth), ranked) for truth, ranked in pairs]
    shown = flattened(summarise(outcomes, EvaluationRun("c")))
    judged = {str(at): pair for at, pair in enumerate(pairs) if pair[0]}
    truth = [ir_measures.Qrel(at, one, 1) for at, (whole, _) in judged.items() for one in whole]
    run = [
        ir_measures.ScoredDoc(at, one, -float(place))
        for at, (_, ranked) in judged.items()
        for place, one in enumerate(ranked)
    ]
    names = {"hit.1": Success @ 1, "hit.5": Success @ 5, "hit.10": Success @ 10}
    names |= {"mrr": RR @ 10, "ndcg.10": nDCG @ 10}
    expected = ir_measures.calc_aggregate(names.values(), truth, run) if judged else {}
    for name, measure in names.items():
        value = shown[name]
        assert value == (pytest.approx(expected[measure], abs=5.1e-5) if judged else None), name


def test_figures_without_truth_are_null() -> None:
    """A line that lacks a field counts in no figure that needs it; of no lines nothing is known."""
    for outcomes in ([], [outcome(LINE)]):
        found = summarise(outcomes, EvaluationRun("c"))
        assert found["questions"] == len(outcomes)
        assert found["hit"] == {"1": None, "5": None, "10": None}
        assert found["ndcg"] == {"10": None}
        for name in ("mrr", "em", "f1", "em_forced", "f1_forced", "citation_precision"):
            assert found[name] is None
        assert found["lost"] == dict.fromkeys(STEPS)
        names = ("auroc", "precision", "recall", "coverage", "precision_at_80")
        assert found["answering"] == dict.fromkeys(names)
        assert found["risk_coverage"] == []


def test_a_page_cited_is_a_page_that_matters() -> None:
    """A quote on another page of the right document is not precise."""
    line = replace(LINE, relevant=("a#page=2",))
    cited = (citation("a", 2), citation("a", 3), citation("a"), citation("b", 2))
    assert (
        summarise([outcome(line, citations=cited)], EvaluationRun("c"))["citation_precision"]
        == 0.25
    )


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ({"relevant_at": None}, "retrieve"),
        ({"relevant_at": 2}, "attend"),
        ({"short": "mouse"}, "generate"),
        ({"short": "a cat that sat", "answered": False}, "abstain"),
        ({"short": "a cat that sat"}, "found"),
    ],
)
def test_an_answer_is_lost_in_one_step(facts: dict[str, object], step: str) -> None:
    """The first that lost it; a short answer of half the words or more is right."""
    line = replace(LINE, answers=("dog", "the cat"), relevant=("a",), answerable=True)
    found = outcome(line, ("a",), **facts)
    assert lost_in(found, EvaluationRun("c")) == step
    for asked_so in (EvaluationRun("c", given=True), EvaluationRun("c", stage="fused")):
        assert lost_in(found, asked_so) is None
    unknown = [replace(line, relevant=()), replace(line, answerable=False)]
    for one in unknown:
        assert lost_in(replace(found, line=one), EvaluationRun("c")) is None


def test_without_answers_the_first_place_is_enough() -> None:
    """Nothing is known of the words then."""
    found = outcome(replace(LINE, relevant=("a",)), ("a",), short="x")
    assert lost_in(found, EvaluationRun("c")) == "found"


OUTCOMES = st.lists(
    st.builds(
        outcome,
        st.builds(
            Line,
            st.just("1"),
            st.just("?"),
            st.sampled_from([None, (), ("a cat",), ("two cats", "dogs")]),
            st.sampled_from([None, (), ("a",), ("a", "b")]),
            st.sampled_from([None, True, False]),
            st.none(),
        ),
        st.sampled_from([("a",), (" x", "b", "a"), (" x",)]),
        answered=st.booleans(),
        short=st.sampled_from(["cat", "two dogs", ""]),
        score=st.sampled_from([0.1, 0.3, 0.5, 0.9]),
        citations=st.sampled_from([(), (citation("a"), citation("c"))]),
        milliseconds=st.sampled_from([1.0, 5.0, 20.0]),
    ),
    min_size=1,
    max_size=12,
)


@given(OUTCOMES, st.data())
def test_a_figure_of_counts_is_the_figure_of_questions_repeated(
    outcomes: list[Outcome], data: st.DataObject
) -> None:
    """So a resample of the bootstrap has the figures that its questions would have."""
    drawn = [data.draw(st.integers(0, len(outcomes) - 1)) for _ in outcomes]
    counts = np.bincount(drawn, minlength=len(outcomes)).astype(float)
    whole = flattened(summarise([outcomes[at] for at in drawn], EvaluationRun("c")))
    for name, figure in figures(outcomes, EvaluationRun("c")).items():
        value = figure(np.array([counts, counts]))
        assert value.shape == (2,)
        shown = whole[name]
        assert np.isnan(value).all() if shown is None else value == pytest.approx(shown, abs=5.1e-3)


@given(OUTCOMES)
def test_risk_and_coverage_are_those_of_their_threshold(outcomes: list[Outcome]) -> None:
    """At each point: what is answered from that score on, counted one by one."""
    known = [one for one in outcomes if one.line.answers or one.line.answerable is not None]
    points = risk_coverage(outcomes)
    assert bool(points) == bool(known)
    for point in points:
        there = [one for one in known if one.score >= point["threshold"]]
        risks = [
            1.0
            if one.line.answerable is False
            else 1
            - max((token_f1(one.short, answer) for answer in one.line.answers or ()), default=1)
            for one in there
        ]
        assert point["coverage"] == pytest.approx(len(there) / len(known), abs=5.1e-5)
        assert point["risk"] == pytest.approx(sum(risks) / len(risks), abs=5.1e-5)
    assert not points or points[-1]["coverage"] == 1


def test_a_risk_coverage_curve_has_21_points_at_most() -> None:
    """From the highest score to all."""
    line = replace(LINE, answers=("cat",), answerable=True)
    points = risk_coverage([outcome(line, score=number / 997) for number in range(500)])
    assert len(points) == 21
    assert [points[0]["coverage"], points[-1]["coverage"]] == [0.002, 1.0]


@given(SCORES, SCORES, st.sampled_from([0.5, 0.8, 1.0]))
def test_precision_at_a_recall_is_found_by_trying(
    positive: list[float], negative: list[float], recall: float
) -> None:
    """The highest score at which that share of the positives is answered."""
    enough = [
        score
        for score in positive
        if sum(one >= score for one in positive) >= recall * len(positive) - 1e-9
    ]
    right = sum(one >= max(enough) for one in positive)
    wrong = sum(one >= max(enough) for one in negative)
    truth = [True] * len(positive) + [False] * len(negative)
    found = precision_from([*positive, *negative], truth, recall)(once(len(truth)))
    assert found == pytest.approx(right / (right + wrong))


# --- the questions file --------------------------------------------------------------------------

FULL = {
    "id": "q1",
    "question": "Why?",
    "answers": ["so", "thus"],
    "relevant": ["d#page=2"],
    "answerable": True,
    "context_id": "d",
}


@pytest.mark.parametrize("name", ["q.jsonl", "q.jsonl.gz"])
def test_lines_are_read_gzipped_or_not(tmp_path: Path, name: str) -> None:
    """Every field, fields that are missing, blank lines, other fields, a byte order mark."""
    rest = {"id": 2, "question": "naïve?", "answers": None, "more": 1}
    text = f"\ufeff{json.dumps(FULL)}\n\n{json.dumps(rest, ensure_ascii=False)}\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert read_lines(path) == [
        Line("q1", "Why?", ("so", "thus"), ("d#page=2",), answerable=True, context_id="d"),
        Line("2", "naïve?", None, None, None, None),
    ]
    assert [one.id for one in read_lines(path, 1)] == ["q1"]


def test_a_line_may_have_what_was_said_before(tmp_path: Path) -> None:
    """As over HTTP; a set that calls it `text` is read too."""
    said = [{"role": "user", "content": "Who?"}, {"role": "assistant", "text": "Tom."}]
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "Why he?", "history": said}))
    (line,) = read_lines(path)
    assert line.history == (Turn("user", "Who?"), Turn("assistant", "Tom."))


@pytest.mark.parametrize("stage", ["attend", "lexical"])
def test_a_question_is_asked_after_its_history(answerer: Answerer, stage: Stage) -> None:
    """What it leans on counts in its figures, unless rewriting is off."""
    said = (Turn("user", "Where do peregrine falcons nest?"), Turn("assistant", "On towers."))
    line = replace(LINE, question="How many did the city count?", relevant=("report",))
    asked = EvaluationRun("default", stage=stage)
    for each in (line, replace(line, question="How many were there?", history=said)):
        (outcome,) = evaluate([each], answerer, asked)
        assert isinstance(outcome, Outcome)
        assert outcome.relevant_at == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", '"question"'),
        ('{"id": "1"}', '"question"'),
        ('{"question": 3}', '"question"'),
        ('{"question": "?", "answers": "so"}', "answers must be a list"),
        ('{"question": "?", "relevant": [1]}', "relevant must be a list"),
        ('{"question": "?", "answerable": "yes"}', "answerable must be true or false"),
        ('{"question": "?", "context_id": 1}', "context_id"),
        ('{"question": "?", "history": "before"}', "history must be a list"),
        ('{"question": "?", "history": ["before"]}', "history must be a list"),
        ('{"question": "?", "history": [{"role": "system", "content": "x"}]}', "history must be"),
        ('{"question": "?", "history": [{"role": "user"}]}', "history must be a list"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    """With the file, its number, and what was expected."""
    path = tmp_path / "q.jsonl"
    path.write_text(f"{json.dumps(FULL)}\n\n{line}\n")
    with pytest.raises(UsageError) as raised:
        read_lines(path)
    assert f"{path}, line 3: " in raised.value.message
    assert told in raised.value.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Absent, empty, not UTF-8, not gzip, cut off, damaged inside."""
    whole = gzip.compress(json.dumps(FULL).encode() * 100)
    damaged = whole[:12] + bytes(byte ^ 0xFF for byte in whole[12:30]) + whole[30:]
    for name, content in {
        "empty.jsonl": b"\n",
        "latin.jsonl": b'{"question": "na\xefve"}',
        "plain.jsonl.gz": b'{"question": "x"}',
        "cut.jsonl.gz": whole[:-10],
        "damaged.jsonl.gz": damaged,
        "absent.jsonl": None,
    }.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UsageError, match=name):
            read_lines(path)


# --- asking --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answerer]:
    """The birds, with a threshold that no score reaches."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    made = build_answerer(Settings(data=folder, threshold=1.0))
    yield made
    made.close()


def asked(answerer: Answerer, line: Line, **how: object) -> Outcome:
    """Return the outcome of one line."""
    (found,) = evaluate([line], answerer, replace(EvaluationRun("default"), **how))  # type: ignore[arg-type]
    assert isinstance(found, Outcome)
    return found


def test_an_outcome_has_what_is_compared(answerer: Answerer) -> None:
    """The page, the forced answer, and that it would not have been given."""
    line = replace(LINE, question=SWIFTS, relevant=("book#page=2",), answerable=True)
    found = asked(answerer, line)
    assert found.ranked[0] == "book#page=2"
    assert " book 1" in found.ranked
    assert found.short == "three years"
    assert (found.answered, found.citations[0].page) == (False, 2)
    assert 0 < found.score < 1
    assert found.milliseconds > 0
    figures = summarise([found], EvaluationRun("default"))
    assert (figures["mrr"], figures["em"]) == (1.0, None)
    assert figures["citation_precision"] is None


def test_given_reads_the_context_and_nothing_else(answerer: Answerer) -> None:
    """Though another document fits better; and ranking means nothing then."""
    line = replace(LINE, question=FALCONS, context_id="book", relevant=("report",))
    found = asked(answerer, line, given=True)
    assert {one.document_id for one in found.citations} == {"book"}
    assert found.ranked == ()
    assert summarise([found], EvaluationRun("default", given=True))["mrr"] is None


def test_a_line_that_fails_is_named_and_the_rest_goes_on(answerer: Answerer) -> None:
    """In order."""
    lines = [
        replace(LINE, id="empty", question=" "),
        replace(LINE, id="lost", question=FALCONS),
        replace(LINE, id="good", question=FALCONS, context_id="report"),
    ]
    first, second, third = evaluate(lines, answerer, EvaluationRun("default", given=True))
    assert isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert isinstance(third, Outcome)
    assert (first.id, second.id, third.line.id) == ("empty", "lost", "good")
    assert "context_id" in second.message


@pytest.mark.parametrize("stage", ["dense", "lexical", "fused"])
def test_a_stage_ranks_as_its_engine_does(answerer: Answerer, stage: Stage) -> None:
    """Documents in the order of the engine's own hits; no answer is looked for."""
    text = "kingfishers and swifts dig nests"
    with answerer.collection("default").read() as reading:
        if stage == "dense":
            hits = reading.dense(load_encoder("bundled").encode_query(text), 100)
        else:
            hits = reading.lexical(text, 100)
        chunks = reading.chunks([hit.chunk_id for hit in hits])
    expected = list(dict.fromkeys(one.document_id for one in chunks if one.document_id != "copy"))
    found = asked(answerer, replace(LINE, question=text, relevant=("note",)), stage=stage)
    names = [one.strip() for one in found.ranked]
    if stage == "fused":
        assert names[:1] == ["note"]
        assert set(names) == {"book", "note", "report"}
    else:
        assert names == expected
    assert (found.short, found.citations, found.answered) == ("", (), False)
    figures = summarise([found], EvaluationRun("default", stage=stage))
    assert figures["hit"] == {"1": 1.0, "5": 1.0, "10": 1.0}
    assert figures["em"] is None
