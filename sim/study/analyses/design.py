"""The points of a study: which configuration with which settings, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from sim.config.load import ConfigLike, Loaded, as_loaded, load_as
from sim.config.overrides import expand_wildcards, round_if_integer, scaled, with_settings
from sim.config.project import Project
from sim.config.shipped import shipped
from sim.config.source_positions import Position, nearest_position
from sim.config.study import Input, Scalar, Study, other_kind
from sim.errors import ConfigError, Problem, SimError
from sim.metrics.registry import METRICS
from sim.study.chunk import Floats
from sim.study.sample import COLUMNS

Config = Loaded[Project]
Settings = Mapping[str, Scalar]
RESERVED = (
    "point", "config", "failed", "replication", "status", "metric", "objective", "missed", "feasible", "pareto", "best",
    *COLUMNS,
)  # fmt: skip
"""Names that an input cannot have, as its column would stand beside these."""
CHECKED_AT_ONCE = 200
"""Points whose configurations are checked before the first is run; those beyond are when their turn comes."""


class NoDesign(SimError):
    """A study that cannot be run as it stands."""

    exit_code = 2


@dataclass(frozen=True)
class Point:
    """One configuration of a study: the number of its base, the settings by input, and all changes by path."""

    base: int
    settings: Settings
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Design:
    """A study ready to be run: its base configurations, and its points."""

    study: Study
    bases: tuple[Config, ...]
    places: dict[str, Position]

    def point(self, base: int, settings: Settings) -> Point:
        """The point with these settings of the inputs."""
        changes = {place: value for path, value in self.study.set.items() for place in self.paths(base, (path,))}
        for name, value in settings.items():
            changes |= self._changes(base, self.study.inputs[name], value)
        return Point(base, dict(settings), changes)

    def _changes(self, base: int, varied: Input, value: Scalar) -> dict[str, Any]:
        """What one input changes, by path."""
        config = self.bases[base]
        paths = self.paths(base, varied.paths)
        if varied.times:
            return {path: scaled(config, path, float(value)) for path in paths}
        numeric = isinstance(value, float) and varied.low is not None
        return {path: round_if_integer(config, path, float(value)) if numeric else value for path in paths}

    def paths(self, base: int, paths: Sequence[str]) -> list[str]:
        """Paths without stars, each reported at the line of the path it came from."""
        found = []
        for path in paths:
            for place in expand_wildcards(self.bases[base], (path,), self.places):
                found.append(place)
                if path in self.places:
                    self.places.setdefault(place, self.places[path])
        return found

    def config(self, point: Point) -> Config:
        """The configuration of a point; ConfigError at the study's own lines."""
        return with_settings(self.bases[point.base], point.changes, self.places)

    def crossed(self, settings: Sequence[Settings]) -> tuple[Point, ...]:
        """The points of every base with every one of these settings; the first ones checked."""
        points = tuple(self.point(base, chosen) for base in range(len(self.bases)) for chosen in settings)
        self._refuse_twins()
        for point in points[:CHECKED_AT_ONCE]:
            self.config(point)
        return points

    def _refuse_twins(self) -> None:
        """Refuse two configurations of one name: their rows could not be distinguished."""
        names = [base.value.name for base in self.bases]
        if len(set(names)) < len(names):
            raise NoDesign(f"two configurations have one name: {', '.join(names)}")


def read_study(path: str | Path, overrides: Sequence[str] = ()) -> Design:
    """Read a study file and the configurations it names; ConfigError with every problem."""
    try:
        found = load_as(Study, path, overrides)
    except ConfigError as error:
        told = f"is a project, not a study: sim run {path} runs it, and a study names it under `configs`"
        raise other_kind(error, Project.model_fields, path, told) from None
    study, folder = found.value, Path(path).parent
    for number, name in enumerate(study.configs):
        if not (folder / name).is_file() and shipped(name) is None:
            file, line, column = nearest_position(found.positions, ("configs", number))
            wanted = "a file that exists, or the name of a shipped project"
            raise ConfigError([Problem(file, line, column, f"configs.{number}", f'"{name}"', wanted)])
    if taken := [name for name in study.inputs if name in RESERVED or name in METRICS]:
        file, line, column = nearest_position(found.positions, ("inputs", taken[0]))
        wanted = f"another name: tables of results have columns {', '.join(RESERVED)}, and of metrics"
        raise ConfigError([Problem(file, line, column, f"inputs.{taken[0]}", taken[0], wanted)])
    bases = tuple(load_as(Project, shipped(name) or folder / name) for name in study.configs)
    return Design(study, bases, _places(found))


def _places(found: Loaded[Study]) -> dict[str, Position]:
    """Where each path of a study is written, stars resolved as far as their base."""
    places = {path: nearest_position(found.positions, ("set", path)) for path in found.value.set}
    for name, varied in found.value.inputs.items():
        for number, path in enumerate(varied.paths):
            places[path] = nearest_position(found.positions, ("inputs", name, "paths", number))
    return places


def of_python(
    source: ConfigLike, inputs: Mapping[str | tuple[str, ...], Sequence[Any]], *, ranges: bool = False, **stated: Any
) -> Design:
    """The design that a call in Python states: values by path (or by several paths), for one configuration.

    With `ranges`, a tuple (low, high) is a range and only a list is its values.
    """
    config = as_loaded(source)
    named: dict[str, Input] = {}
    for paths, values in inputs.items():
        places = (paths,) if isinstance(paths, str) else tuple(paths)
        plain = tuple(_plain(value) for value in values)
        given = {"low": plain[0], "high": plain[1]} if ranges and _is_range(values) else {"values": plain}
        named[_column(places[0], named)] = Input(paths=places, **given)
    study = Study(
        schema_version=1, name=config.value.name, question="", configs=(config.value.name,), inputs=named, **stated
    )
    return Design(study, (config,), {})


def _is_range(values: Sequence[Any]) -> bool:
    """Whether values are (low, high)."""
    return isinstance(values, tuple) and len(values) == 2


def _plain(value: Any) -> Scalar:
    """A number of numpy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


def _column(path: str, taken: Mapping[str, Input]) -> str:
    """A name for the column of a path: its last words, as many as make it unlike the others."""
    words = [word for word in path.split(".") if word != "*"]
    names = ["_".join(words[-count:]) for count in range(1, len(words) + 1)]
    return next((name for name in names if name not in taken), path)


def settings_of(study: Study) -> list[dict[str, Scalar]]:
    """The settings of a study's own design, in order; one without any where nothing is varied."""
    inputs = study.inputs
    if study.design == "sampled":
        unit = latin_hypercube(study.points, len(inputs), study.seed)
        return [at_shares(inputs, row) for row in unit]
    without = [name for name, varied in inputs.items() if not varied.values]
    if without:
        raise NoDesign(f"a {study.design} needs `values` for {', '.join(without)}; they have `low` and `high`")
    columns = [varied.values for varied in inputs.values()]
    rows = zip(*columns, strict=True) if study.design == "list" and inputs else product(*columns)
    return [dict(zip(inputs, row, strict=True)) for row in rows]


def at_shares(inputs: Mapping[str, Input], shares: Sequence[float] | Floats) -> dict[str, Scalar]:
    """Settings from one share in 0 … 1 for each input: along its range, or along its list of values."""
    return {name: _at_share(varied, float(share)) for (name, varied), share in zip(inputs.items(), shares, strict=True)}


def _at_share(varied: Input, share: float) -> Scalar:
    """The value of one input at a share."""
    if varied.values:
        return varied.values[min(int(share * len(varied.values)), len(varied.values) - 1)]
    assert varied.low is not None  # the model asks for one or the other
    assert varied.high is not None
    return varied.low + share * (varied.high - varied.low)


def latin_hypercube(points: int, inputs: int, seed: int) -> Floats:
    """Shares of a Latin hypercube, (points, inputs): each input has one point in each of `points` equal parts."""
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(inputs, rng=np.random.default_rng(seed)).random(points), dtype=np.float64)


def labels(points: Sequence[Point], names: Sequence[str]) -> Iterator[str]:
    """One label a point: its configuration where there are several, and its settings."""
    several = len(set(names)) > 1
    for point in points:
        settings = [f"{name} {text_of(value)}" for name, value in point.settings.items()]
        yield ", ".join([names[point.base]] * (several or not settings) + settings)


def text_of(value: Scalar) -> str:
    """A setting in few characters."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
