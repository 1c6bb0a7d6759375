"""Step networks from the configuration: each step becomes a unit that waits, takes its crews, works and reports.

Site-wide works of a phase, the shell of a hall, and the pad of a block that stands outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sim.config.sections.systems import Step
from sim.plan.context import PlanContext
from sim.plan.layout import Place
from sim.plan.mechanisms.crews import by_crews, planned_hours, step_span
from sim.plan.mechanisms.procurement import arrived
from sim.plan.vocabulary import MINUTES_PER_DAY, Note, Signal, Span, Wait, Work
from sim.plan.vocabulary import Step as PlanStep
from sim.world.randomness.distributions import to_distribution

# --- networks ---------------------------------------------------------------------------------------------------------


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


def write_network(context: PlanContext, steps: Sequence[Step], instance: Instance) -> list[str]:
    """Write one instance of a network into the plan; return the gates of the steps that nothing comes after."""
    for step in steps:
        context.plan.unit(f"{instance.prefix}.{step.id}", _step(context, step, instance))
    followed = {before for step in steps for before in step.after}
    return [f"{instance.prefix}.{step.id}" for step in steps if step.id not in followed]


def _step(context: PlanContext, step: Step, instance: Instance) -> list[PlanStep]:
    """Return: wait for what comes before, for what is bought, and for the lag; then the work, and the signal."""
    activity = f"{instance.network}.{step.id}"
    local = [before for before in step.after if "." not in before]
    before = [f"{instance.prefix}.{name}" for name in local]
    before += prerequisites(context, (name for name in step.after if "." in name), instance.place)
    route: list[PlanStep] = [] if local else list(instance.roots)
    route += [Wait(context.plan.gate(gate)) for gate in before]
    route += [Wait(arrived(context, item, instance.place)) for item in step.needs]
    if step.lag_days is not None:
        route.append(Work(f"{activity} lag", Span(to_distribution(step.lag_days), MINUTES_PER_DAY), "always"))
    hours = planned_hours(step, instance.sqft, instance.mw)
    span = step_span(context, step, hours)
    route += by_crews(context, instance.place, activity, step, span)
    weight = hours.planned if hours is not None else span.shape.planned()
    route.append(Note("installed", instance.item, max(1, round(weight))))
    route.append(Signal(context.plan.gate(f"{instance.prefix}.{step.id}")))
    return route


def prerequisites(context: PlanContext, names: Iterable[str], place: Place) -> list[str]:
    """Return the gates of `network.step` names as seen from a place: its phase's, its hall's or its own."""
    above = {"site_works": place.phase, "shell": place.hall}
    gates = []
    for name in names:
        network, step = name.split(".", 1)
        gates.append(context.plan.gate(f"{above.get(network, place.name)}.{network}.{step}"))
    return gates


# --- shell ------------------------------------------------------------------------------------------------------------


def permits_and_design(context: PlanContext, phase: Place) -> None:
    """Write the permits and the design of a phase: nothing starts on site before."""
    permitted = context.plan.gate(f"{phase.name}.permitted")
    preparation = Span(to_distribution(context.project.scale.preparation_days), MINUTES_PER_DAY)
    context.plan.unit(
        f"{phase.name}.preparation",
        [
            context.decided(phase),
            Note("ordered", f"site_works/{phase.name}"),
            Work("permits and design", preparation, "always"),
            Note("started", f"site_works/{phase.name}"),
            Signal(permitted),
        ],
    )


def site_works(context: PlanContext, phase: Place) -> None:
    """Write the works that serve a whole phase."""
    instance = Instance(phase, "site_works", f"site_works/{phase.name}", mw=phase.built_mw, roots=(_start(phase),))
    write_network(context, context.project.site_works.steps, instance)


def erect_hall(context: PlanContext, hall: Place) -> None:
    """Write the shell of one hall, from its decision to dry-in."""
    steps = context.project.shell.steps
    if not steps:
        return
    item = f"shell/{hall.name}"
    begun = context.plan.gate(f"{hall.name}.decided")
    context.plan.unit(f"{hall.name}.decision", [context.decided(hall), Note("ordered", item), Signal(begun)])
    sqft = hall.built_mw * context.project.hall.sqft_per_mw.value
    roots = (_start(hall), Wait(begun))
    write_network(context, steps, Instance(hall, "shell", item, sqft, hall.built_mw, roots))


def lay_pad(context: PlanContext, block: Place) -> None:
    """Write the foundation of one block that has no hall around it."""
    if context.project.pad.steps:
        begun = context.plan.gate(f"{block.name}.decided")
        item = f"pad/{block.name}"
        context.plan.unit(f"{block.name}.decision", [context.decided(block), Note("ordered", item), Signal(begun)])
        roots = (_start(block), Wait(begun))
        write_network(context, context.project.pad.steps, Instance(block, "pad", item, mw=block.built_mw, roots=roots))


def _start(place: Place) -> Wait:
    return Wait(f"{place.phase}.permitted")
