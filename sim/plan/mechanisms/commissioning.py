"""From installed to online: site acceptance, start-up and functional tests of a block, then the turnover's own test."""

from __future__ import annotations

from sim.config.sections.commissioning import Level
from sim.plan.layout import Place
from sim.plan.mechanisms.crews import until_passed
from sim.plan.mechanisms.defects import site_defects
from sim.plan.mechanisms.energization import TEMPORARY, kilowatts, power
from sim.plan.mechanisms.shell import prerequisites
from sim.plan.plan_context import PlanContext
from sim.plan.vocabulary import Free, Hold, Note, Signal, UnitInfo, Wait
from sim.plan.vocabulary import Step as PlanStep

ONLINE = "online"
RIG = "flushing rig"


def commission_block(context: PlanContext, block: Place, turnover: str) -> None:
    """Write the unit that commissions a block, L2 to L4: from L3 on it holds power, which a block in service keeps."""
    commissioning = context.project.commissioning
    gates_before_power = [*prerequisites(context, commissioning.after, block), *_flush(context, block)]
    context.plan.unit(
        f"{block.name}.commissioning",
        [
            *(Wait(f"{block.name}.{system}") for system in context.project.by_system),
            *_level(context, block, "L2", commissioning.l2),
            *site_defects(context, block),
            *(Wait(gate) for gate in gates_before_power),
            Hold({_source(context, block): kilowatts(block)}, block.sequence),
            *_level(context, block, "L3", commissioning.l3),
            *_level(context, block, "L4", commissioning.l4),
            Signal(context.plan.gate(f"{turnover}.tested")),
        ],
        UnitInfo("commissioning", cause="commissioning", place=block.name, part="commissioning"),
    )


def _flush(context: PlanContext, block: Place) -> list[str]:
    """Write the fill and flush of a block's cooling loops, after its mechanical system; return its gate, if there is one."""
    commissioning = context.project.commissioning
    flush = commissioning.flush
    if flush is None:
        return []
    if RIG not in context.plan.pools:
        context.plan.pool(RIG, flush.rigs, cause="commissioning", noun="rigs")
    flushed = context.plan.gate(f"{block.name}.flushed")
    context.plan.unit(
        f"{block.name}.commissioning.flush",
        [
            Wait(f"{block.name}.mechanical"),
            *(Wait(gate) for gate in prerequisites(context, flush.after, block)),
            *until_passed(context, block, "flush", {flush.trade: flush.crews}, flush, rig={RIG: 1}),
            Signal(flushed),
        ],
        UnitInfo("commissioning", "commissioning", block.name, "flush"),
    )
    return [flushed]


def hand_over(context: PlanContext, turnover: Place) -> None:
    """Write a turnover's integrated test (L5), after which all its blocks are online at once, on permanent power."""
    # what its blocks took, which are all alike: their whole kilowatts need not add up to those of the turnover
    block_kw = kilowatts(context.layout.blocks[0])
    kw = block_kw * len(turnover.blocks)
    source, permanent = _source(context, turnover), power(context, turnover)
    change_over: list[PlanStep] = [] if source == permanent else [Hold({permanent: kw}), Free({source: kw})]
    context.plan.unit(
        turnover.name,
        [
            Wait(context.plan.gate(f"{turnover.name}.tested"), len(turnover.blocks)),
            *_level(context, turnover, "L5", context.project.commissioning.l5),
            *change_over,
            *(Note(ONLINE, amount=block_kw, place=block) for block in turnover.blocks),
            Signal(context.plan.gate(ONLINE), len(turnover.blocks)),
        ],
        UnitInfo("turnover", "commissioning", turnover.name, "commissioning"),
    )


def _source(context: PlanContext, place: Place) -> str:
    """Return the pool that powers the tests of a place: temporary power where there is any, else the permanent one."""
    return TEMPORARY if context.project.energization.temporary_mw.value else power(context, place)


def _level(context: PlanContext, place: Place, name: str, level: Level) -> list[PlanStep]:
    commissioning = context.project.commissioning
    crews = {commissioning.trade: commissioning.crews}
    return until_passed(context, place, name, crews, level, mended_by=commissioning.fix_trade)
