"""`afterword ask`, `search` and `eval`: what is printed, and the exit statuses."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bundled_documents import birds, make_collection
from indexes.errors import UsageError
from service.command import parse_filter, reply_lines
from service.eval_command import figure_lines
from service.reply import Cell, Citation, Reply, Timings

ROOT = Path(__file__).parent.parent
SWIFTS = "How long does a young swift fly without landing?"
SHORT = "three years"
ANSWER = "A young swift flies for three years without landing."
SHELF_A = '{"field": "metadata.shelf", "operator": "==", "value": "a"}'
NOWHERE = '{"field": "id", "operator": "==", "value": "nowhere"}'


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the birds."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    return folder


def afterword(data: Path, *arguments: str | Path, threshold: str = "0") -> Ended:
    """Run the command in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERWORD_")}
    mine = {"AFTERWORD_DATA": str(data), "AFTERWORD_THRESHOLD": threshold, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "afterword", *arguments],
        cwd=data,
        env={**kept, **mine},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_ask_shows_the_answer_and_where_it_stands(data: Path) -> None:
    """Status, the answer with its markers, and for each the document, the page and the words."""
    ended = afterword(data, "ask", SWIFTS)
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("answered  (score ")
    assert lines[1] == f"  In short: {SHORT}"
    assert lines[2].startswith(f"  {ANSWER} [1]")
    assert lines[4:6] == ["  [1] source/book, page 2", f'      "{ANSWER}"']


def test_ask_prints_the_reply_as_json(data: Path) -> None:
    """One object with the contract's names, read by programs alone."""
    options = ["--top-k", "2", "--filter", SHELF_A, "--as-of", "2026-01-01"]
    ended = afterword(data, "ask", "--json", *options, SWIFTS)
    assert (ended.status, ended.err) == (0, "")
    reply = json.loads(ended.out)
    names = "status answer answer_short score threshold query citations passages dropped usage"
    assert set(reply) >= {*names.split(), "timings", "trace_id"}
    assert (reply["status"], reply["answer_short"], reply["query"]) == ("answered", SHORT, SWIFTS)
    (first, *_) = reply["citations"]
    assert (first["marker"], first["quote"], first["page"]) == ("[1]", ANSWER, 2)
    assert {one["document_id"] for one in reply["passages"]} == {"book"}
    assert set(reply["passages"][0]["scores"]) == {"dense", "lexical", "fused", "reader"}


def test_what_is_not_answered_exits_with_0_and_says_so(data: Path) -> None:
    """With the closest passages, or with the reason why there are none."""
    ended = afterword(data, "ask", SWIFTS, threshold="1")
    assert ended.status == 0
    assert ended.out.startswith("not_found  (score ")
    assert "The documents do not answer this." in ended.out
    assert "  source/book, page 2  (" in ended.out
    ended = afterword(data, "ask", "--filter", NOWHERE, SWIFTS)
    assert ended.status == 0
    assert ended.out.startswith("no_documents  (score 0.00")


def test_a_row_is_shown_with_the_names_of_its_columns() -> None:
    """Below the quote, in one line; a column without a name has its value alone."""
    cells = (Cell("berth", "South\nquay"), Cell("", "18"), Cell("fee", "44"))
    line = "South quay,18,44"
    cited = Citation(
        "[1]", "d", "", "fees.csv", None, 3, "", 0, 16, line, 1.0, None, "", False, cells
    )
    timings = Timings(encode=1, retrieve=1, attend=1, generate=1, total=4)
    reply = Reply(
        "answered", f"{line} [1]", "44", 1, 0.3, "?", (cited,), (), (), None, timings, "t"
    )
    assert list(reply_lines(reply))[-3:] == [
        "  [1] fees.csv, row 3",
        f'      "{line}"',
        "      berth: South quay; 18; fee: 44",
    ]


def test_search_shows_passages(data: Path) -> None:
    """Best first, as lines and as JSON."""
    ended = afterword(data, "search", "--top-k", "2", SWIFTS)
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("  source/book, page 2  (")
    assert ANSWER in lines[1]
    passages = json.loads(afterword(data, "search", "--json", SWIFTS).out)["passages"]
    assert passages[0]["document_id"] == "book"
    assert passages[0]["scores"]["reader"] is None
    scores = [one["score"] for one in passages]
    assert scores == sorted(scores, reverse=True)


def test_a_question_needs_no_quotes(data: Path) -> None:
    """Words are joined by spaces, wherever the options stand."""
    asked, *options = SWIFTS.rstrip("?").split(), "--json"
    reply = json.loads(afterword(data, "ask", *options, *asked).out)
    assert (reply["query"], reply["answer_short"]) == (SWIFTS.rstrip("?"), SHORT)
    assert ANSWER in afterword(data, "search", *asked, "--top-k", "2").out


def test_search_goes_by_date_too(data: Path) -> None:
    """A document that speaks of a later day is left out, and those without a date stay in."""
    for day, found in [("2026-02-28", False), ("2026-03-01", True)]:
        ended = afterword(data, "search", "--as-of", day, "peregrine falcons")
        assert ended.status == 0
        assert ("source/report" in ended.out) is found
        assert "source/book" in ended.out


@pytest.mark.parametrize(
    ("score", "shown"),
    [(0.338, "score 0.338, threshold 0.340"), (0.5, "score 0.50, threshold 0.34")],
)
def test_score_and_threshold_are_told_apart(score: float, shown: str) -> None:
    """A score that is a little too low is not shown as equal."""
    timings = Timings(encode=0.0, retrieve=0.0, attend=0.0, generate=0.0, total=0.0)
    reply = Reply("not_found", "", "", score, 0.34, "x", (), (), (), None, timings, "")
    assert next(reply_lines(reply)) == f"not_found  ({shown})"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["ask", "--collection", "absent", "x"], 3, "afterword ingest"),
        (["ask", "--filter", "{", "x"], 2, "--filter"),
        (["search", "--filter", '{"field": "colour"}', "x"], 2, "filter"),
        (["eval", "absent.jsonl"], 2, "absent.jsonl"),
        (["eval", "q.jsonl", "--compare", "candidates=999"], 2, "from 1 to 200"),
        (["eval", "q.jsonl", "--html", "."], 2, "is a folder; name a file in it"),
        (["eval", "q.jsonl", "--given"], 2, "leave out --given"),
    ],
)
def test_what_is_wrong_is_one_line(
    data: Path, arguments: list[str], status: int, told: str
) -> None:
    """Status 2 for wrong use and 3 where it could not run; nothing on standard output."""
    (data / "q.jsonl").write_text(json.dumps({"question": SWIFTS, "answers": [ANSWER]}))
    ended = afterword(data, *arguments)
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith("afterword: ")
    assert ended.err.count("\n") == 1
    assert told in ended.err


def test_eval_prints_figures_and_names_lines_that_failed(data: Path, tmp_path: Path) -> None:
    """As JSON and as lines; status 1 where a question could not be asked."""
    questions = tmp_path / "q.jsonl"
    line = {"id": "swift", "question": SWIFTS, "answers": [SHORT], "relevant": ["book#page=2"]}
    questions.write_text(json.dumps({**line, "answerable": True}) + "\n")
    ended = afterword(data, "eval", "--json", questions)
    figures = json.loads(ended.out)
    assert ended.status == 0
    assert (figures["questions"], figures["em"], figures["f1_forced"]) == (1, 1.0, 1.0)
    assert figures["hit"] == {"1": 1.0, "5": 1.0, "10": 1.0}
    with questions.open("a") as file:
        file.write('{"id": "silent", "question": " "}\n')
    ended = afterword(data, "eval", questions)
    assert ended.status == 1
    assert [words for words in ended.out.splitlines() if words.split() == ["mrr", "1.0"]]
    assert "silent: the question is empty" in ended.err


def test_calibrate_prints_what_it_chose(data: Path, tmp_path: Path) -> None:
    """As one object; a target that is no share is wrong use."""
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"question": SWIFTS, "relevant": ["book"]}) + "\n")
    ended = afterword(data, "calibrate", "--json", questions)
    assert ended.status == 0
    found = json.loads(ended.out)
    assert (found["positives"], found["negatives"], found["left_out"]) == (1, 1, 1)
    assert (found["precision"], found["recall"]) == (1.0, 1.0)
    assert afterword(data, "calibrate", "--target-precision", "2", questions).status == 2


@pytest.mark.parametrize("text", ["", "x", "[]", '"x"', "3", "null", "[" * 100_000])
def test_a_filter_that_is_no_json_object_is_told(text: str) -> None:
    """By the option's name."""
    with pytest.raises(UsageError, match="--filter"):
        parse_filter(text)


def test_a_filter_is_read_as_json() -> None:
    """Without the option there is none."""
    assert parse_filter(None) is None
    assert parse_filter(SHELF_A) == {"field": "metadata.shelf", "operator": "==", "value": "a"}


def test_figures_that_nothing_is_known_of_are_left_out() -> None:
    """Names are those of --fail-under."""
    figures = {"questions": 2, "hit": {"1": 0.5, "5": None}, "mrr": None, "risk_coverage": [{}]}
    found = [line.split() for line in figure_lines(figures)]
    assert found == [["questions", "2"], ["hit.1", "0.5"]]
