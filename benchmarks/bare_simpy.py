"""What SimPy alone costs: nothing but timeouts and a resource taken and given back.

The engine's speed is stated as a multiple of this, measured in the same process: any machine will do.
"""

from __future__ import annotations

from collections.abc import Generator
from time import perf_counter

import simpy

# As many at once as a 250 MW project has units: the queue of future events is as deep as in the model.
PROCESSES = 400


def seconds(timeouts: int, cycles: int, repeat: int) -> float:
    """Return the shortest of `repeat` times, in seconds, that bare SimPy takes.

    `timeouts` is how many timeouts are performed, `cycles` how often a resource is requested and released.
    Nobody has to queue for the resource: the kindest case for SimPy, so the strictest for us.
    """
    if min(timeouts, cycles) < 0 or repeat < 1:
        raise ValueError("timeouts and cycles cannot be negative, and one repetition at least is needed")
    return min(_once(timeouts, cycles) for _ in range(repeat))


def _once(timeouts: int, cycles: int) -> float:
    """Time one run, the making of its processes left out."""
    environment = simpy.Environment()
    resource = simpy.Resource(environment, capacity=PROCESSES)
    for number in range(PROCESSES):
        share = _share(timeouts, number), _share(cycles, number)
        environment.process(_unit(environment, resource, *share))
    began = perf_counter()
    environment.run()
    return perf_counter() - began


def _share(total: int, number: int) -> int:
    """Return what process `number` does of `total`; the shares add up to it."""
    return total // PROCESSES + (number < total % PROCESSES)


def _unit(
    environment: simpy.Environment, resource: simpy.Resource, timeouts: int, cycles: int
) -> Generator[simpy.Event, None, None]:
    """Take and give back the resource and let time pass, in turn as long as there is some of both."""
    for step in range(max(timeouts, cycles)):
        if step < cycles:
            with resource.request() as request:
                yield request
                if step < timeouts:
                    yield environment.timeout(1 + step % 7)
        else:
            yield environment.timeout(1 + step % 7)


if __name__ == "__main__":
    for label, timeouts, cycles in [("timeout", 200_000, 0), ("request and release", 0, 200_000)]:
        print(f"{label}: {seconds(timeouts, cycles, repeat=3) / 200_000 * 1e6:.2f} microseconds")
