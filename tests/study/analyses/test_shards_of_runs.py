from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import SimError
from sim.study.analyses.shards import merge_shards, run_shard
from sim.study.api import load, run
from sim.study.storage import sealed_files as tables

CONFIG = Path(__file__).parents[3] / "configs" / "one_block.yaml"

RUNS = 24


def test_merged_parts_are_the_undivided_run(tmp_path: Path) -> None:
    config = load(CONFIG)
    places = [run_shard(config, f"{k}/3", tmp_path / "tiny", runs=RUNS, workers=1) for k in (1, 2, 3)]
    assert [place.name for place in places] == [f"tiny.shard-{k}-of-3.partial" for k in (1, 2, 3)]
    merged = merge_shards([tmp_path / f"tiny.shard-{k}-of-3" for k in (3, 1, 2)], tmp_path / "tiny")
    whole = run(config, runs=RUNS, workers=1)
    assert tables.to_bytes(merged.sample.runs) == tables.to_bytes(whole.sample.runs)
    assert tables.to_bytes(merged.sample.curves) == tables.to_bytes(whole.sample.curves)
    assert tables.to_bytes(merged.log) == tables.to_bytes(whole.log)
    assert merged.manifest == whole.manifest
    assert (tmp_path / "tiny" / "runs.parquet").exists()


@pytest.mark.slow
def test_parts_of_a_spread_sample(tmp_path: Path) -> None:
    config = load(CONFIG)
    for k in (1, 2, 3):
        run_shard(config, f"{k}/3", tmp_path / "tiny", runs=RUNS, workers=1, sampling="sobol")
    merged = merge_shards([tmp_path / f"tiny.shard-{k}-of-3" for k in (1, 2, 3)])
    whole = run(config, runs=RUNS, workers=1, sampling="sobol")
    assert merged.sample.size == 128
    assert merged.sample.sampling == whole.sample.sampling
    assert tables.to_bytes(merged.sample.runs) == tables.to_bytes(whole.sample.runs)


def test_parts_of_another_version_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_shard(load(CONFIG), "1/1", tmp_path / "tiny", runs=2, workers=1)
    monkeypatch.setattr("sim.study.result.RNG_VERSION", 99)
    with pytest.raises(SimError, match="another version of this program: rng: 1, now 99") as caught:
        merge_shards([tmp_path / "tiny.shard-1-of-1"])
    assert caught.value.exit_code == 2
