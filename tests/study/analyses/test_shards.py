from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import SimError
from sim.study.analyses.shards import Shard, merge, parse
from sim.study.runner import run, run_range
from sim.study.storage import sealed_files as tables
from sim.study.storage.checkpoint import open_checkpoint
from tests.study.toy_case import Toy

RUNS = 50


def identity(seed: int = 1) -> dict[str, Any]:
    return {"seed": seed, "metrics": Toy().metrics}


def shards(out: Path, of: int, seed: int = 1, runs: int = RUNS, *, resume: bool = False) -> list[Path]:
    places = []
    for number in range(1, of + 1):
        shard = Shard(number, of)
        about = {"runs": runs}
        with open_checkpoint(shard.target(out / "toy"), identity(seed), resume=resume, about=about) as store:
            run_range(Toy(raises=frozenset({20})), seed=seed, part=shard.part(runs), store=store, chunk=6)
        places.append(shard.target(out / "toy"))
    return places


@given(runs=st.integers(0, 300), of=st.integers(1, 40))
def test_shards_share_the_replications(runs: int, of: int) -> None:
    parts = [Shard(number, of).part(runs) for number in range(1, of + 1)]
    assert [r for part in parts for r in part] == list(range(runs))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_merged_shards_are_the_run_itself(tmp_path: Path) -> None:
    whole = run(Toy(raises=frozenset({20})), seed=1, runs=RUNS)
    merged = merge(list(reversed(shards(tmp_path, 3))))
    assert tables.to_bytes(merged.sample.runs) == tables.to_bytes(whole.runs)
    assert tables.to_bytes(merged.sample.curves) == tables.to_bytes(whole.curves)
    assert merged.sample.notes == whole.notes
    assert merged.identity["seed"] == 1


def test_shards_that_are_gone_on_with_for_more_runs_are_merged_to_as_many(tmp_path: Path) -> None:
    shards(tmp_path, 2, runs=24)
    merged = merge(shards(tmp_path, 2, runs=RUNS, resume=True))
    assert merged.runs == RUNS
    assert tables.to_bytes(merged.sample.runs) == tables.to_bytes(
        run(Toy(raises=frozenset({20})), seed=1, runs=RUNS).runs
    )
    fewer = shards(tmp_path, 2, runs=24, resume=True)
    assert merge(fewer).sample.size == 24
    shards(tmp_path / "again", 2, runs=24)
    places = shards(tmp_path / "again", 2, runs=RUNS, resume=True)
    with pytest.raises(SimError, match="runs: 24, now 50"):
        merge([fewer[0], places[1]])


def test_a_missing_shard_is_told_by_its_replications(tmp_path: Path) -> None:
    places = shards(tmp_path, 4)
    with pytest.raises(SimError, match=r"replications 12-24 of 50") as caught:
        merge([places[0], places[2], places[3]])
    assert caught.value.exit_code == 4


def test_shards_of_two_studies_are_not_put_together(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(SimError, match="seed: 1, now 2") as caught:
        merge([shards(tmp_path, 2)[0], shards(tmp_path / "other", 2, seed=2)[1]])
    assert caught.value.exit_code == 2


@pytest.mark.faults
def test_a_damaged_shard_counts_as_missing(tmp_path: Path) -> None:
    places = shards(tmp_path, 2)
    victim = min(tmp_path.glob("toy.shard-2-of-2.partial/chunk-*"))
    victim.write_bytes(victim.read_bytes()[:-4])
    with pytest.raises(SimError, match=r"replications 25-30 of 50"):
        merge(places)


def test_wording(tmp_path: Path) -> None:
    assert parse("2/4") == Shard(2, 4)
    for wrong in ("0/4", "5/4", "1", "a/b", "1/0", "-1/2"):
        with pytest.raises(SimError, match="write it like 2/4"):
            parse(wrong)
    with pytest.raises(SimError, match="no shard here"):
        merge([tmp_path])
    with pytest.raises(SimError, match="nothing to merge"):
        merge([])
