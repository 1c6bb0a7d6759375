from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from sim.errors import ConfigError, SimError
from sim.study.chunk import Chunk, Columns
from sim.study.executors.worker_process import in_two_forks
from sim.study.runner import parse, run
from sim.study.sample import Sample, representative, summary
from sim.study.storage import sealed_files as tables
from tests.study.toy_case import DAYS, Toy, Unpackable


def fingerprint(sample: Sample) -> tuple[bytes, bytes]:
    return tables.to_bytes(sample.runs), tables.to_bytes(sample.curves)


@pytest.fixture(scope="module")
def whole() -> Sample:
    return run(Toy(), seed=1, runs=60, workers=0)


@pytest.mark.parametrize(("workers", "chunk"), [(0, 1), (1, 7), (1, 64), (1, None)])
def test_chunks_never_show(workers: int, chunk: int | None, whole: Sample) -> None:
    assert fingerprint(run(Toy(), seed=1, runs=60, workers=workers, chunk=chunk)) == fingerprint(whole)


@pytest.mark.parametrize("chunk", [5, None])
def test_workers_never_show(chunk: int | None, whole: Sample) -> None:
    found = run(Toy(), seed=1, runs=60, workers=2, chunk=chunk)
    assert fingerprint(found) == fingerprint(whole)


def test_bands_of_two_processes_are_those_of_one(whole: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.study.sample.RUNS_FOR_FORK", 60)
    forks: list[bool] = []

    def in_halves(
        work: Callable[[Sequence[str]], list[Columns]], names: Sequence[str], *, fork: bool
    ) -> Callable[[], list[Columns]]:
        forks.append(fork)
        return in_two_forks(work, names, fork=fork)

    monkeypatch.setattr("sim.study.sample.in_two_forks", in_halves)
    assert fingerprint(run(Toy(), seed=1, runs=60, workers=2)) == fingerprint(whole)
    run(Toy(), seed=1, runs=59, workers=2)
    run(Toy(), seed=1, runs=60, workers=1)
    assert forks == [True, False, False]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_replications_are_told_before_the_bands_of_their_curves(workers: int, whole: Sample) -> None:
    told: list[Sample] = []
    found = run(Toy(), seed=1, runs=60, workers=workers, on_runs=told.append)
    (first,) = told
    assert not len(first.curves)
    assert fingerprint(replace(first, curves=whole.curves, ramp=whole.ramp)) == fingerprint(found) == fingerprint(whole)


def test_a_sample_is_the_beginning_of_a_larger_one(whole: Sample) -> None:
    fewer = run(Toy(), seed=1, runs=25)
    assert all(np.array_equal(column, whole.runs[name][:25]) for name, column in fewer.runs.items())
    other = run(Toy(), seed=2, runs=25)
    assert not np.array_equal(other.runs["lead_time_full_days"], fewer.runs["lead_time_full_days"])


def test_rows_are_in_order_and_complete(whole: Sample) -> None:
    assert whole.runs["replication"].tolist() == list(range(60))
    assert set(whole.runs["status"]) == {"ok"}
    assert whole.metrics == Toy().metrics
    band = whole.curves["day"][whole.curves["curve"] == "mw_online"]
    assert band.tolist() == list(range(DAYS))


def test_a_replication_that_raises_is_a_failed_row_and_no_other() -> None:
    sample = run(Toy(raises=frozenset({3, 9})), seed=1, runs=20, chunk=8)
    assert np.flatnonzero(sample.runs["status"] == "failed").tolist() == [3, 9]
    assert sample.notes == {3: "ZeroDivisionError: no crane", 9: "ZeroDivisionError: no crane"}
    assert np.isnan(sample.runs["lead_time_full_days"][[3, 9]]).all()
    row = summary(sample)["lead_time_full_days"]
    assert row["n"] == 18
    assert np.isnan([row["p80"], row["p80_low"], row["p90"]]).all()
    assert row["p50"] == np.sort(sample.values("lead_time_full_days"))[8]


@dataclass(frozen=True)
class Undefined(Toy):
    """Says that a replication is finished and has no number for one of its metrics."""

    def simulate_chunk(self, seed: int, first: int, count: int) -> Chunk:
        chunk = super().simulate_chunk(seed, first, count)
        money = np.where(np.arange(first, first + count) == 5, np.nan, chunk.runs["capital_total_usd"])
        return replace(chunk, runs={**chunk.runs, "capital_total_usd": money})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_finished_replication_without_a_number_is_a_failed_row_that_names_the_metric(workers: int) -> None:
    sample = run(Undefined(), seed=1, runs=20, chunk=8, workers=workers)
    assert np.flatnonzero(sample.runs["status"] == "failed").tolist() == [5]
    assert sample.notes == {5: "ValueError: not a finite number in a finished run: capital_total_usd"}
    assert summary(sample)["capital_total_usd"]["n"] == 19


def test_curves_leave_out_what_failed(whole: Sample) -> None:
    sample = run(Toy(raises=frozenset({0})), seed=1, runs=2, chunk=1)
    one = run(Toy(), seed=1, runs=2, chunk=1)
    assert not np.array_equal(sample.curves["mean"], one.curves["mean"])
    assert not np.isnan(sample.curves["mean"]).any()


def test_when_everything_fails_there_are_rows_and_no_curve() -> None:
    sample = run(Toy(raises=frozenset(range(5))), seed=1, runs=5)
    assert sample.count_status("failed") == 5
    assert len(sample.curves["curve"]) == 0
    assert summary(sample)["lead_time_full_days"]["n"] == 0


def test_stalled_runs_are_infinite_and_leave_no_mean() -> None:
    row = summary(run(Toy(stalls=frozenset({1, 2, 3})), seed=1, runs=10))["lead_time_full_days"]
    assert np.isnan(row["mean"])
    assert (row["n"], row["p80"]) == (10, inf)
    assert row["p50"] < inf


@pytest.mark.parametrize("workers", [1, 2])
def test_wrong_input_ends_the_study_with_its_own_message(workers: int) -> None:
    with pytest.raises(ConfigError, match=r"toy.yaml:3: crane: 0 given, at least 1 expected"):
        run(Toy(refuses=frozenset({4})), seed=1, runs=12, workers=workers)


def test_progress_ends_at_the_total() -> None:
    told: list[tuple[int, int, float | None]] = []
    run(Toy(), seed=1, runs=20, chunk=6, progress=lambda *now: told.append(now))
    assert [done for done, _, _ in told] == [0, 6, 12, 18, 20]
    assert {total for _, total, _ in told} == {20}
    assert told[0][2] is None
    assert told[-1][2] == 0.0


def test_the_sample_grows_by_index_until_it_is_precise_enough() -> None:
    precision = parse("1%@p80:lead_time_full_days", Toy().metrics, max_runs=3000)
    sample = run(Toy(), seed=1, runs=0, precision=precision)
    assert sample.size in {200, 260, 338, 440, 572, 744}
    assert fingerprint(sample) == fingerprint(run(Toy(), seed=1, runs=sample.size, chunk=33))
    assert f"after {sample.size} runs" in sample.remark
    low, high = (summary(sample)["lead_time_full_days"][f"p80_{end}"] for end in ("low", "high"))
    assert (high - low) / 2 <= 0.01 * summary(sample)["lead_time_full_days"]["p80"]


def test_where_a_growing_sample_stops_does_not_depend_on_workers_or_chunks() -> None:
    precision = parse("1%@p80:lead_time_full_days", Toy().metrics, max_runs=5000)
    alone = run(Toy(), seed=5, runs=0, precision=precision)
    for workers, chunk in ((1, 19), (2, None), (2, 7)):
        found = run(Toy(), seed=5, runs=0, workers=workers, chunk=chunk, precision=precision)
        assert (found.size, found.remark) == (alone.size, alone.remark)
        assert fingerprint(found) == fingerprint(alone)
    assert 200 < alone.size < 5000


def test_a_cap_that_comes_first_is_told() -> None:
    precision = parse("0.01%@p80:lead_time_full_days", Toy().metrics, max_runs=230)
    sample = run(Toy(), seed=1, runs=0, precision=precision)
    assert sample.size == 230
    assert "not reached" in sample.remark


def test_the_representative_run_has_the_p50_where_there_are_no_chains(whole: Sample) -> None:
    chosen = representative(whole, "lead_time_full_days")
    assert whole.runs["lead_time_full_days"][chosen] == summary(whole)["lead_time_full_days"]["p50"]


def test_the_representative_run_has_the_chain_most_like_all_others() -> None:
    # 40 runs of the same middle finish: 30 wait for crews 20 to 49 days, ten for parts; the medoid is in their midst
    crew = np.array([*range(20, 50), *[0.0] * 10], float)
    parts = np.array([0.0] * 30 + [90.0] * 10)
    runs = {
        "status": np.array(["ok"] * 40, object), "lead_time_full_days": np.full(40, 100.0),
        "chain_crew_days": crew, "chain_parts_days": parts,
    }  # fmt: skip
    apart = np.abs(crew[:, None] - crew).sum(axis=0) + np.abs(parts[:, None] - parts).sum(axis=0)
    assert representative(Sample(runs, {}), "lead_time_full_days") == int(np.argmin(apart))
    late = {**runs, "lead_time_full_days": np.array([*range(40)], float)}
    chosen = representative(Sample(late, {}), "lead_time_full_days")
    assert 17 <= chosen <= 21  # P45 to P55
    assert apart[chosen] == apart[17:22].min()


@pytest.mark.faults
def test_a_worker_killed_once_leaves_no_trace(tmp_path: Path, whole: Sample) -> None:
    case = Toy(kills=frozenset({17}), mark=str(tmp_path / "killed"))
    assert fingerprint(run(case, seed=1, runs=60, workers=2, chunk=5)) == fingerprint(whole)
    assert (tmp_path / "killed").exists()


@pytest.mark.faults
def test_a_replication_that_always_kills_becomes_a_failed_row(whole: Sample) -> None:
    sample = run(Toy(kills=frozenset({6})), seed=1, runs=20, workers=2, chunk=5)
    assert np.flatnonzero(sample.runs["status"] == "failed").tolist() == [6]
    assert sample.notes == {6: "its process was killed, by hand or because memory ran out"}
    others = np.delete(np.arange(20), 6)
    lead = "lead_time_full_days"
    assert np.array_equal(sample.runs[lead][others], whole.runs[lead][:20][others])


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are new interpreters, which are sent their case, as on systems where a process is not forked."""
    monkeypatch.setattr("sim.study.executors.process_pool.can_fork", lambda: False)


@pytest.mark.faults
@pytest.mark.usefixtures("sent")
def test_workers_that_cannot_start_are_told_and_not_started_for_ever() -> None:
    with pytest.raises(SimError, match=r"worker processes cannot start: a worker cannot read the case \(TypeError"):
        run(Unpackable(), seed=1, runs=4, workers=2)


@pytest.mark.usefixtures("sent")
def test_a_sample_of_workers_that_are_sent_their_case_is_the_same() -> None:
    full = "lead_time_full_days"
    assert np.array_equal(run(Toy(), seed=1, runs=9, workers=2).runs[full], run(Toy(), seed=1, runs=9).runs[full])


@pytest.mark.usefixtures("sent")
def test_a_case_that_cannot_be_sent_leaves_nothing_behind() -> None:
    unsendable = Toy(raises=(r for r in range(3)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pickle"):
        run(unsendable, seed=1, runs=4, workers=2)
    assert multiprocessing.active_children() == []
