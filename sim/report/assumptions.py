"""Every number of a configuration as a table: its value and range, its source, and how sure that is (docs/assumptions.md).

The page is made from the loaded configuration itself, so that it states exactly what is simulated; the publications
behind the sources are listed at its end. `python -m sim.report.assumptions docs/assumptions.md configs/base.yaml
configs/hybrid.yaml …` writes it anew.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from sim import files
from sim.config.load import Loaded, load_as
from sim.config.project import Project
from sim.config.sections.display_units import display
from sim.config.sections.estimates import Estimate, Figure
from sim.config.source_positions import Address, allowed_at, dotted_path, has, nearest_position, value_at

# --- where the numbers come from --------------------------------------------------------------------------------------


PUBLICATIONS = {
    "§1a Total duration": "Epoch AI, Frontier Data Centers and data-center build-out speeds (2025); ENR and DPR on"
    " Abilene; Construction Dive on Vantage Ashburn; DPR on CyrusOne Phoenix; JLL 2026 outlook, SynMax and Sightline"
    " on late projects.",
    "§1b Stages": "Epoch AI notes on Shackelford, Abilene and Goodnight; data-center bid template A100-A140;"
    " Data Center Knowledge on NxPower (2011); gantt-chart.co.uk commissioning timeline; S&P Global on Texas air"
    " permits.",
    "§1c Commissioning levels": "irecruit.co and build.inc for what L1 to L5 are; durations and failures are"
    " estimates.",
    "§1d IT fit-out": "Supermicro and The Register on NVL72 racks; The Miner Mag on Denton; Teslarati on Colossus;"
    " Epoch AI on Abilene building 1.",
    "§1e Shell area": "Meta, Crusoe and Microsoft on Hyperion, Abilene and Fairwater; Poolside press.",
    "§1f Cost": "Cushman & Wakefield Data Center Development Cost Guide 2025; JLL Outlook 2026; Turner & Townsend"
    " DCCI 2025-26; Bernstein (October 2025); Epoch AI; The Information on Abilene.",
    "§2 Labour": "Press on peak workforces of Abilene, Hyperion and Fairwater; BLS for Midland; Target Hospitality on"
    " camps; MCAA factors; Business Roundtable and CII on overtime; meglancompanies.com CCT-12; Faithful+Gould and"
    " Thomas on learning. Most splits and ranges are estimates.",
    "§3 Supply chain": "Cushman & Wakefield 2025; Wood Mackenzie on transformers; McKinsey; archdesk 2026;"
    " gridreadiness.com; ProEnergy; Schneider and Crusoe on module plants.",
    "§4 Logistics": "TxDOT and Texas permit guides; 49 CFR 395.3; ATRI operational costs 2025; MEI Rigging & Crating;"
    " Helios (Clayco).",
    "§5 Weather": "National Weather Service, climate-zone.com; OSHA; WSJ on Denton; typical meteorological years TMY3"
    " (NREL/TP-581-43156).",
    "§6 Energisation": "GE and S&P Global on mobile aero-derivative units; Epoch AI on Abilene and Socrates South.",
    "§7 Finance and revenue": "Applied Digital, Hyperion and Galaxy financings; IREN-Microsoft contract; SemiAnalysis;"
    " Nebius and CoreWeave accounting lives.",
    "§8 Where sources disagree": "The hybrid claim of Poolside Horizon against the rows above.",
    "CASES": "Published projects: Stargate Abilene, xAI Colossus 1, Microsoft Fairwater, Meta Hyperion, CyrusOne"
    " Phoenix, NxGen NxPower, Schneider Red Oak, Poolside Horizon.",
}


# --- the table --------------------------------------------------------------------------------------------------------


COLUMNS = ("number", "value", "range", "unit", "source", "date", "confidence")
PROJECT_CHOICE = "–"
"""Stands for a source where there is none: what the project itself decides."""

HEAD = """# Assumptions

Every number of `configs/base.yaml`, as it is simulated. This page is made from the configuration by
`make docs`; a test holds it to that. Change a number there, with its source, and make the page anew.

The value is the planned one: the mode of a three-point estimate, the median of a lognormal, a constant as it
stands. A range with a mode is drawn (PERT unless it says otherwise); the range of a constant only says from where
it was chosen. The source is the nearest one that is stated around the number. Confidence: **A** primary source
read, **B** second hand or derived, **C** a weak source or an estimate of ours, to be swept. {own} is no assumption
but a choice of the project. "FACTS §n" is a section of the collection whose publications are listed at the end.
"""


@dataclass(frozen=True)
class Row:
    """One number, in words."""

    address: Address
    path: str
    value: str
    range: str
    unit: str
    source: str
    date: str
    confidence: str

    def cells(self) -> tuple[str, ...]:
        """Return the cells of its row in the table."""
        number = f"`{self.path}`"
        return (number, self.value, self.range, self.unit, self.source or PROJECT_CHOICE, self.date, self.confidence)


def rows(config: Loaded[Project]) -> list[Row]:
    """Return every number that is written in a configuration's files, in the order of the model."""
    return [
        _row(config, address, number) for address, number in _numbers(config.value, ()) if has_all(config.tree, address)
    ]


def has_all(tree: object, address: Address) -> bool:
    """Return whether a tree has a part at an address."""
    return all(has(value_at(tree, address[:depth]), key) for depth, key in enumerate(address))


Number = Estimate | Figure | int | float | tuple[int | float, ...]


def _numbers(value: object, address: Address) -> Iterator[tuple[Address, Number]]:
    """Yield every number below a part of the configuration, with its address; a list of plain numbers is one."""
    if isinstance(value, Estimate | Figure) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield address, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _numbers(getattr(value, name), (*address, name))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _numbers(part, (*address, key))
    elif isinstance(value, tuple) and value and all(isinstance(part, int | float) for part in value):
        yield address, value
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            yield from _numbers(part, (*address, index))


def _row(config: Loaded[Project], address: Address, number: Number) -> Row:
    source, date, confidence = _provenance(config.tree, address)
    unit = allowed_at(Project, address).unit
    value, range_text = _value_and_range(number, unit)
    path = dotted_path(address, config.tree)
    return Row(address, path, value, range_text, display().unit(unit), source, date, confidence)


def _provenance(tree: object, address: Address) -> tuple[str, str, str]:
    """Return source, date and confidence of the innermost part around a number that states a source."""
    for depth in range(len(address), -1, -1):
        part = value_at(tree, address[:depth])
        if isinstance(part, dict) and "source" in part:
            return str(part["source"]), str(part.get("date", "")), _confidence(tree, address[:depth])
    return "", "", ""


def _confidence(tree: object, address: Address) -> str:
    """Return the confidence stated with a source, or else around it."""
    for depth in range(len(address), -1, -1):
        part = value_at(tree, address[:depth])
        if isinstance(part, dict) and "confidence" in part:
            return str(part["confidence"])
    return ""


def _value_and_range(number: Number, unit: str) -> tuple[str, str]:
    """Return a number and its range as text, in the display unit."""

    def text(value: float) -> str:
        return number_text(display().value(value, unit))

    if isinstance(number, int | float):
        return text(number), ""
    if isinstance(number, tuple):
        return ", ".join(text(part) for part in number), ""
    if isinstance(number, Estimate):
        return text(number.planned), _estimate_range(number, text)
    low, high = number.low, number.high
    return text(number.value), "" if low is None or high is None else f"{text(low)} to {text(high)}"


def _estimate_range(estimate: Estimate, text: Callable[[float], str]) -> str:
    """Return the range of an estimate that is drawn, with its shape where that is not PERT."""
    shape = "" if estimate.shape == "pert" else f", {estimate.shape}"
    if estimate.p90 is not None:
        return f"P90 {text(estimate.p90)}{shape}"
    if estimate.values is not None:
        return f"{', '.join(text(value) for value in estimate.values)}{shape}"
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{text(estimate.low)} to {text(estimate.high)}{shape}"


def number_text(number: float) -> str:
    """Return a number as people read it: 22,000,000; 0.35; 1.5."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.10g}"


def page(base: Loaded[Project], strategies: Sequence[Loaded[Project]] = ()) -> str:
    """Return the whole page: the base's numbers by section, then what each strategy's own file states."""
    base_rows = rows(base)
    parts = [HEAD.format(own=PROJECT_CHOICE), _count(base_rows)]
    sections = dict.fromkeys(row.address[0] for row in base_rows)
    parts += [_section(str(section), [row for row in base_rows if row.address[0] == section]) for section in sections]
    for strategy in strategies:
        strategy_rows = [row for row in rows(strategy) if _is_in_file(strategy, row.address)]
        parts.append(_section(f"What {strategy.files[0].name} states instead", strategy_rows))
    publications = "\n".join(f"- **{section}** {citation}" for section, citation in PUBLICATIONS.items())
    return "\n".join([*parts, f"## Publications\n\n{publications}\n"])


def _is_in_file(config: Loaded[Project], address: Address) -> bool:
    """Return whether a number is written in the first of a configuration's files, not in its base."""
    return Path(nearest_position(config.positions, address).file).name == config.files[0].name


def _count(listed_rows: Sequence[Row]) -> str:
    """Return how many numbers there are, by confidence."""
    grades = Counter(row.confidence or "none stated" for row in listed_rows if row.source)
    by_grade = ", ".join(f"{count} {grade}" for grade, count in sorted(grades.items()))
    without_source = sum(not row.source for row in listed_rows)
    return f"{len(listed_rows)} numbers: {by_grade}; {without_source} choices of the project.\n"


def _section(title: str, listed_rows: Sequence[Row]) -> str:
    head = [f"## {title}", "", _line(COLUMNS), _line("---" for _ in COLUMNS)]
    return "\n".join([*head, *(_line(row.cells()) for row in listed_rows), ""])


def _line(cells: Iterable[str]) -> str:
    """Return one line of a table; a bar in a text would end its cell."""
    texts = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(texts)} |"


def write(path: Path, configs: Sequence[Path]) -> None:
    """Write the page of a base, the first of the configurations, and the strategies over it."""
    base, *strategies = (load_as(Project, config) for config in configs)
    files.write(path, page(base, strategies).encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
