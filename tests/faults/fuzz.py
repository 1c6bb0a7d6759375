"""Coverage-guided fuzzing of everything that reads a stranger's input: `make fuzz SECONDS=60`.

Needs atheris, which has no wheel for every system: `pip install atheris`. Each parser gets its share of the time, in
a process of its own; what makes one raise anything but a SimError ends with the input written beside. A share of the
inputs must be accepted, or what lies behind the first check was not reached.
"""

from __future__ import annotations

import atexit
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MIN_ACCEPTED = 0.2
"""Share of the inputs that a reader must accept."""
FROM_A_SEED = 0.7
"""Share of the inputs that are mutated from sound ones and not from what was kept for reaching new code."""


def one(name: str, seconds: int, corpus: Path) -> None:
    """Fuzz one parser in this process; does not return."""
    import atheris

    # only our own readers, and what builds trees from their events: what is instrumented runs several times slower
    with atheris.instrument_imports(include=["sim.config", "sim.world", "sim.report.exchange", "sim.study"]):
        import sim.report.exchange.mspdi
        import sim.report.exchange.xer  # noqa: F401 (readers that are otherwise imported when first needed)
        from tests.faults.mutation import mutated
        from tests.faults.parsers import clear, seeds, survives
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed{number}").write_bytes(seed)
        survives(name, seed)  # what is compiled or loaded once is no input's time
    counts, told = [0, 0], time.monotonic()

    def attempt(data: bytes) -> None:
        nonlocal told
        counts[0] += 1
        counts[1] += survives(name, data) == "read"
        if time.monotonic() > told + 1:
            (corpus.parent / "counts").write_text(f"{counts[0]} {counts[1]}")
            told = time.monotonic()

    def other(data: bytes, most: int, seed: int) -> bytes:
        how = random.Random(seed)
        if not data or how.random() < FROM_A_SEED:
            data = how.choice(seeds(name))
        return mutated(data, how)[:most]

    atexit.register(clear)
    options = [f"-max_total_time={seconds}", "-max_len=400000", "-timeout=120", "-rss_limit_mb=2048", "-verbosity=0"]
    atheris.Setup(
        [sys.argv[0], *options, "-print_final_stats=1", f"-artifact_prefix={corpus.parent}/", str(corpus)],
        attempt, custom_mutator=other,
    )  # fmt: skip
    atheris.Fuzz()


def accepted(place: Path) -> tuple[int, int]:
    """Inputs of a fuzzed reader, and how many of them it accepted, as it last wrote down."""
    try:
        inputs, read = (place / "counts").read_text().split()
    except (OSError, ValueError):
        return 0, 0
    return int(inputs), int(read)


def main(seconds: int, only: Sequence[str] = ()) -> int:
    """Fuzz every parser, or only some, for its share of `seconds`; 1 if one failed or accepted too little."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("skipped: atheris is not installed (pip install atheris); `make test-slow` fuzzes without coverage")
        return 0
    from tests.faults.parsers import PARSERS

    names = only or tuple(PARSERS)
    share, failed = max(1, seconds // len(names)), 0
    for name in names:
        place = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
        (place / "corpus").mkdir()
        command = [sys.executable, "-m", "tests.faults.fuzz", name, str(share), str(place / "corpus")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        inputs, read = accepted(place)
        kept = len(list((place / "corpus").iterdir()))
        told = f"{name:12} {share:4} s, {inputs:8,} inputs, {read / max(inputs, 1):4.0%} accepted, {kept} kept for new code"
        if done.returncode:
            failed = 1
            print(f"{told}: FAILED, see {place}\n{done.stdout[-2000:]}{done.stderr[-3000:]}", flush=True)
        elif read < MIN_ACCEPTED * inputs:
            failed = 1
            print(f"{told}: TOO FEW ACCEPTED", flush=True)
        else:
            print(f"{told}, nothing but words", flush=True)
    return failed


if __name__ == "__main__":
    if len(sys.argv) == 4 and not sys.argv[1].isdigit():
        one(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
