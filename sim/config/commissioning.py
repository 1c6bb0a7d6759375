"""From installed to accepted: L2 to L5, with failures and retests."""

from __future__ import annotations

from pydantic import Field

from sim.config.estimates import Section, Sourced
from sim.config.quantities import Probability, WorkingDays
from sim.config.steps import CrewCount
from sim.config.systems import Whole


class Level(Sourced):
    """One commissioning level."""

    days: WorkingDays = Field(description="Working days of one pass")
    fails: Probability = Field(description="Probability that a pass fails")
    fix_days: WorkingDays = Field(description="Working days to mend what failed, before the retest")
    retests: Whole = Field(default=4, description="Passes after the first at most")


class Commissioning(Section):
    """Levels per block and per turnover, and who does them."""

    trade: str = Field(description="Trade that commissions")
    crews: CrewCount = Field(description="Crews on one block or turnover at a time")
    after: tuple[str, ...] = Field(description="What must be there before a block's L3: cooling, network, water")
    l2: Level = Field(description="Site acceptance of one block: damage, missing parts, installation check")
    l3: Level = Field(description="Start-up of one block, energised")
    l4: Level = Field(description="Functional tests of one block, load bank")
    l5: Level = Field(description="Integrated systems test of one turnover")
