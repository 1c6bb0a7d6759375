"""The one table of colours: what each means, the same in every figure, page and animation, on white and on dark.

The palette is that of Okabe and Ito (2008), distinct for every kind of colour vision; red means P80, a limit or
critical, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

INK = "#1b1f24"
MUTED = "#5b6470"
PALE = "#d9dee4"
RED = "#c1121f"
BLUE = "#0072b2"
ORANGE = "#e69f00"
GREEN = "#009e73"
PINK = "#cc79a7"
# Tints of blue on white, pale to deep: opaque, so that a band looks like its key in the legend.
TINTS = ("#dbeaf5", "#b3d3e8", "#80b6d9")
IDLE_TINT = "#f7dfa6"
STRATEGIES = (BLUE, ORANGE, GREEN, PINK, "#56b4e9", "#7a6a00")
STRATEGY_TINTS = ("#cfe3f1", "#f9e6c0", "#c9ebe0", "#f3dce8", "#d9eefa", "#e4e0c4")
TRADES = (BLUE, ORANGE, GREEN, PINK, "#56b4e9", "#7a6a00", "#b08968", "#9aa3ad")

CAUSES = {
    "permits": "#9aa3ad", "order_date": "#c3b1e1", "parts": "#7a6a00", "site_works": "#b08968", "hall": "#5b6470",
    "factory": BLUE, "truck": "#56b4e9", "yard": "#8ed1c6", "crew": ORANGE, "crane": PINK,
    "installation": GREEN, "power": "#d9b800", "commissioning": "#004d80", "weather": "#6f4ea1",
    "risk": "#000000", "other": PALE,
}  # fmt: skip
"""A colour for every cause of `sim.plan.vocabulary.DELAY_CAUSES`."""
CRITICALITY = ("#ccd2d8", "#e8988a", RED)
"""From never critical to critical in every run; all three can be told from white."""
STAGES = {"electrical": BLUE, "mechanical": ORANGE, "compute": GREEN, "commissioning": PINK}
SKID_STATES = {
    "ordered": "#eceff2", "started": "#dbeaf5", "tested": "#b3d3e8", "delivered": IDLE_TINT, "set": "#e3b7d0",
    "complete": "#99d8c7", "online": "#004d80",
}  # fmt: skip
"""What a skid has reached last; the area of a flow chart up to the next state has this colour."""
KEPT, HALF, MISSED = GREEN, "#9aa3ad", RED

MEANINGS: dict[str, tuple[str, str]] = {
    "ink": (INK, "#e8ebee"),
    "muted": (MUTED, "#a3adb8"),
    "runs": (PALE, "#46505b"),
    "p50": (BLUE, "#6bb7e6"),
    "p80": (RED, "#ff8a80"),
    "limit": (RED, "#ff8a80"),
    "critical": (RED, "#ff8a80"),
    "expected-plan": (INK, "#e8ebee"),
    "band-3": (TINTS[0], "#1f3444"),
    "band-2": (TINTS[1], "#274b64"),
    "band-1": (TINTS[2], "#336a8e"),
    "deployed": (INK, "#e8ebee"),
    "committed": (MUTED, "#a3adb8"),
    "in-service": (TINTS[1], "#274b64"),
    "idle": (IDLE_TINT, "#6b5518"),
    "earned": (BLUE, "#6bb7e6"),
    "earned-band": (TINTS[1], "#274b64"),
    "paid": (ORANGE, "#f0b43c"),
    "paid-band": ("#f8dfa6", "#6b5518"),
    "equity": ("#004d80", "#5a9bcb"),
    "debt": (TINTS[2], "#336a8e"),
    "revenue": (GREEN, "#5fd0ad"),
    "changed": ("#f3c56b", "#7a5d14"),
    "sky-clear": ("#dcecf7", "#23384a"),
    "sky-closed": ("#8d96a1", "#6b7480"),
    "risk": (ORANGE, "#f0b43c"),
    "uncertainty": (BLUE, "#6bb7e6"),
    "kept": (KEPT, "#5fd0ad"),
    "half": (HALF, "#a3adb8"),
    "missed": (MISSED, "#ff8a80"),
    **{f"cause-{name}": (colour, colour if name != "risk" else "#f4f4f4") for name, colour in CAUSES.items()},
    **{f"stage-{name}": (colour, colour if name != "electrical" else "#6bb7e6") for name, colour in STAGES.items()},
    **{f"trade-{k}": (colour, colour) for k, colour in enumerate(TRADES)},
    **{f"strategy-{k}": (colour, "#6bb7e6" if k == 0 else colour) for k, colour in enumerate(STRATEGIES)},
    **{f"strategy-{k}-band": (tint, dark) for k, (tint, dark) in enumerate(zip(
        STRATEGY_TINTS, ("#1f3e54", "#4c3c12", "#13443a", "#4a2f3f", "#24485c", "#3c3814"), strict=True))},
    **{f"flow-{name}": (colour, colour if name != "online" else "#4a94cc") for name, colour in SKID_STATES.items()},
}  # fmt: skip
"""What is shown -> its colour on white and on dark."""


def strategy_colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each strategy, in the order given, the same in every figure of one comparison."""
    return {name: STRATEGIES[k % len(STRATEGIES)] for k, name in enumerate(names)}


def contrast(colour: str, other_colour: str) -> float:
    """Return the contrast ratio of two colours `#rrggbb`, 1 to 21 (Web Content Accessibility Guidelines 2.2, §1.4.3).

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    light, dark = sorted((_luminance(colour), _luminance(other_colour)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def text_on(colour: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, colour))


def stylesheet() -> str:
    """Return the table as CSS: `--c-NAME`, and `--c-on-NAME` for text on it, for light, dark and print."""
    light, dark = ("".join(_properties(k)) for k in (0, 1))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


def _properties(k: int) -> Iterator[str]:
    for name, both in MEANINGS.items():
        yield f"--c-{name}:{both[k]};--c-on-{name}:{text_on(both[k])};"
