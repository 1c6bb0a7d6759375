"""What lasts from one command to the next: the same bytes or nothing, and never those of other sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.jit import special_functions
from sim.study.storage import disk_cache
from sim.study.storage.disk_cache import FOLDER, QUANTILES, DiskCache, kept_beta_quantiles
from sim.world import distributions, quantile_tables
from sim.world.distributions import Floats, Pert

CACHE = DiskCache("some", ("world",), 2)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for caches of its own."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_what_was_written_is_read_under_its_key_alone() -> None:
    CACHE.write("one", b"content")
    assert CACHE.read("one") == b"content"
    assert CACHE.read("two") is None
    assert DiskCache("other", ("world",), 2).read("one") is None


def test_other_sources_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    CACHE.write("one", b"content")
    assert DiskCache("some", ("world", "jit"), 2).read("one") is None
    monkeypatch.setattr(disk_cache, "fingerprint_of", lambda _: "sources of tomorrow")
    assert CACHE.read("one") is None


@pytest.mark.parametrize("damage", [b"", b"short", bytes(80)])
def test_a_damaged_file_is_none(root: Path, damage: bytes) -> None:
    CACHE.write("one", b"content")
    (file,) = (root / "some").iterdir()
    file.write_bytes(damage)
    assert CACHE.read("one") is None


def test_the_newest_files_stay(root: Path) -> None:
    for number in range(4):
        CACHE.write(str(number), b"content")
    assert len([*(root / "some").iterdir()]) == 2
    assert CACHE.read("3") == b"content"


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_fails(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "some").write_text("a file where the folder should be")
    CACHE.write("one", b"content")
    assert CACHE.read("one") is None
    monkeypatch.setenv(FOLDER, "")
    CACHE.write("one", b"content")
    assert (CACHE.folder(), CACHE.read("one")) == (None, None)


ESTIMATE = Pert(2, 3, 7)


@pytest.fixture
def next_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Floats, int]]:
    """Makes the table of an estimate as a command does that has just begun; returns how many halves were worked out."""
    worked_out: list[float] = []

    class Special:
        """The inverse of beta distributions, counted."""

        @staticmethod
        def betaincinv(a: float, b: float, u: Floats) -> Floats:
            worked_out.append(a)
            return np.asarray(special_functions().betaincinv(a, b, u))

    monkeypatch.setattr(distributions, "special_functions", Special)

    def table() -> tuple[Floats, int]:
        distributions.beta_quantiles.clear()
        quantile_tables.table.cache_clear()
        worked_out.clear()
        with kept_beta_quantiles():
            made = quantile_tables.table(ESTIMATE)
        return made, len(worked_out)

    return table


def test_quantiles_are_worked_out_in_the_first_command_alone(next_command: Callable[[], tuple[Floats, int]]) -> None:
    first, halves = next_command()
    again, halves_again = next_command()
    assert (halves, halves_again) == (2, 0)
    assert again.tobytes() == first.tobytes()


@pytest.mark.parametrize("content", [b"", bytes(100)])
def test_damaged_quantiles_are_worked_out_anew(content: bytes, next_command: Callable[[], tuple[Floats, int]]) -> None:
    first, _ = next_command()
    QUANTILES.write(disk_cache.KEY, content)
    again, halves = next_command()
    assert halves == 2
    assert again.tobytes() == first.tobytes()
