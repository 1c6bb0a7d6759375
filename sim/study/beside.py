"""What lies beside the numbers of a result: figures and report, and the weather file that it was made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim import files
from sim.config.loading import Loaded
from sim.config.project import Project
from sim.study.result import Result

Extras = Callable[[Result, Path], object]


def beside(config: Loaded[Project] | Project, result: Result, extras: Extras | None) -> Callable[[Path], None]:
    """Return what fills the directory of a result that is being written, besides its own tables."""

    def fill(directory: Path) -> None:
        _lay_weather(config, directory)
        if extras is not None:
            extras(result, directory)

    return fill


def _lay_weather(config: Loaded[Project] | Project, directory: Path) -> None:
    """Lay a copy of the project's weather file there, so that the result can be exported wherever it is."""
    project = config.value if isinstance(config, Loaded) else config
    if project.weather.kind != "file" or project.weather.file is None:
        return
    folder = config.files[0].parent if isinstance(config, Loaded) else Path()
    kept = Path(project.weather.file)
    for part in [*kept.parents][-2::-1]:
        files.make_directory(directory / part)
    files.write(directory / kept, files.read(folder / kept))


def folder_of(directory: Path, project: Project) -> Path:
    """Return where the weather file of a stored result is: beside its tables, or here if it was not laid there."""
    file = project.weather.file
    return directory if file is not None and (directory / file).is_file() else Path()
