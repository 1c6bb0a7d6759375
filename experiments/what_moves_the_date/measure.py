"""Switch every part of the real world on alone, and off alone, and measure what moves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import sim
from sim.study.statistics.intervals import mean_difference

HERE = Path(__file__).parent
SYSTEMS = ("electrical", "mechanical", "compute")
SUPPLIERS = ("electrical_gear", "cooling", "racks", "turbines")
OFF: dict[str, tuple[str, ...]] = {
    "weather": ("weather.kind=none",),
    "labour losses by mechanism": ("labour.productivity=null",),
    "learning on site": ("labour.learning=null",),
    "camp": ("labour.camp=null",),
    "road rules": ("logistics.roads.enforced=false",),
    "late trucks": ("logistics.late.share=0",),
    "transit damage": ("logistics.damage.minor=0", "logistics.damage.serious=0"),
    "defects found on site": tuple(f"systems.{system}.factory.site_defects=null" for system in SYSTEMS),
    "suppliers' slip": tuple(f"procurement.suppliers.{supplier}.slip=1" for supplier in SUPPLIERS),
    "risk drivers": ("risks.mode=none",),
}
METRICS = (
    "lead_time_first_mw_days",
    "lead_time_full_days",
    "peak_workforce_onsite",
    "hours_paid",
    "idle_capital_months",
)


def main() -> None:
    """Measure one configuration and print its tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--config", default="configs/hybrid.yaml")
    asked.add_argument("--runs", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    table = pd.DataFrame(rows(given.config, given.runs, given.seed))
    (HERE / "results").mkdir(exist_ok=True)
    table.to_csv(HERE / "results" / f"{Path(given.config).stem}.csv", index=False, float_format="%.3f")
    sys.stdout.write(table.to_string(index=False) + "\n")


def rows(config: str, runs: int, seed: int) -> Iterator[dict[str, object]]:
    """Yield a row a project: what is on, its P50 and P80, and mean differences to the project it is compared with."""
    nothing = ran(config, joined(OFF), runs, seed)
    yield {"on": "nothing", "over": "", **told(nothing, nothing)}
    for part in OFF:
        found = ran(config, joined(other for other in OFF if other != part), runs, seed)
        yield {"on": part, "over": "nothing", **told(found, nothing)}
    everything = ran(config, (), runs, seed)
    yield {"on": "everything", "over": "nothing", **told(everything, nothing)}
    for part, changes in OFF.items():
        found = ran(config, changes, runs, seed)
        yield {"on": f"everything without {part}", "over": "everything", **told(found, everything)}


def joined(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the overrides that switch these parts off."""
    return tuple(change for part in parts for change in OFF[part])


def ran(config: str, changes: tuple[str, ...], runs: int, seed: int) -> pd.DataFrame:
    """Return the runs of a configuration with these changes."""
    return sim.run(sim.load(config, changes), runs=runs, seed=seed).runs


def told(found: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Return quantiles of the full date, and per metric the mean difference with half its 95 % interval."""
    row = {f"full_p{p}": float(np.percentile(found["lead_time_full_days"], p)) for p in (50, 80)}
    for metric in METRICS:
        moved = mean_difference(found[metric].to_numpy(), other[metric].to_numpy())
        row[metric] = moved.value if found is not other else float(found[metric].mean())
        row[f"{metric}_ci"] = moved.half_width
    return row


if __name__ == "__main__":
    main()
