"""Luck is addressed by name: the bits are fixed, and nothing but the address decides them."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from sim.jit import available, load_numba
from sim.world import streams as draws
from sim.world.streams import (
    PLACE,
    SCRAMBLE,
    philox,
    quick_uniforms,
    stream_key,
    stream_keys,
    uniform,
    uniforms,
    word,
)

ALL = 2**64 - 1
NAMES = [f"set skid/b{number}" for number in range(40)]

# Published with Random123 (kat_vectors, philox4x64 10): counter, key, output.
PUBLISHED = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (ALL, ALL, ALL, ALL),
        (ALL, ALL),
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]

# First eight raw words of five named streams. If one changes, every published result does: raise RNG_VERSION.
STREAMS = {
    (1, "hook up electrical/b17"): (
        "95b162e1bb5dec41 dcd48728843f50f0 ce49c4a97fc25866 8059602e9ea4dd21 "
        "352df0d49bf65b01 cc20088ecfb2d57d 9dbac0391d44a2ef 8493abd0db1eef48"
    ),
    (1, "hook up electrical/b18"): (
        "0570d6a3de4812e4 4a0754c237247c2f c9f3c2d3161ebc64 e3816b6a67c015cd "
        "34617834f1ff4926 975ff2caff8ae453 02d0fb017a148b7b b6fa94e87059f328"
    ),
    (2, "hook up electrical/b17"): (
        "e35b5082662479f4 ded8cab91867a840 f32f00a329fbd87a 42e18e4d2e4a930c "
        "035ad2d57e6967e9 f5a82ea920ccf330 2b12d9fec5119feb f6afca34dc628537"
    ),
    (20261123, "storm season"): (
        "e565bea22d70ac2e 6d7eeb836a3f0f48 afaeba079e864df4 ddc5e3dc487e1465 "
        "42aaff23dd53bca1 60f3c85d44cee306 783ff98d8266d930 f9d4c88df68ca8fa"
    ),
    (0, "Straße/hall ü 3"): (
        "194aab0644a96224 463f6aab990e5f8d 9526660de58e48bd 194eab04c97bf925 "
        "bfeaf21683120d81 0025f180d0c112ad a65bfeafaa555cd2 5a80554f5f5bff14"
    ),
}


@pytest.mark.parametrize(("counter", "words", "expected"), PUBLISHED)
def test_philox_gives_the_published_vectors(
    counter: tuple[int, int, int, int], words: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    assert philox(counter, words) == expected


@pytest.mark.parametrize("stream", STREAMS)
def test_named_streams_never_change(stream: tuple[int, str]) -> None:
    words = [word(stream_key(*stream), replication, 0) for replication in range(8)]
    assert " ".join(f"{raw:016x}" for raw in words) == STREAMS[stream]


def test_rng_version_is_the_one_of_these_vectors() -> None:
    assert draws.RNG_VERSION == 1


@given(
    seed=st.integers(0, 2**63),
    name=st.text(max_size=30),
    first=st.integers(0, 10**9),
    count=st.integers(1, 3),
    attempt=st.integers(0, 50),
)
def test_chunk_and_single_draw_have_the_same_bits(seed: int, name: str, first: int, count: int, attempt: int) -> None:
    stream = stream_key(seed, name)
    expected = [uniform(stream, first + step, attempt) for step in range(count)]
    assert uniforms([stream], first, count, attempt).tolist() == [expected]


@pytest.mark.skipif(not available(), reason="numba is not installed")
@given(
    seed=st.integers(0, 2**63 - 1), streams=st.integers(0, 5), first=st.integers(0, 10**9), count=st.integers(0, 9),
    attempt=st.sampled_from([0, 1, 7, PLACE, SCRAMBLE]),
)  # fmt: skip
def test_compiled_draws_have_the_same_bits(seed: int, streams: int, first: int, count: int, attempt: int) -> None:
    load_numba()
    keys = stream_keys(seed, tuple(NAMES[:streams]))
    compiled = quick_uniforms(keys, first, count, attempt)
    assert compiled.shape == (streams, count)
    assert compiled.tobytes() == uniforms(keys, first, count, attempt).tobytes()
    assert compiled.tobytes() == uniforms([(a, b) for a, b in keys.tolist()], first, count, attempt).tobytes()


@pytest.mark.parametrize(("raw", "expected"), [(0, 2.0**-54), (ALL, 1 - 2.0**-53), (1 << 63, 0.5 + 2.0**-53)])
def test_draws_stay_strictly_between_0_and_1(raw: int, expected: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "word", lambda *_: raw)
    assert 0 < uniform((0, 0), 0, 0) < 1
    assert math.isclose(uniform((0, 0), 0, 0), expected, rel_tol=1e-15)


def test_fewer_replications_are_the_first_of_more() -> None:
    keys = [stream_key(7, name) for name in NAMES]
    assert (uniforms(keys, 0, 2000)[:, :1000] == uniforms(keys, 0, 1000)).all()


@pytest.mark.parametrize("chunk", [1, 37, 64, 100, 1024])
def test_any_chunk_gives_the_same_draws(chunk: int) -> None:
    keys = [stream_key(7, name) for name in NAMES[:5]]
    parts = [uniforms(keys, first, min(chunk, 300 - first), 2) for first in range(0, 300, chunk)]
    assert (np.hstack(parts) == uniforms(keys, 0, 300, 2)).all()


def test_order_and_company_of_the_streams_do_not_matter() -> None:
    together = dict(zip(NAMES, uniforms([stream_key(7, name) for name in NAMES], 5, 20), strict=True))
    for name in reversed(NAMES):
        assert (uniforms([stream_key(7, name)], 5, 20)[0] == together[name]).all()


def test_attempts_and_replications_are_different_luck() -> None:
    stream = stream_key(7, NAMES[0])
    drawn = np.concatenate([uniforms([stream], 0, 500, attempt)[0] for attempt in range(20)])
    assert len(np.unique(drawn)) == 20 * 500


def test_no_keys_and_no_replications_are_empty() -> None:
    assert uniforms([], 0, 5).shape == (0, 5)
    assert uniforms([stream_key(1, "a")], 0, 0).shape == (1, 0)


def test_hash_seed_does_not_reach_the_draws() -> None:
    drawn = "uniforms([stream_key(3, n) for n in ('a', 'b/1')], 0, 4)"
    show = f"from sim.world.streams import *; print({drawn}.tolist())"
    seen = set()
    for hash_seed in ("0", "1", "4711"):
        told = subprocess.run(
            [sys.executable, "-c", show],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(told.stdout)
    assert seen == {f"{uniforms([stream_key(3, name) for name in ('a', 'b/1')], 0, 4).tolist()}\n"}


def test_streams_are_uniform_and_independent() -> None:
    """360 streams of 1,000: their correlations spread as 1/sqrt(1000), their KS p-values evenly."""
    streams, runs = 360, 1000
    drawn = uniforms([stream_key(11, f"activity {number}/u") for number in range(streams)], 0, runs)
    pairs = np.asarray(np.corrcoef(drawn))[np.triu_indices(streams, 1)]
    spread = 1 / math.sqrt(runs)
    assert abs(pairs.std() - spread) < 4 * spread / math.sqrt(2 * len(pairs))
    assert abs(pairs.mean()) < 4 * spread / math.sqrt(len(pairs))
    p_values = [kstest(stream, "uniform").pvalue for stream in drawn]
    assert kstest(p_values, "uniform").pvalue > 1e-3
