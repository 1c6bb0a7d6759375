"""How results show themselves: one line as `repr`, HTML in a notebook, figures and reports as methods.

What is shown is made by the report, which lies above all results in the flow of imports. A result therefore names the
function and looks it up when it is asked, as one program looks up the plug-in of another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

REPORT, FIGURES = "sim.report.presentation", "sim.plot"
"""The modules that show results: looked up by name, imported when first needed."""


def presented(name: str) -> Callable[..., Any]:
    """Return a function of the report by its name.

    >>> presented("html").__module__
    'sim.report.presentation'
    """
    return getattr(import_module(REPORT), name)


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook: what is displayed there becomes a part of a cell."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and bool(kernel.IPKernelApp.initialized())


_bars_open: list[str] = []
"""Names of the progress bars that are shown: a second one beside it would be drawn over it."""


@contextmanager
def progress_shown(name: str) -> Iterator[None]:
    """Remember, while a bar is open, that it is."""
    _bars_open.append(name)
    try:
        yield
    finally:
        _bars_open.pop()


@contextmanager
def watched(callback: Callable[..., object] | None, name: str) -> Iterator[Any]:
    """Yield the progress callback that was passed; else that of a progress bar, in a notebook or on a terminal.

    `sim.run(config, progress=lambda *_: None)` shows none.
    """
    if callback is not None or _bars_open or not (in_notebook() or sys.stderr.isatty()):
        yield callback
        return
    with presented("progress")(name) as bar:
        yield bar


class Displayed:
    """Base of what people look at: `repr` is one line, and a notebook shows HTML.

    >>> class Answer(Displayed):
    ...     def headline(self) -> str:
    ...         return "42 of 100 runs"
    >>> Answer()
    <Answer: 42 of 100 runs>
    """

    def headline(self) -> str:
        """Return in one line, without numbers that must be computed at length, what this is."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return the class and the headline."""
        return f"<{type(self).__name__}: {self.headline()}>"

    def _repr_html_(self) -> str:
        """HTML for notebooks."""
        return str(presented("html")(self))


class Figures:
    """The figures of `sim.plot` that take this result, as methods: `result.plot.finish()`.

    >>> result.plot.mw_online()
    """

    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a figure of `sim.plot` for this result; AttributeError names the figures there are."""
        module = import_module(FIGURES)
        if name not in module.__all__:
            raise AttributeError(f"there is no figure {name!r}; there are {', '.join(module.__all__)}")
        return partial(getattr(module, name), self._shown)

    def __dir__(self) -> list[str]:
        """Return the names of the figures, for completion."""
        return list(import_module(FIGURES).__all__)
