"""What keeps a project waiting, in a planner's words: every pool and every piece of work belongs to one cause."""

from __future__ import annotations

import re
from functools import cache

DELAY_CAUSES = {
    "permits": "permits and design",
    "order_date": "ordered just in time",
    "parts": "parts and lead times",
    "site_works": "site works",
    "hall": "hall (shell)",
    "factory": "factory line",
    "truck": "truck and road",
    "yard": "gate and yard",
    "crew": "crew",
    "crane": "crane",
    "installation": "own work: installation",
    "power": "power",
    "commissioning": "own work: commissioning",
    "weather": "weather",
    "risk": "risk event",
    "other": "other",
}
"""Mechanisms by name, in the order of a project; what is waited for, or the work itself where nobody is short."""

_POOLS = (
    (r"^(crew|hiring)\.|^beds$", "crew"),
    (r"^crane$", "crane"),
    (r"\.truck$|^escort$", "truck"),
    (r"^gate( slot)?$|^laydown\.", "yard"),
    (r"(^|[. ])power$", "power"),
    (r"\.allocation$", "parts"),
    (r"\.skid$", ""),
    (r"\.(finished|test bay|in work)$|^[a-z_]+(\.p\d+)?\.[a-z_]+$", "factory"),
)
_WORK = (
    (r"^risk\.", "risk"),
    (r"^(crew|camp)\.", "crew"),
    (r"^(order|demand)\b|\|(order|decision|phase may be ordered)\|", "order_date"),
    (r"^p\d+\.preparation\|", "permits"),
    (r"^p\d+\.(g\d+|firm power|grid\..*)\|", "power"),
    (r"^[^|]*\.site_works\.", "site_works"),
    (r"^[^|]*\.(shell|pad)\.", "hall"),
    (r"\.allocation\.\d+\||\|[^|]*( parts| lead time| slot)\|", "parts"),
    (r"\|[^|]* (drive|return|late|call|permit|defect out|defect back)\|", "truck"),
    (r"\|[^|]* unload\||\|gate slot\|", "yard"),
    (r"^[^|]*\.line\d+\||\|factory[^|]*$", "factory"),
    (r"^[^|]*\.commissioning\||^t\d+\|", "commissioning"),
    (r"^b\d+\.", "installation"),
)

_NUMBER = re.compile(r"\d+")


@cache
def of_pool(pool: str) -> str:
    """Return the cause that a pool belongs to; empty for tokens, which only say that something is finished."""
    return next((cause for pattern, cause in _POOLS if re.search(pattern, pool)), "other")


def of_work(unit: str, activity: str, calendar: str) -> str:
    """Return the cause that a unit's work, or its wait for a date, belongs to."""
    return _of_kind(_NUMBER.sub("1", f"{unit}|{activity}|{calendar}"))


@cache
def _of_kind(told: str) -> str:
    """Return the cause of works that are told apart by their numbers only: no pattern asks for a certain one."""
    return next((cause for pattern, cause in _WORK if re.search(pattern, told)), "other")
