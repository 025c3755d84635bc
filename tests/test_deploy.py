"""Dashboard and alerts: each metric and label exists, each query parses, each link leads there."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from installed import ROOT
from promql import Query, parsed
from service.metrics import Metrics, Stock
from service.openapi import problem_rows

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "grafana-dashboard.json").read_text(encoding="utf-8")
)
ALERTS: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8")
)
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
OF_THE_SCRAPE = {"job", "instance"}
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
UNITS = {"short", "s", "bytes", "Bps", "reqps", "ops", "percentunit"}


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def series() -> dict[str, set[str]]:
    """Return the name of each series that a scrape gives, with its labels."""
    return {
        one.name + suffix: {*one.labels, *(["le"] if suffix == "_bucket" else [])}
        for one in Metrics(Stock).families
        for suffix in SUFFIXES[one.kind]
    }


def panels() -> Iterator[Mapping[str, Any]]:
    """Give the panels that show something."""
    yield from (one for one in DASHBOARD["panels"] if one["type"] != "row")


def queries() -> list[tuple[str, str]]:
    """Return each query with where it stands."""
    shown = [(one["title"], target["expr"]) for one in panels() for target in one["targets"]]
    return [*shown, *((rule["alert"], rule["expr"]) for rule in RULES)]


@pytest.mark.parametrize(("place", "text"), queries())
def test_a_query_names_what_there_is(place: str, text: str) -> None:
    """Metrics by their names as scraped, labels of theirs; a counter is never read bare."""
    known = series()
    query = parsed(text)
    assert query.selectors, place
    labels: set[str] = set()
    for one in query.selectors:
        assert one.name in known, (place, one.name)
        assert one.labels <= known[one.name] | OF_THE_SCRAPE, (place, one)
        labels |= known[one.name]
        counts = one.name.endswith(("_total", "_bucket", "_sum", "_count"))
        assert counts == one.ranged, (place, one)
    assert query.grouped <= labels | OF_THE_SCRAPE, place
    if "histogram_quantile" in text:
        assert "le" in query.grouped, place


@pytest.mark.parametrize(
    "text",
    [
        "sum(",
        "rate(afterword_answers_total)",
        "sum by status (x)",
        "x{a=b}",
        "a b",
        "x[5m] x",
        'x{a="b"',
        "",
        "x ! y",
        "1 +",
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    """The reader of these tests does not take everything."""
    with pytest.raises(ValueError, match=r".+"):
        parsed(text)


def test_the_reader_finds_what_is_named() -> None:
    """In a query of all its parts."""
    query = parsed(
        'histogram_quantile(0.9, sum by (le, a) (rate(x_bucket{b=~"c|d"}[5m]))) '
        "/ ignoring(a) group_left sum(rate(y[1h])) > 0.5 and absent(z)"
    )
    assert [one.name for one in query.selectors] == ["x_bucket", "y", "z"]
    assert query.selectors[0].labels == {"b"}
    assert query.grouped == {"le", "a"}
    assert isinstance(query, Query)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """Its own name, panels that do not lie on each other, one data source to choose."""
    assert DASHBOARD["uid"] == "afterword"
    assert DASHBOARD["title"] == "Afterword"
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert {"time", "templating", "panels", "annotations", "refresh"} <= set(DASHBOARD)
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"datasource", "job", "instance"}
    assert variables["datasource"]["type"] == "datasource"
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for one in DASHBOARD["panels"]:
        place = one["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }
        assert not cells & taken, one["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for one in panels():
        assert one["title"]
        assert one["description"].endswith("."), one["title"]
        assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert one["fieldConfig"]["defaults"]["unit"] in UNITS
        names = [target["refId"] for target in one["targets"]]
        assert len(set(names)) == len(names)


def test_the_dashboard_shows_every_metric() -> None:
    """Whoever adds one shows it; a few of the processes' are for looking up."""
    shown = {one.name for place, text in queries() for one in parsed(text).selectors}
    for family in Metrics(Stock).families:
        names = {family.name + suffix for suffix in SUFFIXES[family.kind]}
        spare = re.search(r"virtual_memory|start_time|worker_process_(?!resident|cpu)", family.name)
        assert names & shown or spare, family.name


def test_alerts_are_rules_that_prometheus_takes() -> None:
    """With a severity, what happened, and the place in the guide that says what to do."""
    assert set(ALERTS) == {"groups"}
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names) > 10
    guide = anchors(ROOT / "docs" / "operations.md")
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Afterword[A-Z][A-Za-z]+", rule["alert"])
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert set(rule["labels"]) == {"severity"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook"}
        page, _, anchor = notes["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert anchor in guide, rule["alert"]
        labels = set(re.findall(r"\$labels\.(\w+)", notes["summary"] + notes["description"]))
        assert labels <= OF_THE_SCRAPE


def test_codes_and_values_that_are_asked_for_exist() -> None:
    """A refusal's reason is a problem's code."""
    codes = {code for code, _, _ in problem_rows()}
    asked = set(re.findall(r'reason="(\w+)"', json.dumps(ALERTS).replace("\\", "")))
    assert asked
    assert asked <= codes


def test_the_security_page_leads_somewhere() -> None:
    """Each link is a file, and each anchor a heading of it."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text)
    assert len(links) > 5
    for target, anchor in links:
        assert (ROOT / target).is_file(), target
        assert not anchor or anchor in anchors(ROOT / target), (target, anchor)
