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
# # Your own factory
# A partner says: six lines instead of nine, faster stations, fewer failed tests. What does it do to the finish? Put
# their answers in, and compare on the same random numbers.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "100"))
FACTORY = "systems.electrical.factory"

as_planned = sim.load(CONFIG)
partner = sim.load(
    CONFIG,
    [
        "name=partner",
        f"{FACTORY}.lines=6",
        f"{FACTORY}.stations.assemble.days={{low: 3, mode: 4, high: 8}}",
        f"{FACTORY}.test.fails=0.08",
    ],
)

# %%
found = sim.compare([as_planned, partner], runs=RUNS, seed=1)
table = found.table()
table[table["metric"].isin(["lead_time_first_mw_days", "lead_time_full_days", "idle_capital_months"])]

# %% [markdown]
# How many lines are enough? Past some number something else is short, and lines do nothing.

# %%
lines = sim.sweep(partner, {f"{FACTORY}.lines": [3, 6, 9]}, runs=RUNS)
lines.table("lead_time_full_days", "p50")

# %%
sim.plot.sweep_lines(lines, "lead_time_full_days").figure

# %% [markdown]
# When you like it, write it down as a file of its own: [how to](../docs/how_to/own_factory.md).
