from __future__ import annotations

import signal
from multiprocessing.context import SpawnProcess

from sim.study.executors.process_pool import exit_code


class ReapedElsewhere(SpawnProcess):
    """A process that another thread has waited for: how it ended is noted a moment after its end is known."""

    asked = 0

    def join(self, timeout: float | None = None) -> None:
        """It has ended."""

    @property
    def exitcode(self) -> int | None:
        """Nothing yet for the first who ask."""
        self.asked += 1
        return None if self.asked < 4 else -signal.SIGKILL


def test_how_a_process_ended_is_asked_until_it_is_noted() -> None:
    assert exit_code(ReapedElsewhere()) == -signal.SIGKILL
