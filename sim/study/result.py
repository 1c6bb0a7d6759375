"""A result: what a study hands to figures, reports, notebooks and the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import SimError
from sim.study import store
from sim.study.chunk import Columns
from sim.study.sample import Sample
from sim.study.summary import COLUMNS, of_the_ramp, summary
from sim.world.sampling import Sampling

if TYPE_CHECKING:
    import pandas as pd

# the representative run's log, as people read it
EVENT_COLUMNS = ("minute", "date", "kind", "activity", "unit", "resource", "amount", "began", "mechanism")

CHAIN_COLUMNS = ("begin", "end", "days", "unit", "activity", "mechanism", "waiting", "waiting_for")


@dataclass(frozen=True)
class Result:
    """One case's replications with all that is needed to read them.

    `manifest` says what was run (name, seed, runs, start date, versions, config digest, resolved config, …).
    `sample` holds the numbers, `log` the columns of one representative run, `driving` those of its driving
    chain, `switched` what each cause costs, where that was asked (`sim.study.drivers`), `more` what a closer look
    found, table by table (`sim.study.closer`, `sim.study.indices`).
    The properties `runs`, `curves`, `events` and `chain` are the same as DataFrames.
    """

    manifest: dict[str, Any]
    sample: Sample
    log: Columns = field(default_factory=dict)
    driving: Columns = field(default_factory=dict)
    switched: Columns = field(default_factory=dict)
    more: Mapping[str, Columns] = field(default_factory=dict)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row a replication, in order: replication, status ("ok", "stalled", "failed"), the metrics."""
        return frame(self.sample.runs)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Long: curve, day, p5 … p95, mean, and the 95 % interval of P10, P50, P90 (p50_low, p50_high)."""
        return frame(self.sample.curves)

    @cached_property
    def events(self) -> pd.DataFrame:
        """The log of one representative run: minute, date, kind, activity, unit, resource, amount, began, mechanism."""
        return frame(self.log or {name: np.array([]) for name in EVENT_COLUMNS})

    @cached_property
    def chain(self) -> pd.DataFrame:
        """Why that run ended when it did: a row a piece of its driving chain, from the decision to the completion."""
        return frame(self.driving or {name: np.array([]) for name in CHAIN_COLUMNS})

    def table(self, name: str) -> pd.DataFrame:
        """One more table: "ramp" (a row a replication), "spread", "hours" or "indices"; empty where it is not there."""
        return frame(self.sample.ramp if name == store.RAMP else self.more.get(name, {}))

    def curve(self, name: str) -> pd.DataFrame:
        """One curve, a row a day; SimError names the curves there are."""
        rows = self.curves[self.curves["curve"] == name]
        if rows.empty:
            there = ", ".join(dict.fromkeys(self.sample.curves["curve"].tolist()))
            raise SimError(f"there is no curve {name!r}; there are {there or 'none'}")
        return rows.drop(columns="curve").set_index("day")

    def turnovers(self) -> pd.DataFrame:
        """A row a tenth of the MW: mw, P50 and P80 of the day on which so many are online, with 95 % intervals, n."""
        return frame(of_the_ramp(self.sample))

    def summary(self) -> pd.DataFrame:
        """A row a metric: mean, P10 … P90, the 95 % interval of P50 and of P80, and how many runs."""
        import pandas as pd

        table = pd.DataFrame.from_dict(self.numbers, orient="index", columns=list(COLUMNS))
        return table.astype({"n": int}).rename_axis("metric")

    @cached_property
    def numbers(self) -> dict[str, dict[str, float]]:
        """The summary as plain numbers: metric, then statistic."""
        return summary(self.sample)

    def save(self, directory: str | Path, extras: store.Extras | None = None) -> Path:
        """Write the result to `directory`, all of it or nothing; returns where.

        `extras` is called with the directory being filled to add figures and reports.
        """
        target = Path(directory).absolute()
        kept = {"notes": self.sample.notes, "remark": self.sample.remark}
        kept["sampling"] = self.sample.sampling.document()
        parts = {"runs": self.sample.runs, "curves": self.sample.curves, "events": self.log}
        parts |= {store.CHAIN: self.driving} if self.driving else {}
        parts |= {store.DRIVERS: self.switched} if self.switched else {}
        parts |= {store.RAMP: self.sample.ramp} if self.sample.ramp else {}
        parts |= self.more
        store.write_result(target, {**self.manifest, **kept}, dict(self.numbers), parts, extras)
        return target

    @classmethod
    def load(cls, directory: str | Path) -> Result:
        """Read a result back; SimError with exit code 2 if there is none or a file of it is damaged."""
        manifest, parts = store.read_result(Path(directory).absolute())
        manifest.pop("files")
        notes = {int(replication): text for replication, text in manifest.pop("notes").items()}
        how = Sampling.read(manifest.pop("sampling"))
        sample = Sample(parts["runs"], parts["curves"], notes, manifest.pop("remark"), how, parts.get(store.RAMP, {}))
        more = {name: parts[name] for name in store.MORE if name in parts}
        return cls(manifest, sample, parts["events"], parts.get(store.CHAIN, {}), parts.get(store.DRIVERS, {}), more)


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns as a DataFrame."""
    import pandas as pd

    return pd.DataFrame(dict(columns))
