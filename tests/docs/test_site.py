"""The documentation as a site: every page is in it, nothing warns, and nothing in it comes from a network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATHER = ROOT / "docs" / "site" / "pages.py"


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as Markdown, with all that they point at."""
    place = tmp_path_factory.mktemp("pages")
    subprocess.run([sys.executable, str(GATHER), str(place)], check=True, timeout=60)
    return place


def test_every_page_is_there_and_every_link_leads_to_one(gathered: Path) -> None:
    docs = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    there = {path.relative_to(gathered) for path in gathered.rglob("*.md")}
    assert docs <= there
    assert {Path("about.md"), Path("notebooks/01_one_project.md"), Path("experiments/under_450.md")} <= there
    for page in there:
        text = re.sub(
            r"^```.*?^```$", "", (gathered / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        if page.parts[0] != "files":
            targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
            assert [one for one in targets if not (gathered / page.parent / one).exists()] == [], page


def test_the_menu_has_every_page_once(gathered: Path) -> None:
    first = (gathered / "README.md").read_text(encoding="utf-8")
    menus = re.findall(r"^```\{toctree\}\n(.*?)^```$", first, re.MULTILINE | re.DOTALL)
    named = [line for menu in menus for line in menu.splitlines() if line and not line.startswith(":")]
    pages = {path.relative_to(gathered).with_suffix("").as_posix() for path in gathered.rglob("*.md")}
    assert sorted(named) == sorted(page for page in pages if not page.startswith("files/") and page != "README")


class Fetched(HTMLParser):
    """What a browser would fetch to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note sources and style sheets; links to be followed are not fetched."""
        of = dict(attrs)
        if tag != "a":
            self.found += [value for key in ("src", "href") if (value := of.get(key))]


@pytest.mark.slow
def test_it_builds_without_a_warning_and_without_a_network(gathered: Path, tmp_path: Path) -> None:
    for tool in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(tool)
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", str(GATHER.parent)]
    # a proxy that does not answer stands for a machine without a network
    offline = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, *words, str(gathered), str(tmp_path / "site")],
        capture_output=True, text=True, env=offline, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        reader = Fetched()
        reader.feed(page.read_text(encoding="utf-8"))
        assert [one for one in reader.found if one.startswith(("http:", "https:", "//"))] == [], page
    api = (tmp_path / "site" / "reference" / "python.html").read_text(encoding="utf-8")
    assert api.count('class="highlight') > 30  # examples
    gallery = (tmp_path / "site" / "reference" / "gallery.html").read_text(encoding="utf-8")
    assert gallery.count("<img") >= 19
