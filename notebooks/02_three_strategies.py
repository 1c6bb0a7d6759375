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
# # Three strategies on the same random numbers
# Every strategy meets the same storms and the same late suppliers. So the difference is taken run by run, and is surer
# than either date.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "100"))
NAMES = ("stick_built", "hybrid", "modular")

if CONFIG:
    projects = [sim.load(CONFIG, [f"name={name}", f"logistics.cranes={k + 1}"]) for k, name in enumerate(NAMES)]
else:
    projects = [sim.load(f"../configs/{name}.yaml") for name in NAMES]
found = sim.compare(projects, runs=RUNS, seed=1)

# %%
import pandas as pd

metrics = ["lead_time_full_days", "peak_workforce_onsite", "idle_capital_months", "authorised_idle_months"]
pd.concat({name: result.summary().loc[metrics, ["p50", "p80"]] for name, result in found.results.items()}, axis=1)

# %% [markdown]
# Differences to the first, pair by pair: the mean with its interval, and in what share of the runs the strategy is better.

# %%
table = found.table()
table[table["metric"].isin(metrics)][["metric", "case", "mean", "mean_low", "mean_high", "p_better"]]

# %% [markdown]
# Every run as a dot: lead time against idle capital, as large as the peak of people.

# %%
sim.plot.strategy_cloud(found).figure
