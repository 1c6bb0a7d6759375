"""A simulator of hybrid modular data center construction: megawatts, people and idle capital, with their uncertainty.

import sim
config = sim.load("configs/hybrid.yaml")
result = sim.run(config, runs=200, seed=1)
result.summary()
sim.plot.finish(result)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim import plot
    from sim.errors import ConfigError, SimError
    from sim.metrics.registry import metrics_table
    from sim.report.plan_check import check
    from sim.study.analyses.drivers import Drivers, drivers
    from sim.study.analyses.forecast.forecast_case import forecast
    from sim.study.analyses.sensitivity import sensitivity
    from sim.study.analyses.sweep import Sweep, sweep
    from sim.study.analyses.tuning import tune
    from sim.study.api import Comparison, compare, load, run
    from sim.study.case import prepare
    from sim.study.result import Result
    from sim.world.fitting import Fit, fit

# in the order of the reference: what one does with a project, what one gets, what goes wrong
_MODULES = {
    "load": "sim.study.api",
    "check": "sim.report.plan_check",
    "run": "sim.study.api",
    "compare": "sim.study.api",
    "sweep": "sim.study.analyses.sweep",
    "sensitivity": "sim.study.analyses.sensitivity",
    "tune": "sim.study.analyses.tuning",
    "drivers": "sim.study.analyses.drivers",
    "forecast": "sim.study.analyses.forecast.forecast_case",
    "fit": "sim.world.fitting",
    "metrics_table": "sim.metrics.registry",
    "prepare": "sim.study.case",
    "Result": "sim.study.result",
    "Comparison": "sim.study.api",
    "Sweep": "sim.study.analyses.sweep",
    "Drivers": "sim.study.analyses.drivers",
    "Fit": "sim.world.fitting",
    "ConfigError": "sim.errors",
    "SimError": "sim.errors",
}

__all__ = [
    "Comparison",
    "ConfigError",
    "Drivers",
    "Fit",
    "Result",
    "SimError",
    "Sweep",
    "check",
    "compare",
    "drivers",
    "fit",
    "forecast",
    "load",
    "metrics_table",
    "plot",
    "prepare",
    "run",
    "sensitivity",
    "sweep",
    "tune",
]


def __dir__() -> list[str]:
    """Return the public names and nothing else."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import sim` stays quick."""
    if name == "plot":
        return import_module("sim.plot")
    if name not in _MODULES:
        raise AttributeError(f"sim has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_MODULES[name]), name)
