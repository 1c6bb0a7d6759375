"""Tags: how a risk driver says what it hits, `kind:name`, checked against the rest of the configuration.

Work and dates:
  trade:NAME      every piece of work a trade takes part in
  step:PATTERN    steps of the networks as `network.id`; * stands for anything, and may stand for nothing: step:shell.*
  exposure:NAME   everything on site under one exposure
  level:L2        a commissioning level and its repairs, L2 to L5
  factory:SYSTEM  line, test and rework of a factory
  road:SYSTEM     the trips of its trucks
  item:NAME       deliveries: a procured item, a system's parts or material, or `generation` for power units
  permits, camp   permits and design before the site starts; the opening of the camp
Chances:
  test:NAME       the chance that a test fails: test:L3, or test:SYSTEM for a factory's acceptance test
Capacity:
  crews:TRADE, lines:SYSTEM, bays:SYSTEM, trucks:SYSTEM, cranes, gates
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sim.config.allowed import did_you_mean
from sim.config.risks import Effect
from sim.config.steps import EXPOSURES, Step
from sim.config.systems import SYSTEMS
from sim.errors import Finding

if TYPE_CHECKING:
    from sim.config.project import Project

LEVELS = ("L2", "L3", "L4", "L5")
GENERATION = "generation"
WORK = ("trade", "step", "exposure", "level", "factory", "road", "permits")
CAPACITY = ("crews", "lines", "bays", "trucks", "cranes", "gates")
KINDS: Mapping[Effect, tuple[str, ...]] = {
    "factor": (*WORK, "item", "test"),
    "added_days": (*WORK, "camp"),
    "slip_days": ("item", "camp"),
    "lost_weeks": CAPACITY,
}
"""Which tags an effect can have."""

Path = tuple[str | int, ...]


def broken_tags(project: Project, networks: Iterable[tuple[Path, Sequence[Step], object]]) -> Iterator[Finding]:
    """Yield every tag of the register that does not fit its effect or names nothing the project could have."""
    known = names(project, networks)
    for at, driver in enumerate(project.risks.drivers):
        for position, tag in enumerate(driver.on):
            path = ("risks", "drivers", at, "on", position)
            kind, _, name = tag.partition(":")
            if kind not in KINDS[driver.effect]:
                words = ", ".join(KINDS[driver.effect])
                yield Finding(path, tag, f"a tag that {driver.effect} can have: {words}", did_you_mean(kind, known))
            elif not _names_something(kind, name, known[kind]):
                yield Finding(path, tag, f"{kind} with a name that is known", did_you_mean(name, known[kind]))


def names(project: Project, networks: Iterable[tuple[Path, Sequence[Step], object]]) -> dict[str, Collection[str]]:
    """Return by kind of tag the names it can have; a kind that stands alone has none.

    A network is listed as `network.` beside its steps.
    """
    trades, systems = tuple(project.labour.trades), SYSTEMS
    items = (*(item.id for item in project.procurement.items), *systems, GENERATION)
    steps = [f"{network(path)}.{step}" for path, steps, _ in networks for step in (*(step.id for step in steps), "")]
    return {
        **dict.fromkeys(("trade", "crews"), trades),
        **dict.fromkeys(("factory", "road", "lines", "bays", "trucks"), systems),
        **dict.fromkeys(("permits", "camp", "cranes", "gates"), ()),
        "step": steps,
        "exposure": EXPOSURES,
        "level": LEVELS,
        "item": items,
        "test": (*LEVELS, *systems),
    }


def network(path: Path) -> str:
    """Return what the activities of a network of steps begin with: site_works, shell, electrical, generation."""
    return {"energization": GENERATION, "systems": str(path[1])}.get(str(path[0]), str(path[0]))


def _names_something(kind: str, name: str, known: Collection[str]) -> bool:
    """Whether a tag of this kind can have this name; a pattern must only name a network that there can be."""
    if kind != "step":
        return name in known if known else not name
    head = name.partition(".")[0]
    if name in known or ("*" in name and any(fnmatchcase(step.partition(".")[0], head) for step in known)):
        return True
    # a network that is empty here may have steps in another project with the same register
    whose = f"{name.partition('.')[0]}."
    return [step for step in known if step.startswith(whose)] == [whose]
