"""Calibration: what is asked, thresholds against trying each, the file that is set."""

import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundled_documents import birds, make_collection
from indexes.errors import ModelMissing, StorageRefused, UsageError
from indexes.filters import compile_filter
from indexes.settings import Settings, load_settings
from service.answer import Answerer, build_answerer
from service.bootstrap import resamples
from service.calibrate import Scored, Scores, score_lines, without
from service.calibrate_command import Wanted, as_object, calibrated, run_calibration, warnings
from service.evaluate import Failed, Line
from service.settings_file import with_values, write_values

SWIFTS = "How long does a young swift fly without landing?"
FALCONS = "How many pairs of peregrine falcons did the city count?"
INTERVALS = ("precision", "recall", "coverage")
LINE = Line("1", "?", None, None, None, None)
SCORED = st.lists(
    st.builds(
        Scored,
        st.integers(0, 9),
        st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
        st.booleans(),
        st.just(value=False),
        st.just(0.45),
    ),
    max_size=20,
).map(
    lambda some: [
        *some,
        Scored(0, 0.5, True, False, 0.45),
        Scored(1, 0.4, False, False, 0.45),
    ]
)


# --- asking --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the birds, and one with a single document."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    make_collection(folder, "single", birds()[:1])
    return folder


@pytest.fixture
def answerer(data: Path) -> Iterator[Answerer]:
    """Answers from a score of .3 on."""
    made = build_answerer(Settings(data=data, threshold=0.3))
    yield made
    made.close()


def scored(answerer: Answerer, line: Line, collection: str = "default") -> list[Scored]:
    """Return what one line scored."""
    (found,) = score_lines([line], answerer, collection)
    assert isinstance(found, list)
    return found


def test_an_answerable_line_is_asked_again_without_its_own(answerer: Answerer) -> None:
    """By id or by uri, its page or not; the second score is that of the other documents."""
    line = replace(LINE, question=SWIFTS, answerable=True)
    for entry in ("book", "source/book", "book#page=2", "source/book#page=2"):
        own, other = scored(answerer, replace(line, relevant=(entry,)))
        assert (own.answerable, own.left_out, own.threshold) == (True, False, 0.3)
        assert (other.answerable, other.left_out) == (False, True)
        assert other.score < own.score
        assert own.score == int(own.score * 10_000 + 1e-9) / 10_000


def test_what_a_line_says_decides(answerer: Answerer) -> None:
    """Answers or relevant documents make a line answerable; a line with nothing is not asked."""
    assert [one.answerable for one in scored(answerer, replace(LINE, answers=("x",)))] == [True]
    assert len(scored(answerer, replace(LINE, question=SWIFTS, relevant=("book",)))) == 2
    assert scored(answerer, LINE) == []
    no = replace(LINE, question=SWIFTS, relevant=("book",), answerable=False)
    assert [one.answerable for one in scored(answerer, no)] == [False]
    (failed,) = score_lines([replace(no, question=" ")], answerer, "default")
    assert isinstance(failed, Failed)


@pytest.mark.parametrize("entry", ["bok", "source/bok", "bok#page=2", "book#page=x", "Book"])
def test_a_document_that_is_not_there_fails_its_line(answerer: Answerer, entry: str) -> None:
    """Left out it would leave out nothing; the entry and the collection are named."""
    strange = replace(LINE, id="typo", question=SWIFTS, relevant=("report", entry))
    good = replace(LINE, question=SWIFTS, relevant=("report",))
    for one in (strange, replace(strange, answerable=False)):
        failed, found = score_lines([one, good], answerer, "default")
        assert isinstance(failed, Failed)
        assert failed.id == "typo"
        assert f"names '{entry}', but collection default has no document" in failed.message
        assert isinstance(found, list)
        assert len(found) == 2


def test_a_model_that_is_not_there_is_told_once(data: Path, tmp_path: Path) -> None:
    """Not for each question, as none could be asked."""
    made = build_answerer(Settings(data=data, reader=str(tmp_path / "absent")))
    with pytest.raises(ModelMissing, match="absent"):
        list(score_lines([replace(LINE, answers=("x",))], made, "default"))
    made.close()


def test_nothing_left_is_no_negative(answerer: Answerer) -> None:
    """Where the only document is left out, there is nothing that a threshold could decide."""
    line = replace(LINE, question=SWIFTS, relevant=("book",))
    assert [one.left_out for one in scored(answerer, line, "single")] == [False]


def test_a_filter_leaves_out_ids_and_uris() -> None:
    """Pages count as their documents; without any there is no filter."""
    where = compile_filter(without(("a#page=2", "b")), None)
    assert where is not None
    assert set(where.parameters) == {"a#page=2", "a", "b"}
    assert without(()) is None
    assert without(None) is None


# --- choosing ------------------------------------------------------------------------------------


def by_trying(some: list[Scored], threshold: float) -> tuple[float, float, float]:
    """Return precision, recall and F1 from a threshold on, counted."""
    answered = [one for one in some if one.score >= threshold]
    right = sum(one.answerable for one in answered)
    positives = sum(one.answerable for one in some)
    return (
        right / len(answered),
        right / positives,
        2 * right / (len(answered) + positives),
    )


@given(SCORED)
def test_the_best_f1_is_found_by_trying(some: list[Scored]) -> None:
    """The highest threshold of those with the best F1, and all shares at it."""
    found = Scores(some, 10).chosen(None)
    assert found is not None
    tried = {one.score: by_trying(some, one.score) for one in some}
    best = max(f1 for *_, f1 in tried.values())
    highest = max(score for score, (*_, f1) in tried.items() if f1 == pytest.approx(best))
    assert found.threshold == highest
    assert (found.precision, found.recall, found.f1) == pytest.approx(tried[highest])
    assert found == Scores(some, 10).at(highest)


@given(SCORED, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_the_least_threshold_of_a_precision_is_found_by_trying(
    some: list[Scored], target: float
) -> None:
    """None where none reaches it; then the best that there is, is told."""
    scores = Scores(some, 10)
    tried = {one.score: by_trying(some, one.score)[0] for one in some}
    reaching = [score for score, precision in tried.items() if precision >= target - 1e-12]
    found = scores.chosen(target)
    assert (found.threshold if found else None) == min(reaching, default=None)
    assert scores.most_precise().precision == pytest.approx(max(tried.values()))


def many(positives: int, negatives: int) -> list[Scored]:
    """Return positives that score from .4 to .9 and negatives from .1 to .6, each of its line."""
    return [
        *(
            Scored(n, round(0.4 + 0.5 * n / positives, 4), True, False, 0.45)
            for n in range(positives)
        ),
        *(
            Scored(positives + n, round(0.1 + 0.5 * n / negatives, 4), False, False, 0.45)
            for n in range(negatives)
        ),
    ]


def chosen_by_trying(some: list[Scored], target: float | None) -> float | None:
    """Return the highest threshold with the best F1, or the least with that precision, if any."""
    if not any(one.answerable for one in some):
        return None
    tried = {one.score: by_trying(some, one.score) for one in some}
    if target is not None:
        return min((t for t, (p, *_) in tried.items() if p >= target - 1e-12), default=None)
    best = max(f1 for *_, f1 in tried.values())
    return max(t for t, (*_, f1) in tried.items() if f1 == best)


def judged_by_counting(some: list[Scored], threshold: float) -> dict[str, float]:
    """Return precision, recall and coverage from a threshold on, those that there are."""
    answered = [one.answerable for one in some if one.score >= threshold]
    positives = sum(one.answerable for one in some)
    parts = {
        "precision": (sum(answered), len(answered)),
        "recall": (sum(answered), positives),
        "coverage": (len(answered), len(some)),
    }
    return {name: part / whole for name, (part, whole) in parts.items() if whole}


@pytest.mark.parametrize("target", [None, 0.6, 1.0])
@pytest.mark.parametrize("lines", [3, 5, 12])
def test_intervals_are_those_of_questions_left_out(target: float | None, lines: int) -> None:
    """Choosing by trying with what each resample has, and counting in what it has not."""
    drawing = np.random.default_rng(lines)
    some = [
        Scored(line, round(float(drawing.normal(mean, 0.2)), 1), truth, not truth, 0.45)
        for line in range(lines - 1)  # the last line could not be asked
        for truth, mean in ((True, 0.6), (False, 0.4))
        if truth or line % 3
    ]
    found: dict[str, list[float]] = {one: [] for one in ("threshold", *INTERVALS)}
    for row in np.concatenate(list(resamples(lines))):
        inside = [one for one in some for _ in range(int(row[one.line]))]
        threshold = chosen_by_trying(inside, target)
        if threshold is not None:
            found["threshold"].append(threshold)
            outside = [one for one in some if not row[one.line]]
            for name, share in judged_by_counting(outside, threshold).items():
                found[name].append(share)
    sure = Scores(some, lines).sureness(target)
    for name, values in found.items():
        expected = np.percentile(values or [np.nan], [2.5, 97.5])
        assert getattr(sure, name) == pytest.approx(tuple(expected), nan_ok=True)


def test_an_interval_stands_around_what_was_chosen() -> None:
    """Wider for fewer questions, the same each time."""
    widths = []
    for count in (25, 250):
        scores = Scores(many(count, count), 2 * count)
        chosen = scores.chosen(0.9)
        assert chosen is not None
        sure = scores.sureness(0.9)
        assert sure == scores.sureness(0.9)
        for name in ("threshold", *INTERVALS):
            low, high = getattr(sure, name)
            assert low <= getattr(chosen, name) <= high
        widths.append(sure.recall[1] - sure.recall[0])
    assert widths[0] > 2 * widths[1]


def test_a_precision_that_a_few_questions_chose_is_not_sure() -> None:
    """Chosen so that none of a dozen was answered wrong; of other questions some would be."""
    scores = Scores(many(6, 6), 12)
    chosen = scores.chosen(1.0)
    assert chosen is not None
    assert chosen.precision == 1.0
    low, high = scores.sureness(1.0).precision
    assert low < 0.7
    assert high == 1.0


def test_a_question_is_drawn_with_its_left_out_self() -> None:
    """Two scores of one line: every resample has both, so nothing is left to judge it."""
    some = [Scored(0, 0.8, True, False, 0.45), Scored(0, 0.2, False, True, 0.45)]
    sure = Scores(some, 1).sureness(None)
    assert sure.threshold == (0.8, 0.8)
    assert np.isnan([sure.precision, sure.recall, sure.coverage]).all()
    shown = json.loads(json.dumps(as_object(calibrated(some, 1, None)), allow_nan=False))
    assert shown["interval"] == {"threshold": [0.8, 0.8], **dict.fromkeys(INTERVALS)}


def test_one_kind_alone_is_not_enough() -> None:
    """Which one is missing, and what to give."""
    yes, no = many(1, 1)
    for some, told in (
        ([no], "no line is answerable"),
        ([yes], "answerable false"),
        ([], "no line"),
    ):
        with pytest.raises(UsageError, match=told):
            calibrated(some, 2, None)


def test_few_questions_are_told() -> None:
    """Under 20 of either kind."""
    assert warnings(calibrated(many(20, 20), 40, None)) == []
    (told,) = warnings(calibrated(many(19, 30), 49, None))
    assert told == "Only 19 answerable questions: 20 of each kind are the least to rely on."


def test_the_present_threshold_and_the_chosen_are_among_the_levels() -> None:
    """Levels rise, and the JSON has numbers that JSON knows."""
    result = calibrated(many(30, 30), 60, 0.95)
    thresholds = [one.threshold for one in result.levels]
    assert thresholds == sorted(set(thresholds))
    assert result.chosen is not None
    assert {0.45, result.chosen.threshold} <= set(thresholds)
    shown = json.loads(json.dumps(as_object(result), allow_nan=False))
    assert shown["threshold"] == result.chosen.threshold
    assert set(shown["interval"]) == {"threshold", "precision", "recall", "coverage"}


# --- the command ---------------------------------------------------------------------------------


def wanted(folder: Path, **how: object) -> Wanted:
    """Write three questions; return what is asked of the command."""
    path = folder / "q.jsonl"
    lines = [
        {"id": "a", "question": SWIFTS, "relevant": ["book#page=2"]},
        {"id": "b", "question": FALCONS, "relevant": ["report"]},
        {"id": "c", "question": "Who won the race?", "answerable": False},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return replace(Wanted(path, "default", None, as_json=False, write=False), **how)  # type: ignore[arg-type]


def test_a_threshold_is_chosen_and_written(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its reader, so that another default leaves both; what is stronger than them is told."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AFTERWORD_")]:
        monkeypatch.delenv(name)
    Path("afterword.toml").write_text(f'data = "{data}"\nreader = "none" # for now\n')
    assert run_calibration(load_settings(), wanted(tmp_path, write=True)) == 0
    told = capsys.readouterr()
    found = load_settings().threshold
    assert told.out.splitlines()[-1] == f"AFTERWORD_THRESHOLD={found:g}"
    assert f'afterword.toml says threshold = {found} and reader = "none"' in told.err
    assert Path("afterword.toml").read_text() == (
        f'data = "{data}"\nreader = "none" # for now\nthreshold = {found}\n'
    )
    assert "2 answerable questions, 3 without an answer, of which 2" in told.out
    assert "Only 2 answerable questions and 3 without an answer" in told.err
    assert "stronger" not in told.err
    monkeypatch.setenv("AFTERWORD_THRESHOLD", "0.125")
    assert run_calibration(load_settings(), wanted(tmp_path, write=True)) == 0
    assert "AFTERWORD_THRESHOLD=0.125 of the environment or .env is stronger" in (
        capsys.readouterr().err
    )
    Path("afterword.toml").write_text("")
    monkeypatch.setenv("AFTERWORD_READER", "bundled")
    monkeypatch.delenv("AFTERWORD_THRESHOLD")
    other = Settings(data=data, reader="none")
    assert run_calibration(other, wanted(tmp_path, write=True)) == 0
    assert "AFTERWORD_READER=bundled of the environment or .env is stronger" in (
        capsys.readouterr().err
    )
    assert tomllib.loads(Path("afterword.toml").read_text()) == {
        "threshold": found,
        "reader": "none",
    }


def test_a_precision_that_is_not_reached_writes_nothing(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Status 1, and the best that there is."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(data=data)
    path = tmp_path / "hard.jsonl"
    line = {"question": SWIFTS, "answers": ["x"]}
    path.write_text(
        f"{json.dumps(line)}\n{json.dumps({'question': SWIFTS, 'answerable': False})}\n"
    )
    how = wanted(tmp_path, questions=path, target=0.9, write=True)
    assert run_calibration(settings, how) == 1
    assert "No threshold reaches a precision of 0.9; the best is 0.500" in capsys.readouterr().out
    assert run_calibration(settings, replace(how, as_json=True)) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["threshold"], found["interval"]) == (None, None)
    assert found["best_precision"]["precision"] == 0.5
    assert not Path("afterword.toml").exists()


# --- the settings file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "threshold = 0.47\n"),
        ('data = "x"', 'data = "x"\nthreshold = 0.47\n'),
        ("# a\r\nport = 1\r\n", "# a\r\nport = 1\r\nthreshold = 0.47\r\n"),
        ("threshold = 0.3", "threshold = 0.47"),
        ("a = 1\n  threshold=0.3# why\nb = 2", "a = 1\n  threshold=0.47# why\nb = 2"),
        ("threshold\t=\t1e-1\t# ü\r\nb = 2\r\n", "threshold\t=\t0.47\t# ü\r\nb = 2\r\n"),
        ("# threshold = 0.3\n", "# threshold = 0.3\nthreshold = 0.47\n"),
        ("my_threshold = 0.3\n", "my_threshold = 0.3\nthreshold = 0.47\n"),
    ],
)
def test_a_number_is_set_and_the_rest_stays(tmp_path: Path, before: str, after: str) -> None:
    """Byte by byte, with the file's own line ends, comments and spaces."""
    path = tmp_path / "afterword.toml"
    if before:
        path.write_bytes(before.encode())
        path.chmod(0o640)
    write_values(path, {"threshold": 0.47})
    assert path.read_bytes() == after.encode()
    assert tomllib.loads(after)["threshold"] == 0.47
    assert [one.name for one in tmp_path.iterdir()] == ["afterword.toml"]
    assert not before or path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["none", "org/a-model", "/a b/#c", 'say "so"', "a\\n", "ü 'x'"])
@pytest.mark.parametrize("before", ["", 'reader = "old # \\"one\\"" # why\n', "reader='old one'\n"])
def test_a_text_is_set_beside_a_number(tmp_path: Path, before: str, name: str) -> None:
    """Whatever signs old and new have, the file says both, and its comment stays."""
    path = tmp_path / "afterword.toml"
    path.write_text(f"port = 1\n{before}")
    write_values(path, {"threshold": 0.47, "reader": name})
    after = path.read_text()
    assert tomllib.loads(after) == {"port": 1, "threshold": 0.47, "reader": name}
    assert ("# why" in after) == ("# why" in before)


@pytest.mark.parametrize(
    "text",
    [
        '"threshold" = 0.3\n',
        'note = """\nthreshold = 0.3\n"""\n',
        "[table]\nb = 1\n",
        "[table]\nthreshold = 0.3\n",
    ],
)
def test_a_file_that_is_not_plain_is_left_alone(tmp_path: Path, text: str) -> None:
    """And says what to set by hand."""
    path = tmp_path / "afterword.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"set threshold = 0\.47 there by hand"):
        write_values(path, {"threshold": 0.47})
    assert path.read_text() == text
    assert with_values("b = 1\n", {"threshold": 0.5}, path) == "b = 1\nthreshold = 0.5\n"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file behind it changes, the link stays."""
    (tmp_path / "real.toml").write_text("threshold = 0.1\n")
    link = tmp_path / "afterword.toml"
    link.symlink_to("real.toml")
    write_values(link, {"threshold": 0.2})
    assert link.is_symlink()
    assert (tmp_path / "real.toml").read_text() == "threshold = 0.2\n"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what to set by hand."""
    with pytest.raises(StorageRefused, match="by hand"):
        write_values(tmp_path / "absent" / "afterword.toml", {"threshold": 0.2})
