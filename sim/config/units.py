"""Units that are easily taken for one another: what a number out of its range was probably meant to be."""

from __future__ import annotations

from sim.config.section import Bounds

# A number typed in the unit on the right is that many times too large.
_TYPED: dict[str, tuple[tuple[str, float], ...]] = {
    "MW": (("kW", 1_000), ("W", 1_000_000)),
    "h": (("min", 60), ("s", 3_600)),
    "min": (("s", 60),),
    "days": (("h", 24), ("min", 1_440)),
    "working days": (("h", 8), ("min", 480)),
    "weeks": (("days", 7), ("h", 168)),
    "months": (("days", 30), ("weeks", 4.35)),
    "years": (("months", 12), ("days", 365.25)),
    "ft": (("in", 12),),
    "in": (("mm", 25.4),),
    "miles": (("ft", 5_280),),
    "mph": (("ft/min", 88),),
    "share": (("%", 100),),
    "probability": (("%", 100),),
    "correlation": (("%", 100),),
    "sq ft": (("sq in", 144),),
}


def meant(number: object, unit: str, bounds: Bounds | None) -> str:
    """Say what a number out of range would be if it were typed in another unit; empty where that helps nobody."""
    if not isinstance(number, int | float) or isinstance(number, bool) or bounds is None or number <= 0:
        return ""
    for other, factor in _TYPED.get(unit, ()):
        if bounds.holds(number / factor):
            return f"{number:.10g} {other} are {number / factor:.4g} {unit}; write that if it was meant"
    return ""
