"""The job in pDESy: it steps minute by minute, each crew a worker who works alone; its own rule, least slack first."""

from __future__ import annotations

import sys
from time import process_time

from pDESy.model.base_project import BaseProject

UNITS, ACTIVITIES, CREWS = int(sys.argv[1]), 8, 4

began = process_time()
project = BaseProject(name="job", unit_timedelta=None)
flow = project.create_workflow(name="units")
teams = [project.create_team(name=f"trade {place}") for place in range(ACTIVITIES)]
for place, team in enumerate(teams):
    for _ in range(CREWS):
        team.create_worker(solo_working=True, workamount_skill_mean_map={f"work {place}": 1.0})
for number in range(UNITS):
    before = None
    for place, team in enumerate(teams):
        minutes = 60 + (number * 7 + place * 13) % 60
        task = flow.create_task(name=f"work {place}", default_work_amount=minutes)
        team.add_targeted_task(task)
        if before is not None:
            task.add_input_task(before)
        before = task
set_up = process_time()
project.simulate(max_time=10_000_000)
print(set_up - began, process_time() - set_up, project.time, UNITS * ACTIVITIES)
