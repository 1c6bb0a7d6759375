"""The plan as a flow diagram: boxes and arrows by hand for the tiny project, and forms that others can read."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.figures.flow_diagram import Flow, as_mermaid, as_page, as_svg, flow_of
from sim.study.api import load
from sim.study.case import prepare_case
from tests.tiny_project import TINY, tiny_case

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def flow() -> Flow:
    return flow_of(tiny_case().plan)


def test_boxes_are_kinds_of_units_with_how_many_there_are(flow: Flow) -> None:
    assert flow.boxes["Permits and design"] == "1 phase"
    assert flow.boxes["Shell of a hall"] == "1 hall"  # of one step or of seven
    assert flow.boxes["Electrical skids: make, test, ship"] == "2 skids"  # two blocks of one
    assert flow.boxes["Site works"] == "2 steps"
    assert flow.boxes["Electrical: set and connect"] == "2 blocks"
    assert "1 crane" in flow.shared_resources["Electrical: set and connect"]


def test_arrows_are_what_follows_and_what_is_handed_on(flow: Flow) -> None:
    assert flow.arrows["Electrical skids: make, test, ship", "Electrical: set and connect"] == "Electrical skid ready"
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
    parts = {part for box in flow.boxes for part in re.split(r"(?<=:) ", box)}  # a title breaks behind its colon
    assert parts - {"Commissioning of a block"} <= set(texts)
    assert {"Electrical", "skid ready", "Firm power"} <= set(texts)
    text = as_mermaid(flow)
    assert text.startswith("flowchart LR\n")
    assert text.count("-->") == len(flow.arrows)
    page = as_page(flow, tiny_case().project)
    assert "Electrical: 1 skid a block from" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched


@pytest.mark.parametrize("form", ["svg", "mermaid", "html"])
def test_the_command_writes_every_form(form: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["plan", str(TINY), "--to", form, "--out", str(tmp_path / "plan")])
    assert done.exit_code == 0, done.output
    assert "boxes" in done.output
    assert "Shell of a hall" in (tmp_path / "plan").read_text()


# --- no arrow through a box -------------------------------------------------------------------------------------------


def drawn(flow: Flow) -> tuple[dict[str, tuple[float, ...]], dict[str, list[tuple[float, float]]]]:
    """Boxes (left, top, right, bottom) by title, and 50 points of each line of an arrow, read from the SVG itself."""
    root = fromstring(as_svg(flow))
    space = "{http://www.w3.org/2000/svg}"
    boxes: dict[str, tuple[float, ...]] = {}
    for group in root.iter(f"{space}g"):
        title, shape = group.find(f"{space}title"), group.find(f"{space}rect")
        assert title is not None
        assert shape is not None
        x, y, width, height = (float(shape.attrib[name]) for name in ("x", "y", "width", "height"))
        name = next(box for box in flow.boxes if str(title.text).startswith(f"{box}: {flow.boxes[box]}"))
        boxes[name] = (x, y, x + width, y + height)
    lines = [path.attrib["d"] for path in root.iter(f"{space}path") if "stroke-width" in path.attrib]
    return boxes, {line: along(line) for line in lines}


def along(line: str) -> list[tuple[float, float]]:
    """Points along a path of straight lines and cubic Bézier curves."""
    numbers = [
        (kind, [float(n) for n in re.findall(r"[-\d.]+", rest)]) for kind, rest in re.findall(r"([MLC])([^MLC]+)", line)
    ]
    at, found = (0.0, 0.0), []
    for kind, n in numbers:
        p = [at, *zip(n[::2], n[1::2], strict=True)]
        for step in range(51) if kind != "M" else ():
            t = step / 50
            weights = (1 - t, t) if kind == "L" else ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(w * point[axis] for w, point in zip(weights, p, strict=True)) for axis in (0, 1))
            found.append((x, y))
        at = p[-1]
    return found


def assert_free(flow: Flow) -> None:
    boxes, lines = drawn(flow)
    assert len(lines) == len(flow.arrows)
    for (line, points), (first, second) in zip(lines.items(), flow.arrows, strict=True):
        inside = [
            box for box, (left, top, right, bottom) in boxes.items()
            if any(left < x < right and top < y < bottom for x, y in points)
        ]  # fmt: skip
        assert inside == [], f"{first} to {second} runs through {inside}: {line}"
        (_, top, right, bottom), (to_left, to_top, _, to_bottom) = boxes[first], boxes[second]
        assert points[0][0] == right
        assert points[-1][0] == to_left
        assert top < points[0][1] < bottom
        assert to_top < points[-1][1] < to_bottom
    for one, other in combinations(boxes.values(), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


STRATEGIES = [path.stem for path in sorted(CONFIGS.glob("*.yaml")) if path.stem not in ("base", "horizon_2gw")]


SMALL = ("scale.capacity_mw=25", "energization.units.count=2")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(pytest.param(name, () if name == "one_block" else SMALL, id=f"small {name}") for name in STRATEGIES),
        *(pytest.param(name, (), id=name, marks=pytest.mark.slow) for name in STRATEGIES),
    ],
)
def test_no_arrow_runs_through_a_box(name: str, size: tuple[str, ...]) -> None:
    """Arrows were drawn straight from box to box, behind what stood between: the hybrid's compute skids behind mechanics."""
    case = prepare_case(load(name, [*size, "labour.crew_plan=window"]))
    flow = flow_of(case.plan)
    assert_free(flow)
    assert [token for token in flow.arrows.values() if "." in token] == []


def test_arrows_past_many_columns_and_back_stay_outside_boxes() -> None:
    boxes = dict.fromkeys("abcdefgh", "1 step")
    forth = [(one, other) for one, other in combinations(boxes, 2)]
    flow = Flow(boxes, {}, {**dict.fromkeys(forth, ""), ("h", "a"): "back", ("e", "b"): ""})
    assert_free(flow)


def test_a_second_plant_is_named() -> None:
    case = prepare_case(load("two_factories", ["labour.crew_plan=window"]))
    page = as_page(flow_of(case.plan), case.project)
    assert "40 % of them from 4 lines of plant &quot;second&quot;" in page
    assert "8 trucks (plant &quot;second&quot;)" in page
