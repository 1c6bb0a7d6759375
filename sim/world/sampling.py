"""How the luck of a study is spread over its replications: each on its own, or evenly over a group of them.

Plain luck leaves gaps and clumps. Spread evenly, a group of replications has each input once in each of as many
equal slices of its luck; what a study measures then scatters less. How much less can only be seen from several
groups that were spread independently of each other: the randomisations.

Randomisation b is replications b·size … (b+1)·size − 1. A study that goes on adds randomisations of the same size,
so its first 1,000 replications stay what they were. Another size is another sample: here 1,000 runs are not the
first 1,000 of 2,000, as they are with plain luck.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, TypeAlias, get_args

from sim.errors import SimError

Method: TypeAlias = Literal["mc", "lhs", "sobol", "sobol-all"]
METHODS: tuple[Method, ...] = get_args(Method)
RANDOMISATIONS = 8
"""The fewest whose scatter says something (CHECKS §4); a t-interval has one degree of freedom less."""
LARGEST = 1024
"""Replications of one randomisation at most: what a process remembers of it stays small. More runs are more of them."""
SMALLEST = 16
"""Fewer leave a P80 to the fourth largest of a randomisation."""
_WORDS = {
    "mc": "plain Monte Carlo",
    "lhs": "Latin hypercube",
    "sobol": "scrambled Sobol points for what is shared, Latin hypercube for the rest",
    "sobol-all": "scrambled Sobol points",
}


class WrongSampling(SimError):
    """A way of sampling that does not exist or does not fit the project."""

    exit_code = 2


@dataclass(frozen=True)
class Sampling:
    """A method, and how many replications make one randomisation of it (1 for plain luck)."""

    method: Method = "mc"
    size: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether every replication stands for itself."""
        return self.method == "mc"

    def fit(self, runs: int) -> int:
        """Return the fewest replications, at least `runs`, that are whole randomisations and enough of them."""
        return runs if self.is_plain else self.size * max(RANDOMISATIONS, ceil(runs / self.size))

    def told(self, runs: int) -> str:
        """Say it beside a number."""
        words = _WORDS[self.method]
        return words if self.is_plain else f"{words} ({runs // self.size} randomisations of {self.size:,})"

    def document(self) -> dict[str, Any]:
        """Return it as a manifest keeps it."""
        return {"method": self.method, "size": self.size}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Sampling:
        """Read it back from a manifest."""
        return cls(_known(document["method"]), int(document["size"]))


PLAIN = Sampling()


def sampling(method: str, runs: int) -> Sampling:
    """Return a method laid out for about `runs` replications; WrongSampling names those there are.

    Eight randomisations, as large as that makes them; Sobol points are balanced in powers of two only.
    """
    name = _known(method)
    if name == "mc":
        return PLAIN
    share = min(max(ceil(runs / RANDOMISATIONS), SMALLEST), LARGEST)
    return Sampling(name, share if name == "lhs" else 1 << (share - 1).bit_length())


def _known(method: str) -> Method:
    if method not in METHODS:
        raise WrongSampling(f"--sampling {method}: there are {', '.join(METHODS)}")
    return method
