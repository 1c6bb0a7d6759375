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
from sim.plan.context import PlanContext
from sim.plan.layout import FIRST_SECTION, Place, sections
from sim.plan.mechanisms.crews import UNLIMITED, by_crews, calendar_of, planned_hours, step_span
from sim.plan.mechanisms.procurement import arrived
from sim.plan.vocabulary import MINUTES_PER_DAY, Note, Signal, Span, UnitInfo, UnitKind, Wait, Work, fixed
from sim.plan.vocabulary import Step as PlanStep
from sim.world.distributions import Fixed, to_distribution
from sim.world.project_calendars import LAG, on_calendar

# --- networks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Instance:
    """One instance of a network: where, how large, what it waits for at its roots, and the capital it adds to.

    `cause` is what a delay by its work is due to; `section` is that of a hall which is built in several.
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
        """Return what a unit of the network is."""
        return UnitInfo(kind, self.cause, self.place.name, self.network, step)


def write_network(context: PlanContext, steps: Sequence[Step], instance: Instance) -> list[str]:
    """Write one instance of a network into the plan; return the gates of the steps whose finish nothing waits for."""
    links = resolved_links(steps, len(context.project.site_calendar.days))
    awaited = {link.id for step in steps for link in links[step.id] if link.of_start}
    known = {step.id: step for step in steps}
    for step in steps:
        route = _step(context, step, instance, links[step.id], known)
        if step.id in awaited:
            work = next(place for place, part in enumerate(route) if _is_its_work(part, instance, step))
            route.insert(work, Signal(context.plan.gate(_started(instance, step.id))))
        context.plan.unit(f"{instance.prefix}.{step.id}", route, instance.info("step", step.id))
    for step in steps:
        for link in links[step.id]:
            if _has_gate(context, step, link, known.get(link.id)):
                route = _delay(context, instance, step, link, known.get(link.id))
                context.plan.unit(_link_gate(instance, step, link), route, instance.info("link", step.id))
    followed = {link.id for step in steps for link in links[step.id] if not link.of_start}
    return [f"{instance.prefix}.{step.id}" for step in steps if step.id not in followed]


def _step(
    context: PlanContext, step: Step, instance: Instance, links: Sequence[Predecessor], known: Mapping[str, Step]
) -> list[PlanStep]:  # fmt: skip
    """Return: wait for what its start follows, for what is bought, for the lag; the work; what its finish follows."""
    activity = f"{instance.network}.{step.id}"
    local = [link for link in links if link.type[1] == "S" and "." not in link.id]
    above = [link for link in links if link.type[1] == "S" and "." in link.id]
    route: list[PlanStep] = [] if local else list(instance.roots)
    route += _waits(context, step, instance, [*local, *above], known)
    route += [Wait(arrived(context, item, instance.place)) for item in step.needs]
    if step.lag_days is not None:
        route.append(
            Work(f"{activity} lag", Span(to_distribution(step.lag_days), MINUTES_PER_DAY), "always", role="lag")
        )
    hours = planned_hours(step, instance.sqft, instance.mw)
    span = step_span(context, step, hours)
    route += by_crews(context, instance.place, activity, step, span)
    route += _waits(context, step, instance, [link for link in links if link.type[1] == "F"], known)
    weight = hours.planned if hours is not None else span.shape.planned()
    route.append(Note("installed", instance.network, max(1, round(weight)), instance.place.name))
    route.append(Signal(context.plan.gate(f"{instance.prefix}.{step.id}")))
    return route


def _is_its_work(part: PlanStep, instance: Instance, step: Step) -> bool:
    """Return whether a part of a step's route is the work itself, not its lag."""
    return isinstance(part, Work) and part.activity == f"{instance.network}.{step.id}"


def _has_gate(context: PlanContext, step: Step, link: Predecessor, before: Step | None) -> bool:
    """Return whether a link has a gate of its own: it lags or leads, or waits until its predecessor can work."""
    return link.lag_days is not None or link.lead_days > 0 or _from_opening(context, step, link, before)


def _from_opening(context: PlanContext, step: Step, link: Predecessor, before: Step | None) -> bool:
    """Return whether a link waits for the first working minute of its predecessor.

    As in P6 a start lies in working time: what hangs on the start of a step that is ready on Friday evening counts
    from Monday morning. Where all counts on the predecessor's calendar, or that never closes, this changes nothing,
    and a milestone has no working minute.
    """
    if link.type[0] != "S" or link.lead_days or before is None or (before.days is not None and not before.days.planned):
        return False
    if link.lag_days is None:
        counts_on = calendar_of(step)
    else:
        counts_on = on_calendar(before.exposure, link.lag_calendar) if link.lag_calendar else "always"
    return counts_on != calendar_of(before) and not context.never_closes(calendar_of(before))


def _waits(
    context: PlanContext, step: Step, instance: Instance, links: Sequence[Predecessor], known: Mapping[str, Step]
) -> list[PlanStep]:  # fmt: skip
    """Return a wait for each link: for its own gate if it has one, else for the predecessor's."""
    gates = [
        context.plan.gate(_link_gate(instance, step, link))
        if _has_gate(context, step, link, known.get(link.id))
        else _event(context, instance, link)
        for link in links
    ]
    return [Wait(gate) for gate in gates]


def _delay(
    context: PlanContext, instance: Instance, step: Step, link: Predecessor, before: Step | None
) -> list[PlanStep]:  # fmt: skip
    """Return the unit behind a link that lags or leads: it waits for the predecessor's event, lets time pass, signals.

    A lead is counted from the predecessor's start, the only moment that is known in time: its planned length less the
    lead passes on its calendar, slowed by what slows it. That it takes longer than planned is not foreseen.
    """
    activity = f"{instance.network}.{step.id} after {link.id}"
    signal = Signal(context.plan.gate(_link_gate(instance, step, link)))
    if not link.lead_days:
        begun: list[PlanStep] = [Wait(_event(context, instance, link))]
        if before is not None and _from_opening(context, step, link, before):
            begun.append(Work(f"{activity} opening", fixed(1), calendar_of(before), role="lag"))
        return [*begun, *_lag(context, activity, link, passed=len(begun) - 1), signal]
    assert before is not None  # the checks of the configuration let no lead leave its network
    span, on = step_span(context, before, planned_hours(before, instance.sqft, instance.mw)), calendar_of(before)
    minutes = max(0.0, span.shape.planned() * span.minutes - link.lead_days * context.day_minutes_on(on))
    length = Span(Fixed(minutes), 1.0, span.content, span.losses, span.delays)
    return [
        Wait(context.plan.gate(_started(instance, link.id))),
        Work(activity, length, on, role="lag"),
        signal,
    ]


def _lag(context: PlanContext, activity: str, link: Predecessor, passed: int) -> list[PlanStep]:
    """Return what of a link's lag is left after so many minutes; one that is drawn is not cut by them."""
    if link.lag_days is None:
        return []
    on = f"{LAG}{link.lag_calendar}" if link.lag_calendar else "always"
    span = Span(to_distribution(link.lag_days), context.day_minutes_on(on))
    if isinstance(span.shape, Fixed) and passed:
        span = fixed(max(0.0, span.shape.value * span.minutes - passed))
    return [Work(activity, span, on, role="lag")]


def _event(context: PlanContext, instance: Instance, link: Predecessor) -> str:
    """Return the gate of the event of a predecessor that a link hangs on."""
    if "." in link.id:
        return prerequisites(context, [link.id], instance.place)[0]
    return context.plan.gate(_started(instance, link.id) if link.type[0] == "S" else f"{instance.prefix}.{link.id}")


def _started(instance: Instance, step: str) -> str:
    return f"{instance.prefix}.{step} started"


def _link_gate(instance: Instance, step: Step, link: Predecessor) -> str:
    return f"{instance.prefix}.{step.id} after {link.id} {link.type}"


def resolved_links(steps: Sequence[Step], days_a_week: int) -> dict[str, list[Predecessor]]:
    """Return the links of every step, leads on a predecessor's start carried back to what that start follows.

    A start is not known before it comes. So "B starts at most two days before A does" becomes: B follows what A
    follows, two days sooner. What A waits for besides its links (crews, deliveries) cannot be foreseen and is left out.
    """
    known = {step.id: step for step in steps}
    found: dict[str, list[Predecessor]] = {}
    for step in steps:
        if not any(link.type[0] == "S" and link.lead_days for link in step.after):
            found[step.id] = list(step.after)
            continue
        links = [
            carried
            for link in step.after
            for carried in (
                _carried_back(known, link, link.lead_days, days_a_week)
                if link.type[0] == "S" and link.lead_days
                else [link]
            )
        ]
        strictest = sorted(links, key=lambda link: _working_lag(link, days_a_week))
        found[step.id] = list({(link.id, link.type): link for link in strictest}.values())
    return found


def _carried_back(
    known: Mapping[str, Step], link: Predecessor, lead: float, days_a_week: int
) -> Iterable[Predecessor]:  # fmt: skip
    """Yield the links to what a predecessor's start follows, `lead` working days sooner."""
    for before in known[link.id].after:
        if before.type[1] != "S":
            continue
        lag, kind = _working_lag(before, days_a_week) - lead, before.type[0] + link.type[1]
        if lag >= 0:
            lag_days = Estimate(value=lag * 7 / days_a_week) if lag else None
            yield Predecessor.model_validate({"id": before.id, "type": kind, "lag_days": lag_days})
        elif before.id not in known:
            yield Predecessor.model_validate({"id": before.id, "type": kind})
        elif kind[0] == "F":
            yield Predecessor.model_validate({"id": before.id, "type": kind, "lead_days": -lag})
        else:
            further = Predecessor.model_validate({"id": before.id, "type": kind})
            yield from _carried_back(known, further, -lag, days_a_week)


def _working_lag(link: Predecessor, days_a_week: int) -> float:
    """Return the planned lag of a link in working days, below zero if it leads."""
    a_day = 1.0 if link.lag_calendar else days_a_week / 7
    return (link.lag_days.planned if link.lag_days is not None else 0.0) * a_day - link.lead_days


def prerequisites(context: PlanContext, names: Iterable[str], place: Place) -> list[str]:
    """Return the gates of `network.step` names as seen from a place: its phase's, its hall's or its own."""
    above = {"site_works": place.phase, "shell": f"{place.hall}{context.section_of(place)}"}
    gates = []
    for name in names:
        network, step = name.split(".", 1)
        gates.append(context.plan.gate(f"{above.get(network, place.name)}.{network}.{step}"))
    return gates


# --- permits, site works, shell and pads ------------------------------------------------------------------------------


def permits_and_design(context: PlanContext, phase: Place) -> None:
    """Write the permits and the design of a phase: nothing starts on site before."""
    permitted = context.plan.gate(f"{phase.name}.permitted")
    preparation = Span(to_distribution(context.project.scale.preparation_days), MINUTES_PER_DAY)
    context.plan.unit(
        f"{phase.name}.preparation",
        [
            context.decided(phase),
            Note("ordered", "site_works", place=phase.name),
            Work("permits and design", preparation, "always"),
            Note("started", "site_works", place=phase.name),
            Signal(permitted),
        ],
        UnitInfo("preparation", "permits", phase.name),
    )


def site_works(context: PlanContext, phase: Place) -> None:
    """Write the works that serve a whole phase."""
    instance = Instance(phase, "site_works", "site_works", mw=phase.built_mw, roots=(_start(phase),))
    write_network(context, context.project.site_works.steps, instance)


def erect_halls(context: PlanContext) -> None:
    """Write the shells of all halls, section by section, each in the order of the work of its own blocks."""
    written: list[tuple[str, Place, tuple[str, int]]] = []
    for hall in context.layout.halls if context.project.shell.steps else ():
        before = 0
        for section, blocks in sections(context.project, hall):
            written.append((hall.name, replace(hall, sequence=hall.sequence + before), (section, blocks)))
            before += blocks
    for _, hall, (section, blocks) in context.each_unit(written):
        _erect(context, hall, section, blocks * context.project.block.mw_gross.value)


def _erect(context: PlanContext, hall: Place, section: str, mw: float) -> None:
    """Write the shell of a section of a hall, or of a whole one, from its decision to dry-in."""
    begun = context.plan.gate(f"{hall.name}.decided")
    if section in ("", FIRST_SECTION):
        _decide(context, hall, "shell", begun)
    steps, sqft = context.project.shell.steps, mw * context.project.hall.sqft_per_mw.value
    stated_for = context.project.shell.crews_for_sqft
    if stated_for is not None:
        steps = tuple(crews_by_area(context, step, sqft, stated_for.value) for step in steps)
    roots = (_start(hall), Wait(begun))
    write_network(context, steps, Instance(hall, "shell", "hall", sqft, mw, roots, section))


def crews_by_area(context: PlanContext, step: Step, sqft: float, stated_for: float) -> Step:
    """Return a step with the crews and cranes for an area: in proportion to the one they are stated for, and whole.

    Never fewer than the step's least nor more than its most; never so many that people have less room than it tolerates.
    """
    most = step.most_crews or UNLIMITED
    wanted = {trade: count * sqft / stated_for for trade, count in step.crews.items()}
    if step.least_sqft_per_person is not None and wanted:
        people = sum(count * context.trade(trade).team for trade, count in wanted.items())
        room = min(1.0, sqft / (people * step.least_sqft_per_person))
        wanted = {trade: floor(count * room + 1e-9) if room < 1 else count for trade, count in wanted.items()}
    crews = {trade: max(step.least_crews, min(most, floor(count + 0.5))) for trade, count in wanted.items()}
    cranes = floor(step.cranes * sqft / stated_for + 0.5)
    return step.model_copy(update={"crews": crews, "cranes": max(cranes, min(1, step.cranes))})


def lay_pad(context: PlanContext, block: Place) -> None:
    """Write the foundation of one block that has no hall around it."""
    if context.project.pad.steps:
        begun = context.plan.gate(f"{block.name}.decided")
        _decide(context, block, "pad", begun)
        roots = (_start(block), Wait(begun))
        instance = Instance(block, "pad", "hall", mw=block.built_mw, roots=roots)
        write_network(context, context.project.pad.steps, instance)


def _decide(context: PlanContext, place: Place, network: str, begun: str) -> None:
    """Write the decision to build at a place."""
    route: list[PlanStep] = [context.decided(place), Note("ordered", network, place=place.name), Signal(begun)]
    context.plan.unit(f"{place.name}.decision", route, UnitInfo("decision", "order_date", place.name))


def _start(place: Place) -> Wait:
    return Wait(f"{place.phase}.permitted")
