"""One figure beside its target, as `make bench` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import process_time


@dataclass(frozen=True)
class Row:
    """What was measured, the figure, and what was hoped for; `met` is None where there is no target."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None


def at_least(what: str, value: float, target: float, unit: str = "×", digits: int = 1) -> Row:
    """A figure that is to be large."""
    return Row(what, f"{value:.{digits}f} {unit}", f"≥ {target:g} {unit}", value >= target)


def at_most(what: str, value: float, target: float, unit: str = "", digits: int = 2) -> Row:
    """A figure that is to be small."""
    return Row(what, f"{value:.{digits}f} {unit}".strip(), f"≤ {target:g} {unit}".strip(), value <= target)


def told(rows: Iterable[Row]) -> str:
    """Return a Markdown table."""
    words = {True: "met", False: "missed", None: ""}
    lines = ["| what | measured | target | |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {r.what} | {r.figure} | {r.target} | {words[r.met]} |" for r in rows])


def cpu_seconds(action: Callable[[], object]) -> float:
    """Return the processor time of this process for an action: others on the machine hardly show in it."""
    began = process_time()
    action()
    return process_time() - began
