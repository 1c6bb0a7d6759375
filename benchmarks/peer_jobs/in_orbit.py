"""ORBIT's own job, not ours: one vessel sets N monopiles; in calm, or hour by hour in swinging weather."""

from __future__ import annotations

import sys
from time import process_time

import numpy as np
import pandas as pd
from ORBIT.phases.install import MonopileInstallation

UNITS, WEATHER = int(sys.argv[1]), sys.argv[2:] == ["weather"]
HOURS = 200 * UNITS

config = {
    "wtiv": "example_wtiv",
    "site": {"depth": 20, "distance": 20},
    "plant": {"num_turbines": UNITS},
    "turbine": {"hub_height": 100},
    "port": {"num_cranes": 1, "monthly_rate": 10_000},
    "monopile": {"length": 50, "diameter": 8, "deck_space": 500, "mass": 800, "unit_cost": 1},
    "transition_piece": {"deck_space": 250, "mass": 400, "unit_cost": 1},
}
# Made up, and only so that some hours allow a lift and some do not: a day's swing on a fortnight's.
hour = np.arange(HOURS)
swing = np.sin(hour * 2 * np.pi / 24) + 2 * np.sin(hour * 2 * np.pi / 337)
weather = pd.DataFrame(
    {"waveheight": 1.3 + 0.4 * swing, "windspeed": 9 + 2.5 * swing},
    index=pd.date_range("2020-01-01", periods=HOURS, freq="h", name="datetime"),
)
began = process_time()
job = MonopileInstallation(config, weather=weather if WEATHER else None)
set_up = process_time()
job.run()
print(set_up - began, process_time() - set_up, int(job.env.now), len(job.env.actions))
