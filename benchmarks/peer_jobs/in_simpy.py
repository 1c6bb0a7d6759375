"""The job in SimPy itself: no log, no calendars, nothing looked up."""

from __future__ import annotations

import sys
from collections.abc import Generator
from time import process_time

import simpy

UNITS, ACTIVITIES, CREWS = int(sys.argv[1]), 8, 4


def build(env: simpy.Environment, crews: list[simpy.Resource], number: int) -> Generator[simpy.Event, None, None]:
    """Take one unit through its activities."""
    for place, crew in enumerate(crews):
        with crew.request() as asked:
            yield asked
            yield env.timeout(60 + (number * 7 + place * 13) % 60)


began = process_time()
env = simpy.Environment()
crews = [simpy.Resource(env, CREWS) for _ in range(ACTIVITIES)]
for number in range(UNITS):
    env.process(build(env, crews, number))
set_up = process_time()
env.run()
print(set_up - began, process_time() - set_up, env.now, UNITS * ACTIVITIES)
