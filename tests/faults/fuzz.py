"""Coverage-guided fuzzing of everything that reads a stranger's input: `make fuzz SECONDS=60`.

Needs atheris, which has no wheel for every system: `pip install atheris`. Each parser gets its share of the time, in
a process of its own; what makes one raise anything but a SimError ends with the input written beside.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def one(name: str, seconds: int, corpus: Path) -> None:
    """Fuzz one parser in this process; does not return."""
    import atheris

    # only our own readers, and what builds trees from their events: what is instrumented runs several times slower
    with atheris.instrument_imports(include=["sim.config", "sim.world", "sim.report.exchange", "sim.study"]):
        import sim.report.exchange.mspdi
        import sim.report.exchange.xer  # noqa: F401 (readers that are otherwise imported when first needed)
        from tests.faults.parsers import seeds, survives
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", f"-artifact_prefix={corpus.parent}/", str(corpus)],
                  lambda data: survives(name, data) and None)  # fmt: skip
    atheris.Fuzz()


def main(seconds: int) -> int:
    """Fuzz every parser for its share of `seconds`; 1 if one failed."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("skipped: atheris is not installed (pip install atheris); `make test-slow` fuzzes without coverage")
        return 0
    from tests.faults.parsers import PARSERS

    share, failed = max(1, seconds // len(PARSERS)), 0
    for name in PARSERS:
        place = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
        (place / "corpus").mkdir()
        command = [sys.executable, "-m", "tests.faults.fuzz", name, str(share), str(place / "corpus")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        kept = len(list((place / "corpus").iterdir()))
        if done.returncode:
            failed = 1
            print(f"{name:10} FAILED, see {place}\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
        else:
            print(f"{name:10} {share} s, {runs[0] if runs else '?'} inputs, {kept} that reach new code, no surprise")
    return failed


if __name__ == "__main__":
    if len(sys.argv) == 4:
        one(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    sys.exit(main(int(sys.argv[1])))
