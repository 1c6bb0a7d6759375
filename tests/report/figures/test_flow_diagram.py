"""The plan as a flow diagram: boxes and arrows by hand for the tiny project, and forms that others can read."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.figures.flow_diagram import Flow, as_mermaid, as_page, as_svg, flow_of
from tests.tiny_project import TINY, tiny_case


@pytest.fixture(scope="module")
def flow() -> Flow:
    return flow_of(tiny_case().plan)


def test_boxes_are_kinds_of_units_with_how_many_there_are(flow: Flow) -> None:
    assert flow.boxes["Permits and design"] == 1
    assert flow.boxes["Shell of a hall"] == 1  # of one step or of seven
    assert flow.boxes["Electrical skids: make, test, ship"] == 2  # two blocks of one
    assert flow.boxes["Site works"] == 2  # its steps
    assert flow.boxes["Electrical: set and connect"] == 2
    assert "1 crane" in flow.shares["Electrical: set and connect"]


def test_arrows_are_what_follows_and_what_is_handed_on(flow: Flow) -> None:
    assert flow.arrows["Electrical skids: make, test, ship", "Electrical: set and connect"] == "electrical.skid"
    assert flow.arrows["Permits and design", "Site works"] == ""
    # the shell follows the site works, which follow the permits: that needs no arrow of its own
    assert ("Site works", "Shell of a hall") in flow.arrows
    assert ("Permits and design", "Shell of a hall") not in flow.arrows


def test_what_comes_after_stands_to_the_right(flow: Flow) -> None:
    column = {box: number for number, boxes in enumerate(flow.columns) for box in boxes}
    assert set(column) == set(flow.boxes)
    assert column["Permits and design"] < column["Site works"] < column["Shell of a hall"]
    assert column["Electrical skids: make, test, ship"] < column["Electrical: set and connect"]


def test_forms_are_what_others_read(flow: Flow) -> None:
    root = fromstring(as_svg(flow))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(flow.boxes) <= set(texts)
    text = as_mermaid(flow)
    assert text.startswith("flowchart LR\n")
    assert text.count("-->") == len(flow.arrows)
    page = as_page(flow, tiny_case().project)
    assert "Electrical: 1 skids a block from" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched


@pytest.mark.parametrize("form", ["svg", "mermaid", "html"])
def test_the_command_writes_every_form(form: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["plan", str(TINY), "--to", form, "--out", str(tmp_path / "plan")])
    assert done.exit_code == 0, done.output
    assert "boxes" in done.output
    assert "Shell of a hall" in (tmp_path / "plan").read_text()
