"""The plan of a project as a flow diagram: kinds of units, what they share, and what follows what.

Units of one kind and part are one box, however many there are. An arrow is a gate that one box signals and another waits
for, or something that is handed on (a skid, power). Crews, cranes and places are shared; they stand in the boxes. As text
for Mermaid, as SVG, or on a page with the method of the strategy beside it; nothing is fetched to look at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from textwrap import wrap

from sim.config.project import Project
from sim.config.sections.systems import SYSTEMS
from sim.plan.compiled_plan import CompiledPlan
from sim.plan.layout import PLACE_KINDS
from sim.plan.vocabulary import FREE, HOLD, SIGNAL, WAIT, UnitInfo
from sim.report.exchange.task_links import handed_on
from sim.report.figures.layered_layout import WIDTH, Point, layered_layout, layers
from sim.report.formatting import counted, in_words

_TITLES = {
    "preparation": "Permits and design", "step": "", "installation": "{part}: set and connect",
    "skid": "{part} skids: make, test, ship", "commissioning": "Commissioning of a block", "turnover": "Turnover",
    "generating_unit": "Generating units", "firm_power": "Power plant", "grid_feed": "Grid feed",
    "material": "{part}: materials", "lot": "{part}: lots ordered", "chips": "Chips", "order": "Orders",
    "camp_stage": "Camp", "allocation": "Allocations", "decision": "Decision to build",
}  # fmt: skip
_SITE = "Site works"
_NETWORKS = {"site_works": _SITE, "shell": "Shell of a hall", "pad": "Pad of a block"}
_NOUNS = {"skid": "skid", "generating_unit": "unit", "lot": "lot", "order": "order", "firm_power": "plant"}
_ABBREVIATIONS = {"ups", "pdu", "ahu", "bess"}
LINE = {"title": (13, "bold", "#112"), "count": (12, "normal", "#334"), "shared": (11, "normal", "#556")}
"""Size, weight and colour of the lines in a box."""
Pair = tuple[str, str]


@dataclass(frozen=True)
class Flow:
    """Boxes with what they stand for and what these share, and the arrows between them."""

    boxes: Mapping[str, str]
    """By title, how many of what: `300 skids`."""
    shared_resources: Mapping[str, tuple[str, ...]]
    """By box, the resources that its units take in turns: `1 crane`."""
    arrows: Mapping[Pair, str]
    """By boxes, what is handed on; empty where one only waits for the other."""

    @property
    def columns(self) -> list[list[str]]:
        """Return boxes so that each stands to the left of all that follow it, as near to them as it can."""
        return layers(self.boxes, self.arrows)


def flow_of(plan: CompiledPlan) -> Flow:
    """Return the flow of a compiled plan."""
    box_of = [_title(info) for info in plan.unit_info]
    units: dict[str, list[UnitInfo]] = {}
    for box, info in zip(box_of, plan.unit_info, strict=True):
        if box and info.kind != "link":
            units.setdefault(box, []).append(info)
    signallers: dict[int, set[str]] = {}
    waiters: dict[int, set[str]] = {}
    givers: dict[int, set[str]] = {}
    takers: dict[int, set[str]] = {}
    shared_resources: dict[str, dict[str, None]] = {}
    handed_on_pools = handed_on(plan)
    for row, (operation, argument) in enumerate(plan.rows[:, :2].tolist()):
        box = box_of[plan.unit_of[row]]
        if not box:
            continue
        if operation in (SIGNAL, WAIT):
            (signallers if operation == SIGNAL else waiters).setdefault(argument, set()).add(box)
        elif operation in (HOLD, FREE):
            for pool, _ in plan.bundles[argument]:
                if pool in handed_on_pools:
                    (takers if operation == HOLD else givers).setdefault(pool, set()).add(box)
                elif operation == HOLD and plan.initial[pool] > 0:
                    shared_resources.setdefault(box, {})[_resource_text(plan, pool, box)] = None
    arrows = {pair: "" for gate, giving in signallers.items() for pair in _pairs(giving, waiters.get(gate, ()))}
    arrows |= {
        pair: _item_text(plan.pools[pool])
        for pool, giving in givers.items()
        for pair in _pairs(giving, takers.get(pool, ()))
    }
    connected = {box for pair in arrows for box in pair}
    return Flow(
        {box: _unit_count_text(box, items) for box, items in units.items() if box in connected},
        {box: tuple(sorted(items, key=_own_resources_first)) for box, items in shared_resources.items()},
        _without_transitive(arrows),
    )


def _without_transitive(arrows: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Return the arrows without those that a path through other boxes implies; those that hand something on stay."""
    successors: dict[str, set[str]] = {}
    for box, successor in arrows:
        successors.setdefault(box, set()).add(successor)

    def reachable(box: str, without: tuple[str, str], visited: set[str]) -> set[str]:
        for successor in successors.get(box, set()) - visited:
            if (box, successor) != without:
                visited.add(successor)
                reachable(successor, without, visited)
        return visited

    return {pair: item for pair, item in arrows.items() if item or pair[1] not in reachable(pair[0], pair, set())}


def _pairs(first: Iterable[str], second: Iterable[str]) -> list[tuple[str, str]]:
    return [(one, other) for one in sorted(first) for other in sorted(second) if one != other]


def _title(info: UnitInfo) -> str:
    """Return the box of a unit; nothing for what only serves others, such as a crew or a truck."""
    if info.kind in ("step", "link"):
        return _NETWORKS.get(info.part) or _title(replace(info, kind="installation"))
    part = info.part.replace("_", " ")
    return _TITLES.get(info.kind, "").format(part=part.upper() if part in _ABBREVIATIONS else part.capitalize())


def _unit_count_text(box: str, units: Sequence[UnitInfo]) -> str:
    """Return how many units a box stands for, as text: halls, skids, …; for site works the number of steps."""
    kind, place = units[0].kind, units[0].place[:1]
    if box == _SITE:
        return counted(len(units), "step", "steps")
    if kind in _NOUNS:
        return counted(len({(unit.place, unit.part, unit.number) for unit in units}), _NOUNS[kind], f"{_NOUNS[kind]}s")
    noun = PLACE_KINDS.get(place, "")
    return counted(len({unit.place for unit in units}), noun, f"{noun}s") if noun else f"{len(units):,}"


def _item_text(pool: str) -> str:
    """Return what is handed on as a planner calls it: `electrical.skid` is an electrical skid that is ready."""
    system, _, kind = pool.rpartition(".")
    if kind == "power":
        return "Firm power"
    return f"{system.partition('@')[0].capitalize()} skid ready" if kind == "skid" else in_words(pool)


def _resource_text(plan: CompiledPlan, pool: int, box: str) -> str:
    """Return a pool in a planner's words: how many there are, and whose they are if not the box's own."""
    count = int(plan.initial[pool])
    if trade := plan.pool_trades[pool]:
        return f"crews of {trade.replace('_', ' ')}"
    owner, _, name = plan.pools[pool].replace("_", " ").rpartition(".")
    if owner == "laydown":
        return f"{counted(count, 'laydown place', 'laydown places')} for {name}"
    system, _, partner = owner.partition("@")
    owners = [system] if system in SYSTEMS and not box.lower().startswith(system) else []
    owners += [f'plant "{partner}"'] if partner else []
    singular = "place for finished skids" if name == "finished" else name
    plural = "places for finished skids" if name == "finished" else f"{name}s"
    return counted(count, singular, plural) + (f" ({', '.join(owners)})" if owners else "")


def _own_resources_first(shared: str) -> tuple[bool, str]:
    """Return what shared pools are sorted by: those of another system or plant come last, others by name."""
    return "(" in shared, shared.lstrip("0123456789, ")


# --- forms ------------------------------------------------------------------------------------------------------------


def as_mermaid(flow: Flow) -> str:
    """Return a flow as text for Mermaid, as GitHub and many wikis draw it."""
    names = {box: f"n{number}" for number, box in enumerate(flow.boxes)}
    lines = [f'  {names[box]}["{box}<br/>{count}"]' for box, count in flow.boxes.items()]
    for (box, successor), item in flow.arrows.items():
        lines.append(f"  {names[box]} -->{f'|{item}|' if item else ''} {names[successor]}")
    return "\n".join(["flowchart LR", *lines]) + "\n"


def as_svg(flow: Flow) -> str:
    """Return a flow as a standalone SVG."""
    lines = {box: _lines(box, flow) for box in flow.boxes}
    heights = {box: 14.0 + sum(LINE[kind][0] + 4 for _, kind in box_lines) for box, box_lines in lines.items()}
    layout = layered_layout(heights, flow.arrows)
    parts = [_arrow(layout.paths[pair], item) for pair, item in flow.arrows.items()]
    parts += [_box(box, flow, lines[box], corner, heights[box]) for box, corner in layout.boxes.items()]
    parts += [_label(layout.paths[pair], item) for pair, item in flow.arrows.items() if item]
    width, height = f"{layout.width:g}", f"{layout.height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" role="img" aria-label="What follows what"><defs><marker id="tip" '
        'markerUnits="userSpaceOnUse" markerWidth="12" markerHeight="10" refX="9" refY="4" orient="auto"><path '
        'd="M0,0 L10,4 L0,8 z" fill="#556"/></marker></defs>'
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>"
    )


def _lines(box: str, flow: Flow) -> list[tuple[str, str]]:
    """Return the lines of a box as (text, style): its title, how many units, and the first of what they share."""
    shared = flow.shared_resources.get(box, ())
    others_text = f" and {len(shared) - 2} more" if len(shared) > 2 else ""
    head, colon, name = box.partition(": ")
    title = [*wrap(head + colon.rstrip(), 22), *wrap(name, 22)]
    shared_lines = wrap(f"{', '.join(shared[:2])}{others_text}", 30)
    return [
        *((line, "title") for line in title),
        (flow.boxes[box], "count"),
        *((line, "shared") for line in shared_lines),
    ]


def _box(box: str, flow: Flow, lines: Sequence[tuple[str, str]], corner: Point, height: float) -> str:
    """Return one box with its lines as SVG; its tooltip lists everything that it shares."""
    (x, y), text = corner, ""
    baseline = y + 5
    for line, kind in lines:
        size, weight, colour = LINE[kind]
        baseline += size + 4
        style = f'font-size="{size}" font-weight="{weight}" fill="{colour}"'
        text += f'<text x="{x + 10:g}" y="{baseline:g}" {style}>{escape(line)}</text>'
    tooltip = "; ".join([f"{box}: {flow.boxes[box]}", *flow.shared_resources.get(box, ())])
    return (
        f'<g><title>{escape(tooltip)}</title><rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{height:g}" rx="6" '
        f'fill="#eef3f8" stroke="#4a7fb5"/>{text}</g>'
    )


def _arrow(path: Sequence[Point], item: str) -> str:
    """Return an arrow as SVG, with bends in the gaps between columns; thick where something is handed on."""
    line = f"M{path[0][0]:g},{path[0][1]:g}"
    for (x, y), (to_x, to_y) in pairwise(path):
        straight = x == to_x or y == to_y
        middle = (x + to_x) / 2
        line += f" L{to_x:g},{to_y:g}" if straight else f" C{middle:g},{y:g} {middle:g},{to_y:g} {to_x:g},{to_y:g}"
    return (
        f'<path d="{line}" fill="none" stroke="#556" stroke-width="{2.5 if item else 1.1}" marker-end="url(#tip)">'
        f"<title>{escape(item)}</title></path>"
    )


def _label(path: Sequence[Point], item: str) -> str:
    """Return the label of what an arrow hands on as SVG, behind the box that it comes from."""
    (x, y), (_, to_y) = path[:2]
    lines = wrap(item, 11)
    top = y - 6 - 12 * (len(lines) - 1) if to_y >= y else y + 14
    return "".join(
        f'<text x="{x + 5:g}" y="{top + 12 * number:g}" font-size="11" fill="#223" stroke="#fff" stroke-width="3" '
        f'paint-order="stroke">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )


def as_page(flow: Flow, project: Project) -> str:
    """Return the diagram and the strategy's method on one page of HTML."""
    scale, phases = project.scale, counted(project.scale.phases, "phase", "phases")
    facts = [f"{scale.capacity_mw:g} MW in {phases}, from {scale.start_date:%d %b %Y}"]
    facts += [
        f"{project.blocks} blocks of {project.block.mw_gross.planned:g} MW, handed over {project.turnover_blocks} at a time"
    ]
    facts += [f"{name.capitalize()}: {_method(project, name)}" for name in project.by_system]
    steps = ", ".join(step.id.replace("_", " ") for step in project.shell.steps)
    facts += [f"Shell: {steps or 'none; blocks stand outside'}"]
    cells = [
        (box, flow.boxes[box], "; ".join(flow.shared_resources.get(box, ())))
        for column in flow.columns
        for box in column
    ]
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
    method = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(project.name)}: the plan</title><style>'
        "body{font:15px/1.5 sans-serif;margin:2em;color:#223}svg{max-width:100%;height:auto}td,th{text-align:left;"
        "padding:.2em 1em .2em 0;vertical-align:top;border-bottom:1px solid #dde}"
        "td:nth-child(-n+2){white-space:nowrap}</style>"
        f"<h1>{escape(project.label)}</h1><ul>{method}</ul>{as_svg(flow)}<p>Thin arrows: what follows what. Thick: what "
        f"is handed on. What is shared is waited for.</p><table><tr><th>What</th><th>How many</th><th>Shares</th></tr>"
        f"{rows}</table></html>"
    )


def _method(project: Project, name: str) -> str:
    """Return how a system (electrical, mechanical, compute) is built, as text."""
    system = project.by_system[name]
    if system.scope != "factory":
        return "assembled on site"
    stations = ", ".join(station.id.replace("_", " ") for station in system.factory.stations)
    partners = [
        f'{100 * partner.share:g} % of them from {counted(partner.lines, "line", "lines")} of plant "{partner.id}"'
        for partner in system.factory.partners
    ]
    plants = "; ".join([f"{counted(system.factory.lines, 'line', 'lines')} ({stations})", *partners])
    return f"{counted(system.skid.per_block, 'skid', 'skids')} a block from {plants}"
