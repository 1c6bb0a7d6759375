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
# When is each megawatt online, how many people are on site, how long does capital wait? One project, played many times.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "200"))

project = sim.load(CONFIG)
result = sim.run(project, runs=RUNS, seed=1)

# %% [markdown]
# The numbers people quote: P50 and P80 with their intervals. P80 is "on or before with 80 %".

# %%
result.summary().loc[
    ["lead_time_first_mw_days", "lead_time_full_days", "peak_workforce_onsite", "idle_capital_months"],
    ["p50", "p80", "p80_low", "p80_high"],
]

# %% [markdown]
# The S-curve of the finish, as the report draws it.

# %%
from sim.report.figures.delivery import plot_finish
from sim.report.result_view import ResultView

finish = result.runs["lead_time_full_days"].to_numpy()
plot_finish(finish, info=ResultView.of(result).info, target=project.value.scale.target_days).figure

# %% [markdown]
# The ramp: how much is online on a day, at best, usually, at worst.

# %%
result.curve("mw_online").loc[::60, ["p10", "p50", "p90"]]

# %% [markdown]
# One whole project as a log: what the first block did, and when.

# %%
result.events[result.events["unit"].str.startswith("b1.")].tail(10)
