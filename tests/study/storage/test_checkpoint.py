from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import SimError
from sim.study.runner import run
from sim.study.sample import Sample
from sim.study.storage import checkpoint
from sim.study.storage import sealed_files as tables
from sim.study.storage.checkpoint import Changed, open_checkpoint
from tests.study.toy_case import Toy

IDENTITY: dict[str, Any] = {
    "case": "toy",
    "seed": 1,
    "version": "0.1.0",
    "metrics": Toy().metrics,
    "config": {"site": {"cranes": 2, "crews": {"electrical": 12}}},
}


class Stop(Exception):
    pass


def fingerprint(sample: Sample) -> tuple[bytes, bytes]:
    return tables.to_bytes(sample.runs), tables.to_bytes(sample.curves)


@pytest.fixture(scope="module")
def whole() -> Sample:
    return run(Toy(stalls=frozenset({4})), seed=1, runs=60)


def interrupted(target: Path, after: int, raises: Iterable[int] = ()) -> None:
    """A run of 60 that dies once `after` replications are finished."""

    def stop(done: int, _total: int, _left: float | None) -> None:
        if done >= after:
            raise Stop

    case = Toy(stalls=frozenset({4}), raises=frozenset(raises))
    with pytest.raises(Stop), open_checkpoint(target, IDENTITY) as store:
        run(case, seed=1, runs=60, chunk=7, store=store, progress=stop)


def resumed(target: Path, performed: list[int], runs: int = 60, chunk: int = 11) -> Sample:
    with open_checkpoint(target, IDENTITY, resume=True) as store:
        return run(
            Toy(stalls=frozenset({4})),
            seed=1,
            runs=runs,
            chunk=chunk,
            store=store,
            progress=lambda done, _total, _left: performed.append(done),
        )


def chunks(target: Path) -> list[Path]:
    return sorted(target.with_name("toy.partial").glob("chunk-*"))


def test_a_resumed_run_is_the_same_to_the_last_byte(tmp_path: Path, whole: Sample) -> None:
    interrupted(tmp_path / "toy", 30)
    assert [path.name[:19] for path in chunks(tmp_path / "toy")] == [f"chunk-{k:07d}-00007" for k in range(0, 35, 7)]
    performed: list[int] = []
    assert fingerprint(resumed(tmp_path / "toy", performed)) == fingerprint(whole)
    assert performed[0] == 35


def test_chunks_that_wait_in_memory_are_written_when_a_run_is_interrupted(tmp_path: Path, whole: Sample) -> None:
    target = tmp_path / "toy"
    case = Toy(stalls=frozenset({4}))
    seen: list[int] = []

    def stop(done: int, _total: int, _left: float | None) -> None:
        seen.append(len(chunks(target)))
        if done >= 30:
            raise Stop

    with pytest.raises(Stop), open_checkpoint(target, IDENTITY, hold=600.0) as store:
        run(case, seed=1, runs=60, chunk=7, store=store, progress=stop)
    assert set(seen) == {0}
    assert len(chunks(target)) == 5
    performed: list[int] = []
    assert fingerprint(resumed(target, performed)) == fingerprint(whole)
    assert performed[0] == 35


def test_a_run_whose_chunks_all_wait_in_memory_is_the_same_and_leaves_nothing(tmp_path: Path, whole: Sample) -> None:
    with open_checkpoint(tmp_path / "toy", IDENTITY, hold=600.0) as store:
        sample = run(Toy(stalls=frozenset({4})), seed=1, runs=60, chunk=7, store=store)
        assert chunks(tmp_path / "toy") == []
        store.discard()
    assert fingerprint(sample) == fingerprint(whole)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [1, 10**9])
def test_chunks_stay_in_memory_beside_their_files_as_long_as_there_is_room(
    tmp_path: Path, whole: Sample, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(checkpoint, "HELD_BYTES", room)
    target = tmp_path / "toy"
    with open_checkpoint(target, IDENTITY, hold=1e-9) as store:
        sample = run(Toy(stalls=frozenset({4})), seed=1, runs=60, chunk=7, store=store)
        assert len(chunks(target)) == len(store.ranges()) == 9
        for path in chunks(target):
            path.unlink()
        near = [store.rows(span) for span in store.ranges()] if room > 1 else []
    assert fingerprint(sample) == fingerprint(whole)
    assert sum(chunk.count for chunk in near) == (60 if room > 1 else 0)


def test_a_resumed_run_keeps_no_chunk_in_memory_that_it_has_written(tmp_path: Path, whole: Sample) -> None:
    target = tmp_path / "toy"
    interrupted(target, 30)
    with open_checkpoint(target, IDENTITY, resume=True, hold=1e-9) as store:
        sample = run(Toy(stalls=frozenset({4})), seed=1, runs=60, chunk=7, store=store)
        for path in chunks(target):
            path.unlink()
        for span in store.ranges():
            with pytest.raises(SimError):
                store.rows(span)
    assert fingerprint(sample) == fingerprint(whole)


@pytest.mark.faults
def test_damaged_chunks_are_performed_again_and_no_others(tmp_path: Path, whole: Sample) -> None:
    for kind in ("flip", "tear", "empty", "vanish"):
        target = tmp_path / kind / "toy"
        interrupted(target, 40)
        victim = chunks(target)[2]
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 4
        match kind:
            case "flip":
                victim.write_bytes(data)
            case "tear":
                victim.write_bytes(data[:-50])
            case "empty":
                victim.write_bytes(b"")
            case _:
                victim.unlink()
        performed: list[int] = []
        assert fingerprint(resumed(target, performed)) == fingerprint(whole)
        assert performed[0] == 42 - 7


@pytest.mark.faults
def test_every_flipped_bit_of_a_chunk_is_seen(tmp_path: Path) -> None:
    target = tmp_path / "toy"
    interrupted(target, 7)
    (victim,) = chunks(target)
    sound = victim.read_bytes()
    for at in np.linspace(0, len(sound) - 1, 40).astype(int):
        flipped = bytearray(sound)
        flipped[at] ^= 1 << (at % 8)
        victim.write_bytes(flipped)
        with open_checkpoint(target, IDENTITY, resume=True) as store:
            assert store.ranges() == []
            assert store.damaged == [range(7)]


def test_more_and_fewer_replications_are_the_same_run(tmp_path: Path, whole: Sample) -> None:
    interrupted(tmp_path / "toy", 30)
    fewer = resumed(tmp_path / "toy", [], runs=25)
    assert np.array_equal(fewer.runs["lead_time_full_days"], whole.runs["lead_time_full_days"][:25])
    assert fingerprint(resumed(tmp_path / "toy", [])) == fingerprint(whole)


def test_failed_replications_and_their_reasons_are_kept(tmp_path: Path) -> None:
    interrupted(tmp_path / "toy", 30, raises={8})
    sample = resumed(tmp_path / "toy", [])
    assert sample.notes == {8: "ZeroDivisionError: no crane"}
    assert sample.runs["status"][8] == "failed"
    assert sample.runs["status"][4] == "stalled"


def test_a_chunk_in_which_everything_failed_has_no_curves(tmp_path: Path) -> None:
    interrupted(tmp_path / "toy", 14, raises=range(7))
    assert resumed(tmp_path / "toy", []).count_status("failed") == 7


def test_another_config_or_seed_is_refused_with_the_difference(tmp_path: Path) -> None:
    interrupted(tmp_path / "toy", 30)
    changed = {
        **IDENTITY,
        "seed": 2,
        "config": {"site": {"cranes": 3, "crews": {"electrical": 12, "riggers": 1}}},
    }
    with pytest.raises(Changed) as caught, open_checkpoint(tmp_path / "toy", changed, resume=True):
        pass
    assert caught.value.exit_code == 2
    told = str(caught.value)
    assert "seed: 1, now 2" in told
    assert "config.site.cranes: 2, now 3" in told
    assert "config.site.crews.riggers: nothing, now 1" in told
    assert "electrical" not in told
    assert len(chunks(tmp_path / "toy")) == 5
    assert not (tmp_path / "toy.lock").exists()


def test_a_run_that_does_not_resume_begins_anew(tmp_path: Path) -> None:
    interrupted(tmp_path / "toy", 30)
    with open_checkpoint(tmp_path / "toy", IDENTITY) as store:
        assert store.ranges() == []
        store.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.faults
def test_a_damaged_run_json_is_named(tmp_path: Path) -> None:
    interrupted(tmp_path / "toy", 30)
    path = tmp_path / "toy.partial" / "run.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 3'))
    with (
        pytest.raises(SimError, match=r"run.json: changed or damaged"),
        open_checkpoint(tmp_path / "toy", IDENTITY, resume=True),
    ):
        pass
