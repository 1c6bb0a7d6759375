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
from sim.study.intervals import quantile_interval

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "400"))

result = sim.run(sim.load(CONFIG), runs=RUNS, seed=1)
finish = result.runs["lead_time_full_days"].to_numpy()

# %%
sizes = [n for n in (25, 50, 100, 200, 400, 800) if n <= RUNS] or [RUNS]
rows = {n: quantile_interval(finish[:n], 0.8) for n in sizes}
pd.DataFrame(
    {
        n: {"p80": i.value, "low": i.low, "high": i.high, "half width %": 50 * (i.high - i.low) / i.value}
        for n, i in rows.items()
    }
).T

# %% [markdown]
# The running P80 with its 95 % interval.

# %%
from sim.report.figures.delivery import plot_convergence
from sim.report.result_view import ResultView

plot_convergence(finish, info=ResultView.of(result).info).figure

# %% [markdown]
# `sim run --precision 1%@p80:lead_time_full_days` goes on until the interval is that narrow, at fixed numbers of runs.
# The interval is sampling error: it says nothing about ranges that are too narrow or risks nobody wrote down.
