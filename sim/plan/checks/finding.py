"""What a check has to say about a plan: one remark for all units that make the same mistake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sim.plan.analysis.route_classes import abbreviated

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Remark:
    """Something that is wrong with a plan, or that a planner should look at.

    `about` is the unit, pool or gate to look at; the sentence stands for itself. An error breaks a rule that keeps
    projects from standing still, a warning may be meant.
    """

    severity: Severity
    about: str
    sentence: str

    def __str__(self) -> str:
        """Return the remark on one line."""
        return f"{self.severity}: {self.sentence}"


@dataclass(frozen=True)
class Finding:
    """A mistake some units make alike; `{who}` in the sentence becomes their names."""

    severity: Severity
    about: str
    sentence: str
    units: tuple[str, ...] = ()


def collected(findings: Iterable[Finding]) -> list[Remark]:
    """Return findings as remarks, errors first; units that make the same mistake share one."""
    units_of: dict[tuple[Severity, str, str], list[str]] = {}
    for finding in findings:
        units_of.setdefault((finding.severity, finding.about, finding.sentence), []).extend(finding.units)
    remarks = [
        Remark(severity, about, sentence.replace("{who}", abbreviated(dict.fromkeys(units) or [about])))
        for (severity, about, sentence), units in units_of.items()
    ]
    return sorted(remarks, key=_errors_first)


def _errors_first(remark: Remark) -> bool:
    return remark.severity != "error"
