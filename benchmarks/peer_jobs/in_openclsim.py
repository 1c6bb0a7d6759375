"""The job in OpenCLSim: a sequence of basic activities a unit; a plug-in holds the crew, for basic ones hold nothing."""

from __future__ import annotations

import sys
from time import process_time

import simpy
from openclsim.model import AbstractPluginClass, BasicActivity, SequentialActivity, register_processes

UNITS, ACTIVITIES, CREWS = int(sys.argv[1]), 8, 4


class Held(AbstractPluginClass):
    """A crew, held before an activity and let go after it."""

    def __init__(self, crew):
        super().__init__()
        self.crew = crew

    def pre_process(self, **_):
        """Wait for the crew."""
        self.asked = self.crew.request()
        yield self.asked

    def post_process(self, **_):
        """Let it go."""
        yield self.crew.release(self.asked)


def activity(env, registry, crew, number, place):
    """One activity of one unit."""
    minutes = 60 + (number * 7 + place * 13) % 60
    made = BasicActivity(env=env, registry=registry, name=f"unit {number} work {place}", duration=minutes)
    made.register_plugin(Held(crew))
    return made


began = process_time()
env = simpy.Environment()
registry = {}
crews = [simpy.Resource(env, CREWS) for _ in range(ACTIVITIES)]
units = [
    SequentialActivity(
        env=env,
        registry=registry,
        name=f"unit {number}",
        sub_processes=[activity(env, registry, crew, number, place) for place, crew in enumerate(crews)],
    )
    for number in range(UNITS)
]
register_processes(units)
set_up = process_time()
env.run()
print(set_up - began, process_time() - set_up, env.now, UNITS * ACTIVITIES)
