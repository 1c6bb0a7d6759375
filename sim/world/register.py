"""The dice of the risk register: whether a driver occurs, which no plan counts on."""

from __future__ import annotations

from dataclasses import dataclass

from sim.world.distributions import Discrete


@dataclass(frozen=True, slots=True)
class Occurrence(Discrete):
    """1 with a probability, else 0. The more unlucky the draw the rather it occurs.

    So a driver whose probability is mitigated occurs in some of the replications in which it occurred before, and
    in no other. The planned value is 0 however probable it is: the deterministic run is the one without drivers.
    """

    @classmethod
    def with_probability(cls, probability: float) -> Occurrence:
        """Return the occurrence of something with a probability from 0 to 1."""
        return cls((0.0, 1.0), (1.0 - probability, probability))

    def planned(self) -> float:
        """Return 0."""
        return 0.0
