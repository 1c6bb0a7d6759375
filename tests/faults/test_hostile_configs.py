"""A configuration from a stranger: refused in words, before anything is built, run or written elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.cli import main
from sim.config.project import Project
from sim.errors import ConfigError
from sim.study.api import load
from tests.config.test_yaml_reader import alias_bomb, merge_bomb
from tests.faults.conftest import Observed
from tests.faults.processes import ROOT, surroundings
from tests.tiny_project import TINY

pytestmark = pytest.mark.faults
BASE = ROOT / "configs" / "base.yaml"

# Reads files; prints of each whether it was refused, CPU seconds, and bytes at the most. A limit ends what does not end.
MEASURED = """
import resource, sys, time, tracemalloc
from pathlib import Path
from sim.errors import ConfigError
from sim.study.api import load
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
def refused(path):
    try:
        load(path)
    except ConfigError:
        return True
    return False
for path in map(Path, sys.argv[1:]):
    began = time.process_time()
    told = refused(path)
    seconds = time.process_time() - began
    tracemalloc.start()
    refused(path)
    print(path.stem, told, seconds, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
"""


def config(place: Path, *lines: str) -> Path:
    """The tiny project with lines appended, beside a copy of its base."""
    (place / "base.yaml").write_text(BASE.read_text())
    text = TINY.read_text().replace("../../configs/base.yaml", "base.yaml")
    (place / "x.yaml").write_text("\n".join([text, *lines, ""]))
    return place / "x.yaml"


def check(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["check", str(path), *options])


BOMBS = {
    "aliases": alias_bomb(),
    "merge_keys": merge_bomb(),
    "cycle": "a: &a [*a]",
    "brackets": "[" * 500_000,
    "braces": "{a: " * 250_000,
    "values": f"a: [{'1,' * 480_000}]",
    "keys": "\n".join(f"k{number}: 1" for number in range(80_000)),
    "long_word": "a: " + "x" * 999_000,
    "digits": "a: " + "9" * 999_000,
    "too_large": "a: " + "x" * 30_000_000,
}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on processor time")
def test_a_bomb_is_refused_with_little_time_and_memory(tmp_path: Path, observed: Observed) -> None:
    paths = [tmp_path / f"{kind}.yaml" for kind in BOMBS]
    for path in paths:
        path.write_text(BOMBS[path.stem])
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, paths)],
        capture_output=True, text=True, check=False, timeout=300, env=surroundings(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == list(BOMBS)
    assert {row[1] for row in rows} == {"True"}
    assert max(int(row[3]) for row in rows) < 50_000_000
    slowest, largest = max(float(row[2]) for row in rows), max(int(row[3]) for row in rows)
    observed(
        f"{len(rows)} bombs refused, the slowest in {slowest:.2f} s of CPU, the largest with {largest / 1e6:.1f} MB"
    )


@pytest.mark.parametrize(
    "line", ["name: ../../x", "name: ..", "name: CON", "name: /etc/x", 'name: "a/b"', "name: nul.y"]
)
def test_a_name_cannot_lead_out_of_the_output_folder(
    line: str, tmp_path: Path, observed: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path)
    path.write_text(path.read_text().replace("name: tiny", line))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    told = CliRunner().invoke(main, ["run", str(path), "--runs", "1"])
    assert told.exit_code == 2
    assert "name" in told.output
    assert sorted(tmp_path.rglob("*")) == before
    observed(f"{line}: exit code 2, nothing written")


def test_two_names_that_are_one_folder_on_some_systems_are_refused(tmp_path: Path, observed: Observed) -> None:
    other = config(tmp_path)
    other.write_text(other.read_text().replace("name: tiny", "name: Tiny"))
    told = CliRunner().invoke(main, ["compare", str(TINY), str(other), "--out", str(tmp_path / "out")])
    assert told.exit_code == 2
    assert "named" in told.output
    assert not (tmp_path / "out").exists()
    observed("tiny and Tiny: exit code 2 before anything is simulated")


@pytest.mark.parametrize(
    "text",
    ["extends: /etc/passwd.yaml", "extends: ../../../../../../etc/x.yaml", "extends: https://example.com/x.yaml"],
)
def test_a_base_cannot_be_anywhere(text: str, tmp_path: Path, observed: Observed) -> None:
    (tmp_path / "x.yaml").write_text(f"schema_version: 1\n{text}\n")
    told = check(tmp_path / "x.yaml")
    assert told.exit_code == 2
    assert "extends" in told.output
    observed(f"{text}: exit code 2")


def test_a_tag_that_would_run_a_program_runs_nothing(tmp_path: Path, observed: Observed) -> None:
    canary = tmp_path / "canary"
    for tag in (
        "!!python/object/apply:os.system",
        "!!python/object/new:subprocess.check_output",
        "!!python/name:os.system",
    ):
        path = config(tmp_path, f"extra: {tag} ['touch {canary}']")
        told = check(path)
        assert told.exit_code == 2
        assert "tags (!) are not read" in told.output
    assert not canary.exists()
    observed("three tags: exit code 2, the canary file does not exist")


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("shell.steps.slab.hours=.nan", "a finite number"),
        ("shell.steps.slab.hours=.inf", "a finite number"),
        ("shell.steps.slab.hours=-4", ""),
        ("scale.capacity_mw=1e300", ""),
        ("scale.capacity_mw=-5", ""),
        ("scale.capacity_mw=5000000", "MW"),
        ("logistics.cranes=1.5", "whole"),
        ("logistics.cranes=1000000", ""),
        ("shell.steps.slab.hours=1.0e+400", "a number the computer can hold"),
        ("shell.steps.slab.hours=010", "leading zeros"),
        ("shell.steps.slab.days=96000", ""),
        ("scale.target_days=14400", ""),
        ("site_calendar.x=1", ""),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_path_and_range(override: str, hint: str, observed: Observed) -> None:
    told = check(TINY, "--set", override)
    assert told.exit_code == 2, told.output
    assert "Traceback" not in told.output
    assert override.partition("=")[0].rpartition(".")[2] in told.output
    assert hint in told.output
    observed(f"{override}: {told.output.strip().splitlines()[-1]}")


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("scale.capacity_mw=250000", "250000 kW are 250 MW"),
        ("scale.target_days=14400", "14400 h are 600 days"),
        ("commissioning.l3.fails=15", "15 % are 0.15"),
        ("logistics.fleets.electrical.distance_miles=940000", "940000 ft are 178"),
    ],
)
def test_a_slip_of_unit_is_guessed(override: str, hint: str, observed: Observed) -> None:
    told = check(TINY, "--set", override)
    assert told.exit_code == 2
    assert hint in told.output
    observed(told.output.strip())


def test_every_shipped_number_has_bounds() -> None:
    """No number of the model can be given an absurd magnitude: each has a low and a high end."""
    assert unbounded(Project.model_json_schema()) == []
    assert unbounded({"properties": {"a": {"type": "number", "minimum": 0}, "b": {"$ref": "#/$defs/Figure"}}})


# These two have the bounds of the field they stand in.
ESTIMATES = ("Estimate", "Figure")


def unbounded(schema: dict[str, Any]) -> list[str]:
    """Where the schema allows a number of any size."""
    found = []
    low, high = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}

    def walk(node: Any, path: str, bounded: bool) -> None:
        if isinstance(node, list):
            for number, part in enumerate(node):
                walk(part, f"{path}[{number}]", bounded)
        if not isinstance(node, dict):
            return
        here = bounded or (bool(low & node.keys()) and bool(high & node.keys()))
        is_number = node.get("type") in {"number", "integer"} and not {"const", "enum"} & node.keys()
        if (is_number or str(node.get("$ref", "")).endswith(ESTIMATES)) and not here:
            found.append(path)
        for key, part in node.items():
            if key == "properties":
                for name, field in part.items():
                    walk(field, f"{path}.{name}", False)
            elif isinstance(part, dict | list) and key not in {"$defs", "default", "examples"}:
                walk(part, path, here)

    walk(schema, "", False)
    for name, part in schema.get("$defs", {}).items():
        if not name.endswith(ESTIMATES):
            walk(part, name, False)
    return [path for path in found if path != ".schema_version"]


def test_a_configuration_that_is_a_folder_or_a_device(tmp_path: Path, observed: Observed) -> None:
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "nothing.yaml"):
        with pytest.raises(ConfigError):
            load(path)
    observed("a folder, /dev/zero and a missing file: exit code 2 in one line each")
