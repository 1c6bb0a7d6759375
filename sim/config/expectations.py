"""What a project promises of itself: lines like `peak_workforce_onsite.p80 < 450`, read by a closed grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

Sign = Literal["<", "<=", ">", ">="]
FORM = "METRIC.STATISTIC SIGN NUMBER, such as peak_workforce_onsite.p80 < 450"
_LINE = re.compile(
    r"(?P<metric>[a-z][a-z0-9_]*)\.(?P<statistic>[a-z][a-z0-9]*)"
    r"\s*(?P<sign><=|>=|<|>)\s*"
    r"(?P<limit>[-+]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?)"
)
_STATISTIC = re.compile(r"mean|p[1-9][0-9]?")


@dataclass(frozen=True)
class Expectation:
    """One promise: a statistic of a metric (the mean or a percentile) on one side of a limit."""

    text: str
    metric: str
    statistic: str
    sign: Sign
    limit: float

    @property
    def share(self) -> float | None:
        """The share of runs on or before it, if it is a percentile; None for the mean."""
        return None if self.statistic == "mean" else int(self.statistic[1:]) / 100


def parsed(text: str) -> Expectation:
    """Read one line; ValueError says what is allowed."""
    found = _LINE.fullmatch(text.strip())
    if found is None or not isfinite(float(found["limit"])):
        raise ValueError(FORM)
    if not _STATISTIC.fullmatch(found["statistic"]):
        raise ValueError(f"mean or p1 … p99 behind {found['metric']}.")
    sign: Sign = found["sign"]  # type: ignore[assignment]  # one of the four the pattern allows
    return Expectation(text.strip(), found["metric"], found["statistic"], sign, float(found["limit"]))


def _readable(text: str) -> str:
    """The line itself, if it can be read."""
    parsed(text)
    return text.strip()


Expected = Annotated[str, StringConstraints(max_length=200), AfterValidator(_readable)]
"""A line of `expect`, as it is written."""
