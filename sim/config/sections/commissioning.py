"""Commissioning: levels L2 to L5, fill and flush of liquid cooling, and who mends what failed."""

from __future__ import annotations

from pydantic import Field

from sim.config.sections.estimates import Probability, Section, Sourced, WorkingDays
from sim.config.sections.systems import CrewCount, Whole


class Level(Sourced):
    """One commissioning level."""

    days: WorkingDays = Field(description="Working days of one pass")
    fails: Probability = Field(description="Probability that a pass fails")
    fix_days: WorkingDays = Field(description="Working days to mend what failed, before the retest")
    retests: Whole = Field(default=4, description="Passes after the first at most")


class Flush(Level):
    """Fill and flush of a block's liquid cooling, with its samples: it must be clean and tight before L3."""

    trade: str = Field(description="Trade that fills and flushes")
    crews: CrewCount = Field(default=1, description="Crews on one block at a time")
    rigs: Whole = Field(description="Flushing skids: pump, filters and tank; one is at one block at a time")
    after: tuple[str, ...] = Field(
        default=(), description="What must be there before, besides the block's mechanical system: water, for example"
    )


class Commissioning(Section):
    """Levels per block and per turnover, and who does them."""

    trade: str = Field(description="Trade that commissions")
    crews: CrewCount = Field(description="Crews on one block or turnover at a time")
    after: tuple[str, ...] = Field(description="What must be there before a block's L3: cooling, network, water")
    fix_trade: str | None = Field(
        default=None,
        description="Trade that mends what failed at L2 to L5, by one crew; left out, the commissioning crew does",
    )
    flush: Flush | None = Field(
        default=None, description="Fill and flush of one block's liquid cooling before its L3; left out, part of the L3"
    )
    l2: Level = Field(description="Site acceptance of one block: damage, missing parts, installation check")
    l3: Level = Field(description="Start-up of one block, energised")
    l4: Level = Field(description="Functional tests of one block, load bank")
    l5: Level = Field(description="Integrated systems test of one turnover")
