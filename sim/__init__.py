"""A simulator of hybrid modular data center construction: megawatts, people and idle capital, with their spread.

import sim
config = sim.load("configs/hybrid.yaml")
result = sim.run(config, runs=200, seed=1)
result.summary()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.errors import ConfigError, SimError
    from sim.metrics.registry import metrics_table
    from sim.study.analyses.drivers import Drivers, drivers
    from sim.study.analyses.sweep import Sweep, sweep
    from sim.study.api import Comparison, compare, load, run
    from sim.study.case import prepare
    from sim.study.result import Result

_WHERE = {
    "ConfigError": "sim.errors",
    "SimError": "sim.errors",
    "metrics_table": "sim.metrics.registry",
    "prepare": "sim.study.case",
    "Drivers": "sim.study.analyses.drivers",
    "drivers": "sim.study.analyses.drivers",
    "Result": "sim.study.result",
    "Comparison": "sim.study.api",
    "compare": "sim.study.api",
    "load": "sim.study.api",
    "run": "sim.study.api",
    "Sweep": "sim.study.analyses.sweep",
    "sweep": "sim.study.analyses.sweep",
}

__all__ = [
    "Comparison",
    "ConfigError",
    "Drivers",
    "Result",
    "SimError",
    "Sweep",
    "compare",
    "drivers",
    "load",
    "metrics_table",
    "prepare",
    "run",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import sim` stays quick."""
    if name not in _WHERE:
        raise AttributeError(f"sim has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_WHERE[name]), name)
