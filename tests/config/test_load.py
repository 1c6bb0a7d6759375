from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from sim.config.load import checked, load_as
from sim.config.sections.estimates import Bounds, Estimate, Figure, Name, Section, Unit
from sim.errors import NOTHING, ConfigError, Mistake, Problem, Refused


class Step(Section):
    id: Name
    hours: Annotated[Estimate, Unit("h"), Bounds(0, 5000)] = Field(description="Earned hours")
    after: tuple[Name, ...] = ()


class Factory(Section):
    lines: Annotated[int, Unit("lines"), Bounds(1, 50)] = Field(description="Parallel lines")
    rate: Annotated[Figure, Unit("blocks a week"), Bounds(0, above=True)] = Figure(value=1)
    yield_share: float = Field(default=1, ge=0, le=1)


class Held(Section):
    kind: Literal["held"]
    week: int


class Ordered(Section):
    kind: Literal["ordered"]
    lead_weeks: float


class Shell(Section):
    steps: list[Step]
    scope: Literal["site", "factory"] = "site"
    slot: Annotated[Held | Ordered, Field(discriminator="kind")] | None = None
    crews: Literal["auto"] | dict[Name, int] = "auto"

    @model_validator(mode="after")
    def _steps_exist(self) -> Self:
        ids = [step.id for step in self.steps]
        broken = [
            Mistake(("steps", i, "after", j), name, "a step of this shell")
            for i, step in enumerate(self.steps)
            for j, name in enumerate(step.after)
            if name not in ids
        ]
        if broken:
            raise Refused(broken)
        return self


class Site(Section):
    start: date
    night_shift: bool = False
    factories: dict[Name, Factory] = Field(min_length=1)
    shell: Shell
    label: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        findings = []
        if "electrical" not in self.factories:
            findings.append(Mistake(("factories",), NOTHING, "no electrical factory"))
        total = sum(factory.lines for factory in self.factories.values())
        if not 3 <= total <= 60:
            findings.append(Mistake(("factories",), NOTHING, "need 3 to 60 lines in all"))
        if len(self.label) == 1:
            findings.append(Mistake(("label",), NOTHING, "is too short"))
        if self.shell.scope == "factory" and self.night_shift:
            findings.append(Mistake(("night_shift",), True, "false where the shell comes from a factory"))
        if findings:
            raise Refused(findings)
        return self


GOOD = """\
schema_version: 1
start: 2026-11-23
factories:
  electrical: {lines: 3, rate: 4}
  mechanical:
    lines: 2
shell:
  steps:
    - {id: slab, hours: 40}
    - id: roof
      hours: {low: 20, mode: 30, high: 50}
      after: [slab]
  scope: site
"""


def write(tmp_path: Path, text: str, name: str = "x.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def messages(path: Path, *overrides: str) -> list[str]:
    """The problems of a file, its folder left out."""
    with pytest.raises(ConfigError) as caught:
        load_as(Site, path, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(path.parent.as_posix() + "/", "").splitlines()


def test_a_good_file_becomes_a_model(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    loaded = load_as(Site, path, ["shell.steps.roof.hours.mode=25"])
    assert loaded.value.start == date(2026, 11, 23)
    assert loaded.value.shell.steps[1].hours.planned == 25
    assert loaded.tree["schema_version"] == 1
    assert loaded.tree["shell"]["steps"][1]["hours"] == {"low": 20, "mode": 25, "high": 50}
    assert loaded.positions["shell", "steps", 1, "hours"].line == 11
    assert loaded.files == (path,)


FORMS = "a number, or one of {value}, {low, high}, {low, mode, high}, {median, p90}, {values, weights}"
NAME = "a name of 1 to 64 letters, digits, dots, hyphens and underscores"
SECTION = "a section of `key: value` lines"
LINES = "a whole number from 1 to 50 lines"

TEN_MISTAKES = """\
schema_version: 1
extends: base.yaml
start: 2026-02-29
night_shift: yes
factories:
  electrical:
    linse: 4
    rate: 0
  mechanical:
    lines: 1_000
  compute: {}
shell:
  steps:
    - {id: slab, hours: {low: 30, mode: 20, high: 50}}
    - {id: roof, hours: .nan, after: [slap]}
  scope: sight
"""


def test_ten_mistakes_give_ten_messages_at_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "base.yaml")
    assert messages(write(tmp_path, TEN_MISTAKES)) == [
        'x.yaml:3: start: "2026-02-29" given, a day of the calendar like 2026-11-23 expected',
        'x.yaml:4: night_shift: "yes" given, true or false expected (write true)',
        "x.yaml:7: factories.electrical.linse: is not a known key (did you mean lines?)",
        "x.yaml:8: factories.electrical.rate: 0 given, more than 0 blocks a week expected",
        f'x.yaml:10: factories.mechanical.lines: "1_000" given, {LINES} expected (write 1000)',
        "x.yaml:11: factories.compute.lines: is missing: Parallel lines, 1 to 50 lines",
        "x.yaml:14: shell.steps.slab.hours.mode: 20 given, at least low (30) expected",
        "x.yaml:15: shell.steps.roof.hours: .nan given, a finite number expected",
        'x.yaml:15: shell.steps.roof.after.0: "slap" given, a step of this shell expected',
        'x.yaml:16: shell.scope: "sight" given, one of site or factory expected (did you mean site?)',
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "2026-11-23",
            "20261123",
            "2: start: 20261123 given, a date like 2026-11-23, or a time like 07:30 expected",
        ),
        (
            "lines: 3",
            "lines: 3.5",
            "4: factories.electrical.lines: 3.5 given, a whole number from 1 to 50 lines expected",
        ),
        (
            "lines: 3",
            "lines: 3.0",
            "4: factories.electrical.lines: 3 given, a whole number from 1 to 50 lines expected (write 3)",
        ),
        (
            "lines: 3",
            "lines: true",
            "4: factories.electrical.lines: true given, a whole number from 1 to 50 lines expected",
        ),
        ("lines: 3", "lines: 51", "4: factories.electrical.lines: 51 given, 1 to 50 lines expected"),
        (
            "lines: 3",
            "lines: 3, lane: 4",
            "4: factories.electrical.lane: is not a known key (did you mean lines?)",
        ),
        (
            "lines: 3",
            "lines: 3, zzz: 4",
            "4: factories.electrical.zzz: is not a known key (known here: lines, rate, yield_share)",
        ),
        (
            "lines: 3",
            "yield_share: 2, lines: 3",
            "4: factories.electrical.yield_share: 2 given, at most 1 expected",
        ),
        ("lines: 3,", "", "4: factories.electrical.lines: is missing: Parallel lines, 1 to 50 lines"),
        (
            "rate: 4",
            "rate: {vale: 4}",
            "4: factories.electrical.rate.vale: is not a known key (did you mean value?)",
        ),
        (
            "rate: 4",
            'rate: "4"',
            '4: factories.electrical.rate: "4" given, a number, or {value, source, …} expected',
        ),
        (
            "rate: 4",
            "rate: {value: 4, confidence: D}",
            '4: factories.electrical.rate.confidence: "D" given, one of A, B or C expected',
        ),
        ("  electrical", "  elec trical", '4: factories.elec trical: "elec trical" given, NAME expected'),
        (
            "hours: 40",
            "hours: 40 ohms",
            (
                '9: shell.steps.slab.hours: "40 ohms" given, expected: FORMS'
                " (a number in h, or one with h, hours, min, minutes, days behind it)"
            ),
        ),
        (
            "hours: 40",
            "hours: 40000",
            (
                "9: shell.steps.slab.hours: 40000 given, 0 to 5000 h expected"
                " (40000 min are 666.7 h; write that if it was meant)"
            ),
        ),
        (
            "high: 50",
            "high: 9000",
            (
                "11: shell.steps.roof.hours.high: 9000 given, 0 to 5000 h expected"
                " (9000 min are 150 h; write that if it was meant)"
            ),
        ),
        ("high: 50", "p90: 50", "11: shell.steps.roof.hours: {low, mode, p90} given, expected: FORMS"),
        ("after: [slab]", "after: slab", '12: shell.steps.roof.after: "slab" given, a list expected'),
        ("after: [slab]", "after: [slab, 3]", "12: shell.steps.roof.after.1: 3 given, text expected"),
        ("id: roof", "id: ro of", '10: shell.steps.1.id: "ro of" given, NAME expected'),
        (
            "scope: site",
            "slot: {kind: hold}",
            '13: shell.slot.kind: "hold" given, one of held, ordered expected (did you mean held?)',
        ),
        ("scope: site", "slot: {week: 3}", "13: shell.slot.kind: is missing"),
        ("scope: site", "slot: {kind: held}", "13: shell.slot.week: is missing"),
        (
            "scope: site",
            "slot: {kind: held, week: x}",
            '13: shell.slot.week: "x" given, a whole number expected',
        ),
        (
            "scope: site",
            "crews: auto-mode",
            '13: shell.crews: "auto-mode" given, expected: one of auto or SECTION (did you mean auto?)',
        ),
        ("scope: site", "crews: {rigger: x}", '13: shell.crews.rigger: "x" given, a whole number expected'),
        ("shell:\n", "shell: 3\nlabel:\n", "7: shell: 3 given, expected: a section of `key: value` lines"),
        ("  electrical", "  electric", "3: factories: no electrical factory"),
    ],
)
def test_one_mistake_gives_one_message(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if "label:" in new:
        text = text[: text.index("label:")]
    for word, words in {"FORMS": FORMS, "NAME": NAME, "SECTION": SECTION}.items():
        message = message.replace(word, words)
    assert messages(write(tmp_path, text)) == [f"x.yaml:{message}"]


def test_a_base_and_an_override_are_named_as_the_place(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("lines: 2", "lines: 0"), "base.yaml")
    path = write(tmp_path, "schema_version: 1\nextends: base.yaml\nshell: {scope: x}\n")
    assert messages(path, "factories.electrical.lines=99", "shell.steps.roof.hours.p90=3", "labl=x") == [
        'x.yaml:3: shell.scope: "x" given, one of site or factory expected',
        "base.yaml:6: factories.mechanical.lines: 0 given, 1 to 50 lines expected",
        "base.yaml:11: shell.steps.roof.hours: {low, mode, high, p90} given, expected: " + FORMS,
        "--set factories.electrical.lines: 99 given, 1 to 50 lines expected",
        "--set labl: there is no such key (did you mean label?)",
    ]


def test_a_section_is_checked_as_a_whole_despite_a_slip_elsewhere(tmp_path: Path) -> None:
    text = GOOD.replace("after: [slab]", "after: [slap]").replace("electrical", "elec").replace("2026-11-23", "soon")
    assert messages(write(tmp_path, text)) == [
        'x.yaml:2: start: "soon" given, a day of the calendar like 2026-11-23 expected',
        'x.yaml:12: shell.steps.roof.after.0: "slap" given, a step of this shell expected',
    ]
    text = text.replace("[slap]", "[slab]")
    assert messages(write(tmp_path, text)) == [
        'x.yaml:2: start: "soon" given, a day of the calendar like 2026-11-23 expected',
        "x.yaml:3: factories: no electrical factory",
    ]


@pytest.mark.parametrize("others", [1, 40])
def test_nothing_is_concluded_from_a_stand_in(tmp_path: Path, others: int) -> None:
    """The sum of lines, the scope and the label are right or wrong only by what stands in for a bad value."""
    text = GOOD.replace("lines: 3", "lines: 0").replace("lines: 2", f"lines: {others}").replace("site", "sight")
    told = messages(write(tmp_path, text + "night_shift: true\nlabel: 5\n"))
    assert [line.split(" given")[0] for line in told] == [
        "x.yaml:4: factories.electrical.lines: 0",
        'x.yaml:13: shell.scope: "sight"',
        "x.yaml:15: label: 5",
    ]


def test_a_misspelt_section_does_not_hide_what_is_in_it(tmp_path: Path) -> None:
    text = GOOD.replace("shell:", "shel:").replace("[slab]", "[slap]")
    assert messages(write(tmp_path, text))[0] == "x.yaml:7: shel: is not a known key (did you mean shell?)"
    assert len(messages(write(tmp_path, text))) == 2


def test_the_version_is_complained_about_alone(tmp_path: Path) -> None:
    path = write(tmp_path, TEN_MISTAKES.replace("schema_version: 1", "schema_version: 3"))
    assert messages(path) == ["x.yaml:1: schema_version: 3 given, version 1, which this program reads expected"]


def test_text_from_a_file_cannot_colour_or_break_a_message(tmp_path: Path) -> None:
    text = GOOD.replace("scope: site", '"\\e[31mred\\n": 1\n  scope: "a\\nb\\e[0m"')
    for line in messages(write(tmp_path, text)):
        assert line.isprintable()
        assert line.startswith("x.yaml:1")


def test_problems_come_back_from_a_worker_process() -> None:
    with pytest.raises(ConfigError) as caught:
        checked(Site, {"start": 3})
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
    assert str(again) == str(caught.value)


# --- in general -----------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    ["start", "factories", "electrical", "lines", "shell", "steps", "id", "hours", "low", "slot", "x"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats(-9, 99) | st.sampled_from(["slab", "held", "a b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


@given(tree=st.dictionaries(KEYS, TREES, max_size=6))
def test_any_tree_is_a_site_or_a_list_of_problems(tree: dict[str, Any]) -> None:
    before = repr(tree)
    problems = problems_of(tree)
    assert len(set(problems)) == len(problems)
    assert all(str(problem).isprintable() for problem in problems)
    assert repr(tree) == before


def problems_of(tree: dict[str, Any]) -> tuple[Problem, ...]:
    """The problems of a tree without a file; none if it is a site."""
    try:
        checked(Site, tree)
    except ConfigError as error:
        return error.problems
    return ()
