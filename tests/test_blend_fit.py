"""Fitting the blend: signs that tell get weight, figures are those of ir-measures, brute force."""

from pathlib import Path

import ir_measures
import numpy as np
import pytest
from ir_measures import Success, nDCG

from service.attend import Blend, Signs
from training.blend_fit import SetSigns, figures, fit, levels, orders, threshold

CANDIDATES = 24
BLEND = Blend(relevance=2.0, answers=1.0, outer=0.2, scale=0.8, offset=-2.0)


def made(questions: int, seed: int, strength: float = 3.0) -> SetSigns:
    """Return questions of which half are answerable; the reader's logit tells of the right one."""
    draw = np.random.default_rng(seed)
    signs = draw.normal(size=(questions, CANDIDATES, 3))
    signs[: questions // 3, CANDIDATES - 5 :] = np.nan  # some have fewer candidates
    answerable = np.arange(questions) % 2 == 0
    relevant = np.zeros((questions, CANDIDATES), np.bool_)
    for row in np.flatnonzero(answerable):
        right = draw.integers(CANDIDATES - 5)
        relevant[row, right] = True
        signs[row, right, 1] += strength
    # Every third candidate is of the document of the one before it.
    documents = np.tile(np.arange(CANDIDATES) * 2 // 3, (questions, 1))
    of_relevant = (documents[..., None] == documents[..., None, :]) & relevant[:, None, :]
    relevant = of_relevant.any(-1)
    return SetSigns(
        signs, relevant, documents, relevant.astype(float), answerable.astype(int), answerable
    )


def test_a_sign_that_tells_gets_the_weight() -> None:
    """Noise gets next to none, and questions that were not seen are answered as well."""
    blend = fit(made(300, 1), [made(200, 2)])
    assert blend.answers > 10 * max(abs(blend.relevance), abs(blend.outer))
    assert blend.scale > 0.5
    found = figures(made(200, 3), blend)
    assert isinstance(found["auroc"], float)
    assert found["auroc"] > 0.75
    assert figures(made(200, 4, strength=0.0), blend)["auroc"] == pytest.approx(0.5, abs=0.1)


def test_the_score_is_an_estimate_of_the_chance_to_answer() -> None:
    """Among questions whose first candidate has a score near p, a share near p is answerable."""
    blend = fit(made(400, 1), [made(400, 2)])
    one = made(2000, 3)
    scores = 1 / (1 + np.exp(-levels(one, blend)))
    for low in (0.1, 0.3, 0.5, 0.7):
        near = (scores >= low) & (scores < low + 0.2)
        assert one.answerable[near].mean() == pytest.approx(scores[near].mean(), abs=0.1)


def test_a_fit_orders_and_scores_as_the_service_does() -> None:
    """Each question of a stack has the order and the best score that `Blend` gives it alone."""
    one = made(40, 4)
    order, level = orders(one, BLEND), levels(one, BLEND)
    for row, signs in enumerate(one.signs):
        there = ~np.isnan(signs[:, 0])
        ranked = BLEND.ranked([Signs(*each) for each in signs[there].tolist()])
        assert (order[row, ~there] == -np.inf).all()
        assert np.argsort(-order[row, there], kind="stable").tolist() == [i for i, _ in ranked]
        assert ranked[0][1] == pytest.approx(1 / (1 + np.exp(-level[row])))


def test_precision_is_where_four_of_five_answerable_questions_are_answered() -> None:
    """Of all questions with at least the score that 80% of the answerable reach."""
    one = made(60, 12)
    best = levels(one, BLEND)
    least = sorted(best[one.answerable], reverse=True)[23]
    answered = best >= least
    expected = (answered & one.answerable).sum() / answered.sum()
    assert figures(one, BLEND)["precision_at_80"] == pytest.approx(expected, abs=1e-4)


def test_figures_are_those_of_ir_measures() -> None:
    """Hits and nDCG@10 of the order by score, over answerable questions."""
    one = made(40, 5)
    scores = orders(one, BLEND)
    relevant = {(row, one.documents[row, place]) for row, place in np.argwhere(one.relevant)}
    truth = [ir_measures.Qrel(str(row), str(name), 1) for row, name in sorted(relevant)]
    best: dict[tuple[int, int], float] = {}
    for row, place in np.argwhere(np.isfinite(scores) & one.answerable[:, None]):
        key = int(row), int(one.documents[row, place])
        best[key] = max(best.get(key, -1e9), float(scores[row, place]))
    run = [ir_measures.ScoredDoc(str(row), str(name), score) for (row, name), score in best.items()]
    expected = ir_measures.calc_aggregate([Success @ 1, Success @ 5, nDCG @ 10], truth, run)
    found = figures(one, BLEND)
    assert found["hit@1"] == pytest.approx(expected[Success @ 1], abs=1e-4)
    assert found["hit@5"] == pytest.approx(expected[Success @ 5], abs=1e-4)
    assert found["ndcg@10"] == pytest.approx(expected[nDCG @ 10], abs=1e-4)


def test_signs_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    """A fit from kept signs is the fit from fresh ones."""
    one = made(30, 11)
    one.save(tmp_path / "kept.npz")
    again = SetSigns.load(tmp_path / "kept.npz")
    assert figures(again, BLEND) == figures(one, BLEND)
    np.testing.assert_array_equal(again.signs, one.signs)


def test_nine_of_ten_answerable_questions_reach_the_threshold() -> None:
    """And without the last of them it would be fewer."""
    one = made(200, 6)
    scores = 1 / (1 + np.exp(-levels(one, BLEND)))[one.answerable]
    chosen = threshold(one, BLEND)
    assert (scores >= chosen - 1e-9).mean() >= 0.9
    assert (scores >= chosen + 1e-9).mean() <= 0.9
