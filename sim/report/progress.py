"""The console: a progress bar with the time left, and text as wide as the window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from sim.study.runner import Progress

PLAIN_WIDTH = 110


def console(*, stderr: bool = False) -> Console:
    """Return the console; a fixed width where the output is a file or a pipe."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


@contextmanager
def progress(name: str) -> Iterator[Progress | None]:
    """Yield the callback that moves a bar on stderr, or None where nobody watches."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(name, total=None, left="sizing crews")

        def tell(done: int, total: int, seconds: float | None) -> None:
            """Move the bar."""
            left = "" if seconds is None else f"{seconds // 60:.0f}:{seconds % 60:02.0f} left"
            bar.update(task, completed=done, total=total, left=left)

        yield tell
