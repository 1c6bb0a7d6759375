"""How long commands take beside an earlier tree on the same machine, in turn: `python -m benchmarks.earlier_tree DIR`.

Seconds of another machine are no target for this one, ratios are. DIR is a clone of the earlier tree with an environment in
DIR/.venv; each tree runs its own configurations. The target of a row is the ratio of what was asked for to what the
earlier tree took where the target was set.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from statistics import median

from benchmarks.commands import HYBRID, OF_THREE, SIM, Taken, fifty_points, run
from benchmarks.rows import Row, told

SECONDS = {
    "run10": (4, 12.2),
    "run1000": (6.5, 16.6),
    "export": (8, 55),
    "compare": (14, 41),
    "drivers": (30, 96),
    "sweep": (40, 250),
}
"""By command the seconds that were asked for it, and those of the earlier tree where they were asked."""


def arguments(name: str, place: Path) -> list[str]:
    """Return the arguments of a command, which writes to a folder of its tree; `export` needs what a run has written."""
    if name == "sweep":
        return ["sweep", str(fifty_points(place)), "--out", str(place / "sweep")]
    stored = str(place / "hybrid")
    run_hybrid = ["run", HYBRID, "--out", stored, "--runs"]
    return {
        "run10": [*run_hybrid, "10"],
        "run1000": [*run_hybrid, "1000"],
        "export": ["export", stored, "--to", "xer", "--out", str(place / "schedule.xer")],
        "compare": ["compare", *OF_THREE, "--runs", "1000", "--out", str(place / "compare")],
        "drivers": ["drivers", HYBRID, "--runs", "200", "--out", str(place / "drivers")],
    }[name]


def timed(tree: Path, program: str, name: str, place: Path) -> Taken:
    """Perform a command of a tree in its own folder."""
    place.mkdir(exist_ok=True)
    with chdir(tree):
        return run([program, *arguments(name, place)], cache=str(place / "machine_code"))


def rows(earlier: Path, names: Sequence[str], turns: int) -> list[Row]:
    """Measure commands by both trees in turn; the first turn of each, which compiles, is not counted."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        trees = {"now": (Path.cwd(), SIM[0]), "earlier": (earlier, str(earlier / ".venv/bin/sim"))}
        places = {label: Path(folder) / label for label in trees}
        for label, (tree, program) in trees.items():
            timed(tree, program, "run10", places[label])
        for name in names:
            pairs = [
                {label: timed(tree, program, name, places[label]) for label, (tree, program) in trees.items()}
                for _ in range(turns)
            ]
            asked_seconds, earlier_seconds = SECONDS[name]
            found.append(_row(name, pairs, asked_seconds / earlier_seconds))
    return found


def _row(name: str, pairs: Sequence[dict[str, Taken]], target: float) -> Row:
    """Return the middle of the seconds of both trees and of the ratios of the pairs, beside the ratio that was asked for."""
    seconds = {label: median(pair[label].wall for pair in pairs) for label in ("now", "earlier")}
    ratios = [pair["now"].wall / pair["earlier"].wall for pair in pairs]
    figure = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    figure += f": {seconds['now']:.1f} of {seconds['earlier']:.1f} s"
    return Row(name, figure, f"≤ {target:.2f}", median(ratios) <= target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("earlier", type=Path, help="clone of the earlier tree, with its environment in .venv")
    parser.add_argument("names", nargs="*", help=f"{' '.join(SECONDS)}; all if none")
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_intermixed_args()
    if unknown := set(asked.names) - set(SECONDS):
        parser.error(f"there is no {', '.join(unknown)}")
    print(told(rows(asked.earlier.absolute(), asked.names or [*SECONDS], asked.turns)))
