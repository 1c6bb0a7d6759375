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
# # Where time goes
# A project is late because something waited: for a crew, a crane, a hall, a skid, power. The log of the representative
# run says for what, step by step.

# %%
import os

import sim

CONFIG = os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "50"))

result = sim.run(sim.load(CONFIG), runs=RUNS, seed=1)
log = result.events

# %% [markdown]
# Waits: rows that hold something or wait for a gate, and began before they were granted. Crews that wait to leave are
# no delay.

# %%
waits = log[log["kind"].isin(["hold", "wait"]) & ~log["unit"].str.startswith("crew.")].copy()
waits["days"] = (waits["minute"] - waits["began"]) / 1440
waits["for"] = waits["resource"].str.replace(r"[bhtp]\d+\.", "", regex=True)
waits.groupby("for")["days"].agg(["sum", "mean", "count"]).sort_values("sum", ascending=False).head(15)

# %% [markdown]
# The last block, from beginning to end.

# %%
last = log[log["resource"].str.startswith("online/")].iloc[-1]["resource"].removeprefix("online/")
steps = log[log["unit"].str.startswith(f"{last}.") & (log["began"] >= 0)].copy()
steps["days"] = (steps["minute"] - steps["began"]) / 1440
steps[steps["days"] > 0][["date", "unit", "kind", "activity", "resource", "days"]]

# %% [markdown]
# How long works take, by activity.

# %%
works = log[(log["kind"] == "work") & ~log["unit"].str.startswith("crew.")].copy()
works["days"] = (works["minute"] - works["began"]) / 1440
works.groupby("activity")["days"].agg(["mean", "max", "count"]).sort_values("mean", ascending=False).head(15)
