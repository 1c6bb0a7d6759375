"""The files that a result was simulated with: a weather file, and the status that a forecast goes on from.

A copy of each lies beside the tables of a stored result, and beside the chunks of a shard, so that both can be simulated
again on any machine, wherever the configuration was and whatever has become of the status since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim import files
from sim.config.load import Loaded, as_loaded, checked
from sim.config.overrides import continued
from sim.config.project import Project
from sim.errors import SimError
from sim.study.analyses.forecast.status import Status, facts_digest, read_status
from sim.world.weather.weather_files import MAX_BYTES

STATUS = "status"
"""The name of the copy of a status, before its own ending."""
InputFiles = Mapping[str, Path]
"""Where each file is, by its name beside the tables."""


class StatusChanged(SimError):
    """The status that a stored forecast went on from has other facts now."""

    exit_code = 2


def input_files(config: Loaded[Project] | Project) -> InputFiles:
    """Return the files that a project is simulated with."""
    project = config.value if isinstance(config, Loaded) else config
    folder = config.files[0].parent if isinstance(config, Loaded) else Path()
    found: dict[str, Path] = {}
    if project.weather.kind == "file" and project.weather.file is not None:
        found[Path(project.weather.file).as_posix()] = folder / project.weather.file
    if isinstance(config, Loaded) and config.continuation is not None:
        status = config.continuation.status
        path = Path(status.file if isinstance(status, Status) else str(status))
        found[STATUS + path.suffix] = path
    return {name: path.absolute() for name, path in found.items()}


def files_beside(directory: Path, document: Mapping[str, Any]) -> InputFiles:
    """Return those of the files that lie in a directory; `document` is the manifest there, or the identity of a shard."""
    paths = {name: directory / name for name in _names(document)}
    root = directory.resolve()
    return {name: path for name, path in paths.items() if path.is_file() and path.resolve().is_relative_to(root)}


def content_digest(path: Path) -> str:
    """Return the digest of what a file holds, empty where there is none."""
    return files.digest(files.read(path, MAX_BYTES)) if files.exists(path) else ""


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the files by a document, which may come from anybody."""
    if weather_file := _text(document, "config", "weather", "file"):
        yield Path(weather_file).as_posix()
    if status := _text(document, "forecast", "status"):
        yield STATUS + Path(status).suffix


def _text(document: object, *keys: str) -> str:
    """Return a text in a document; empty where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""


def copy_files(found: InputFiles, directory: Path) -> None:
    """Copy the files into a directory; those that are not there any more are left out."""
    for name, path in found.items():
        if path.is_file():
            for parent in [*Path(name).parents][-2::-1]:
                files.make_directory(directory / parent)
            files.write(directory / name, files.read(path))


def stored_config(document: Mapping[str, Any], found: InputFiles) -> Loaded[Project]:
    """Return the configuration that a manifest or an identity came from, with the status that a forecast goes on from.

    A file that is not among those found is looked for by its name from the working directory. Raises StatusChanged.
    """
    project = checked(Project, document["config"])
    weather_file = Path(project.weather.file or "")
    path = found.get(weather_file.as_posix())
    folder = Path() if path is None else path.parents[len(weather_file.parts) - 1]
    config = replace(as_loaded(project), files=(folder / project.name,))
    forecast = document.get("forecast")
    if forecast is None:
        return config
    status = _stored_status(forecast, found, project)
    return continued(config, status, learning=forecast["learning"], logic=forecast["logic"])


def _stored_status(forecast: Mapping[str, Any], found: InputFiles, project: Project) -> Status:
    """Return the status that a forecast went on from, under its name of then; StatusChanged if it has other facts now."""
    path = Path(forecast["status"])
    status = read_status(found.get(STATUS + path.suffix, path), project.scale.start_date)
    now = {"data_date": status.data_date.isoformat(), "status_digest": facts_digest(status)}
    if any(forecast[key] != value for key, value in now.items()):
        message = f"{path}: its facts have changed since this forecast was made; run `sim forecast` again"
        raise StatusChanged(message)
    return replace(status, file=str(path))
