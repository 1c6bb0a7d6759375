from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.config.load import BASE_FORMS as FORMS
from sim.config.load import merge, merge_sources, set_value
from sim.config.source_positions import Address, Position, problem_of
from sim.config.yaml_reader import Document, read_text
from sim.errors import ConfigError
from sim.study.api import load
from sim.study.case import prepare_case

BASE = """\
schema_version: 1
site:
  name: Abilene
  people: {value: 450, source: interview}
  hours: {low: 1, mode: 2, high: 3, source: crew log}
shell:
  steps:
    - {id: slab, hours: 40}
    - id: roof
      hours: 30
      after: [slab]
trades: {welder.tig: 4, fitter: 9}
days: [1, 2]
"""


def no_fields(address: Address) -> Iterable[str]:
    return ()


def folder(tmp_path: Path, over: str, base: str = BASE) -> Path:
    (tmp_path / "base.yaml").write_text(base)
    path = tmp_path / "over.yaml"
    path.write_text("schema_version: 1\nextends: base.yaml\n" + over)
    return path


def gathered(path: Path, *overrides: str) -> Document:
    return merge_sources(path, overrides, no_fields).document


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        merge_sources(path, (), no_fields)
    return str(caught.value).replace(path.parent.as_posix() + "/", "")


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    path = folder(tmp_path, "site: {name: Pecos}\nshell:\n  steps: [{id: mat}]\ndays: []\nnew: 1\n")
    tree = gathered(path).tree
    assert tree["site"] == {**read_text(BASE, "").tree["site"], "name": "Pecos"}
    assert tree["shell"] == {"steps": [{"id": "mat"}]}
    assert (tree["days"], tree["new"], tree["schema_version"]) == ([], 1, 1)
    assert "extends" not in tree
    assert merge_sources(path, (), no_fields).files == (path, tmp_path / "base.yaml")


def test_positions_follow_the_winning_value(tmp_path: Path) -> None:
    path = folder(tmp_path, "site: {name: Pecos}\nshell:\n  steps: [{id: mat}]\n")
    places = gathered(path).positions
    over, base = path.as_posix(), (tmp_path / "base.yaml").as_posix()
    assert places["site", "name"] == Position(over, 3, 8)
    assert places["site", "hours", "mode"] == Position(base, 5, 19)
    assert places["shell", "steps", 0, "id"] == Position(over, 5, 12)
    assert ("shell", "steps", 0, "hours") not in places
    assert ("shell", "steps", 1) not in places


@pytest.mark.parametrize(
    ("over", "result"),
    [
        ("5", 5),
        ("{median: 2, p90: 4}", {"median": 2, "p90": 4}),
        ("{low: 4, high: 5}", {"low": 4, "high": 5}),
        ("{mode: 2.5}", {"low": 1, "mode": 2.5, "high": 3, "source": "crew log"}),
        ("{note: checked}", {"low": 1, "mode": 2, "high": 3, "source": "crew log", "note": "checked"}),
    ],
)
def test_a_whole_estimate_replaces_another_and_a_part_changes_it(tmp_path: Path, over: str, result: Any) -> None:
    assert gathered(folder(tmp_path, f"site:\n  hours: {over}\n")).tree["site"]["hours"] == result


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "/etc/base.yaml",
            "a file that exists expected (the shipped one is extended by its name alone: `extends: base`)",
        ),
        ("file:bse.yaml", "a file that exists expected (did you mean base.yaml?)"),
        ("..\\base.yaml", FORMS),
        ("base.txt", FORMS),
        ("[base.yaml]", FORMS),
        ("bse.yaml", "a file that exists expected (did you mean base.yaml?)"),
        (".yaml", FORMS),
        ("hybird", f"expected: {FORMS} (did you mean hybrid?)"),
    ],
)
def test_a_base_that_cannot_be_used(tmp_path: Path, name: str, message: str) -> None:
    path = folder(tmp_path, "")
    path.write_text(f"schema_version: 1\nextends: {name}\n")
    assert refused(path).startswith("over.yaml:2: extends: ")
    assert refused(path).endswith(message)


def test_a_base_may_be_anywhere(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    path = tmp_path / "a" / "b" / "c" / "x.yaml"
    path.parent.mkdir(parents=True)
    for name in ("../../../base.yaml", tmp_path / "base.yaml"):
        path.write_text(f"schema_version: 1\nextends: {name}\n")
        assert gathered(path).tree == read_text(BASE, "").tree


def test_a_shipped_project_is_extended_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("schema_version: 1\nextends: hybrid\nname: x\n")
    found = merge_sources(path, (), no_fields)
    assert [file.name for file in found.files] == ["x.yaml", "hybrid.yaml", "base.yaml"]
    assert found.document.tree["systems"]["electrical"]["scope"] == "factory"
    assert load(path).value.label == "x"


def test_several_levels_of_extends(tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_text(BASE + "label: Root\n")
    (tmp_path / "base.yaml").write_text("schema_version: 1\nextends: root.yaml\nsite: {name: Odessa}\nis_base: true\n")
    path = tmp_path / "over.yaml"
    path.write_text("schema_version: 1\nextends: base.yaml\ndays: [3]\n")
    found = merge_sources(path, (), no_fields)
    assert [file.name for file in found.files] == ["over.yaml", "base.yaml", "root.yaml"]
    assert found.document.tree["site"]["name"] == "Odessa"
    assert found.document.tree["days"] == [3]
    assert found.document.positions["site", "name"].file.endswith("base.yaml")
    assert not {"label", "is_base", "extends"} & {*found.document.tree}


@pytest.mark.parametrize("ring", [("over",), ("base", "over"), ("base", "c", "over"), ("base", "c", "base")])
def test_a_circle_is_refused(tmp_path: Path, ring: tuple[str, ...]) -> None:
    path = folder(tmp_path, "")
    for name, base in zip(("over", *ring), ring, strict=False):
        (tmp_path / f"{name}.yaml").write_text(f"schema_version: 1\nextends: {base}.yaml\n")
    assert "goes round in a circle: over.yaml extends " in refused(path)


def test_bases_in_a_row_are_not_without_end(tmp_path: Path) -> None:
    path = folder(tmp_path, "")
    for number in range(20):
        (tmp_path / f"b{number}.yaml").write_text(f"schema_version: 1\nextends: b{number + 1}.yaml\n")
    path.write_text("schema_version: 1\nextends: b0.yaml\n")
    assert "at most 10 in a row" in refused(path)


def test_a_dictionary_is_a_configuration() -> None:
    mine = load(
        {"extends": "hybrid", "name": "mine", "scale": {"start_date": date(2027, 1, 4)}}, ["logistics.cranes=3"]
    )
    assert (mine.value.name, mine.value.label) == ("mine", "mine")
    assert mine.value.scale.start_date == date(2027, 1, 4)
    with pytest.raises(ConfigError) as caught:
        load({"extends": "hybrid", "name": "mine", "scale": {"phases": 0}})
    assert str(caught.value).startswith("dictionary: scale.phases: 0 ")


def test_a_base_says_that_it_is_one() -> None:
    with pytest.raises(ConfigError, match="is a base for projects, not one to run"):
        prepare_case(load("base"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml:1: is empty"),
        ("- 1\n", "x.yaml:1: a list of 1 given, expected: sections of `key: value` lines"),
        ("a: 1\n", "x.yaml:1: schema_version: is missing: write `schema_version: 1` at the top of the file"),
        ("schema_version: 2\n", "x.yaml:1: schema_version: 2 given, version 1, which this program reads expected"),
        (
            "schema_version: true\n",
            "x.yaml:1: schema_version: true given, version 1, which this program reads expected",
        ),
        (
            'schema_version: "1"\n',
            'x.yaml:1: schema_version: "1" given, version 1, which this program reads expected',
        ),
    ],
)
def test_the_version_comes_first(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text + "rubbish: .nan\n" * text.startswith("schema"))
    assert refused(path).splitlines()[0] == message


def test_the_base_states_its_version_too(tmp_path: Path) -> None:
    assert refused(folder(tmp_path, "", base="site: 1\n")).startswith("base.yaml:1: schema_version: is missing")


# --- single values set by hand ------------------------------------------------------------------------


def after(*overrides: str) -> tuple[Any, list[str]]:
    """The base's tree after overrides, and what was said about them."""
    document = read_text(BASE, "base.yaml")
    for override in overrides:
        set_value(document, override, no_fields)
    assert set(document.positions) == addresses(document.tree)
    return document.tree, [str(problem_of(fault, document.tree)) for fault in document.faults]


def addresses(tree: Any, here: Address = ()) -> set[Address]:
    """Every address of a tree."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return {here}.union(*(addresses(value, (*here, key)) for key, value in parts))


def at(tree: Any, *keys: Any) -> Any:
    for key in keys:
        tree = tree[key]
    return tree


@pytest.mark.parametrize(
    ("override", "address", "value"),
    [
        ("site.name=Pecos", ("site", "name"), "Pecos"),
        ("site.name=", ("site", "name"), None),
        ("site.name= a=b ", ("site", "name"), "a=b"),
        ("site.name=no", ("site", "name"), "no"),
        ("site.people=500", ("site", "people"), 500),
        ("site.hours.mode=2.5", ("site", "hours", "mode"), 2.5),
        ("site.hours={median: 2, p90: 3}", ("site", "hours"), {"median": 2, "p90": 3}),
        ("shell.steps.slab.hours=3", ("shell", "steps", 0, "hours"), 3),
        ("shell.steps.1.hours=3", ("shell", "steps", 1, "hours"), 3),
        ("shell.steps.roof.after.0=x", ("shell", "steps", 1, "after", 0), "x"),
        ("trades.welder.tig=5", ("trades", "welder.tig"), 5),
        ("days=[3, [4]]", ("days",), [3, [4]]),
    ],
)
def test_an_override_sets_one_value(override: str, address: Address, value: object) -> None:
    tree, messages = after(override)
    assert messages == []
    assert at(tree, *address) == value
    changed, untouched = json.loads(json.dumps(tree)), read_text(BASE, "").tree
    for whole in (changed, untouched):
        at(whole, *address[:-1])[address[-1]] = None
    assert changed == untouched


def test_the_last_override_wins_and_earlier_ones_can_be_refined() -> None:
    tree, messages = after("site.people={value: 1, note: x}", "site.people.value=2", "days.0=7", "days.0=8")
    assert (tree["site"]["people"], tree["days"], messages) == ({"value": 2, "note": "x"}, [8, 2], [])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("site.nme=x", "--set site.nme: there is no such key (did you mean name?)"),
        ("stie.name=x", "--set stie.name: stie: there is no such key (did you mean site?)"),
        (
            "shell.steps.slap.hours=1",
            "--set shell.steps.slap.hours: shell.steps.slap: there is no such element (did you mean slab?)",
        ),
        (
            "shell.steps.2.hours=1",
            "--set shell.steps.2.hours: shell.steps.2: there is no such element (known here: roof, slab)",
        ),
        ("days.5=1", "--set days.5: there is no such element (known here: 0 to 1)"),
        ("site.name.first=x", "--set site.name.first: the value above it is a single one and has no parts"),
        ("site.name", "--set site.name: is not of the form section.key=value"),
        ("=3", "--set : is not of the form section.key=value"),
        ("site.people=.nan", "--set site.people: .nan given, a finite number expected"),
        (
            "site.people=010",
            "--set site.people: 010 given, a number without leading zeros, or text in quotes expected",
        ),
        ("days=[1, .inf]", "--set days: days.1: .inf given, a finite number expected"),
    ],
)
def test_an_override_that_leads_nowhere(override: str, message: str) -> None:
    assert after(override)[1] == [message]


def test_an_override_that_is_not_yaml() -> None:
    [message] = after("days=[1")[1]
    assert message.startswith("--set days: is not YAML")


def test_an_override_mends_what_could_not_be_read() -> None:
    document = read_text("a: .nan\nb: 010\n", "f")
    set_value(document, "a=1", no_fields)
    assert [fault.address for fault in document.faults] == [("b",)]


def test_an_override_can_make_an_optional_section_the_model_knows() -> None:
    known: dict[Address, list[str]] = {(): ["weather"], ("weather",): ["wind", "rain"]}

    def fields(address: Address) -> list[str]:
        return known.get(address, [])

    document = read_text("a: 1\nb: null\n", "f")
    set_value(document, "weather.wind=3", fields)
    set_value(document, "weather.rian=3", fields)
    assert document.tree == {"a": 1, "b": None, "weather": {"wind": 3}}
    assert [fault.hint for fault in document.faults] == ["did you mean rain?"]


# --- in general -----------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c", "low", "high", "value"])
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        st.integers(0, 9) | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(base=TREES, over=TREES)
def test_every_value_has_the_position_of_the_file_it_came_from(base: dict[str, Any], over: dict[str, Any]) -> None:
    under, above = read_text(json.dumps(base), "base"), read_text(json.dumps(over), "over")
    merged = merge(under, above)
    assert set(merged.positions) == addresses(merged.tree)
    for address, position in merged.positions.items():
        assert position == (above if position.file == "over" else under).positions[address]
        if address and position.file == "base":
            assert at(merged.tree, *address) == at(base, *address)
    assert merge(under, read_text("{}", "over")).tree == base
    assert merge(merged, above).tree == merged.tree
