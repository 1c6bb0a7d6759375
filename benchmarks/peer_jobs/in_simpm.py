"""The job in SimPM, with its log switched off: its fastest."""

from __future__ import annotations

import logging
import sys
from time import process_time

from simpm import des

UNITS, ACTIVITIES, CREWS = int(sys.argv[1]), 8, 4
logging.disable(logging.CRITICAL)


def build(unit, crews, number):
    """Take one unit through its activities."""
    for place, crew in enumerate(crews):
        yield unit.get(crew, 1)
        yield unit.do("work", 60 + (number * 7 + place * 13) % 60)
        yield unit.put(crew, 1)


began = process_time()
env = des.Environment()
crews = [des.Resource(env, f"crew {place}", init=CREWS, capacity=CREWS, log=False) for place in range(ACTIVITIES)]
for number in range(UNITS):
    unit = des.Entity(env, f"unit {number}", log=False)
    env.process(build(unit, crews, number))
set_up = process_time()
env.run()
print(set_up - began, process_time() - set_up, env.now, UNITS * ACTIVITIES)
