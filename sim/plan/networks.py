"""Step networks from the configuration: each step becomes a unit that waits, takes its crews, works and reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sim.config.steps import Step
from sim.plan.brief import Brief
from sim.plan.crew_work import by_crews, planned_hours, step_span
from sim.plan.layout import Place
from sim.plan.procurement import arrived
from sim.plan.vocabulary import MINUTES_PER_DAY, Note, Signal, Span, Wait, Work
from sim.plan.vocabulary import Step as PlanStep
from sim.world.shapes import shape


@dataclass(frozen=True)
class Instance:
    """One instance of a network: where, how large, what it waits for at its roots, and the capital it adds to."""

    place: Place
    network: str
    item: str
    sqft: float = 0.0
    mw: float = 0.0
    roots: tuple[Wait, ...] = field(default_factory=tuple)

    @property
    def prefix(self) -> str:
        """Return what the names of its steps begin with."""
        return f"{self.place.name}.{self.network}"


def write_network(brief: Brief, steps: Sequence[Step], instance: Instance) -> list[str]:
    """Write one instance of a network into the plan; return the gates of the steps that nothing comes after."""
    for step in steps:
        brief.plan.unit(f"{instance.prefix}.{step.id}", _step(brief, step, instance))
    followed = {before for step in steps for before in step.after}
    return [f"{instance.prefix}.{step.id}" for step in steps if step.id not in followed]


def _step(brief: Brief, step: Step, instance: Instance) -> list[PlanStep]:
    """Return: wait for what comes before, for what is bought, and for the lag; then the work, and the signal."""
    activity = f"{instance.network}.{step.id}"
    local = [before for before in step.after if "." not in before]
    before = [f"{instance.prefix}.{name}" for name in local]
    before += prerequisites(brief, (name for name in step.after if "." in name), instance.place)
    route: list[PlanStep] = [] if local else list(instance.roots)
    route += [Wait(brief.plan.gate(gate)) for gate in before]
    route += [Wait(arrived(brief, item, instance.place)) for item in step.needs]
    if step.lag_days is not None:
        route.append(Work(f"{activity} lag", Span(shape(step.lag_days), MINUTES_PER_DAY), "always"))
    hours = planned_hours(step, instance.sqft, instance.mw)
    span = step_span(brief, step, hours)
    route += by_crews(brief, instance.place, activity, step, span)
    weight = hours.planned if hours is not None else span.shape.planned()
    route.append(Note("installed", instance.item, max(1, round(weight))))
    route.append(Signal(brief.plan.gate(f"{instance.prefix}.{step.id}")))
    return route


def prerequisites(brief: Brief, names: Iterable[str], place: Place) -> list[str]:
    """Return the gates of `network.step` names as seen from a place: its phase's, its hall's or its own."""
    above = {"site_works": place.phase, "shell": place.hall}
    gates = []
    for name in names:
        network, step = name.split(".", 1)
        gates.append(brief.plan.gate(f"{above.get(network, place.name)}.{network}.{step}"))
    return gates
