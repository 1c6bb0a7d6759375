"""A study file: which configurations are run with which changes, to answer one question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sim.config.sections.base import Bounds, Name, Section, Unit
from sim.config.validation_errors import UNKNOWN
from sim.errors import ConfigError, Mistake, Problem, Refused

Scalar = bool | int | float | str
Count = Annotated[int, Unit("runs"), Bounds(1, 1_000_000)]
Points = Annotated[int, Unit("points"), Bounds(1, 100_000)]
HEADLINES = (
    "lead_time_full_days", "lead_time_first_mw_days", "peak_workforce_onsite", "idle_capital_months", "capital_total_usd",
)  # fmt: skip


class Input(Section):
    """One thing that is varied: where it stands in the configuration, and what it may be."""

    paths: tuple[str, ...] = Field(
        min_length=1,
        max_length=50,
        description="Places that get the same value, as for --set; `*` stands for every key there",
    )
    values: tuple[Scalar, ...] = Field(default=(), max_length=1_000, description="The values, for a grid or a list")
    low: float | None = Field(default=None, description="Least value, for designs that sample")
    high: float | None = Field(default=None, description="Greatest value, for designs that sample")
    times: bool = Field(default=False, description="The numbers are factors on what the configuration states")

    @model_validator(mode="after")
    def _values_or_range(self) -> Input:
        ranged = self.low is not None and self.high is not None
        if ranged == bool(self.values) or (self.low is None) != (self.high is None):
            raise ValueError("give either `values`, or `low` and `high`")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise Refused([Mistake(("high",), self.high, f"more than `low`, {self.low:g}")])
        return self


class Sensitivity(Section):
    """Which inputs matter: by which method, on which metric."""

    method: Literal["low_high", "morris", "sobol"] = Field(
        default="low_high", description="One at a time, elementary effects, or shares of the variance"
    )
    metric: Name = Field(default="lead_time_full_days", description="The metric that is explained")
    statistic: Literal["mean", "p50", "p80"] = Field(default="p80", description="Of which this is taken")
    size: Points = Field(default=10, description="Morris: trajectories; Sobol: base samples, a power of two")


class Constraint(Section):
    """Something that must hold with a stated probability: `P80 of the peak is at most 450`."""

    metric: Name = Field(description="The metric that is limited")
    probability: Annotated[float, Unit("share"), Bounds(0.01, 0.99)] = Field(
        default=0.8, description="Share of the runs that must keep the limit"
    )
    at_most: float = Field(description="The limit")


class Tune(Section):
    """What is chosen for: an objective to be minimised while constraints hold."""

    metric: Name = Field(default="idle_capital_months", description="What is to be small")
    statistic: Literal["mean", "p50", "p80"] = Field(default="mean", description="Of which this is taken")
    constraints: tuple[Constraint, ...] = Field(default=(), max_length=20, description="What must hold")
    against: Name = Field(default="lead_time_full_days", description="Second axis of the Pareto set, its P80")
    trials: Annotated[int, Unit("trials"), Bounds(1, 10_000)] = Field(default=60, description="Designs tried")
    fresh_runs: Count = Field(
        default=400, description="Runs on fresh random numbers of the best design and of the start"
    )


def other_kind(error: ConfigError, keys: Iterable[str], source: object, message: str) -> ConfigError:
    """Return `message` as the only error where a file is of another kind: two or more unknown keys are among its `keys`.

    Otherwise return `error` unchanged.
    """
    keys_of_kind = {problem.path for problem in error.problems if problem.message == UNKNOWN} & {*keys}
    return ConfigError([Problem(str(source), 0, 0, "", "", message)]) if len(keys_of_kind) > 1 else error


class Study(Section):
    """One question, put to one or several configurations."""

    schema_version: int = Field(description="Version of this file format; this program reads version 1")
    name: Name = Field(description="Short name; also the name of the output folder")
    question: str = Field(max_length=500, description="What is to be found out")
    configs: tuple[str, ...] = Field(
        min_length=1, max_length=50, description="Configuration files, relative to this file; all are run"
    )
    set: dict[str, Scalar] = Field(default={}, description="Changes made in every point, as by --set")
    design: Literal["grid", "list", "sampled"] = Field(
        default="grid", description="All combinations of values, the k-th value of each, or a Latin hypercube"
    )
    inputs: dict[Name, Input] = Field(default={}, description="What is varied, by the name of its column")
    points: Points = Field(default=64, description="Points of a sampled design, per configuration")
    runs: Count = Field(default=200, description="Replications a point, on the same random numbers")
    seed: Annotated[int, Unit("seed"), Bounds(0, 2**63 - 1)] = Field(
        default=1, description="Seed of the random numbers"
    )
    metrics: tuple[Name, ...] = Field(default=HEADLINES, description="Metrics that are printed and drawn")
    sensitivity: Sensitivity = Field(default=Sensitivity(), description="For sim sensitivity")
    tune: Tune = Field(default=Tune(), description="For sim tune")

    @model_validator(mode="after")
    def _lists_are_equally_long(self) -> Study:
        lengths = {name: len(varied.values) for name, varied in self.inputs.items() if varied.values}
        if self.design == "list" and len(set(lengths.values())) > 1:
            lengths_text = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise Refused([Mistake(("design",), "list", f"lists of one length ({lengths_text})")])
        return self
