"""Step networks: each step becomes a unit that waits, takes its crews, works and reports.

Written with them are the works of a phase that serve the whole site, the shell of a hall, and the pad of a block that
stands outside. Steps follow each other by links (finish-to-start and others) with lags and leads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from sim.config.sections.estimates import Estimate
from sim.config.sections.systems import Predecessor, Step
from sim.plan.layout import FIRST_SECTION, Place, sections
from sim.plan.mechanisms.crews import UNLIMITED, by_crews, calendar_of, planned_hours, step_span
from sim.plan.mechanisms.procurement import arrived
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import MINUTES_PER_DAY, Note, Signal, Span, UnitInfo, UnitKind, Wait, Work, fixed
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, to_distribution
from sim.world.project_calendars import LAG, on_calendar
from sim.world.working_time import ALWAYS_OPEN

# --- networks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Instance:
    """One instance of a step network: its place, its size, and what its first steps wait for (`roots`).

    `cause` is what a delay by its work is due to; `section` names one of several sections in which a hall is built.
    """

    place: Place
    network: str
    cause: str
    sqft: float = 0.0
    mw: float = 0.0
    roots: tuple[Wait, ...] = field(default_factory=tuple)
    section: str = ""

    @property
    def prefix(self) -> str:
        """Return what the names of its steps begin with."""
        return f"{self.place.name}{self.section}.{self.network}"

    def info(self, kind: UnitKind, step: str) -> UnitInfo:
        """Return the information on a unit of this instance: its kind and the step it belongs to."""
        return UnitInfo(kind, self.cause, self.place.name, self.network, step)


def write_network(context: PlanContext, steps: Sequence[Step], instance: Instance) -> list[str]:
    """Write one instance of a network into the plan; return the gates of the steps whose finish no other step follows."""
    links = resolved_links(steps, len(context.project.site_calendar.days))
    start_followed = {link.id for step in steps for link in links[step.id] if link.of_start}
    by_id = {step.id: step for step in steps}
    for step in steps:
        route = _step_route(context, step, instance, links[step.id], by_id)
        if step.id in start_followed:
            work = next(position for position, part in enumerate(route) if _is_its_work(part, instance, step))
            route.insert(work, Signal(context.plan.gate(_started(instance, step.id))))
        context.plan.unit(f"{instance.prefix}.{step.id}", route, instance.info("step", step.id))
    for step in steps:
        for link in links[step.id]:
            if _has_gate(context, step, link, by_id.get(link.id)):
                route = _link_route(context, instance, step, link, by_id.get(link.id))
                context.plan.unit(_link_gate(instance, step, link), route, instance.info("link", step.id))
    finish_followed = {link.id for step in steps for link in links[step.id] if not link.of_start}
    return [f"{instance.prefix}.{step.id}" for step in steps if step.id not in finish_followed]


def _step_route(
    context: PlanContext, step: Step, instance: Instance, links: Sequence[Predecessor], by_id: Mapping[str, Step]
) -> list[PlanStep]:
    """Return a step's route: waits for predecessors of its start and for deliveries, lag, work, waits before its finish."""
    activity = f"{instance.network}.{step.id}"
    # a link's type is as planners write it: FS, SS, FF, SF; a dot in its id leads to another network
    in_network = [link for link in links if link.type[1] == "S" and "." not in link.id]
    to_others = [link for link in links if link.type[1] == "S" and "." in link.id]
    route: list[PlanStep] = [] if in_network else list(instance.roots)
    route += _waits(context, step, instance, [*in_network, *to_others], by_id)
    route += [Wait(arrived(context, item, instance.place)) for item in step.needs]
    if step.lag_days is not None:
        route.append(
            Work(f"{activity} lag", Span(to_distribution(step.lag_days), MINUTES_PER_DAY), ALWAYS_OPEN, role="lag")
        )
    hours = planned_hours(step, instance.sqft, instance.mw)
    span = step_span(context, step, hours)
    route += by_crews(context, instance.place, activity, step, span)
    route += _waits(context, step, instance, [link for link in links if link.type[1] == "F"], by_id)
    weight = hours.planned if hours is not None else span.shape.planned()
    route.append(Note("installed", instance.network, max(1, round(weight)), instance.place.name))
    route.append(Signal(context.plan.gate(f"{instance.prefix}.{step.id}")))
    return route


def _is_its_work(part: PlanStep, instance: Instance, step: Step) -> bool:
    """Return whether a part of a step's route is the work itself, not its lag."""
    return isinstance(part, Work) and part.activity == f"{instance.network}.{step.id}"


def _has_gate(context: PlanContext, step: Step, link: Predecessor, predecessor: Step | None) -> bool:
    """Return whether a link has a gate of its own: it lags or leads, or waits until its predecessor can work."""
    return link.lag_days is not None or link.lead_days > 0 or _from_opening(context, step, link, predecessor)


def _from_opening(context: PlanContext, step: Step, link: Predecessor, predecessor: Step | None) -> bool:
    """Return whether a link waits for the first working minute of its predecessor.

    As in P6 a start lies in working time: what follows the start of a step that is ready on Friday evening counts
    from Monday morning. Where all counts on the predecessor's calendar, or that never closes, this changes nothing,
    and a milestone (of zero days) has no working minute.
    """
    if link.type[0] != "S" or link.lead_days or predecessor is None:
        return False
    if predecessor.days is not None and not predecessor.days.planned:
        return False
    if link.lag_days is None:
        counts_on = calendar_of(step)
    else:
        counts_on = on_calendar(predecessor.exposure, link.lag_calendar) if link.lag_calendar else ALWAYS_OPEN
    return counts_on != calendar_of(predecessor) and not context.never_closes(calendar_of(predecessor))


def _waits(
    context: PlanContext, step: Step, instance: Instance, links: Sequence[Predecessor], by_id: Mapping[str, Step]
) -> list[PlanStep]:
    """Return a wait for each link: for its own gate if it has one, else for the predecessor's."""
    gates = [
        context.plan.gate(_link_gate(instance, step, link))
        if _has_gate(context, step, link, by_id.get(link.id))
        else _predecessor_gate(context, instance, link)
        for link in links
    ]
    return [Wait(gate) for gate in gates]


def _link_route(
    context: PlanContext, instance: Instance, step: Step, link: Predecessor, predecessor: Step | None
) -> list[PlanStep]:
    """Return the route of the unit that opens the gate of a link, when the lag has passed after its predecessor's event.

    A lead is counted from the predecessor's start, the only moment that is known in time: its planned length less the
    lead passes on its calendar, with its losses. That it takes longer than planned is not foreseen.
    """
    activity = f"{instance.network}.{step.id} after {link.id}"
    signal = Signal(context.plan.gate(_link_gate(instance, step, link)))
    if not link.lead_days:
        route: list[PlanStep] = [Wait(_predecessor_gate(context, instance, link))]
        opening = predecessor is not None and _from_opening(context, step, link, predecessor)
        if predecessor is not None and opening:
            route.append(Work(f"{activity} opening", fixed(1), calendar_of(predecessor), role="lag"))
        return [*route, *_lag(context, activity, link, passed=int(opening)), signal]
    assert predecessor is not None  # the checks of the configuration let no lead leave its network
    calendar = calendar_of(predecessor)
    span = step_span(context, predecessor, planned_hours(predecessor, instance.sqft, instance.mw))
    minutes = max(0.0, span.shape.planned() * span.minutes - link.lead_days * context.day_minutes_on(calendar))
    until_lead = Span(Fixed(minutes), 1.0, span.content, span.losses, span.delays)
    return [
        Wait(context.plan.gate(_started(instance, link.id))),
        Work(activity, until_lead, calendar, role="lag"),
        signal,
    ]


def _lag(context: PlanContext, activity: str, link: Predecessor, passed: int) -> list[PlanStep]:
    """Return a link's lag as work: a fixed one less the minutes that have passed already, a drawn one in full."""
    if link.lag_days is None:
        return []
    calendar = f"{LAG}{link.lag_calendar}" if link.lag_calendar else ALWAYS_OPEN
    span = Span(to_distribution(link.lag_days), context.day_minutes_on(calendar))
    if isinstance(span.shape, Fixed) and passed:
        span = fixed(max(0.0, span.shape.value * span.minutes - passed))
    return [Work(activity, span, calendar, role="lag")]


def _predecessor_gate(context: PlanContext, instance: Instance, link: Predecessor) -> str:
    """Return the gate that opens at the start or the finish of a link's predecessor, whichever the link follows."""
    if "." in link.id:
        return prerequisites(context, [link.id], instance.place)[0]
    return context.plan.gate(_started(instance, link.id) if link.type[0] == "S" else f"{instance.prefix}.{link.id}")


def _started(instance: Instance, step: str) -> str:
    return f"{instance.prefix}.{step} started"


def _link_gate(instance: Instance, step: Step, link: Predecessor) -> str:
    return f"{instance.prefix}.{step.id} after {link.id} {link.type}"


def resolved_links(steps: Sequence[Step], days_per_week: int) -> dict[str, list[Predecessor]]:
    """Return the links of every step; a lead on a predecessor's start becomes leads on what that start follows.

    A start is not known before it comes. So "B starts at most two days before A does" becomes: B follows what A
    follows, two days sooner. What A waits for besides its links (crews, deliveries) cannot be foreseen and is left out.
    """
    by_id = {step.id: step for step in steps}
    resolved: dict[str, list[Predecessor]] = {}
    for step in steps:
        if not any(link.type[0] == "S" and link.lead_days for link in step.after):
            resolved[step.id] = list(step.after)
            continue
        links: list[Predecessor] = []
        for link in step.after:
            leads_a_start = link.type[0] == "S" and link.lead_days
            links += _replace_lead(by_id, link, link.lead_days, days_per_week) if leads_a_start else [link]
        # of links of one type to one step the last one stays: that with the largest lag
        by_lag = sorted(links, key=lambda link: _working_lag(link, days_per_week))
        resolved[step.id] = list({(link.id, link.type): link for link in by_lag}.values())
    return resolved


def _replace_lead(
    by_id: Mapping[str, Step], link: Predecessor, lead: float, days_per_week: int
) -> Iterable[Predecessor]:
    """Yield links that replace one with a lead: from what its predecessor's start follows, `lead` working days sooner."""
    for link_before in by_id[link.id].after:
        if link_before.type[1] != "S":
            continue
        lag, kind = _working_lag(link_before, days_per_week) - lead, link_before.type[0] + link.type[1]
        if lag >= 0:
            lag_days = Estimate(value=lag * 7 / days_per_week) if lag else None
            yield Predecessor.model_validate({"id": link_before.id, "type": kind, "lag_days": lag_days})
        elif link_before.id not in by_id:
            yield Predecessor.model_validate({"id": link_before.id, "type": kind})
        elif kind[0] == "F":
            yield Predecessor.model_validate({"id": link_before.id, "type": kind, "lead_days": -lag})
        else:
            still_a_lead = Predecessor.model_validate({"id": link_before.id, "type": kind})
            yield from _replace_lead(by_id, still_a_lead, -lag, days_per_week)


def _working_lag(link: Predecessor, days_per_week: int) -> float:
    """Return the planned lag of a link in working days, below zero if it leads."""
    working_share = 1.0 if link.lag_calendar else days_per_week / 7
    return (link.lag_days.planned if link.lag_days is not None else 0.0) * working_share - link.lead_days


def prerequisites(context: PlanContext, names: Iterable[str], place: Place) -> list[str]:
    """Return the gates of steps (`network.step`) that a place needs: those of its phase, of its hall, or its own."""
    place_of = {"site_works": place.phase, "shell": f"{place.hall}{context.section_of(place)}"}
    gates = []
    for name in names:
        network, step = name.split(".", 1)
        gates.append(context.plan.gate(f"{place_of.get(network, place.name)}.{network}.{step}"))
    return gates


# --- permits, site works, shell and pads ------------------------------------------------------------------------------


def permits_and_design(context: PlanContext, phase: Place) -> None:
    """Write the unit of a phase's permits and design: nothing starts on site before it is done."""
    permitted = context.plan.gate(f"{phase.name}.permitted")
    preparation = Span(to_distribution(context.project.scale.preparation_days), MINUTES_PER_DAY)
    context.plan.unit(
        f"{phase.name}.preparation",
        [
            context.decided(phase),
            Note("ordered", "site_works", place=phase.name),
            Work("permits and design", preparation, ALWAYS_OPEN),
            Note("started", "site_works", place=phase.name),
            Signal(permitted),
        ],
        UnitInfo("preparation", "permits", phase.name),
    )


def site_works(context: PlanContext, phase: Place) -> None:
    """Write the network of works that serve a whole phase, such as roads and utilities."""
    instance = Instance(phase, "site_works", "site_works", mw=phase.built_mw, roots=(_start(phase),))
    write_network(context, context.project.site_works.steps, instance)


def erect_halls(context: PlanContext) -> None:
    """Write the shells of all halls, section by section; a section's place in the work is that of its first block."""
    all_sections: list[tuple[str, Place, tuple[str, int]]] = []
    for hall in context.layout.halls if context.project.shell.steps else ():
        blocks_before = 0
        for section, blocks in sections(context.project, hall):
            all_sections.append((hall.name, replace(hall, sequence=hall.sequence + blocks_before), (section, blocks)))
            blocks_before += blocks
    for _, hall, (section, blocks) in context.each_unit(all_sections):
        _erect(context, hall, section, blocks * context.project.block.mw_gross.value)


def _erect(context: PlanContext, hall: Place, section: str, mw: float) -> None:
    """Write the shell of a section of a hall, or of a whole one, from its decision to dry-in."""
    decided = context.plan.gate(f"{hall.name}.decided")
    if section in ("", FIRST_SECTION):
        _decide(context, hall, "shell", decided)
    steps, sqft = context.project.shell.steps, mw * context.project.hall.sqft_per_mw.value
    stated_for = context.project.shell.crews_for_sqft
    if stated_for is not None:
        steps = tuple(crews_by_area(context, step, sqft, stated_for.value) for step in steps)
    roots = (_start(hall), Wait(decided))
    write_network(context, steps, Instance(hall, "shell", "hall", sqft, mw, roots, section))


def crews_by_area(context: PlanContext, step: Step, sqft: float, reference_sqft: float) -> Step:
    """Return a step with the crews and cranes for an area: whole numbers, in proportion to those for `reference_sqft`.

    Never fewer than the step's least nor more than its most; never so many that people have less room than it tolerates.
    """
    max_crews = step.most_crews or UNLIMITED
    crews_unrounded = {trade: count * sqft / reference_sqft for trade, count in step.crews.items()}
    if step.least_sqft_per_person is not None and crews_unrounded:
        people = sum(count * context.trade(trade).team for trade, count in crews_unrounded.items())
        share = min(1.0, sqft / (people * step.least_sqft_per_person))
        crews_unrounded = {
            trade: floor(count * share + 1e-9) if share < 1 else count for trade, count in crews_unrounded.items()
        }
    crews = {
        trade: max(step.least_crews, min(max_crews, floor(count + 0.5))) for trade, count in crews_unrounded.items()
    }
    cranes = floor(step.cranes * sqft / reference_sqft + 0.5)
    return step.model_copy(update={"crews": crews, "cranes": max(cranes, min(1, step.cranes))})


def lay_pad(context: PlanContext, block: Place) -> None:
    """Write the foundation of one block that has no hall around it."""
    if context.project.pad.steps:
        decided = context.plan.gate(f"{block.name}.decided")
        _decide(context, block, "pad", decided)
        roots = (_start(block), Wait(decided))
        instance = Instance(block, "pad", "hall", mw=block.built_mw, roots=roots)
        write_network(context, context.project.pad.steps, instance)


def _decide(context: PlanContext, place: Place, network: str, gate: str) -> None:
    """Write the unit that opens a gate when it is decided to build at a place."""
    route: list[PlanStep] = [context.decided(place), Note("ordered", network, place=place.name), Signal(gate)]
    context.plan.unit(f"{place.name}.decision", route, UnitInfo("decision", "order_date", place.name))


def _start(place: Place) -> Wait:
    """Return the wait for the permits of a place's phase."""
    return Wait(f"{place.phase}.permitted")
