"""The program as a person starts it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "configs" / "tiny.yaml"
COMMAND = "import sys; from sim.cli import main; sys.argv[0] = 'sim'; main()"
# a run of the tiny project without figures, which take longest and are tested elsewhere; chunks of a size, if stated
STUDY = """
import sys
import sim
from sim.errors import SimError
from sim.study import api, chunk
config, status, out, runs, workers, resume, *more = sys.argv[1:]
if status:
    api.HELD_SECONDS = 0.0  # a forecast that is killed at once has kept its chunks, however quick it is
if more and more[0].isdigit():
    chunk.MAX_CHUNK_SIZE = int(more.pop(0))
try:
    loaded = sim.load(config, more, status=status or None)
    sim.run(loaded, runs=int(runs), workers=int(workers), out=out, resume=resume == "resume")
except SimError as error:
    print(error, file=sys.stderr)
    raise SystemExit(error.exit_code)
"""


def surroundings(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The environment with some variables changed, or taken out (None)."""
    changed = {**os.environ, "PYTHONPATH": str(ROOT), **(changes or {})}
    return {name: value for name, value in changed.items() if value is not None}


def words(command: Iterable[str | Path]) -> list[str]:
    """A command line for `sim`, run by this interpreter."""
    return [sys.executable, "-c", COMMAND, *map(str, command)]


def sim(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str | None] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run `sim` with some words; what it printed, and its exit code."""
    return subprocess.run(
        words(command), capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd, env=surroundings(env)
    )


def given(
    out: Path | str, runs: int, *, workers: int = 1, resume: bool = False, more: Iterable[str] = (), config: Path = TINY,
    status: Path | None = None,
) -> list[str]:  # fmt: skip
    """The words of STUDY: a run of a project, from its first day or a status."""
    return [str(config), str(status or ""), str(out), str(runs), str(workers), "resume" if resume else "anew", *more]


def study(
    out: Path, runs: int, *, workers: int = 1, resume: bool = False, more: Iterable[str] = (), config: Path = TINY,
    status: Path | None = None,
) -> subprocess.Popen[str]:  # fmt: skip
    """Begin a run of a project, from its first day or a status, in a process group of its own."""
    words = given(out, runs, workers=workers, resume=resume, more=more, config=config, status=status)
    return subprocess.Popen(
        [sys.executable, "-c", STUDY, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=surroundings(),
    )


def ended(process: subprocess.Popen[str], timeout: float = 300) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    _, told = process.communicate(timeout=timeout)
    return process.returncode, told


def chunks(out: Path) -> list[Path]:
    """The finished chunks of a run that is under way or was killed."""
    try:
        return sorted(out.with_name(f"{out.name}.partial").glob("chunk-*"))
    except FileNotFoundError:  # the run has ended meanwhile and takes its checkpoint away
        return []


def wait_for_chunk(process: subprocess.Popen[str], out: Path, more_than: int = 0, seconds: float = 240) -> bool:
    """Wait until some chunk is finished; False if the run came to its end before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if len(chunks(out)) > more_than:
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    raise TimeoutError(f"no chunk of {out}")


def last_words(told: str) -> list[str]:
    """The lines on stderr, without those that say that a slow machine compiles the fast engine."""
    return [line for line in told.splitlines() if "fast engine" not in line]
