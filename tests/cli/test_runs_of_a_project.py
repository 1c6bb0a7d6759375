from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from tests.tiny_project import TINY

RUNS = ("--runs", "12", "--workers", "1")


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures and reports are tested elsewhere and take longest."""
    monkeypatch.setattr("sim.report.html_report.run_report.write_run", lambda *_: None)
    monkeypatch.setattr("sim.report.html_report.compare_report.write_comparison", lambda *_: None)


def sim(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_parts_put_together_are_the_whole(tmp_path: Path) -> None:
    for shard in ("1/2", "2/2"):
        told = sim("run", TINY, *RUNS, "--shard", shard, "--out", tmp_path / "parts")
        assert told.exit_code == 0, told.output
        assert f"parts.shard-{shard[0]}-of-2.partial" in told.output
        assert "sim merge" in told.output
    merged = sim("merge", *sorted(tmp_path.glob("parts.shard-*")), "--out", tmp_path / "parts")
    assert merged.exit_code == 0, merged.output
    assert "12 runs, seed 1" in merged.output
    assert sim("run", TINY, *RUNS, "--out", tmp_path / "whole").exit_code == 0
    for name in ("runs.parquet", "curves.parquet", "events.parquet", "summary.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_missing_part_is_a_partial_result(tmp_path: Path) -> None:
    assert sim("run", TINY, *RUNS, "--shard", "1/2", "--out", tmp_path / "tiny").exit_code == 0
    told = sim("merge", tmp_path / "tiny.shard-1-of-2", "--out", tmp_path / "tiny")
    assert told.exit_code == 4
    assert "replications 6-11 of 12" in told.output
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize("part", [("--shard", "1/2"), ("--preview",)])
@pytest.mark.parametrize(
    "more", [("--precision", "1%@p80:lead_time_full_days"), ("--scheduler", "local"), ("--levers",)]
)
def test_a_part_or_a_preview_is_of_a_stated_number_of_runs_here(
    tmp_path: Path, part: tuple[str, ...], more: tuple[str, ...]
) -> None:
    told = sim("run", TINY, *part, *more, "--out", tmp_path / "tiny")
    assert told.exit_code == 2
    assert part[0] in told.output


@pytest.mark.parametrize("part", [("--shard", "1/2"), ("--preview",)])
def test_a_part_and_a_preview_take_the_engine_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: tuple[str, ...]
) -> None:
    engines: list[str] = []
    from sim.study.analyses import run_preview, shards

    for module in (run_preview, shards):
        prepare = module.prepare_case

        def noted(*given: object, engine: str, prepare: object = prepare, **options: object) -> object:
            engines.append(engine)
            return prepare(*given, engine=engine, **options)  # type: ignore[operator]

        monkeypatch.setattr(module, "prepare_case", noted)
    assert sim("run", TINY, *RUNS, *part, "--engine", "simpy", "--out", tmp_path / "tiny").exit_code == 0
    assert engines == ["simpy"]


def test_a_part_that_cannot_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.study.executors.memory_estimate.free_bytes", lambda: 1_000_000_000)
    told = sim("run", TINY, "--runs", "1000000", "--workers", "1", "--shard", "1/2", "--out", tmp_path / "tiny")
    assert told.exit_code == 3
    assert "GB of memory" in told.output


def test_a_preview_says_time_and_memory_and_writes_nothing(tmp_path: Path) -> None:
    told = sim("run", TINY, *RUNS, "--preview", "--out", tmp_path / "tiny")
    assert told.exit_code == 0, told.output
    assert "for 12 replications with one process" in told.output
    assert "GB of memory" in told.output
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return a project like the tiny one under another name."""
    (tmp_path / "base.yaml").write_text((TINY.parents[2] / "configs" / "base.yaml").read_text())
    text = TINY.read_text().replace("name: tiny", "name: other").replace("../../configs/base.yaml", "base.yaml")
    (tmp_path / "other.yaml").write_text(text)
    return tmp_path / "other.yaml"


def test_a_comparison_is_printed_before_the_last_files_are_written(
    tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    monkeypatch.setattr("sim.cli.compare_projects.show", lambda _: happened.append("comparison"))
    monkeypatch.setattr(
        "sim.report.html_report.run_report.write_run", lambda result, *_: happened.append(result.manifest["name"])
    )
    done = sim("compare", TINY, other, *RUNS, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert happened == ["tiny", "comparison", "other"]
    happened.clear()
    # a stored result, even the second one, is there at once: the comparison waits for the run alone
    done = sim("compare", TINY, tmp_path / "out" / "other", "--workers", "1", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert happened == ["comparison", "tiny", "other"]


@pytest.mark.parametrize("command", ["run", "drivers"])
def test_what_a_result_replaces_is_told(tmp_path: Path, command: str) -> None:
    words, replaced = (command, TINY, "--workers", "1", "--out", tmp_path / "out"), []
    for options in (
        ("--runs", "3"), ("--runs", "3"), ("--runs", "3", "--seed", "2"), ("--runs", "4", "--seed", "2"),
        ("--runs", "4", "--seed", "2", "--set", "scale.preparation_days=12"),
    ):  # fmt: skip
        done = sim(*words, *options)
        assert done.exit_code == 0, done.output
        replaced.append(done.output.partition("replaces ")[2].partition("\n")[0])
    assert replaced == ["", "", "3 runs, seed 1", "3 runs, seed 2", "4 runs, seed 2, of other inputs"]


def test_what_a_comparison_replaces_is_told(tmp_path: Path, other: Path) -> None:
    words = ("compare", TINY, other, *RUNS, "--figures", "none", "--out", tmp_path / "out")
    assert "replaces" not in sim(*words).output
    assert sim(*words, "--seed", "2").output.count("replaces 12 runs, seed 1") == 2


@pytest.mark.parametrize("figures", ["none", "few", "all"])
def test_a_comparison_has_the_pictures_that_were_asked_for(
    tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch, figures: str
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("sim.cli.compare_projects.show", lambda _: None)
    monkeypatch.setattr(
        "sim.report.html_report.compare_report.write_comparison", lambda *given: asked.append(given[3].choice)
    )
    words = ("compare", TINY, other, *RUNS, "--figures", figures, "--out", tmp_path / "out")
    assert sim(*words).exit_code == 0
    assert asked == [figures]


def test_a_comparison_goes_on_where_it_stopped(tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("compare", TINY, other, *RUNS, "--out", tmp_path / "out")
    first = sim(*words)
    assert first.exit_code == 0, first.output
    performed: list[str] = []
    from sim.study import api as running

    sampled_run = running.sampled_run

    def noted(config: running.Config, **options: object) -> object:
        performed.append(config.value.name)
        return sampled_run(config, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "sampled_run", noted)
    (tmp_path / "out" / "other" / "runs.parquet").write_bytes(b"torn")
    again = sim(*words, "--resume")
    assert again.exit_code == 0, again.output
    assert performed == ["other"]
    assert again.output == first.output


def test_what_the_precision_came_to_is_said(tmp_path: Path) -> None:
    told = sim("run", TINY, "--precision", "1%@p80:lead_time_full_days", "--workers", "1", "--out", tmp_path / "tiny")
    assert told.exit_code == 0, told.output
    assert "±1 % of P80 of lead_time_full_days was asked: ±0 % after 200 runs" in told.output


def test_a_run_that_cannot_fit_into_memory_is_refused_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.study.executors.memory_estimate.free_bytes", lambda: 1_000_000_000)
    told = sim("run", TINY, "--runs", "1000000", "--workers", "1", "--out", tmp_path / "tiny")
    assert told.exit_code == 3
    assert "GB of memory" in told.output
    assert "--runs" in told.output
    assert list(tmp_path.iterdir()) == []
