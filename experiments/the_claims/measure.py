"""Each claim beside our number, whether it holds, and what would have to be true for it to hold.

    python -m experiments.the_claims.measure [RUNS]

Runs the configurations the claims are about on the same random numbers and writes results/claims.csv, the picture
docs/img/claims.svg and the page docs/claims.md. Where a claim does not hold each of its levers is moved towards the
end of the range it states, alone and then all of them together, until the claim holds or the range ends.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isinf
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import sim
from experiments.the_claims.claims import CLAIMS, Claim, Columns, Lever, Runs
from sim.config.project import Project
from sim.study.statistics.intervals import Interval, quantile_interval
from sim.world.roads import load_classes

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
PAGE, PICTURE = ROOT / "docs" / "claims.md", ROOT / "docs" / "img" / "claims.svg"
RUNS, SEARCH_RUNS, SEED, HALVINGS = 200, 40, 1, 4
COMMAND = "python -m experiments.the_claims.measure"
COLUMNS = (
    "claim", "said", "definition", "unit", "low", "high", "p10", "p50", "p50_low", "p50_high", "p90", "verdict", "needed",
    "command",
)  # fmt: skip
HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told"


@dataclass(frozen=True)
class Row:
    """A claim beside our number: P10, P50 with its 95 % interval, P90, the verdict and what would make it true."""

    claim: Claim
    p10: float
    p50: Interval
    p90: float
    verdict: str
    needed: str


# --- running ----------------------------------------------------------------------------------------------------------


def columns(config: str, runs: int, overrides: Sequence[str] = ()) -> Columns:
    """Run a configuration and return its metrics, with the MW ordered and the share of skids that are legal loads."""
    loaded = sim.load(ROOT / "configs" / f"{config}.yaml", list(overrides))
    result = sim.run(loaded, runs=runs, seed=SEED)
    found = {name: np.asarray(result.sample.rows(name)) for name in result.sample.metrics}
    loads = load_classes(loaded.value)
    legal = np.mean([load.name == "legal" for load in loads.values()]) if loads else 1.0
    # where everything is ordered at once it is no metric: it is the capacity
    ordered = np.full(runs, loaded.value.scale.capacity_mw)
    return {"mw_ordered": ordered, **found, "legal_loads": np.full(runs, float(legal))}


def row(claim: Claim, runs: Runs, needed: Callable[[Claim], str]) -> Row:
    """Return a claim beside our number; what is needed is only searched for where it does not hold."""
    values = claim.of(runs)
    p50 = quantile_interval(values, 0.5)
    verdict = _verdict(claim, p50)
    p10, p90 = (float(np.quantile(values, share, method="inverted_cdf")) for share in (0.1, 0.9))
    return Row(claim, p10, p50, p90, verdict, "" if verdict == HOLDS else needed(claim))


def _verdict(claim: Claim, p50: Interval) -> str:
    """Judge by the P50; where its interval reaches over an end of the claimed range the runs cannot tell."""
    ends = {claim.holds(end) for end in (p50.low, p50.value, p50.high)}
    return OPEN if len(ends) > 1 else HOLDS if ends.pop() else FAILS


# --- what would have to be true ---------------------------------------------------------------------------------------


def stated(project: Project, path: str) -> tuple[float, float, float]:
    """Return an input's value and the range it states; the value itself where it states none."""
    found: Any = project
    for name in path.split("."):
        found = found[name] if isinstance(found, Mapping) else getattr(found, name)
    if isinstance(found, int | float) or found is None:
        value = float(found or 0)
        return value, value, value
    value = float(getattr(found, "planned", None) or found.value)
    low, high = (getattr(found, end, None) for end in ("low", "high"))
    return value, float(value if low is None else low), float(value if high is None else high)


class Search:
    """What each lever of a claim has to be, alone and together, for the P50 to lie in the claimed range."""

    def __init__(self, runs: int) -> None:
        """Search with so many replications a point."""
        self.runs = runs
        self._columns = cache(lambda config, overrides: columns(config, runs, overrides))

    def p50(self, claim: Claim, set_to: Mapping[Lever, float]) -> float:
        """Return the P50 of a claim's quantity with some levers set."""
        found = {}
        for config in claim.configs:
            overrides = tuple(f"{lever.path}={value:g}" for lever, value in set_to.items() if lever.config == config)
            found[config] = self._columns(config, overrides)
        return float(np.quantile(claim.of(found), 0.5, method="inverted_cdf"))

    def needed(self, claim: Claim) -> str:
        """Return in words what would have to be true; empty where the claim states no lever."""
        if not claim.levers:
            return "no input of ours with a stated range changes it enough"
        ends = {lever: self._ends(lever) for lever in claim.levers}
        alone = [self._alone(claim, lever, *ends[lever]) for lever in claim.levers]
        if any(text for text, _ in alone):
            return "; or ".join(text for text, _ in alone if text)
        reached = self.p50(claim, {lever: end for lever, (_, end) in ends.items()}) if len(ends) > 1 else alone[0][1]
        last = {lever.path: ends[lever][1] for lever in claim.levers}
        together = " and ".join(f"{path} = {end:g}" for path, end in last.items())
        if claim.holds(reached):
            return f"together {together}"
        return f"not inside the stated ranges: {together} gives {reached:.3g} {claim.unit}"

    def _ends(self, lever: Lever) -> tuple[float, float]:
        """Return where a lever stands and how far it may go."""
        project = sim.load(ROOT / "configs" / f"{lever.config}.yaml").value
        value, low, high = stated(project, lever.path)
        return value, (low if lever.to == "low" else high if lever.to == "high" else float(lever.to))

    def _alone(self, claim: Claim, lever: Lever, start: float, end: float) -> tuple[str, float]:
        """Return the least change of one lever that is enough, or nothing, and what its end gives."""
        reached = self.p50(claim, {lever: end})
        if not claim.holds(reached):
            return "", reached
        # a whole number such as a limit of people is a choice, not a range to search in
        if start == end or lever.path in ("labour.limit", "scale.target_days"):
            return f"{lever.path} = {end:g}{self._price(lever, end)}", reached
        near, far = start, end
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            if claim.holds(self.p50(claim, {lever: middle})):
                far = middle
            else:
                near = middle
        beyond = "at most" if end < start else "at least"
        limit = "stated" if isinstance(lever.to, str) else "tried"
        return f"{lever.path} {beyond} {far:.3g} (ours {start:.3g}, {limit} to {end:.3g})", reached

    def _price(self, lever: Lever, end: float) -> str:
        """Return what a choice costs in days of the full date."""
        config = lever.config
        with_it = self._columns(config, (f"{lever.path}={end:g}",))["lead_time_full_days"]
        without = self._columns(config, ())["lead_time_full_days"]
        days = np.quantile(with_it, 0.5) - np.quantile(without, 0.5)
        return f", full date {days:+.0f} days"


# --- page and picture -------------------------------------------------------------------------------------------------


def rows(claims: Iterable[Claim], runs: int, search_runs: int) -> list[Row]:
    """Run what the claims are about and judge them all."""
    claims = list(claims)
    configs = dict.fromkeys(config for claim in claims for config in claim.configs)
    found = {config: columns(config, runs) for config in configs}
    search = Search(search_runs)
    return [row(claim, found, search.needed) for claim in claims]


def _number(value: float) -> str:
    """Return a number as people quote it."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _range(claim: Claim) -> str:
    """Return the claimed range in words."""
    if isinf(claim.low):
        return f"at most {_number(claim.high)}"
    return f"at least {_number(claim.low)}" if isinf(claim.high) else f"{_number(claim.low)} to {_number(claim.high)}"


def page(found: Sequence[Row], runs: int) -> str:
    """Return the page of documentation: one picture, one table."""
    held = sum(one.verdict == HOLDS for one in found)
    head = f"""# The claims, one by one

Written by `make claims`: {runs} replications of each configuration on the same random numbers, seed {SEED}. Of
{len(found)} claims {held} hold, {sum(one.verdict == OPEN for one in found)} cannot be told at this number of runs,
{sum(one.verdict == FAILS for one in found)} do not hold. Judged is the P50, with its 95 % interval (sampling error only).
"What would have to be true" is found by moving one stated input at a time towards the end of its own range
({SEARCH_RUNS} replications a point), then all of them together; an input that states no range is not moved.

![Ours over the claim](img/claims.svg)

| claim | what was said | what we count | claimed | ours: P50 (95 %), P10 to P90 | verdict | what would have to be true |
|---|---|---|---|---|---|---|
"""
    tail = f"\nEvery row: `{COMMAND} {runs}`; a single configuration: `sim run configs/hybrid.yaml --runs {runs}`.\n"
    return head + "\n".join(_line(one) for one in found) + "\n" + tail


def _line(one: Row) -> str:
    """Return a row of the table."""
    claim, p50 = one.claim, one.p50
    ours = f"{_number(p50.value)} ({_number(p50.low)} to {_number(p50.high)}), {_number(one.p10)} to {_number(one.p90)}"
    unit = f" {claim.unit}" if claim.unit not in ("", "share") else ""
    cells = (claim.name, claim.said, claim.definition, _range(claim) + unit, ours, one.verdict, one.needed)
    return f"| {' | '.join(cells)} |"


COLOURS = {HOLDS: "#0072b2", FAILS: "#d55e00", OPEN: "#7f7f7f"}
MIN_RATIO, MAX_RATIO = 0.05, 40
"""Ours over the claim, from the left to the right end of the picture."""


def draw(found: Sequence[Row], target: Path) -> None:
    """Draw ours over the claim, P10 to P90, for every claim about a size; the claimed range is the band."""
    shown = [one for one in found if _reference(one.claim) > 0 and one.p10 > 0][::-1]
    figure, ax = plt.subplots(figsize=(8, 0.36 * len(shown) + 1.2), layout="constrained")
    for place, one in enumerate(shown):
        reference = _reference(one.claim)
        low, high = (one.claim.low / reference, one.claim.high / reference)
        ax.barh(
            place,
            min(high, MAX_RATIO) - max(low, MIN_RATIO),
            left=max(low, MIN_RATIO),
            height=0.7,
            color="#dddddd",
            zorder=0,
        )
        ax.plot([one.p10 / reference, one.p90 / reference], [place] * 2, color=COLOURS[one.verdict], lw=2)
        ax.plot(one.p50.value / reference, place, "o", color=COLOURS[one.verdict], ms=5)
    ax.set_xscale("log")
    ax.set_xlim(MIN_RATIO, MAX_RATIO)
    smaller, larger = ("¹\N{FRACTION SLASH}₁₆", "⅛", "¼", "½"), ("1", "2", "5", "10", "20")
    ax.set_xticks([0.0625, 0.125, 0.25, 0.5, 1, 2, 5, 10, 20], [*smaller, *larger])
    ax.minorticks_off()
    ax.set_yticks(range(len(shown)), [one.claim.name for one in shown])
    ax.axvline(1, color="black", lw=0.6)
    ax.set_xlabel("ours over the claim (P10, P50, P90); grey: where it holds")
    for verdict, colour in COLOURS.items():
        ax.plot([], [], "o-", color=colour, label=verdict)
    ax.legend(loc="lower right", frameon=False)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def _reference(claim: Claim) -> float:
    """Return the number a claim is measured by: the middle of its range, or its one end."""
    ends = [end for end in (claim.low, claim.high) if not isinf(end)]
    return sum(ends) / len(ends)


def write(found: Sequence[Row], runs: int) -> None:
    """Write table, picture and page."""
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "claims.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for one in found:
            claim, p50 = one.claim, one.p50
            table.writerow(
                [claim.name, claim.said, claim.definition, claim.unit, claim.low, claim.high, one.p10, p50.value,
                 p50.low, p50.high, one.p90, one.verdict, one.needed, f"{COMMAND} {runs}"]
            )  # fmt: skip
    draw(found, PICTURE)
    PAGE.write_text(page(found, runs), encoding="utf-8")


def main(runs: int) -> None:
    """Judge every claim and write what was found."""
    found = rows(CLAIMS, runs, min(runs, SEARCH_RUNS))
    write(found, runs)
    for one in found:
        sys.stdout.write(
            f"{one.verdict:15} {one.claim.name}: {_number(one.p50.value)} {one.claim.unit}; {one.needed}\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
