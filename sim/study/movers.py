"""What moved a result: inputs that are others than they were, and what the planned finish waited for then and now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.study.summary import number

UNMOVING = {"source", "confidence"}
"""Parts of an input that say where it comes from: they move nothing."""
CHAIN, DAYS = "chain_", "_days"
SHOWN, LEAST_DAYS = 10, 0.05

Inputs = dict[str, dict[str, Any]]
"""Every number and word that went in: section, path below it, value."""


def inputs(config: Mapping[str, Any]) -> Inputs:
    """Return what a resolved configuration puts in, by section."""
    return {section: dict(_leaves(node)) for section, node in config.items()}


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield values with their paths: a list of words is one, elements of another go by their id or their place."""
    if not isinstance(node, dict) and not (isinstance(node, list) and any(isinstance(one, dict) for one in node)):
        yield path, node
        return
    for key, value in node.items() if isinstance(node, dict) else _elements(node):
        if key not in UNMOVING:
            yield from _leaves(value, f"{path}.{key}" if path else str(key))


def _elements(nodes: list[Any]) -> Iterator[tuple[str, Any]]:
    for place, node in enumerate(nodes):
        yield str(node.get("id", place) if isinstance(node, dict) else place), node


def chain(planned: Mapping[str, float]) -> dict[str, float]:
    """Return the days which the planned finish owes to each mechanism."""
    days = {metric: value for metric, value in planned.items() if metric.startswith(CHAIN) and metric.endswith(DAYS)}
    return {metric[len(CHAIN) : -len(DAYS)]: value for metric, value in days.items()}


def movers(then: Mapping[str, Any], config: Mapping[str, Any], planned: Mapping[str, float]) -> list[str]:
    """Say what moved a result since its baseline was saved, a line each; `then` is the baseline."""
    if "inputs" not in then:
        return ["not known: the baseline was saved by a version that did not keep what went in"]
    changed = list(_changed(then["inputs"], inputs(config)))
    told = changed[:SHOWN] + ([f"… and {len(changed) - SHOWN} more inputs"] if len(changed) > SHOWN else [])
    told = told or ["no input: the program is another one, or the number of runs, or the seed"]
    return told + _waits(then.get("chain", {}), chain(planned))


def _changed(then: Mapping[str, Any], now: Inputs) -> Iterator[str]:
    """Yield the inputs that are others, came or went."""
    for section in {**then, **now}:
        before, after = then.get(section, {}), now.get(section, {})
        for path in {**before, **after}:
            if before.get(path) != after.get(path):
                name = f"{section}.{path}" if path else section
                yield f"input {name}: {_told(before, path)}, now {_told(after, path)}"


def _told(values: Mapping[str, Any], path: str) -> str:
    return str(values[path]) if path in values else "not there"


def _waits(then: Mapping[str, Any], now: Mapping[str, float]) -> list[str]:
    """Say which mechanisms the planned finish owes more or fewer days to, the greatest change first."""
    days = {name: now.get(name, 0.0) - number(then.get(name, 0.0)) for name in {**then, **now}}
    moved = [name for name in sorted(days, key=lambda name: -abs(days[name])) if abs(days[name]) >= LEAST_DAYS]
    return [
        f"on the way to the planned finish, {name.replace('_', ' ')}: "
        f"{abs(days[name]):.1f} days {'more' if days[name] > 0 else 'less'}"
        for name in moved
    ]
