from __future__ import annotations

import re
from pathlib import Path
from shutil import copytree
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.config.project import parse_expectation
from sim.errors import ConfigError
from sim.study.analyses.validation import CheckResult, judge, junit
from sim.study.api import load, run
from sim.study.runner import expectations, require_expectations
from sim.study.sample import Sample
from tests.tiny_project import TINY

CONFIGS = TINY.parents[2] / "configs"


def sample(values: list[float], failed: int = 0, **others: list[float]) -> Sample:
    """A sample of one metric, `days`, and perhaps others; the last ones failed."""
    status = ["ok"] * (len(values) - failed) + ["failed"] * failed
    table = {"replication": np.arange(len(values)), "status": np.array(status, object), "days": np.array(values)}
    return Sample({**table, **{name: np.array(other) for name, other in others.items()}}, {})


HUNDRED = [float(day) for day in range(1, 101)]  # P80 is 80; its interval is the 72nd to the 89th of a hundred


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("days.p80 < 89.5", "holds"),
        ("days.p80 <= 89", "holds"),
        ("days.p80 < 89", "inconclusive"),
        ("days.p80 < 75", "inconclusive"),
        ("days.p80 < 72", "fails"),
        ("days.p80 <= 71.9", "fails"),
        ("days.p80 >= 72", "holds"),
        ("days.p80 > 72", "inconclusive"),
        ("days.p80 > 89", "fails"),
        ("days.mean < 60", "holds"),
        ("days.mean > 60", "fails"),
        ("days.p99 < 1e9", "inconclusive"),  # a hundred runs do not bound P99 from above
    ],
)
def test_an_expectation_holds_where_its_whole_interval_does(line: str, outcome: str) -> None:
    (row,) = judge([parse_expectation(line)], sample(HUNDRED))
    assert row.outcome == outcome
    assert bool(row.remark) == (outcome == "inconclusive")


def test_what_was_observed_is_written_to_the_place_at_which_it_is_known() -> None:
    """Days are whole days, dollars millions, and an end that the runs do not give is open; was 773.519, 4.04412e+09."""
    days, usd = "lead_time_full_days", "capital_total_usd"
    spread = [763.519 + at for at in range(21)]
    found = sample(spread, **{days: spread, usd: [4_044_123_456.0] * 21})
    rows = judge([parse_expectation(f"{days}.p50 <= 850"), parse_expectation(f"{usd}.p50 <= 4.1e9")], found)
    assert [row.expected for row in rows] == ["<= 850", "<= $4,100 M"]
    assert re.fullmatch(r"774 \(95 %: 7\d\d to 7\d\d, n = 21\)", rows[0].observed)
    assert rows[1].observed == "$4,044 M (95 %: $4,044 M to $4,044 M, n = 21)"
    (late,) = judge([parse_expectation(f"{days}.p99 <= 850")], found)
    assert " or more, n = 21)" in late.observed


def test_it_says_how_many_runs_would_tell() -> None:
    (row,) = judge([parse_expectation("days.p80 < 84.5")], sample(HUNDRED))
    # the bound lies 9 beyond P80, the limit 4.5: twice as sure takes four times as many
    assert row.remark == "cannot be told from 100 runs; about 400 would tell"


def test_a_run_that_stalled_is_later_than_any_date_and_leaves_no_mean() -> None:
    stalled = [1.0] * 50 + [float("inf")] * 50
    late, mean = judge([parse_expectation("days.p80 < 1e6"), parse_expectation("days.mean < 1e6")], sample(stalled))
    assert (late.outcome, mean.outcome) == ("fails", "fails")


def test_what_is_left_of_runs_that_failed_proves_nothing() -> None:
    (row,) = judge([parse_expectation("days.p50 < 99")], sample(HUNDRED, failed=10))
    assert row.outcome == "inconclusive"


@pytest.mark.parametrize(
    "line",
    ["days.p80", "days < 5", "days.p0 < 5", "days.p100 < 5", "days.max < 5", "days.p80 == 5", "days.p80 < 5 + 1",
     "days.p80 < nan", "__import__('os').p80 < 1", "days.p80 < 5 or 1", "5 > days.p80", "days.p80 < 1e9999",
     "days.p80 < 1e999"],
)  # fmt: skip
def test_nothing_but_the_grammar_is_read(line: str) -> None:
    with pytest.raises(ValueError, match=r"such as|mean or p1"):
        parse_expectation(line)


def test_dollars_may_be_expected_in_multiples() -> None:
    assert parse_expectation("capital_total_usd.p80 < 8.5bn").limit == 8.5e9
    assert parse_expectation("hours_paid.p80 < 1,200,000").limit == 1.2e6
    with pytest.raises(ValueError, match="M stands behind dollars only, and hours_paid has none"):
        parse_expectation("hours_paid.p80 < 1.2M")


def written(tmp_path: Path, *lines: str) -> Path:
    """The tiny project with expectations, in a file."""
    copytree(CONFIGS, tmp_path / "configs", dirs_exist_ok=True)
    text = TINY.read_text(encoding="utf-8").replace("../../configs/", "configs/")
    path = tmp_path / "tiny.yaml"
    path.write_text(text + "\nexpect:\n" + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
    return path


def test_mistakes_are_told_with_file_line_and_path(tmp_path: Path) -> None:
    path = written(tmp_path, "lead_time_full_days.p80 < 50", "lead_time_full_day.p80 < 50")
    line = path.read_text(encoding="utf-8").splitlines().index("  - lead_time_full_day.p80 < 50") + 1
    with pytest.raises(ConfigError) as unknown:
        expectations(load(path), ["lead_time_full_days"])
    assert str(unknown.value) == (
        f'{path.as_posix()}:{line}: expect.1: "lead_time_full_day.p80 < 50" given, '
        "a metric of this project expected (did you mean lead_time_full_days?)"
    )
    with pytest.raises(ConfigError, match=rf":{line - 1}: expect\.0: .* METRIC\.STATISTIC"):
        load(written(tmp_path, "lead_time_full_days.p80 is 50"))
    with pytest.raises(ConfigError, match="states nothing to verify"):
        require_expectations(load(TINY))


def test_an_expectation_of_no_metric_is_refused_before_a_run(tmp_path: Path) -> None:
    config = written(tmp_path, "leadtime_full_days.p80 < 3")
    done = CliRunner().invoke(main, ["run", str(config), "--runs", "2", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2, done.output
    assert "(did you mean lead_time_full_days?)" in done.output
    with pytest.raises(ConfigError, match="a metric of this project expected"):
        run(load(config).value, runs=2)


@pytest.mark.parametrize(
    ("limit", "options", "code"),
    [("540", (), 0), ("29", (), 1), ("540", ("--set", "expect=[lead_time.p80 < 1]"), 2)],
)
def test_the_command_judges_a_project(tmp_path: Path, limit: str, options: tuple[str, ...], code: int) -> None:
    path = written(tmp_path, f"lead_time_full_days.p50 <= {limit}")
    report = tmp_path / "report.xml"
    command = ["verify", str(path), "--runs", "10", "--workers", "1", "--junit", str(report), *options]
    ended = CliRunner().invoke(main, command)
    assert ended.exit_code == code, ended.output
    if code < 2:
        suite = ElementTree.parse(report).getroot()
        assert (suite.get("tests"), suite.get("failures")) == ("1", str(code))
        assert "lead_time_full_days.p50" in ended.output


def test_strict_does_not_let_pass_what_cannot_be_told(tmp_path: Path) -> None:
    path = written(tmp_path, "lead_time_full_days.p80 <= 540")  # two runs bound no percentile
    command = ["verify", str(path), "--runs", "2", "--workers", "1"]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert CliRunner().invoke(main, [*command, "--strict"]).exit_code == 1


def test_a_junit_file_is_sound_whatever_a_row_says() -> None:
    rows = [
        CheckResult("a", "<b> & \x00", "1", "2", "fails", "\ud800"),
        CheckResult("a", "c", "1", "1", "holds"),
        CheckResult("a", "d", "1", "?", "inconclusive"),
    ]
    suite = ElementTree.fromstring(junit("x", rows))
    tags = ("failure", "system-out", "skipped")
    assert [suite.get(key) for key in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    assert [case.find(tag) is not None for case, tag in zip(suite, tags, strict=True)] == [True] * 3


SHIPPED = sorted(path.stem for path in CONFIGS.glob("*.yaml") if path.stem != "base")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_project_states_what_is_expected_of_it(name: str) -> None:
    """Its own, too: what holds for one project need not hold for one that extends it."""
    path = CONFIGS / f"{name}.yaml"
    assert load(path).value.expect
    assert "\nexpect:\n" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [name if name == "one_block" else pytest.param(name, marks=pytest.mark.slow) for name in SHIPPED]
)
def test_what_shipped_projects_state_does_not_fail(name: str) -> None:
    runs = re.search(r"above what (\d+) runs measured", (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert runs is not None
    done = CliRunner().invoke(main, ["verify", name, "--runs", runs[1], "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "holds" in done.output
