# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How many replications?
# The interval of a P80 narrows with the square root of the runs. Here is how it does, and how to stop when it is
# narrow enough.

# %%
import os

import pandas as pd

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "400"))
FINISH = "lead_time_full_days"

project = sim.load(CONFIG)

# %% [markdown]
# The first 25 of 400 replications are the 25 of a smaller run: same seed, same random numbers.

# %%
sizes = [n for n in (25, 50, 100, 200, 400, 800) if n <= RUNS] or [RUNS]
results = {n: sim.run(project, runs=n, seed=1) for n in sizes}
table = pd.DataFrame(
    {n: result.summary().loc[FINISH, ["p80", "p80_low", "p80_high"]] for n, result in results.items()}
).T
table["half width %"] = 50 * (table["p80_high"] - table["p80_low"]) / table["p80"]
table

# %% [markdown]
# The running P80 with its 95 % interval.

# %%
sim.plot.convergence(results[sizes[-1]]).figure

# %% [markdown]
# `sim run --precision 1%@p80:lead_time_full_days` goes on until the interval is that narrow, at fixed numbers of runs.
# The interval is sampling error: it says nothing about ranges that are too narrow or risks that are not in the register.
