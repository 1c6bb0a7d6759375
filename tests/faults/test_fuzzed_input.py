"""Whatever is fed to whoever reads strangers' files, the answer is a result or a SimError with words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.conftest import Observed
from tests.faults.parsers import PARSERS, clear, seeds, survives

pytestmark = pytest.mark.faults

PIECES = (
    *(bytes([byte]) for byte in b"\x00\xff\n\r\t :=-[]{}'\",.~0"),
    *(
        b"",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!python/object:x ",
        b"? ",
        b"| ",
    ),
    *(b"> ", b"---\n", b"null", b"true", b"nan", b".inf", b"-1", b"1e999", b"99999999999999999999", b"0.5", b"1_000"),
    *(b"010", b"2026-02-29", b"24:60", b"<x>", b"</x>", b"&lt;", b"<!DOCTYPE x>", b"%s", b"PT1H", b"PT" + b"9" * 400),
    *(b"id", b"value", b"low", b"high", b"extends: ", b"../", b"a" * 70),
)


@st.composite
def mutated(draw: st.DrawFn, sound: bytes) -> bytes:
    """Sound input with a few places overwritten, cut out, doubled or filled with something odd."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + length] = draw(st.sampled_from(PIECES))
            case 1:
                data[at:at] = draw(st.sampled_from(PIECES))
            case 2:
                data[at:at] = data[at : at + length]
            case _:
                data[at : at + length] = b""
    return bytes(data)


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    yield
    clear()


def fuzz(name: str, examples: int) -> Counter[str]:
    found: Counter[str] = Counter()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(st.one_of([mutated(seed) for seed in seeds(name)] + [st.binary(max_size=60)]))
    def attempt(data: bytes) -> None:
        found["read" if survives(name, data) == "read" else "refused"] += 1

    attempt()
    return found


@pytest.mark.parametrize("name", PARSERS)
def test_a_seed_is_worth_mutating(name: str) -> None:
    assert seeds(name)


@pytest.mark.parametrize("name", PARSERS)
def test_nothing_but_words_comes_out(name: str) -> None:
    assert fuzz(name, 15)["refused"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_nothing_but_words_comes_out_of_many(name: str, observed: Observed) -> None:
    found = fuzz(name, 400)
    observed(f"{name}: {found['refused']} refused in words, {found['read']} read, nothing else")
