"""The configurations that come with the program, wherever it is installed: by name, such as `base` or `hybrid`.

In a checkout they lie in configs/; a wheel has them in the package itself.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from sim import files
from sim.arguments import SOURCES, refused

PACKAGE = Path(__file__).parents[1]
NAME = re.compile(r"[A-Za-z0-9_]+")
ENDINGS = (".yaml", ".yml")
SCHEMA = "schema.json"


@cache
def shipped_folder() -> Path:
    """Return the folder of the shipped configurations: in the installed package, or next to it in a checkout.

    >>> (shipped_folder() / "base.yaml").is_file()
    True
    """
    installed = PACKAGE / "configs"
    return installed if installed.is_dir() else PACKAGE.parent / "configs"


@cache
def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped projects, `base` among them.

    >>> {"base", "hybrid", "modular", "stick_built"} <= {*shipped_names()}
    True
    """
    folder = shipped_folder()
    return tuple(sorted(path.stem for path in folder.glob("*.yaml"))) if folder.is_dir() else ()


def shipped(name: str) -> Path | None:
    """Return the file of a shipped project; None for a name that none has.

    >>> shipped("hybrid").name, shipped("hybrid.yaml")
    ('hybrid.yaml', None)
    """
    return shipped_folder() / f"{name}.yaml" if name in shipped_names() else None


def is_name(text: str) -> bool:
    """Return whether a text is a plain word that may name a shipped project: no ending, no folder.

    >>> is_name("hybrid"), is_name("hybrid.yaml"), is_name("own/hybrid")
    (True, False, False)
    """
    return NAME.fullmatch(text) is not None


def find_config(path_or_name: str | Path) -> Path:
    """Return the file of a path or name: the path if it exists, else the shipped project of that name, else the path.

    >>> find_config("hybrid") == shipped("hybrid")
    True
    """
    if not isinstance(path_or_name, str | os.PathLike):
        raise refused("source", path_or_name, SOURCES)
    path = Path(path_or_name)
    if is_name(str(path_or_name)) and not files.exists(path):
        return shipped(str(path_or_name)) or path
    return path
