"""A result: what a study gives to figures, reports, notebooks and the disk.

The manifest: all that is needed to know what was run, and to run it again.

Files besides the tables of a result: figures and report, and the files that it was simulated with.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arguments import checked_arguments, require_known
from sim.config.project import Project
from sim.display import Displayed, Figures, presented
from sim.engine.backends import AUTO
from sim.errors import SimError
from sim.files import Damaged
from sim.metrics.delivery import first_order_day_of_schedule, online
from sim.metrics.event_log import DAY, Record
from sim.metrics.metric import FINISH, FINISH_DAY, date_metric
from sim.study.case import Case, prepare_case
from sim.study.chunk import Columns
from sim.study.crew_planning.rehearsal import finished
from sim.study.sample import COLUMNS, Sample, summarise_ramp, summary
from sim.study.statistics.control_variates import ControlInputs, controls, may_have_controls
from sim.study.storage import results as store
from sim.study.storage.disk_cache import LIBRARIES
from sim.study.storage.input_files import InputFiles, copy_files, files_beside, stored_config
from sim.study.storage.output_directory import output_lock
from sim.study.storage.result_schema import require_result
from sim.study.storage.sealed_files import number
from sim.world.project_calendars import holidays_of
from sim.world.streams import RNG_VERSION, Sampling
from sim.world.weather.project_weather import fingerprint

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.analyses.probabilities import Answer


# --- result -----------------------------------------------------------------------------------------------------------


# the representative run's log, as people read it
EVENT_COLUMNS = (
    "minute", "date", "kind", "activity", "unit", "resource", "amount", "began", "mechanism",
    "unit_kind", "place", "part", "step", "note", "note_part", "note_place",
)  # fmt: skip

CHAIN_COLUMNS = ("begin", "end", "days", "unit", "activity", "mechanism", "waiting", "waiting_for")


@dataclass(frozen=True, repr=False)
class Result(Displayed):
    """One case's replications with all that is needed to read them.

    `manifest` says what was run (name, seed, runs, start date, versions, config digest, resolved config, …).
    `sample` holds the numbers, `log` the columns of one representative run, `driving` those of its driving
    chain, `switched` what each cause costs, where that was asked (`sim.study.analyses.drivers`), `more` what a closer look
    found, table by table (`sim.study.gantt_ranges`, `sim.study.statistics`).
    The properties `runs`, `curves`, `events` and `chain` are the same as DataFrames.

    >>> result = sim.run(sim.load("configs/hybrid.yaml"), runs=200)
    >>> result.runs[["replication", "lead_time_full_days"]]
    >>> result.curve("mw_online")
    """

    manifest: dict[str, Any]
    sample: Sample
    log: Columns = field(default_factory=dict)
    driving: Columns = field(default_factory=dict)
    switched: Columns = field(default_factory=dict)
    more: Mapping[str, Columns] = field(default_factory=dict)
    input_files: InputFiles = field(default_factory=dict)
    """The files that it was simulated with; they are copied to wherever it is saved."""

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

    @checked_arguments
    def table(self, name: str) -> pd.DataFrame:
        """Return one more table, such as "ramp" (a row a replication) or "levers"; empty where this result has none.

        The tables there can be: ramp, spread, hours, indices, bindings, levers, controls. ConfigError for any other name.
        """
        require_known("table", name, dict.fromkeys((store.RAMP, *store.DIAGNOSTIC_TABLES, *self.more)))
        return frame(self.sample.ramp if name == store.RAMP else self.more.get(name, {}))

    @checked_arguments
    def curve(self, name: str) -> pd.DataFrame:
        """Return one curve, a row a day; SimError names the curves there are."""
        rows = self.curves[self.curves["curve"] == name]
        if rows.empty:
            require_known("curve", name, dict.fromkeys(self.sample.curves["curve"].tolist()))
        return rows.drop(columns="curve").set_index("day")

    def turnovers(self) -> pd.DataFrame:
        """A row a tenth of the MW: mw, P50 and P80 of the day on which so many are online, with 95 % intervals, n."""
        return frame(summarise_ramp(self.sample))

    def headline(self) -> str:
        """Return name, runs and seed, and the P50 and P80 of the finish where there is one."""
        day = self.numbers.get(date_metric(FINISH, self.numbers), {})
        dates = f", all MW online on day {day['p50']:.0f} (P50), {day['p80']:.0f} (P80)" if day else ""
        return f"{self.manifest.get('name')}, {self.sample.size:,} runs, seed {self.manifest.get('seed')}{dates}"

    @property
    def plot(self) -> Figures:
        """Return the figures of `sim.plot` for this result: `result.plot.finish()`, `result.plot.gantt()`."""
        return Figures(self)

    def verdict(self) -> str:
        """Return the key results as text, as `sim run` prints them.

        >>> print(result.verdict())
        """
        return str(presented("verdict")(self))

    @checked_arguments
    def report(self, path: str | Path) -> Path:
        """Write report.html, one file for a browser, to a path; returns where.

        >>> result.report("report.html")
        """
        return Path(presented("write_report")(self, path))

    def milestones(self) -> pd.DataFrame:
        """A row a milestone of the contract: date, P(in time) with its interval, P50 and P80 as dates, damages."""
        import pandas as pd

        from sim.study.analyses.probabilities import milestone_rows

        return pd.DataFrame([*milestone_rows(self.manifest, self.sample)])

    @checked_arguments
    def ask(self, question: str) -> Answer:
        """Answer one line such as "mw >= 100 by 2027-06-30"; SimError says what can be asked.

        >>> print(result.ask("mw >= 100 by 2027-06-30"))
        """
        from sim.study.analyses.probabilities import ask

        return ask(self.manifest, self.sample, question)

    def summary(self) -> pd.DataFrame:
        """A row a metric: mean, P10 … P90, the 95 % interval of P50 and of P80, and how many runs."""
        import pandas as pd

        table = pd.DataFrame.from_dict(self.numbers, orient="index", columns=list(COLUMNS))
        return table.astype({"n": int}).rename_axis("metric")

    @cached_property
    def numbers(self) -> dict[str, dict[str, float]]:
        """Return the summary as plain numbers: metric, then statistic."""
        return summary(self.sample)

    @checked_arguments
    def save(self, directory: str | Path, extras: store.Extras | None = None) -> Path:
        """Write the result to `directory`, all of it or nothing; returns where.

        `extras` is called with the directory being filled to add figures and reports. SimError, with exit code 2, if
        another run is writing there, if nothing may be written, or if other files would be lost.
        """
        target = Path(directory).absolute()
        with output_lock(target):
            write_result(self, target, extras)
        return target

    @classmethod
    @checked_arguments
    def load(cls, directory: str | Path) -> Result:
        """Read a result back; SimError with exit code 2 if there is none or a file of it is damaged."""
        manifest, parts = store.read_result(Path(directory).absolute())
        require_result(manifest, parts, str(directory))
        manifest.pop("files")
        manifest |= {key: _with_infinities(manifest[key]) for key in PLANS if key in manifest}
        notes = {int(replication): text for replication, text in manifest.pop("notes").items()}
        try:
            sampling = Sampling.read(manifest.pop("sampling"))
        except (KeyError, TypeError, ValueError, SimError) as error:
            raise Damaged(f"{directory}: not the manifest of a result: sampling: {error!r}") from error
        sample = Sample(
            parts["runs"], parts["curves"], notes, manifest.pop("remark"), sampling, parts.get(store.RAMP, {})
        )
        diagnostics = {name: parts[name] for name in store.DIAGNOSTIC_TABLES if name in parts}
        return cls(
            manifest, sample, parts["events"], parts.get(store.CHAIN, {}), parts.get(store.DRIVERS, {}), diagnostics,
            files_beside(Path(directory).absolute(), manifest),
        )  # fmt: skip


PLANS = ("planned", "most_likely", "planned_blocks")
"""Keys of a manifest with numbers of a plan, days that it never reaches among them."""


def _with_infinities(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored numbers of a plan with infinities in place of the texts that JSON has for them."""
    return {name: number(value) if isinstance(value, str) else value for name, value in numbers.items()}


def write_result(result: Result, target: Path, extras: store.Extras | None = None) -> None:
    """Write a result, as `Result.save`, where the caller holds the lock of the directory already."""
    sample = result.sample
    stored_with_sample = {"notes": sample.notes, "remark": sample.remark, "sampling": sample.sampling.document()}
    parts = {"runs": sample.runs, "curves": sample.curves, "events": result.log}
    parts |= {store.CHAIN: result.driving} if result.driving else {}
    parts |= {store.DRIVERS: result.switched} if result.switched else {}
    parts |= {store.RAMP: sample.ramp} if sample.ramp else {}
    parts |= result.more

    def fill(directory: Path) -> None:
        """Add what is no table to the directory of the result."""
        copy_files(result.input_files, directory)
        if extras is not None:
            extras(directory)

    store.write_result(target, {**result.manifest, **stored_with_sample}, dict(result.numbers), parts, fill)


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns as a DataFrame."""
    import pandas as pd

    return pd.DataFrame(dict(columns))


# --- building ---------------------------------------------------------------------------------------------------------


class ResultBuilder:
    """Makes the result of a run of its sample; what does not depend on the sample can be worked out before it is there."""

    def __init__(self, case: Case, seed: int, runs: int, found: InputFiles | None = None) -> None:
        """Work out nothing yet; `runs` is how many are expected, `found` the files that they are simulated with."""
        self._case, self._seed, self._runs, self._input_files = case, seed, runs, found or {}

    def steps(self) -> tuple[Callable[[], object], ...]:
        """Return what can be worked out before the sample is there, in pieces of at most a third of a second."""
        if self._case.is_under_way:  # its manifest waits for what other processes find out about the status
            return (_load_tables,)
        return _load_tables, lambda: self._manifest, lambda: self._control_inputs

    def result(self, sample: Sample) -> Result:
        """Return the result without representative run and further tables; `sample` may have no curves yet."""
        known_manifest = self._manifest if sample.size == self._runs else manifest(self._case, self._seed, sample.size)
        return Result(known_manifest, sample, input_files=self._input_files)

    def controls(self, sample: Sample) -> dict[str, Columns]:
        """Return the table of control variates of a sample, if it has any."""
        inputs = self._control_inputs if sample.size == self._runs else None
        return controls(self._case, self._seed, sample, inputs)

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        return manifest(self._case, self._seed, self._runs)

    @cached_property
    def _control_inputs(self) -> ControlInputs | None:
        """Return what control variates are fitted with; None where there will be none."""
        if not may_have_controls(self._case, self._runs):
            return None
        return ControlInputs(self._case, self._seed, self._runs)


def _load_tables() -> None:
    """Load what tables are made with: while workers are at work nobody waits for it."""
    import_module("pandas")


# --- manifest ---------------------------------------------------------------------------------------------------------


WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def working_days(project: Project) -> dict[str, Any]:
    """Return the days on which a date may fall: `working_weekdays` (0 is Monday) and `holidays` that are none (ISO)."""
    return {
        "working_weekdays": [WEEK.index(day) for day in project.site_calendar.days],
        "holidays": [day.isoformat() for day in holidays_of(project)],
    }


def identity(case: Case, seed: int) -> dict[str, Any]:
    """Return what must be equal for two runs to be the same: what is simulated, with which random numbers and versions."""
    return {
        "case": case.name,
        "seed": seed,
        "rng": RNG_VERSION,
        "sampling": case.sampling.document(),
        "versions": versions(),
        "metrics": list(case.metrics),
        "weather_file": fingerprint(case.weather),
        "config": case.project.model_dump(mode="json"),
        **case.manifest_of_status(),
    }


def manifest(case: Case, seed: int, runs: int) -> dict[str, Any]:
    """Return the manifest of a run, the numbers and dates of the expected and the most likely plan included."""
    project, baseline = case.project, case.baseline
    outcome = finished(baseline.planned_run)
    metrics, _ = baseline.as_planned
    return {
        "name": case.name,
        "strategy": project.label,
        "seed": seed,
        "runs": runs,
        "rng": RNG_VERSION,
        "engine": case.engine,
        "sampled": "" if case.sampling.is_plain else case.sampling.describe(runs),
        "start_date": project.scale.start_date.isoformat(),
        "target_days": project.scale.target_days,
        **working_days(project),
        "limits": _limits(project),
        "planned": metrics,  # of the expected plan
        "most_likely": baseline.as_most_likely,
        "planned_blocks": _planned_blocks(baseline, outcome.log),
        "crews": {
            trade: len(mobilisations) for trade, mobilisations in case.crew_plan.resource_plan.mobilisations.items()
        },
        "versions": {"python": platform.python_version(), **versions()},
        "config_digest": digest(project),
        "weather_file": fingerprint(case.weather),
        "config": project.model_dump(mode="json"),
        **case.manifest_of_status(),
    }


def digest(project: Project) -> str:
    """Return a fingerprint of the resolved configuration; what is expected of the results is no part of it."""
    configuration = project.model_dump(mode="json") | {"expect": []}
    return sha256(dumps(configuration, sort_keys=True).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions of what decides about numbers."""
    return {name: version(name) for name in ("hybrid-dc-sim", *LIBRARIES)}


def _limits(project: Project) -> dict[str, float]:
    limits = {FINISH: project.scale.target_days}
    if first_order_day := first_order_day_of_schedule(project):
        limits[FINISH_DAY] = first_order_day + project.scale.target_days
    if project.limits.peak_workforce is not None:
        limits["peak_workforce_onsite"] = project.limits.peak_workforce.value
    return limits


def _planned_blocks(case: Case, log: Any) -> dict[str, float]:
    """Return the day on which each block is online in the expected plan; infinite where it never is."""
    metric_context = case.metric_context
    record = Record.of(metric_context.plan_index, log, case.planned.content, case.planned_calendars)
    blocks = online(record, metric_context.layout, case.project)
    days = np.where(blocks.reached, blocks.minute / DAY, np.inf).tolist()
    return {block.name: day for block, day in zip(metric_context.layout.blocks, days, strict=True)}


# --- simulated again --------------------------------------------------------------------------------------------------


def prepare_stored(result: Result, engine: str = AUTO) -> Case:
    """Return the case of a stored result, ready to be simulated again: from the status, where it is a forecast.

    Raises ConfigError where a file is missing that it was simulated with, StatusChanged where its status is another one now.
    """
    case = prepare_case(stored_config(result.manifest, result.input_files), engine=engine)
    return replace(case, sampling=result.sample.sampling)
