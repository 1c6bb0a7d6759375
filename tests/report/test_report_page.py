"""The report in a real browser: nothing leaves, nothing breaks, and it says what summary.json says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sim
from sim.files import WrongPlace
from sim.metrics.delivery import days_reached
from sim.report.html_report.compare_report import rebuild
from sim.report.html_report.one_page import write_slide
from sim.report.html_report.run_charts import run_charts
from sim.report.html_report.run_report import checklist, page, ramp_rows, write_run
from sim.report.result_view import ResultView
from sim.report.verdict import key_results
from sim.study.api import compare_results
from sim.study.result import Result
from tests.tiny_project import tiny

DESKTOP, TABLET, PHONE = (1280, 900), (820, 1180), (390, 844)
EVIL = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
FINISH = "lead_time_full_days"


@dataclass
class Seen:
    """A page that was opened, and what happened meanwhile."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything a reader sees, closed details included."""
        return plain(
            self.page.evaluate("[...document.querySelectorAll('header, section')].map((e) => e.textContent).join()")
        )


Opened = Callable[[tuple[int, int], str], Seen]


def plain(text: str) -> str:
    """A text with usual blanks where a number and its unit are kept on one line."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def listen(seen: Seen) -> None:
    """Keep what the page complains of and asks for."""

    def record(message: Any) -> None:
        if message.type in {"error", "warning"}:
            seen.complaints.append(message.text)

    def asked(request: Any) -> None:
        if not request.url.startswith("data:"):
            seen.requests.append(request.url)

    seen.page.on("console", record)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("request", asked)


def see(browser: Any, path: Path, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> Seen:
    """Open a file and wait until its charts are drawn."""
    seen = Seen(browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme))
    listen(seen)
    seen.page.goto(path.as_uri())
    seen.page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
    return seen


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    target = tmp_path_factory.mktemp("report") / "tiny"
    return sim.run(
        tiny("systems.electrical.factory.test.fails=0.4"), runs=40, workers=1, out=target, extras=write_run
    ), target


@pytest.fixture(scope="module")
def opened(browser: Any, written: tuple[Result, Path]) -> Iterator[Opened]:
    """The report as it opens at a size and in a scheme, for tests that only look at it: opened once."""

    @cache
    def at(size: tuple[int, int], scheme: str) -> Seen:
        pages.append(see(browser, written[1] / "report.html", size, scheme))
        return pages[-1]

    pages: list[Seen] = []
    yield at
    for seen in pages:
        seen.page.close()


@pytest.fixture(scope="module")
def desktop(browser: Any, written: tuple[Result, Path]) -> Seen:
    return see(browser, written[1] / "report.html")


def test_nothing_is_complained_of_nothing_leaves_and_every_chart_is_drawn(
    desktop: Seen, written: tuple[Result, Path]
) -> None:
    assert desktop.complaints == []
    assert desktop.requests == [(written[1] / "report.html").as_uri()]
    charts = desktop.page.query_selector_all(".chart")
    assert len(charts) >= 14
    assert len(charts) == int(desktop.page.get_attribute("html", "data-drawn"))
    for chart in charts:
        assert chart.query_selector("svg path, svg rect, svg circle") is not None
        assert chart.bounding_box()["height"] > 100
    assert len(desktop.page.query_selector_all(".gantt-row")) >= 10


def test_the_key_results_are_what_summary_json_says(desktop: Seen, written: tuple[Result, Path]) -> None:
    result, directory = written
    summary, dates = json.loads((directory / "summary.json").read_text()), ResultView.of(result).dates
    rows = desktop.page.query_selector_all("#results dl.results div")
    shown = [tuple(plain(row.query_selector(part).inner_text()) for part in ("dt", ".answer")) for row in rows]
    assert shown == [(line.label, line.value) for line in key_results(ResultView.of(result))]
    answers = dict(shown[:5])
    for label, p in (("P50", "p50"), ("P80, on or before", "p80")):
        day = summary[FINISH][p]
        assert answers[label] == f"{dates.format(day)} (day {day:.0f})"
    peak = summary["peak_workforce_onsite"]
    spread = next(answer for label, answer in shown if answer.endswith("people"))
    assert {float(n) for n in re.findall(r"\d+", spread)} == {peak["p50"], peak["p80"]}


def test_a_percentile_can_be_picked(desktop: Seen, written: tuple[Result, Path]) -> None:
    result, _ = written
    for share, column in ((50, "p50"), (80, "p80")):
        desktop.page.evaluate(
            "(p) => { const s = document.getElementById('percentile'); s.value = p; s.dispatchEvent(new Event('input')); }",
            share,
        )
        day = float(result.summary()[column][FINISH])
        expected = f"P{share}: on or before {ResultView.of(result).dates.format(day)} (day {day:.0f})"
        assert desktop.page.inner_text("#picked") == expected


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(opened: Opened, scheme: str) -> None:
    seen = opened(PHONE, scheme)
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", paper)))
    assert light > 600 if scheme == "light" else light < 150


CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")


def asked(seen: Seen, check: str) -> list[str]:
    """What one of the checks of page_checks.js finds."""
    return list(seen.page.evaluate(f"() => {{ {CHECKS}; return checks.{check}(); }}"))


@pytest.mark.parametrize("size", [DESKTOP, TABLET, PHONE], ids=["1280", "820", "390"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_every_width_no_text_overlaps_nothing_is_wider_and_all_can_be_read(
    opened: Opened, size: tuple[int, int], scheme: str
) -> None:
    seen = opened(size, scheme)
    assert asked(seen, "overlaps") == []
    assert asked(seen, "cut") == []
    assert asked(seen, "wider") == []
    assert asked(seen, "contrast") == []
    assert asked(seen, "crossed") == []


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")], ids=["light", "dark", "phone"]
)
def test_axe_core_finds_nothing_serious(
    opened: Opened, axe: Callable[[Any], list[str]], size: tuple[int, int], scheme: str
) -> None:
    assert axe(opened(size, scheme).page) == []


def test_it_prints_on_twelve_pages_at_most_and_the_appendix_on_demand(
    browser: Any, written: tuple[Result, Path]
) -> None:
    address = (written[1] / "report.html").as_uri()
    pages = {}
    for asked in ("", "?print=page", "?print=all"):
        opened = browser.new_page()
        opened.goto(address + asked)
        opened.wait_for_selector("html[data-drawn]", state="attached")
        for paper in ("A4", "Letter"):
            pages[asked, paper] = len(re.findall(rb"/Type\s*/Page\b", opened.pdf(format=paper)))
        opened.close()
    assert pages["?print=page", "A4"] == pages["?print=page", "Letter"] == 1
    assert 5 <= pages["", "A4"] <= 12
    assert pages["", "Letter"] <= 12
    assert pages["?print=all", "A4"] >= pages["", "A4"] + 5  # the appendix is printed, not only its heads


def test_rows_of_the_schedule_open_by_keyboard_down_to_the_work(browser: Any, written: tuple[Result, Path]) -> None:
    seen = see(browser, written[1] / "report.html")
    rows = len(seen.page.query_selector_all(".gantt-row"))
    seen.page.get_by_role("button", name="grading").press("Enter")
    assert len(seen.page.query_selector_all(".gantt-row.l3")) == 1
    assert len(seen.page.query_selector_all(".gantt-row")) == rows + 1
    assert seen.page.get_by_role("button", name="grading").get_attribute("aria-expanded") == "true"
    assert seen.complaints == []
    seen.page.close()


def test_the_appendix_is_searched(browser: Any, written: tuple[Result, Path]) -> None:
    seen = see(browser, written[1] / "report.html")
    seen.page.fill("#search", "crane")
    shown = seen.page.evaluate(
        "[...document.querySelectorAll('#assumptions tbody tr')].filter((r) => !r.hidden).map((r) => r.textContent)"
    )
    assert shown
    assert all("crane" in text.lower() for text in shown)
    seen.page.close()


def test_every_chart_has_a_text_alternative_and_a_table(desktop: Seen) -> None:
    names = desktop.page.evaluate(
        "[...document.querySelectorAll('.chart > svg')].map((s) => s.getAttribute('aria-label'))"
    )
    assert all(len(name) > 20 for name in names)
    figures = desktop.page.query_selector_all("figure.figure")
    assert all(figure.query_selector("details.data table") for figure in figures)


def test_numbers_behind_every_figure_are_written(written: tuple[Result, Path]) -> None:
    result, directory = written
    finish = (directory / "figures" / "finish.csv").read_text().splitlines()
    assert finish[0] == "series,day,date,value,from"
    share = [float(line.split(",")[-2]) for line in finish if line.startswith('"share of runs')]
    assert share[0] == 0
    assert share[-1] == 100
    drawn = {path.stem for path in (directory / "figures").glob("*.png")}
    assert drawn <= {path.stem for path in (directory / "figures").glob("*.csv")}
    assert (directory / "figures" / "gantt.csv").read_text().count("\n") == len(result.table("spread")) + 1


@pytest.mark.parametrize("runs", [40, 1000])
def test_the_table_of_a_histogram_has_every_run_once_and_a_share_that_fits(
    made_up: Callable[..., Result], runs: int
) -> None:
    view = ResultView.of(made_up(runs))
    head, rows = run_charts(view)["finish"].table(view.dates)
    assert head[:2] == ("from", "to")
    begin, until = ([date.fromisoformat(row[column]) for row in rows] for column in (0, 1))
    assert [(later - earlier).days for earlier, later in zip(until, begin[1:], strict=False)] == [1] * (len(rows) - 1)
    counts = np.array([float(row[2].replace(",", "")) for row in rows])
    shares = np.array([float(row[3].removesuffix("%")) for row in rows])
    assert counts.sum() == runs
    assert np.abs(100 * np.cumsum(counts) / runs - shares).max() <= 0.5
    peaks = run_charts(view)["peak"].table(view.dates)
    assert peaks[0][:2] == ("people on site at the peak, from", "people on site at the peak, to")
    assert sum(float(row[2]) for row in peaks[1]) == runs


def test_only_our_own_scripts_run(browser: Any, desktop: Seen, written: tuple[Result, Path], tmp_path: Path) -> None:
    result, _ = written
    config = json.loads(json.dumps(result.manifest["config"]))
    config["scale"]["target_days"] = 30.0
    config["block"]["mw_gross"] |= {"source": EVIL, "confidence": "A"}
    evil = Result({**result.manifest, "strategy": EVIL, "config": config}, result.sample, result.log, result.driving)
    (tmp_path / "evil.html").write_bytes(page(evil))
    seen = see(browser, tmp_path / "evil.html")
    assert seen.page.evaluate("window.hacked") is None
    assert seen.page.inner_text("h1") == EVIL
    assert seen.text.count(EVIL) >= 2  # as the title, and as a source
    assert seen.page.evaluate("document.scripts.length") == desktop.page.evaluate("document.scripts.length") == 2
    seen.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked = 2'}))"
    )
    assert seen.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in complaint for complaint in seen.complaints)
    seen.page.close()


def test_a_comparison_is_reported_from_what_is_stored_and_links_to_its_results(browser: Any, tmp_path: Path) -> None:
    projects = [tiny(), tiny("name=slow", "commissioning.l5.days=3")]
    results = {p.name: sim.run(p, runs=6, workers=1, out=tmp_path / p.name) for p in projects}
    compare_results(results).write(tmp_path / "differences.csv")
    before = (tmp_path / "slow" / "runs.parquet").read_bytes()
    assert rebuild(tmp_path) == tmp_path / "report.html"
    assert (tmp_path / "slow" / "runs.parquet").read_bytes() == before
    assert Result.load(tmp_path / "slow").manifest["name"] == "slow"
    seen = see(browser, tmp_path / "report.html")
    assert seen.complaints == []
    assert len(seen.page.query_selector_all(".chart > svg")) == 6
    mean = float(compare_results(results).table().set_index("metric")["mean"][FINISH])
    assert mean == 4  # two days more for each block's last test, and there is one crew
    assert "+4 days" in seen.text
    seen.page.click("text=Report of slow")
    seen.page.wait_for_selector("#checklist", timeout=60_000)
    assert "slow" in seen.page.inner_text("header")
    seen.page.close()


def test_the_first_page_is_a_slide_too(written: tuple[Result, Path], tmp_path: Path) -> None:
    from PIL import Image

    picture: Any = Image.open(write_slide(written[0], tmp_path))
    assert picture.size == (1920, 1080)
    assert np.asarray(picture.convert("L")).std() > 20  # something is drawn on it
    assert write_slide(written[0], tmp_path).read_bytes() == (tmp_path / "slide.png").read_bytes()


# --- without a browser --------------------------------------------------------------------------------


def test_the_file_is_small_and_its_policy_strict(hybrid: Result) -> None:
    html = page(hybrid)
    assert len(html) < 3_000_000
    head = html[:3000].decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', head)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy[1]
    assert "script-src 'unsafe-inline'" not in policy[1]
    assert "connect-src" not in policy[1]  # so it falls back to none


def test_the_same_result_gives_the_same_page(hybrid: Result) -> None:
    assert page(hybrid) == page(hybrid)


def test_what_is_counted_has_ticks_at_whole_numbers(browser: Any, written: tuple[Result, Path]) -> None:
    seen = see(browser, written[1] / "report.html")
    for low, high, most in ((0, 13.6, 6), (0, 2, 6), (0, 1, 4), (0, 47, 6)):
        ticks = seen.page.evaluate(f"basics.niceTicks({low}, {high}, {most}, true).ticks")
        assert len(ticks) > 1
        assert all(tick == int(tick) for tick in ticks)
    seen.page.close()


def test_turnovers_are_read_level_off_the_ramp(hybrid: Result) -> None:
    found, dates = ramp_rows(ResultView.of(hybrid)), ResultView.of(hybrid).dates
    assert [turnover.mw for turnover in found] == ["25", "50", "75", "100", "125", "150", "175", "200", "225", "250"]
    finish = hybrid.summary().loc["lead_time_full_days"]
    assert (found[-1].p50, found[-1].p80) == (dates.format(finish["p50"]), dates.format(finish["p80"]))
    view = ResultView.of(hybrid)
    assert found[-1].kept == view.share_at_most(FINISH, view.planned(FINISH) or 0.0).text()  # as the verdict has it
    assert found[-1].kept.startswith("35 % (")
    kept = [float(turnover.kept.split(" %")[0]) for turnover in found[:-1]]
    assert all(0 < share < 100 for share in kept)


def test_turnovers_of_many_blocks_are_whole_blocks_though_levels_have_six_digits(hybrid: Result) -> None:
    mw, count = 2.6667, 810  # 2160.027 MW, whose level is called 2160.03
    online = np.arange(count + 1) * mw
    rows = hybrid.sample.ramp["replication"]
    days = days_reached(np.tile(online.astype(np.float32), (len(rows), 1)), count * mw, mw)
    config = hybrid.manifest["config"] | {"block": hybrid.manifest["config"]["block"] | {"mw_gross": {"value": mw}}}
    planned = {f"b{number}": float(number) for number in range(1, count + 1)}
    many = replace(
        hybrid,
        manifest=hybrid.manifest | {"config": config, "planned_blocks": planned},
        sample=replace(hybrid.sample, ramp={"replication": rows, **days}),
    )
    found = ramp_rows(ResultView.of(many))
    assert [row.mw for row in found] == [f"{mw * 81 * k:g}" for k in range(1, 11)]
    assert all(row.planned for row in found)
    assert "not reached" not in {row.planned for row in found}


def test_the_checklist_tells_few_runs_and_lost_ones(written: tuple[Result, Path]) -> None:
    answers = {check.question: check for check in checklist(ResultView.of(written[0]))}
    assert answers["Enough runs?"].good is False
    assert answers["Did every run come to its end?"].good is True
    assert answers["Can it be run again?"].answer.startswith("configuration ")


@pytest.mark.parametrize("odd", [{"stalled": 60}, {"stalled": 40, "n": 40}, {"failed": 30, "n": 30}, {"n": 1}])
def test_odd_results_are_reported_too(made_up: Callable[..., Result], odd: dict[str, int]) -> None:
    result = made_up(**{"n": 60, **odd})
    html = plain(page(result).decode())
    for line in key_results(ResultView.of(result)):
        assert line.value in html


def test_there_is_nothing_to_rebuild_in_an_empty_place(tmp_path: Path) -> None:
    with pytest.raises(WrongPlace):
        rebuild(tmp_path)
    pd.DataFrame(columns=["metric", "case", "base"]).to_csv(tmp_path / "differences.csv", index=False)
    with pytest.raises(WrongPlace):
        rebuild(tmp_path)
