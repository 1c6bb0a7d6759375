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
# # What should I choose?
# Trucks and cranes within bounds, so that capital waits as little as possible while the finish and the peak of people
# keep their limits with 80 %.

# %%
import os
from pathlib import Path
from tempfile import mkdtemp

from sim.study.analyses.design import read_study
from sim.study.analyses.tuning import tune

CONFIG = Path(os.environ.get("SIM_NOTEBOOK_CONFIG", "../configs/hybrid.yaml")).resolve()
RUNS = int(os.environ.get("SIM_NOTEBOOK_RUNS", "60"))

# %%
file = Path(mkdtemp()) / "study.yaml"
file.write_text(f"""
schema_version: 1
name: tuning
question: Fewest idle months with the finish and the peak within their limits?
configs: ["{CONFIG.as_posix()}"]
runs: {RUNS}
inputs:
  trucks: {{paths: [logistics.fleets.*.trucks], values: [8, 14]}}
  cranes: {{paths: [logistics.cranes], low: 2, high: 3}}
tune:
  metric: idle_capital_months
  constraints:
    - {{metric: lead_time_full_days, at_most: 620}}
    - {{metric: peak_workforce_onsite, at_most: 450}}
  fresh_runs: {RUNS}
""")
found = tune(read_study(file))

# %%
found.trials

# %% [markdown]
# The best of many looks better than it is. This is start and best on luck that chose nothing:

# %%
found.fresh

# %%
from sim.report.figures.sweep import plot_pareto

plot_pareto(found.trials, "idle_capital_months", "lead_time_full_days", runs=RUNS, seed=1).figure
