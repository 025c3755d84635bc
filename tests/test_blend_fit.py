"""Fitting the blend: signs that tell get weight, figures are those of ir-measures, brute force."""

from pathlib import Path

import ir_measures
import numpy as np
import pytest
from ir_measures import Success, nDCG

from training.blend_fit import SetSigns, Weights, figures, fit, leaving_one_out, threshold

CANDIDATES = 24


def made(questions: int, seed: int, strength: float = 3.0) -> SetSigns:
    """Return questions of which half are answerable; sign 0 tells of the right candidate."""
    draw = np.random.default_rng(seed)
    signs = draw.normal(size=(questions, CANDIDATES, 3))
    signs[: questions // 3, CANDIDATES - 5 :] = np.nan  # some have fewer candidates
    answerable = np.arange(questions) % 2 == 0
    relevant = np.zeros((questions, CANDIDATES), np.bool_)
    for row in np.flatnonzero(answerable):
        right = draw.integers(CANDIDATES - 5)
        relevant[row, right] = True
        signs[row, right, 0] += strength
    # Every third candidate is of the document of the one before it.
    documents = np.tile(np.arange(CANDIDATES) * 2 // 3, (questions, 1))
    of_relevant = (documents[..., None] == documents[..., None, :]) & relevant[:, None, :]
    relevant = of_relevant.any(-1)
    return SetSigns(
        signs, relevant, documents, relevant.astype(float), answerable.astype(int), answerable
    )


def test_a_sign_that_tells_gets_the_weight() -> None:
    """Noise gets next to none, and questions that were not seen are answered as well."""
    weights = fit([made(300, 1), made(200, 2)])
    assert weights.signs[0] > 10 * np.abs(weights.signs[1:]).max()
    found = figures(made(200, 3), weights)
    assert isinstance(found["auroc"], float)
    assert found["auroc"] > 0.75
    assert figures(made(200, 4, strength=0.0), weights)["auroc"] == pytest.approx(0.5, abs=0.1)


def test_figures_are_those_of_ir_measures() -> None:
    """Hits and nDCG@10 of the order by score, over answerable questions."""
    one = made(40, 5)
    weights = Weights(np.array([1.0, 0.2, 0.0]), 0.0)
    scores = weights.logits(one.signs)
    relevant = {(row, one.documents[row, place]) for row, place in np.argwhere(one.relevant)}
    truth = [ir_measures.Qrel(str(row), str(name), 1) for row, name in sorted(relevant)]
    best: dict[tuple[int, int], float] = {}
    for row, place in np.argwhere(np.isfinite(scores) & one.answerable[:, None]):
        key = int(row), int(one.documents[row, place])
        best[key] = max(best.get(key, -1e9), float(scores[row, place]))
    run = [ir_measures.ScoredDoc(str(row), str(name), score) for (row, name), score in best.items()]
    expected = ir_measures.calc_aggregate([Success @ 1, Success @ 5, nDCG @ 10], truth, run)
    found = figures(one, weights)
    assert found["hit@1"] == pytest.approx(expected[Success @ 1], abs=1e-4)
    assert found["hit@5"] == pytest.approx(expected[Success @ 5], abs=1e-4)
    assert found["ndcg@10"] == pytest.approx(expected[nDCG @ 10], abs=1e-4)


def test_signs_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    """A fit from kept signs is the fit from fresh ones."""
    one = made(30, 11)
    one.save(tmp_path / "kept.npz")
    again = SetSigns.load(tmp_path / "kept.npz")
    weights = Weights(np.array([1.0, 0.2, 0.0]), -2.0)
    assert figures(again, weights) == figures(one, weights)
    np.testing.assert_array_equal(again.signs, one.signs)


def test_the_threshold_has_the_best_f1_of_all() -> None:
    """No other score that a question has does better."""
    one = made(60, 6)
    weights = Weights(np.array([1.0, 0.0, 0.0]), -2.0)
    scores = 1 / (1 + np.exp(-weights.logits(one.signs).max(1)))

    def f1(least: float) -> float:
        right = int((scores >= least)[one.answerable].sum())
        return 2 * right / (int((scores >= least).sum()) + int(one.answerable.sum()))

    chosen = threshold([one], weights)
    assert f1(chosen - 1e-9) == pytest.approx(max(map(f1, scores.tolist())))


def test_sets_that_share_documents_are_left_out_together() -> None:
    """Weights for a set come from no set whose name begins alike."""
    misleading = made(200, 7)
    wrong = np.concatenate([-misleading.signs[..., :1], misleading.signs[..., 1:]], axis=-1)
    sets = {
        "squad-open": SetSigns(
            wrong,
            misleading.relevant,
            misleading.documents,
            misleading.f1,
            misleading.judged,
            misleading.answerable,
        ),
        "squad2-dev": made(100, 8),
        "med": made(100, 9),
    }
    found = leaving_one_out(sets)
    assert found["squad2-dev"] == figures(sets["squad2-dev"], fit([sets["med"]]))
    assert found["med"] == figures(sets["med"], fit([sets["squad-open"], sets["squad2-dev"]]))
