"""The table of published projects beside predictions, written into docs/validation.md between its two marks.

Make it anew with `python -m sim.report.validation docs/validation.md configs/cases [runs]`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sim import files
from sim.study.published import Compared, compared, facts
from sim.study.running import laid_out, load

BEGIN, END = "<!-- published cases: made by `make validation` -->", "<!-- end of published cases -->"
RUNS, MOST_OF_LARGE, LARGE_MW = 200, 40, 1000
COLUMNS = ("case", "quantity", "published", "model", "P10 – P50 – P90", "P50 against it", "source")


def table(folder: Path, runs: int) -> str:
    """Run every case of a folder and return the table; a large one runs less often."""
    found = facts(folder / "published.csv")
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS))]
    for name in dict.fromkeys(fact.case for fact in found):
        config = load(folder / f"{name}.yaml")
        number = min(runs, MOST_OF_LARGE) if config.value.scale.capacity_mw > LARGE_MW else runs
        rows = compared(laid_out(config, "mc", number), [fact for fact in found if fact.case == name], number)
        lines += [_line(_cells(row, first=at == 0)) for at, row in enumerate(rows)]
    told = f"{runs} replications of each case ({min(runs, MOST_OF_LARGE)} of those above {LARGE_MW:,} MW), seed 1."
    return "\n".join([*lines, "", told])


def _cells(row: Compared, *, first: bool) -> Sequence[str]:
    """One row in words."""
    fact = row.fact
    low, high = _said(fact.low), _said(fact.high)
    published = low if low == high else f"{low} – {high}" if fact.low else f"under {high}"
    spread = " – ".join(_said(value) for value in (row.p10, row.p50, row.p90))
    return (
        f"`{fact.case}`" if first else "", fact.quantity, f"{published} {fact.unit}", fact.kind, spread,
        _verdict(row), fact.source,
    )  # fmt: skip


def _verdict(row: Compared) -> str:
    """How the prediction lies to what was published."""
    if row.off == 0:
        return "inside"
    near = ", P10–P90 reaches it" if row.overlaps else ""
    return f"{row.off:+.0%}{near}"


def _said(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(page: Path, folder: Path, runs: int = RUNS) -> None:
    """Put the table between the marks of a page."""
    made = table(folder, runs)
    # read when the runs are over: somebody may have worked on the page in the meantime
    before, _, rest = files.read(page).decode("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    files.write(page, f"{before}{BEGIN}\n\n{made}\n\n{END}{after}".encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), *(int(number) for number in sys.argv[3:4]))
