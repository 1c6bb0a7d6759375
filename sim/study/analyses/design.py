"""The points of a study: which configuration with which settings, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from sim import files
from sim.arguments import is_listed, refused
from sim.config.load import ConfigLike, Loaded, as_loaded, checked, load_as
from sim.config.overrides import expand_wildcards, round_if_integer, scaled, with_settings
from sim.config.project import Project
from sim.config.shipped import shipped
from sim.config.source_positions import Address, Position, Positions, nearest_position
from sim.config.study import Input, Scalar, Study, other_kind
from sim.errors import ConfigError, Problem, SimError
from sim.metrics.registry import METRICS
from sim.study.chunk import Floats
from sim.study.sample import COLUMNS
from sim.study.storage.input_files import content_digest

Config = Loaded[Project]
Settings = Mapping[str, Scalar]
RESERVED = (
    "point", "config", "failed", "replication", "status", "metric", "objective", "missed", "feasible", "pareto", "best",
    *COLUMNS,
)  # fmt: skip
"""Names that an input cannot have, as its column would stand beside these."""
WEATHER_FILE = "weather.file"
MAX_STATUS_BYTES = 20_000_000
CHECKED_BEFORE_RUN = 200
"""Points whose configurations are checked before the first is run; any further point is checked when it is run."""


class InvalidStudy(SimError):
    """A study that cannot be run as it stands."""

    exit_code = 2


@dataclass(frozen=True)
class Point:
    """One configuration of a study: the number of its base, the settings by input, and all changes by path."""

    base: int
    settings: Settings
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class StudyDesign:
    """The experimental design of a study: its base configurations, and where each path stands in the study file."""

    study: Study
    bases: tuple[Config, ...]
    positions: dict[str, Position]
    places: Positions = field(default_factory=dict)
    """Position of each value of the study file; empty for a study that is in no file."""

    def invalid(self, address: Address, message: str) -> InvalidStudy:
        """Return an error at a value of the study's file, below paths of it that name nothing."""
        file, line, _ = nearest_position(self.places, address)
        position = f"{file}:{line}: " if line else ""
        return InvalidStudy("\n".join([*self._wrong_paths(), f"{position}{message}"]))

    def _wrong_paths(self) -> Iterator[str]:
        """Yield what is wrong with the paths of the inputs, and with their first values."""
        try:
            for base in range(len(self.bases)):
                self.config(self.point(base, at_shares(self.study.inputs, [0.0] * len(self.study.inputs))))
        except ConfigError as error:
            yield str(error)

    def settings(self) -> list[dict[str, Scalar]]:
        """Return the settings of all points, as `settings_of`; InvalidStudy at the line of an input that has no values."""
        wanted, inputs = self.study.design, self.study.inputs
        ranged = [name for name, varied in inputs.items() if not varied.values]
        if wanted != "sampled" and ranged:
            have = "they have" if len(ranged) > 1 else "it has"
            message = f"a {wanted} needs `values` for {', '.join(ranged)}; {have} `low` and `high`"
            hint = "write `values: [...]` or, for points within the ranges, `design: sampled`"
            raise self.invalid(("inputs", ranged[0]), f"inputs.{ranged[0]}: {message} ({hint})")
        return settings_of(self.study)

    def point(self, base: int, settings: Settings) -> Point:
        """Return the point with these settings of the inputs."""
        changes = {place: value for path, value in self.study.set.items() for place in self.paths(base, (path,))}
        for name, value in settings.items():
            changes |= self._changes(base, self.study.inputs[name], value)
        return Point(base, dict(settings), changes)

    def _changes(self, base: int, varied: Input, value: Scalar) -> dict[str, Any]:
        """Return what one input changes, by path."""
        config = self.bases[base]
        paths = self.paths(base, varied.paths)
        if varied.times:
            return {path: scaled(config, path, float(value)) for path in paths}
        numeric = isinstance(value, float) and varied.low is not None
        return {path: round_if_integer(config, path, float(value)) if numeric else value for path in paths}

    def paths(self, base: int, paths: Sequence[str]) -> list[str]:
        """Return the paths with their wildcards expanded, each at the position of the path that it came from."""
        resolved = []
        for path in paths:
            for concrete in expand_wildcards(self.bases[base], (path,), self.positions):
                resolved.append(concrete)
                if path in self.positions:
                    self.positions.setdefault(concrete, self.positions[path])
        return resolved

    def config(self, point: Point) -> Config:
        """Return the configuration of a point; ConfigError at the study's own lines."""
        return with_settings(self.bases[point.base], point.changes, self.positions)

    def all_points(self, settings: Sequence[Settings]) -> tuple[Point, ...]:
        """Return the points of every base with each of these settings, after checking the first `CHECKED_BEFORE_RUN`."""
        points = tuple(
            self.point(base, point_settings) for base in range(len(self.bases)) for point_settings in settings
        )
        self._require_distinct_names()
        for point in points[:CHECKED_BEFORE_RUN]:
            self.config(point)
        return points

    def weather_files(self) -> dict[str, dict[str, str]]:
        """Return by configuration the digest of each weather file that its points may read; "" for one that is not there."""
        stated = [self.study.set.get(WEATHER_FILE)]
        stated += [
            value for varied in self.study.inputs.values() if WEATHER_FILE in varied.paths for value in varied.values
        ]
        return {
            base.value.name: {
                str(name): content_digest(base.files[0].parent / str(name) if base.files else Path(str(name)))
                for name in dict.fromkeys([base.value.weather.file, *stated])
                if name
            }
            for base in self.bases
        }

    def status_digests(self) -> list[str]:
        """Return the digests of the statuses from which the configurations go on; empty where none does."""
        statuses = [base.continuation.status for base in self.bases if base.continuation is not None]
        return [
            files.digest(
                files.read(Path(status), MAX_STATUS_BYTES) if isinstance(status, str | Path) else repr(status).encode()
            )
            for status in statuses
        ]

    def _require_distinct_names(self) -> None:
        """Raise InvalidStudy where two configurations have the same name: their rows could not be told apart."""
        names = [base.value.name for base in self.bases]
        if len(set(names)) < len(names):
            raise self.invalid(("configs",), f"configs: two configurations have one name: {', '.join(names)}")


def read_study(path: str | Path, overrides: Sequence[str] = ()) -> StudyDesign:
    """Read a study file and the configurations it names; ConfigError with every problem."""
    try:
        loaded = load_as(Study, path, overrides)
    except ConfigError as error:
        hint = f"is a project, not a study: sim run {path} runs it, and a study names it under `configs`"
        raise other_kind(error, Project.model_fields, path, hint) from None
    study, folder = loaded.value, Path(path).parent
    for number, name in enumerate(study.configs):
        if not (folder / name).is_file() and shipped(name) is None:
            file, line, column = nearest_position(loaded.positions, ("configs", number))
            expected = "a file that exists, or the name of a shipped project"
            raise ConfigError([Problem(file, line, column, f"configs.{number}", f'"{name}"', expected)])
    if reserved := [name for name in study.inputs if name in RESERVED or name in METRICS]:
        file, line, column = nearest_position(loaded.positions, ("inputs", reserved[0]))
        expected = f"another name: tables of results have columns {', '.join(RESERVED)}, and of metrics"
        raise ConfigError([Problem(file, line, column, f"inputs.{reserved[0]}", reserved[0], expected)])
    bases = tuple(load_as(Project, shipped(name) or folder / name) for name in study.configs)
    return StudyDesign(study, bases, _path_positions(loaded), loaded.positions)


def _path_positions(loaded: Loaded[Study]) -> dict[str, Position]:
    """Return the position in the study file of each of its paths, wildcards not expanded."""
    positions = {path: nearest_position(loaded.positions, ("set", path)) for path in loaded.value.set}
    for name, varied in loaded.value.inputs.items():
        for number, path in enumerate(varied.paths):
            positions[path] = nearest_position(loaded.positions, ("inputs", name, "paths", number))
    return positions


def design_of_call(
    source: ConfigLike, inputs: Mapping[str | tuple[str, ...], Sequence[Any]], *, ranges: bool = False, **settings: Any
) -> StudyDesign:
    """Return the design of a call from Python: values by path (or by several paths), for one configuration.

    With `ranges`, a tuple (low, high) is a range and only a list is its values. ConfigError with what is wrong in the call.
    """
    config = as_loaded(source)
    if not inputs:
        raise refused("inputs", inputs, "at least one path with its values", "sim.run runs a configuration as it is")
    inputs_by_name: dict[str, dict[str, Any]] = {}
    for key, values in inputs.items():
        paths = _paths(key)
        inputs_by_name[_column(paths[0], inputs_by_name)] = {"paths": paths, **_values(key, values, ranges=ranges)}
    name = config.value.name
    stated = {
        "schema_version": 1,
        "name": name,
        "question": "",
        "configs": (name,),
        "inputs": inputs_by_name,
        **settings,
    }
    try:
        return StudyDesign(checked(Study, stated), (config,), {})
    except ConfigError as error:  # in a call, what a study has in these sections are arguments
        prefixes = [f"{section}." for section in ("sensitivity", "tune") if section in settings]
        raise ConfigError(replace(one, path=without_prefix(one.path, prefixes)) for one in error.problems) from None


def without_prefix(path: str, prefixes: Sequence[str]) -> str:
    """Return a path without the one of these prefixes that it begins with."""
    return next((path.removeprefix(prefix) for prefix in prefixes if path.startswith(prefix)), path)


def _paths(key: object) -> tuple[str, ...]:
    """Return the paths that a key of `inputs` names, one or several; ConfigError where it is neither."""
    paths = (key,) if isinstance(key, str) else key
    if not isinstance(paths, tuple) or not paths or not all(isinstance(path, str) and path for path in paths):
        raise refused("inputs", key, 'a path like "logistics.cranes", or a tuple of paths')
    return paths


def _values(key: object, values: Any, *, ranges: bool) -> dict[str, Any]:
    """Return the fields of an input with its values, or its range; ConfigError where it has none."""
    place = f"inputs[{key!r}]"
    if not is_listed(values) or not len(values := list(values) if not isinstance(values, tuple) else values):
        raise refused(place, values, "(low, high), or a list of values" if ranges else "a list of values")
    plain = tuple(_plain(value) for value in values)
    if not all(isinstance(value, Scalar) for value in plain):
        raise refused(place, values, "a list of numbers, words, True or False")
    if not (ranges and isinstance(values, tuple) and len(values) == 2):
        return {"values": plain}
    if not all(isinstance(value, int | float) for value in plain) or not plain[0] < plain[1]:  # type: ignore[operator]
        raise refused(
            place, values, "a range (low, high) of two numbers, low below high", "a list is taken value by value"
        )
    return {"low": plain[0], "high": plain[1]}


def _plain(value: Any) -> Scalar:
    """Return a number of numpy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


def _column(path: str, taken: Collection[str]) -> str:
    """Return a name for the column of a path: as many of its last words as make it unique."""
    words = [word for word in path.split(".") if word != "*"]
    names = ["_".join(words[-count:]) for count in range(1, len(words) + 1)]
    return next((name for name in names if name not in taken), path)


def settings_of(study: Study) -> list[dict[str, Scalar]]:
    """Return the settings of all points of a study, in order; one without any where nothing is varied."""
    inputs = study.inputs
    if study.design == "sampled":
        shares = latin_hypercube(study.points, len(inputs), study.seed)
        return [at_shares(inputs, row) for row in shares]
    columns = [varied.values for varied in inputs.values()]
    rows = zip(*columns, strict=True) if study.design == "list" and inputs else product(*columns)
    return [dict(zip(inputs, row, strict=True)) for row in rows]


def at_shares(inputs: Mapping[str, Input], shares: Sequence[float] | Floats) -> dict[str, Scalar]:
    """Return the settings at one share in 0 … 1 for each input: along its range, or along its list of values."""
    return {name: _at_share(varied, float(share)) for (name, varied), share in zip(inputs.items(), shares, strict=True)}


def _at_share(varied: Input, share: float) -> Scalar:
    """Return the value of one input at a share."""
    if varied.values:
        return varied.values[min(int(share * len(varied.values)), len(varied.values) - 1)]
    assert varied.low is not None  # the model asks for one or the other
    assert varied.high is not None
    return varied.low + share * (varied.high - varied.low)


def latin_hypercube(points: int, inputs: int, seed: int) -> Floats:
    """Return a Latin hypercube, shape (points, inputs): each input has one point in each of `points` equal parts of 0 … 1."""
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(inputs, rng=np.random.default_rng(seed)).random(points), dtype=np.float64)


def labels(points: Sequence[Point], names: Sequence[str]) -> Iterator[str]:
    """Yield one label a point: its configuration where there are several, and its settings."""
    several = len(set(names)) > 1
    for point in points:
        settings = [f"{name} {text_of(value)}" for name, value in point.settings.items()]
        yield ", ".join([names[point.base]] * (several or not settings) + settings)


def text_of(value: Scalar) -> str:
    """Return a setting as a short text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
