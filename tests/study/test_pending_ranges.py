from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.study.chunk import (
    MAX_CHUNK_SIZE,
    MAX_CHUNK_SPLIT,
    ChunkSizer,
    PendingRanges,
    chunk_seconds,
    count_replications,
    covering,
    format_ranges,
    missing,
)

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda s: range(s[0], s[0] + s[1])))
wanted = st.tuples(st.integers(0, 30), st.integers(0, 50)).map(lambda s: range(s[0], s[0] + s[1]))


@given(spans, wanted)
def test_gaps_are_what_is_not_there(have: list[range], whole: range) -> None:
    there = {r for span in have for r in span}
    gaps = missing(have, whole)
    assert [r for gap in gaps for r in gap] == [r for r in whole if r not in there]
    assert all(len(gap) for gap in gaps)


@given(spans, wanted)
def test_pieces_cover_each_replication_once(have: list[range], whole: range) -> None:
    filled = [*have, *missing(have, whole)]
    assert [r for span, part in covering(filled, whole) for r in span[part]] == list(whole)


@given(spans, st.lists(st.integers(1, 9), min_size=1))
def test_work_is_handed_out_in_order(have: list[range], sizes: list[int]) -> None:
    gaps = missing(have, range(70))
    pending, out = PendingRanges(gaps), list[int]()
    while pending.count:
        out += pending.take(sizes[len(out) % len(sizes)])
    assert out == [r for gap in gaps for r in gap]
    assert count_replications(gaps) == len(out)


def test_a_piece_that_is_put_back_comes_next() -> None:
    pending = PendingRanges([range(10)])
    pending.put_back(pending.take(4))
    assert pending.take(9) == range(4)
    assert pending.take(9) == range(4, 10)


def test_wording() -> None:
    assert format_ranges([range(64), range(128, 129)]) == "0-63, 128"


@given(st.integers(1, 600), st.integers(1, 100_000), st.floats(1e-4, 20))
def test_chunks_get_shorter_at_the_end_but_stay_worth_their_collection(workers: int, runs: int, seconds: float) -> None:
    sizer, pending = ChunkSizer(), PendingRanges([range(runs)])
    assert sizer.size(runs, workers) == 1  # nothing is known yet
    sizer.learn(1, seconds)
    sizes, rests = list[int](), list[int]()
    while pending.count:
        rests.append(pending.count)
        sizes.append(len(pending.take(sizer.size(pending.count, workers))))
    full = max(1, min(round(chunk_seconds(workers) / seconds), MAX_CHUNK_SIZE))
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    assert max(sizes) <= full
    least = round(chunk_seconds(workers) / seconds / MAX_CHUNK_SPLIT)
    # shorter only where the rest would otherwise leave workers without any
    assert all(size >= min(full, least) or left <= workers * least for size, left in zip(sizes, rests, strict=True))
