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
# # One project
# When is each megawatt online, how many people are on site, how long does capital wait? One project, simulated many times.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "200"))

project = sim.load(CONFIG)
result = sim.run(project, runs=RUNS, seed=1)

# %% [markdown]
# What every column means; no run is needed for that.

# %%
metrics = ["lead_time_first_mw_days", "lead_time_full_days", "peak_workforce_onsite", "idle_capital_months"]
sim.metrics_table().loc[metrics, ["label", "unit", "definition"]]

# %% [markdown]
# The numbers people quote: P50 and P80 with their intervals. P80 is "on or before with 80 %".

# %%
result.summary().loc[metrics, ["p50", "p80", "p80_low", "p80_high"]]

# %% [markdown]
# The S-curve of the finish, as the report draws it.

# %%
sim.plot.finish(result).figure

# %% [markdown]
# The ramp: how much is online on a day, at best, usually, at worst.

# %%
sim.plot.mw_online(result).figure

# %%
result.curve("mw_online").loc[::60, ["p10", "p50", "p90"]]

# %% [markdown]
# One whole project as a log: what the first block did, and when.

# %%
result.events[result.events["unit"].str.startswith("b1.")].tail(10)
