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
# # Which risk matters, in days?
# The project is run with everything on, and again without one cause at a time, on the same random numbers. What is
# saved is what the cause costs. `sim drivers CONFIG` prints the same table: same seed, same numbers.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "200"))

found = sim.drivers(sim.load(CONFIG), runs=RUNS, seed=1)
saved = found.table().set_index("name")

# %% [markdown]
# Days at P50, at P80 with its interval, and in the mean, the surest of the three.

# %%
days = [f"{found.metric}_{column}" for column in ("p50", "p80", "p80_low", "p80_high", "mean", "mean_low", "mean_high")]
saved[["kind", *days]].rename(columns=lambda name: name.removeprefix(f"{found.metric}_")).round(1)

# %%
sim.plot.tornado(found).figure

# %% [markdown]
# Why in this order: how many days of the driving chain are due to each cause in the mean of the runs, and in what share
# of them it was critical at all. A cause that is not on the chain saves nothing; one that is always on it moves P50
# and P80 alike; a rare one moves the P80 ([why this date](../docs/explanation/why_this_date.md)).

# %%
chain = found.result.runs.filter(regex="^chain_.*_days$")
chain.columns = [name.removeprefix("chain_").removesuffix("_days") for name in chain.columns]
chain.agg(["mean", lambda days: (days > 0).mean()]).T.set_axis(["days", "critical in"], axis=1).round(2)
