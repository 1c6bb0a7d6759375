"""What a project meets, in words: the class of its loads, its weather, and the register of its risks."""

from __future__ import annotations

from collections.abc import Iterator

from sim.config.project import Project
from sim.config.risks import Driver, State
from sim.world.roads import LoadClass, load_classes

WEATHER = {
    "none": "Weather: none; it never rains, freezes or blows.",
    "west_texas": "Weather: West Texas, hourly, from two measured years (experiments/west_texas_weather).",
    "table": "Weather: the stated table of lost days a month.",
}
EFFECTS = {"factor": "×", "added_days": "days more", "slip_days": "days late", "lost_weeks": "weeks without"}


def circumstances(project: Project) -> Iterator[str]:
    """Say what kind of loads go over the road, in which weather, and what may happen."""
    yield ""
    for system, load in load_classes(project).items():
        yield f"{system} skids are {_class(load)}."
    yield WEATHER.get(project.weather.kind, f"Weather: {project.weather.file}, put together anew for every run.")
    drivers = project.risks.in_force()
    if not drivers:
        yield "Risk drivers: none in force."
        return
    known = len(project.risks.drivers)
    yield f"Risk drivers: {len(drivers)} of {known} in force, {project.risks.mode}; chance, and what it does if it happens:"
    yield from (f"  {_driver(driver, state)}" for driver, state in drivers)


def _class(load: LoadClass) -> str:
    """Say the class of a load, and why."""
    because = f": {', '.join(load.because)}" if load.because else ""
    return f"{load.name} loads{because}"


def _driver(driver: Driver, state: State) -> str:
    """Say a driver in a line."""
    size = state.size
    range_ = f"{size.low:g} to {size.high:g}" if size.low is not None and size.high is not None else f"{size.planned:g}"
    effect = f"× {range_}" if state.effect == "factor" else f"{range_} {EFFECTS[state.effect]}"
    return f"{100 * state.probability.value:3.0f} %  {driver.name} ({driver.id}): {effect}"
