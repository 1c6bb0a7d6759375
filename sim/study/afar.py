"""Inside a worker of a cluster: the case is left there once, and chunks of it are performed where it lies."""

from __future__ import annotations

import platform

from distributed import Worker, WorkerPlugin, get_worker

from sim.errors import SimError
from sim.study.chunk import CaseLike
from sim.study.manifest import versions
from sim.study.working import Outcome, perform


class OtherVersions(SimError):
    """A worker on which the same run would give other numbers."""

    exit_code = 2


def here() -> dict[str, str]:
    """The versions of what decides about numbers, Python included."""
    return {"python": platform.python_version(), **versions()}


class Left(WorkerPlugin):
    """A case as it is left with every worker, also with those that join later."""

    def __init__(self, name: str, case: CaseLike, seed: int) -> None:
        self.name = name
        self.case, self.seed, self.versions = case, seed, here()

    def setup(self, worker: Worker) -> None:
        """Nothing is to be done before the first chunk."""


def perform_left(name: str, span: range) -> Outcome:
    """Perform a chunk of the case that was left; a worker with other versions ends the study."""
    left = get_worker().plugins[name]
    if not isinstance(left, Left):
        raise TypeError(f"{name} is no case")
    if (found := here()) != left.versions:
        other = ", ".join(f"{k} {found.get(k)}, not {v}" for k, v in left.versions.items() if found.get(k) != v)
        return Outcome(None, 0.0, OtherVersions(f"a worker of the cluster has {other}: its numbers could differ"))
    return perform(left.case, left.seed, span)
