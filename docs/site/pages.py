"""Gather the pages of the site: docs/, and what lies outside it, with links turned so that the site is whole by itself.

README, CONTRIBUTING, CHANGELOG, notebooks and experiments become pages; any other file that a page points at is copied
beside them. `python docs/site/pages.py build/pages` writes them, `make site` builds the site of them.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS: Mapping[str, tuple[str, ...]] = {
    "Begin": ("tutorial", "how_to/install", "reference/gallery", "about"),
    "How to": (
        "how_to/own_strategy", "how_to/own_site", "how_to/own_factory", "how_to/dual_sourcing", "how_to/own_risk",
        "how_to/own_weather", "how_to/units_and_currency", "how_to/sweeps", "how_to/contract", "how_to/monthly_update",
        "how_to/planners_files", "how_to/baseline_in_ci", "cluster",
    ),
    "Understand": (
        "explanation/why_this_date", "explanation/why_projects_differ", "explanation/metrics", "explanation/statistics",
        "model", "engine", "glossary",
    ),
    "Look up": (
        "reference/config", "reference/study", "reference/commands", "reference/python", "reference/metrics", "assumptions",
    ),
    "Believe": (
        "validation", "reliability", "benchmarks", "claims", "decisions", "architecture", "contributing", "changelog",
    ),
}  # fmt: skip
"""The pages by part, as the menu has them; notebooks and experiments follow."""
OUTSIDE = {
    "README.md": "about.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md",
    "benchmarks/results.md": "benchmarks.md",
}  # fmt: skip
LINK = re.compile(r"(!?\[(?:[^\]\\]|\\.)*\])\(([^)#:\s]+)(#[^)\s]*)?\)")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COPIED = "files"


@cache
def pages() -> dict[str, str]:
    """Return every page by its file in the repository: its place in the site."""
    docs = [path.relative_to(ROOT / "docs").as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    questions = [path.parent.name for path in sorted(ROOT.glob("experiments/*/question.md"))]
    return {
        **{f"docs/{name}": name for name in docs},
        **OUTSIDE,
        "notebooks/README.md": "notebooks/index.md",
        **{f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in sorted(ROOT.glob("notebooks/*.py"))},
        **{f"experiments/{name}/question.md": f"experiments/{name}.md" for name in questions},
    }


def write(target: Path) -> None:
    """Write all pages, their pictures and the files that they point at into an empty folder."""
    shutil.copytree(ROOT / "docs" / "img", target / "img")
    for source, place in pages().items():
        page = target / place
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(turned(_text(ROOT / source), source, place) + _menu(place), encoding="utf-8")
    for copied in sorted(_pointed_at()):
        into = target / COPIED / copied
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / copied, into)


def turned(text: str, source: str, place: str) -> str:
    """Return a page's text with links as they are in the site; what leads to no page or file is text."""
    code = [*map(_plain, CODE.findall(text))]
    text = LINK.sub(lambda link: _turned(link, source, place), CODE.sub("\0", text))
    for block in code:
        text = text.replace("\0", block, 1)
    return text


def _plain(block: str) -> str:
    """Return a block of code in a language that is coloured: a diagram is read as its text."""
    return re.sub(r"^```mermaid", "```text", block)


def _turned(link: re.Match[str], source: str, place: str) -> str:
    """Return a link of a page as one of the site."""
    words, target, anchor = link[1], link[2], link[3] or ""
    where = _where(source, target)
    index = "docs/README.md" if where == "docs" else f"{where}/README.md"
    found = pages().get(where) or pages().get(index) or ""
    if not found and where.startswith("docs/img/"):
        found = where.removeprefix("docs/")
    elif not found and (ROOT / where).is_file():
        found = f"{COPIED}/{where}"
    if not found:
        return words.strip("![]")
    return f"{words}({posixpath.relpath(found, posixpath.dirname(place) or '.')}{anchor})"


def _where(source: str, target: str) -> str:
    """Return what a link of a page leads to, from the root of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _text(source: Path) -> str:
    """Return a page as Markdown; a notebook's cells one below the other."""
    if source.suffix != ".py":
        return source.read_text(encoding="utf-8")
    notebook = source.with_suffix(".ipynb")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join([*map(_cell, cells), f"[The notebook itself]({notebook.name})\n"])


def _cell(cell: dict[str, Any]) -> str:
    text = "".join(cell["source"])
    return f"```python\n{text}\n```" if cell["cell_type"] == "code" else text


def _menu(place: str) -> str:
    """Return the menu at the end of the first page, and those of notebooks and experiments; empty for other pages."""
    if place != "README.md":
        return ""
    others = [name.removesuffix(".md") for name in pages().values() if name.startswith(("notebooks/", "experiments/"))]
    parts = {**PARTS, "Examples": others}
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {part}\n\n" + "\n".join(names) + "\n```\n"
        for part, names in parts.items()
    )


def _pointed_at() -> Iterator[str]:
    """Yield the files that pages point at, and that are no pages themselves."""
    found = {
        _where(source, link[2]) for source in pages() for link in LINK.finditer(CODE.sub("", _text(ROOT / source)))
    }
    yield from (where for where in found if (ROOT / where).is_file() and where not in pages())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
