"""The plan of a project as a flow diagram: kinds of units, what they share, and what follows what.

Units of one kind and part are one box, however many there are. An arrow is a gate that one box signals and another waits
for, or something that is handed on (a skid, power). Crews, cranes and places are shared; they stand in the boxes. As text
for Mermaid, as SVG, or on a page with the method of the strategy beside it; nothing is fetched to look at them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from html import escape

from sim.config.project import Project
from sim.plan.compile import CompiledPlan
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT, UnitInfo
from sim.report.exchange.task_links import handed_on
from sim.report.formatting import counted

_TITLES = {
    "preparation": "Permits and design", "step": "", "installation": "{part}: set and connect",
    "skid": "{part} skids: make, test, ship", "commissioning": "Commissioning of a block", "turnover": "Turnover",
    "generating_unit": "Generating units", "firm_power": "Power plant", "grid_feed": "Grid feed",
    "material": "{part}: materials", "lot": "{part}: lots ordered", "chips": "Chips", "order": "Orders",
    "camp_stage": "Camp", "allocation": "Allocations", "decision": "Decisions",
}  # fmt: skip
_SITE = "Site works"
_NETWORKS = {"site_works": _SITE, "shell": "Shell of a hall", "pad": "Pad of a block"}
WIDTH, HEIGHT, GAP, ROW = 260, 74, 70, 96


@dataclass(frozen=True)
class Flow:
    """Boxes with how many units they stand for and what these share, and the arrows between them."""

    boxes: Mapping[str, int]
    shares: Mapping[str, tuple[str, ...]]
    arrows: Mapping[tuple[str, str], str]
    """By boxes, what is handed on; empty where one only waits for the other."""

    @property
    def columns(self) -> list[list[str]]:
        """Return boxes so that each stands to the right of all it follows, as far as nothing goes round in a circle."""
        before: dict[str, set[str]] = {box: set() for box in self.boxes}
        for first, second in self.arrows:
            before[second].add(first)
            try:
                TopologicalSorter(before).prepare()
            except CycleError:
                before[second].discard(first)  # what comes back to where it came from, such as a place given free
        rank: dict[str, int] = {}
        for box in TopologicalSorter(before).static_order():
            rank[box] = max((rank[one] + 1 for one in before[box]), default=0)
        return [[box for box in self.boxes if rank[box] == at] for at in range(max(rank.values(), default=-1) + 1)]


def flow_of(plan: CompiledPlan) -> Flow:
    """Return the flow of a compiled plan."""
    box_of = [_title(info) for info in plan.unit_info]
    units = Counter(box for box, info in zip(box_of, plan.unit_info, strict=True) if box and info.kind != "link")
    places: dict[str, set[str]] = {}
    for box, info in zip(box_of, plan.unit_info, strict=True):
        places.setdefault(box, set()).add("" if info.kind == "skid" else info.place)
    # a hall with seven steps is one hall; of the site's works the steps are counted
    boxes = {box: count if box == _SITE or places[box] == {""} else len(places[box]) for box, count in units.items()}
    signals: dict[int, set[str]] = {}
    waits: dict[int, set[str]] = {}
    gives: dict[int, set[str]] = {}
    takes: dict[int, set[str]] = {}
    shares: dict[str, dict[str, None]] = {}
    tokens = handed_on(plan)
    for row, (operation, argument) in enumerate(plan.rows[:, :2].tolist()):
        box = box_of[plan.unit_of[row]]
        if not box:
            continue
        if operation in (SIGNAL, WAIT):
            (signals if operation == SIGNAL else waits).setdefault(argument, set()).add(box)
        elif operation in (HOLD, FREE):
            for pool, _ in plan.bundles[argument]:
                if pool in tokens:
                    (takes if operation == HOLD else gives).setdefault(pool, set()).add(box)
                elif operation == HOLD and plan.initial[pool] > 0:
                    shares.setdefault(box, {})[_shared(plan, pool)] = None
    arrows = {pair: "" for gate, ends in signals.items() for pair in _pairs(ends, waits.get(gate, ()))}
    arrows |= {pair: plan.pools[pool] for pool, ends in gives.items() for pair in _pairs(ends, takes.get(pool, ()))}
    joined = {box for pair in arrows for box in pair}
    return Flow(
        {box: count for box, count in boxes.items() if box in joined},
        {box: tuple(sorted(found)) for box, found in shares.items()},
        _direct(arrows),
    )


def _direct(arrows: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Return arrows without those that a way through other boxes says already; what is handed on stays."""
    after: dict[str, set[str]] = {}
    for first, second in arrows:
        after.setdefault(first, set()).add(second)

    def reached(box: str, without: tuple[str, str], seen: set[str]) -> set[str]:
        for other in after.get(box, set()) - seen:
            if (box, other) != without:
                seen.add(other)
                reached(other, without, seen)
        return seen

    return {pair: token for pair, token in arrows.items() if token or pair[1] not in reached(pair[0], pair, set())}


def _pairs(first: Iterable[str], second: Iterable[str]) -> list[tuple[str, str]]:
    return [(one, other) for one in sorted(first) for other in sorted(second) if one != other]


def _title(info: UnitInfo) -> str:
    """Return the box of a unit; nothing for what only serves others, such as a crew or a truck."""
    if info.kind in ("step", "link"):
        return _NETWORKS.get(info.part) or _title(replace(info, kind="installation"))
    return _TITLES.get(info.kind, "").format(part=info.part.replace("_", " ").capitalize())


def _shared(plan: CompiledPlan, pool: int) -> str:
    """Return a pool as a boss reads it, with how many there are."""
    if trade := plan.pool_trades[pool]:
        return f"crews of {trade.replace('_', ' ')}"
    name, noun = plan.pools[pool].replace("_", " "), plan.pool_nouns[pool]
    name, noun = name.partition(".")[2] or name, noun.removesuffix("s") if plan.initial[pool] == 1 else noun
    return f"{int(plan.initial[pool])} {noun}" if name in noun else f"{int(plan.initial[pool])} {noun}: {name}"


# --- forms ------------------------------------------------------------------------------------------------------------


def as_mermaid(flow: Flow) -> str:
    """Return a flow as text for Mermaid, as GitHub and many wikis draw it."""
    names = {box: f"n{number}" for number, box in enumerate(flow.boxes)}
    lines = [f'  {names[box]}["{box}<br/>{_count(count)}"]' for box, count in flow.boxes.items()]
    for (first, second), token in flow.arrows.items():
        lines.append(f"  {names[first]} -->{f'|{token}|' if token else ''} {names[second]}")
    return "\n".join(["flowchart LR", *lines]) + "\n"


def as_svg(flow: Flow) -> str:
    """Return a flow as an SVG that stands alone."""
    columns = flow.columns
    tall = max((len(column) for column in columns), default=1)
    width, height = len(columns) * (WIDTH + GAP) + GAP // 2, tall * ROW + 40
    at = {
        box: (20 + across * (WIDTH + GAP), 20 + round((down + (tall - len(column)) / 2) * ROW))
        for across, column in enumerate(columns)
        for down, box in enumerate(column)
    }
    parts = [_arrow(at[first], at[second], token) for (first, second), token in flow.arrows.items()]
    parts += [_box(box, flow, *place) for box, place in at.items()]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" role="img" aria-label="What follows what"><defs><marker id="tip" markerWidth="9" '
        'markerHeight="9" refX="8" refY="3" orient="auto"><path d="M0,0 L8,3 L0,6 z" fill="#667"/></marker></defs>'
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>"
    )


def _box(box: str, flow: Flow, x: int, y: int) -> str:
    """Return one box: its title, how many, and the first of what it shares."""
    shared = flow.shares.get(box, ())
    text = ", ".join(shared[:2]) + (f" and {len(shared) - 2} more" if len(shared) > 2 else "")
    whole = f"{box}: {', '.join(shared)}"
    short = text if len(text) <= 38 else f"{text[:37]}…"
    return (
        f'<g><title>{escape(whole)}</title><rect x="{x}" y="{y}" width="{WIDTH}" '
        f'height="{HEIGHT}" rx="6" fill="#eef3f8" stroke="#4a7fb5"/><text x="{x + 10}" y="{y + 24}" font-size="14" '
        f'font-weight="bold">{escape(box)}</text><text x="{x + 10}" y="{y + 43}" font-size="12" fill="#445">'
        f'{_count(flow.boxes[box])}</text><text x="{x + 10}" y="{y + 62}" font-size="10" fill="#667">{escape(short)}'
        "</text></g>"
    )


def _arrow(first: tuple[int, int], second: tuple[int, int], token: str) -> str:
    """Return a curve from the right of one box to the left of another; thick where something is handed on."""
    x, y, to_x, to_y = first[0] + WIDTH, first[1] + HEIGHT // 2, second[0], second[1] + HEIGHT // 2
    bend = max(30, (to_x - x) // 2)
    return (
        f'<path d="M{x},{y} C{x + bend},{y} {to_x - bend},{to_y} {to_x - 2},{to_y}" fill="none" stroke="#667" '
        f'stroke-width="{2.5 if token else 1}" marker-end="url(#tip)"><title>{escape(token)}</title></path>'
    )


def _count(count: int) -> str:
    return "one" if count == 1 else f"{count:,}"


def as_page(flow: Flow, project: Project) -> str:
    """Return the diagram and the strategy's method on one page of HTML."""
    scale, phases = project.scale, counted(project.scale.phases, "phase", "phases")
    facts = [f"{scale.capacity_mw:g} MW in {phases}, from {scale.start_date:%d %b %Y}"]
    facts += [
        f"{project.blocks} blocks of {project.block.mw_gross.planned:g} MW, {project.turnover_blocks} at a time handed over"
    ]
    facts += [f"{name.capitalize()}: {_method(project, name)}" for name in project.by_system]
    steps = ", ".join(step.id.replace("_", " ") for step in project.shell.steps)
    facts += [f"Shell: {steps or 'none; blocks stand outside'}"]
    rows = "".join(
        f"<tr><td>{escape(box)}</td><td>{_count(count)}</td><td>{escape('; '.join(flow.shares.get(box, ())))}</td></tr>"
        for box, count in flow.boxes.items()
    )
    method = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(project.name)}: the plan</title><style>'
        "body{font:15px/1.5 sans-serif;margin:2em;color:#223}svg{max-width:100%;height:auto}td,th{text-align:left;"
        "padding:.2em 1em .2em 0;vertical-align:top;border-bottom:1px solid #dde}</style>"
        f"<h1>{escape(project.label)}</h1><ul>{method}</ul>{as_svg(flow)}<p>Thin arrows: what follows what. Thick: what "
        f"is handed on. What is shared is waited for.</p><table><tr><th>What</th><th>How many</th><th>Shares</th></tr>"
        f"{rows}</table></html>"
    )


def _method(project: Project, name: str) -> str:
    """Return how a system is built."""
    system = project.by_system[name]
    if system.scope != "factory":
        return "assembled on site"
    stations = ", ".join(station.id.replace("_", " ") for station in system.factory.stations)
    return f"{system.skid.per_block} skids a block from {system.factory.lines} lines ({stations})"
