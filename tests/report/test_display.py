"""Units and currency of what is shown: everywhere at once, and nowhere in what is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.sections.display_units import SI, Display, display, display_of, shown_as
from sim.config.units import in_unit
from sim.errors import ConfigError
from sim.report.console import describe_comparison, describe_run, plain_text
from sim.report.formatting import cents, metric_format, money, money_months, money_scale
from sim.report.html_report.run_report import page
from sim.report.plan_check import describe_plan
from sim.report.presentation import html
from sim.report.result_view import ResultView
from sim.report.study_tables import describe_sensitivity, describe_sweep
from sim.study.case import prepare_case
from tests.tiny_project import TINY

RATE = 0.92
EUROPEAN = ("display.units=si", "display.currency=EUR", f"display.per_usd={RATE}")
COST = "capital_total_usd"


@cache
def result(*overrides: str) -> sim.Result:
    return sim.run(sim.load(TINY, overrides), runs=12, workers=1)


def amounts(text: str, sign: str) -> list[str]:
    """Amounts of a currency in a text, apart from what others have published in dollars."""
    return re.findall(
        rf"{re.escape(sign)}[\d.,]+(?: (?:bn|M|k))?", re.sub(r"published: [^\n]*(\n[^\n]*Nvidia\))?", "", text)
    )


def test_results_are_those_of_dollars() -> None:
    plain, shown = result().runs, result(*EUROPEAN).runs
    assert plain.equals(shown)
    assert result().summary().equals(result(*EUROPEAN).summary())


def test_labels_and_units_of_metrics_have_the_sign_of_the_currency() -> None:
    assert metric_format("idle_capital_usd_months").label == "idle capital, deployed, in $-months"
    with shown_as(Display(currency="EUR", per_usd=RATE)):
        assert metric_format("idle_capital_usd_months").label == "idle capital, deployed, in €-months"


def test_an_amount_is_the_rate_times_the_dollars() -> None:
    dollars, euros = (float(result(*how).summary()["p50"][COST]) for how in ((), EUROPEAN))
    assert dollars == euros
    with shown_as(Display(currency="EUR", per_usd=RATE)):
        scale, unit = money_scale(8e9)
        assert (7e9 / scale, unit) == (pytest.approx(7 * RATE), "€bn")
        assert [money(1e9, 1e6), money(-1e6), cents(2), money_months(1e9)] == [
            "€920 M", "−€920 k", "€1.84", "€920 M-months",
        ]  # fmt: skip
        assert metric_format(COST).unit == "€"
    assert (money(1e9), metric_format(COST).unit, display()) == ("$1.00 bn", "$", Display())


@pytest.mark.parametrize(
    ("currency", "rate", "shown"),
    [
        ("CHF", 0.88, "CHF\N{NO-BREAK SPACE}880 M"),
        ("JPY", 150, "¥150 bn"),
        ("GBP", 0.79, "£790 M"),
        ("USD", 1, "$1.00 bn"),
    ],
)
def test_currencies_have_their_signs(currency: str, rate: float, shown: str) -> None:
    with shown_as(Display(currency=currency, per_usd=rate)):
        assert money(1e9) == shown


def test_the_verdict_the_report_and_a_notebook_have_one_currency() -> None:
    texts = {
        "console": plain_text(describe_run(result(*EUROPEAN)), 200),
        "notebook": html(result(*EUROPEAN)),
        "python": result(*EUROPEAN).verdict(),
    }
    for place, text in texts.items():
        assert amounts(text, "€"), place
        assert not amounts(text, "$"), place
    report = page(ResultView.of(result(*EUROPEAN))).decode()
    assert r'"prefix":"\u20ac"' in report
    assert '"prefix":"$"' not in report
    assert "€30" in report[report.index("for a GW") :]


def test_strategies_side_by_side_have_the_units_of_the_first() -> None:
    found = sim.compare([result(*EUROPEAN), result()])
    text = plain_text(describe_comparison(found.results, found.table()), 200)
    assert amounts(text, "€")
    assert not amounts(text, "$")
    assert display_of({"a": result(), "b": result(*EUROPEAN)}) == Display()


def test_studies_have_the_currency() -> None:
    config = sim.load(TINY, EUROPEAN)
    swept = sim.sweep(config, {"logistics.cranes": [1, 2]}, runs=4, workers=1)
    assert amounts(plain_text(describe_sweep(swept), 200), "€")
    axes = sim.plot.sweep_lines(swept, COST)
    assert "€" in axes.yaxis.get_major_formatter()(1e8, 0)
    found = sim.sensitivity(config, {"logistics.cranes": (1, 2)}, runs=4, metric=COST, workers=1)
    text = plain_text(describe_sensitivity(found), 200)
    assert "in €" in text
    assert not amounts(text, "$")


def test_figures_count_in_the_currency() -> None:
    dollars, euros = (sim.plot.capital(result(*how)) for how in ((), EUROPEAN))
    assert "€" in euros.get_ylabel()
    assert r"\$" in dollars.get_ylabel()
    top = [max(float(np.max(line.get_ydata())) for line in axes.get_lines()) for axes in (dollars, euros)]
    assert top[1] == pytest.approx(RATE * top[0])


def test_the_workbook_has_the_currency_and_the_units(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    sheets = {how: workbook(how, tmp_path / str(len(how))) for how in ((), EUROPEAN)}
    book = openpyxl.load_workbook(BytesIO(sheets[EUROPEAN]))
    plain = openpyxl.load_workbook(BytesIO(sheets[()]))
    row = {r[0]: r for r in book["Verdict"].values}["capital in total"]
    before = {r[0]: r for r in plain["Verdict"].values}["capital in total"]
    assert (row[1], before[1]) == ("€M", "$M")
    assert row[4] == pytest.approx(RATE * before[4])
    heads = [str(cell) for cell in next(book["Curves"].values)]
    assert any("€M" in head for head in heads)
    assert not any("$" in head for head in heads)
    runs = [str(cell) for cell in next(book["Runs"].values)]
    assert "capital_total_eur" in runs
    assert not any(name.endswith("_usd") for name in runs)
    inputs: Mapping[object, tuple[object, ...]] = {r[0]: r for r in book["Inputs"].values}
    miles = sim.load(TINY).value.logistics.fleets.compute.distance_miles.value
    assert inputs["logistics.fleets.compute.distance_miles.value"][1:3] == (
        pytest.approx(miles * 1.609344, rel=1e-5),
        "km",
    )


def workbook(how: tuple[str, ...], place: Path) -> bytes:
    place.mkdir()
    result(*how).save(place / "tiny")
    done = CliRunner().invoke(main, ["export", str(place / "tiny"), "--to", "excel", "--out", str(place / "x.xlsx")])
    assert done.exit_code == 0, done.output
    return (place / "x.xlsx").read_bytes()


def test_a_plan_and_a_configuration_are_in_the_units() -> None:
    plan = plain_text(describe_plan(prepare_case(sim.load(TINY, EUROPEAN)))[0], 200)
    assert " m² each" in plan
    assert "sq ft" not in plan
    tree = sim.load(TINY, EUROPEAN)._repr_html_()
    assert "</code> km" in tree
    assert "</code> miles" not in tree
    assert "</code> sq ft" not in tree
    assert "</code> miles" in sim.load(TINY)._repr_html_()


@pytest.mark.parametrize("unit", [*SI, "°F"])
def test_what_is_shown_is_read_as_what_it_was(unit: str) -> None:
    shown = Display(units="si")
    written = shown.unit(unit).replace("°C", "C")
    if (back := in_unit(shown.value(37.5, unit), written, unit)) is not None:
        assert back == pytest.approx(37.5, rel=1e-5)
    else:
        assert "/person" in unit  # read as the area alone


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("display.currency=EUR", "how much EUR one dollar is, such as 0.92"),
        ("display.currency=euro", "display.currency"),
        ("display.units=metric", "us"),
        ("display.per_usd=0.92", "1, or none, where the currency is USD"),
    ],
)
def test_what_cannot_be_shown_is_told(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        sim.load(TINY, [override])
