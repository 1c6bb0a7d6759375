# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which of my guesses matter?
# Sweep what you are unsure of, one at a time from low to high, on the same random numbers. Then two at a time, because
# some things matter only together.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "100"))
FINISH = "lead_time_full_days"

project = sim.load(CONFIG)

# %%
trucks = sim.sweep(project, {"logistics.fleets.*.trucks": [4, 8, 12, 16]}, runs=RUNS)
trucks.table(FINISH, "p50")

# %% [markdown]
# Against the first point, pair by pair: the mean difference and its interval.

# %%
differences = trucks.differences()
differences[differences["metric"] == FINISH][["case", "mean", "mean_low", "mean_high", "remark"]]

# %%
sim.plot.sweep_lines(trucks, FINISH).figure

# %% [markdown]
# Two at a time: a heat map.

# %%
both = sim.sweep(project, {"logistics.fleets.*.trucks": [4, 12], "logistics.cranes": [1, 3]}, runs=RUNS)
sim.plot.heat_map(both, FINISH, "cranes", "trucks", "p50").figure

# %% [markdown]
# Each input from its low to its high end, by itself.

# %%
ends = {"logistics.fleets.*.trucks": (4, 12), "logistics.cranes": (1, 3)}
sim.plot.sensitivity(sim.sensitivity(project, ends, runs=RUNS)).figure

# %% [markdown]
# Morris and Sobol indices for many inputs at once: `method="morris"` or `"sobol"`, or `sim sensitivity`
# ([how to](../docs/how_to/sweeps.md)).
