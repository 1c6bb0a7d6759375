"""Own history into estimates: against known parameters, by hand, and with rows that are not finished."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.config.project import Project
from sim.errors import SimError
from sim.study.api import load
from sim.world.fitting import (
    Fit,
    History,
    WrongHistory,
    factor_to_key_unit,
    fit,
    fragment,
    kaplan_meier,
    read_history,
    unit_note,
)

NOTHING = np.empty(0)


def drawn(kind: str, n: int, seed: int = 7) -> np.ndarray:
    generator = np.random.Generator(np.random.Philox(seed))
    if kind == "lognormal":
        return np.asarray(generator.lognormal(np.log(10), 0.4, n))
    return np.asarray(12 * generator.weibull(3.0, n))


def history(*lines: str, folder: Path) -> Path:
    path = folder / "h.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_large_sample_finds_what_it_was_drawn_from() -> None:
    found = fit(History("x.csv", "days", drawn("lognormal", 4000), NOTHING))
    assert found.candidates[0].name == "lognormal"
    # median 10, P90 10 exp(1.2816 x 0.4) = 16.7
    assert found.estimate == pytest.approx({"median": 10, "p90": 16.7}, rel=0.03)
    other = fit(History("x.csv", "days", drawn("Weibull", 4000), NOTHING))
    assert other.candidates[0].name == "Weibull"
    # the mean of a Weibull of shape 3 and scale 12 is 12 x Gamma(4/3) = 10.72
    assert np.average(other.estimate["values"], weights=other.estimate["weights"]) == pytest.approx(10.72, rel=0.03)
    assert other.p_value is not None
    assert other.p_value > 0.05


def test_unfinished_rows_are_longer_than_so_far_and_not_left_out() -> None:
    """Of 2,000 jobs those over 11 days are not finished yet: left out, the median would be 8; as censored it is 10."""
    values = drawn("lognormal", 2000)
    over, going = values[values <= 11], np.full((values > 11).sum(), 11.0)
    whole = fit(History("x.csv", "days", over, going))
    assert whole.estimate["median"] == pytest.approx(10, rel=0.05)
    assert np.median(over) < 8.6
    assert whole.p_value is None


def test_the_share_that_is_over_is_kaplan_and_meiers() -> None:
    """By hand: 4 at 1, then 3 left and one of them unfinished at 2: 1/4, then of two at 3: 1 - 3/4 x 1/2."""
    at, share = kaplan_meier(History("", "", np.array([1.0, 3.0, 5.0]), np.array([2.0])))
    assert at.tolist() == [1, 3, 5]
    assert share.tolist() == pytest.approx([0.25, 0.625, 1.0])


def test_a_poor_fit_is_told() -> None:
    two_kinds = np.concatenate([np.linspace(4.9, 5.1, 30), np.linspace(49, 51, 30)])
    found = fit(History("x.csv", "days", two_kinds, NOTHING))
    assert found.p_value is not None
    assert found.p_value < 0.05
    assert "the fit is poor" in "\n".join(found.describe())


@pytest.mark.parametrize("n", [3, 5, 7])
def test_few_rows_are_widened_and_say_so(n: int) -> None:
    """For so few the P90 is that of the next value: by Student's t, further out than the sample's own."""
    values = np.exp(np.linspace(2, 3, n))
    found = fit(History("x.csv", "days", values, NOTHING))
    own = np.exp(np.log(values).mean() + 1.2816 * np.log(values).std(ddof=1))
    assert found.estimate["p90"] > own
    assert found.candidates == ()
    assert f"n = {n} is below 8" in "\n".join(found.describe())
    with pytest.raises(WrongHistory, match="2 finished rows; at least 3"):
        fit(History("x.csv", "days", values[:2], NOTHING))


def test_failures_are_a_share_with_its_interval(tmp_path: Path) -> None:
    found = fit(read_history(history("failed,tested", "2,20", "1,30", folder=tmp_path)))
    assert (found.history.failed, found.history.tested) == (3, 50)
    # Wilson's interval of 3 in 50: 2.1 to 16.2 %
    assert found.estimate == pytest.approx({"value": 0.06, "low": 0.0206, "high": 0.1622}, abs=1e-4)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("days", "4", "x"), r"h.csv:3: days is 'x', a number expected"),
        (("days", "4", "-1"), r"h.csv:3: days is '-1', more than 0 expected"),
        (("days,finished", "4,maybe"), r"h.csv:2: finished is 'maybe', yes or no expected"),
        (("a,b", "1,2"), r"columns of numbers are a, b; name one with --column"),
        (("days,units", "4,0"), r"h.csv:2: units is '0', a number above 0 expected"),
        (("failed,tested", "5,4"), r"5 failed of 4 tested"),
        (("days",), r"0 rows"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_with_its_line(lines: tuple[str, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(WrongHistory, match=told):
        read_history(history(*lines, folder=tmp_path))


def test_a_table_becomes_a_fragment_that_loads(tmp_path: Path) -> None:
    """A station by its id: the list is written whole with one duration changed, and the source names the file."""
    data = history(
        "skid,hours,units,finished", *(f"{n},{80 + 3 * n},{8},yes" for n in range(10)), "11,90,8,no", folder=tmp_path
    )
    out, picture = tmp_path / "part.yaml", tmp_path / "fit.png"
    done = CliRunner().invoke(
        main, ["fit", str(data), "--key", "systems.mechanical.factory.stations.pipe", "--column", "hours", "--out", str(out),
               "--unit", "working hours", "--picture", str(picture)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "by the smallest AICc" in done.stderr
    assert picture.read_bytes()[:4] == b"\x89PNG"
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: hybrid\nschema_version: 1\nname: mine\n{out.read_text()}")
    stations = {one.id: one for one in load(mine).value.systems.mechanical.factory.stations}
    shipped = {one.id: one for one in load("hybrid").value.systems.mechanical.factory.stations}
    assert stations["frame"].days == shipped["frame"].days
    assert str(stations["pipe"].days.source).startswith(
        "h.csv: 11 rows of hours, working hours × 0.0625 = working days (16 h a working day of a factory)"
    )
    assert stations["pipe"].days.planned == pytest.approx(
        11.7 / 16, rel=0.1
    )  # 80 to 107 hours over 8 units, two shifts


PIPE = "systems.mechanical.factory.stations.pipe"


@pytest.fixture(scope="module")
def hybrid() -> Project:
    return load("hybrid").value


def test_a_key_that_is_none_is_told_with_what_there_is(hybrid: Project) -> None:
    found: Fit = fit(History("x.csv", "days", drawn("lognormal", 20), NOTHING))
    with pytest.raises(SimError, match=r"no 'weld' in systems.mechanical.factory.stations; there is frame, pipe"):
        fragment(found, "systems.mechanical.factory.stations.weld", hybrid)
    with pytest.raises(SimError, match=r"no 'pip' in .*[(]did you mean pipe[?][)]"):
        fragment(found, "systems.mechanical.factory.stations.pip", hybrid)
    with pytest.raises(SimError, match=r"no 'sytems' in the configuration; there is"):
        fragment(found, "sytems.mechanical", hybrid)


@pytest.mark.parametrize(
    ("column", "key", "factor"),
    [
        # factories work 16 h on 5 days of 7, the site 10 h on 5 days (issue: hours went into days as they were)
        ("working_hours", PIPE, 1 / 16),
        ("calendar hours", PIPE, 5 / 7 / 24),
        ("shift_minutes", PIPE, 1 / 16 / 60),
        ("days", PIPE, 1),
        ("calendar_days", PIPE, 5 / 7),
        ("Duration [weeks]", PIPE, 5),
        ("duration_h", "systems.mechanical.factory.parts_weeks", 1 / 168),
        ("lead_time_days", "systems.mechanical.factory.parts_weeks", 1 / 7),
        ("working days", "systems.mechanical.factory.parts_weeks", 1 / 5),
        ("leadTimeMonths", "systems.mechanical.factory.parts_weeks", 365.25 / 12 / 7),
        ("work_hours", "commissioning.l3", 1 / 10),
        ("minutes", "logistics.unload_hours", 1 / 60),
        ("working_days", "logistics.unload_hours", 10),
        ("labour_hours", "systems.mechanical.hook_up.connect.hours", 1),
        ("person-days", "systems.mechanical.hook_up.connect.hours", 10),
        ("hours_per_m2", "shell.steps.slab.hours_per_sqft", 0.3048**2),
        ("loss_pct", "labour.content_spread", 0.01),
    ],
)
def test_a_column_named_in_another_unit_is_converted_into_that_of_the_key(
    column: str, key: str, factor: float, hybrid: Project
) -> None:
    history = History("x.csv", column, drawn("lognormal", 20), NOTHING)
    got, taken = factor_to_key_unit(history, key, hybrid)
    assert got == pytest.approx(factor, rel=1e-9)
    assert (f"= {allowed(key, hybrid)}" in taken) == (factor not in (1, 1.0)), taken
    # by hand: the median of what was drawn, in the key's unit
    override = fragment(fit(history), key, hybrid)[1]
    medians = [float(number) for number in re.findall(r'"median": ([0-9.e-]+)', override)]
    assert any(median == pytest.approx(fit(history).estimate["median"] * factor, rel=1e-3) for median in medians)
    assert f"x.csv: 20 rows of {column}{taken}" in override.replace('\\"', '"')


def allowed(key: str, project: Project) -> str:
    """The unit that the schema states for a key."""
    from sim.config.overrides import address_in
    from sim.config.source_positions import allowed_at

    tree = project.model_dump(mode="json", exclude_none=True)
    address = address_in(tree, key)
    return allowed_at(Project, address).unit or allowed_at(Project, (*address, "days")).unit


@pytest.mark.parametrize(
    ("column", "key", "unit", "said"),
    [
        (
            "hours",
            PIPE,
            "",
            r'may be in working hours or calendar hours.* add --unit "working hours" [(]16 h a working day',
        ),
        (
            "days",
            "logistics.unload_hours",
            "",
            r'add --unit "working days" [(]10 h .* or --unit "calendar days" [(]24 h',
        ),
        ("mw", PIPE, "", r"the column 'mw' is in MW, and .*pipe is in working days: the one is none of the other"),
        ("man_hours", PIPE, "", r"is in person-hours, and .* is in working days"),
        ("days", "systems.mechanical.hook_up.connect.hours", "", r"is in days, and .* is in person-hours"),
        ("weight_kg", "systems.mechanical.factory.parts_weeks", "", r"is in kg, and .* is in weeks"),
        ("value", PIPE, "furlongs", r'--unit "furlongs" is no unit that is known'),
        ("value", PIPE, "MW", r'--unit "MW" is in MW, and .* is in working days'),
        ("days", "scale.capacity_mw", "", r"scale.capacity_mw is not a number that is drawn: it is a constant"),
        ("days", "systems.mechanical", "", r"systems.mechanical is not a number that is drawn: in it there is scope"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused_in_one_sentence(
    column: str, key: str, unit: str, said: str, hybrid: Project
) -> None:
    with pytest.raises(SimError, match=said) as caught:
        factor_to_key_unit(History("x.csv", column, drawn("lognormal", 20), NOTHING), key, hybrid, unit)
    assert "\n" not in str(caught.value)


def test_a_name_without_a_unit_is_taken_for_that_of_the_key_and_said(hybrid: Project) -> None:
    there = History("x.csv", "welding", drawn("lognormal", 20), NOTHING)
    assert factor_to_key_unit(there, PIPE, hybrid) == (1.0, ", taken as working days, as its name has no unit")
    assert factor_to_key_unit(there, PIPE, hybrid, "calendar days")[0] == pytest.approx(5 / 7)
    days = History("x.csv", "days", drawn("lognormal", 20), NOTHING)
    assert unit_note(factor_to_key_unit(days, PIPE, hybrid)[1]) == [
        'the column is taken as working days; if they are days of the calendar, add --unit "calendar days"'
    ]


def test_failed_of_tested_goes_only_where_a_share_goes(hybrid: Project) -> None:
    share = History("x.csv", "failed", NOTHING, NOTHING, 3, 40)
    assert factor_to_key_unit(share, "systems.mechanical.factory.test.fails", hybrid) == (1.0, "")
    with pytest.raises(WrongHistory, match=r"failed of tested is a share, and .* is in weeks"):
        factor_to_key_unit(share, "systems.mechanical.factory.parts_weeks", hybrid)


def test_a_script_fits_a_file(tmp_path: Path) -> None:
    """`sim.fit` takes what `sim fit` takes, and says the same."""
    path = history("days,note", *(f"{days},x" for days in (4, 5, 5, 6, 7, 8, 9, 9, 10)), folder=tmp_path)
    found = sim.fit(str(path), column="days")
    assert isinstance(found, sim.Fit)
    assert found.estimate == fit(read_history(path)).estimate
    with pytest.raises(sim.SimError, match=r"h\.csv"):
        sim.fit(path, column="weeks")


def test_what_the_how_to_shows_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `sim fit` of the page, with the tables that it names: days of skids, hours of welding."""
    page = (Path(__file__).parents[2] / "docs" / "how_to" / "own_factory.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    history(
        "skid,days,finished",
        *(f"{at},{4 + at / 10:g},{'no' if at > 38 else 'yes'}" for at in range(1, 41)),
        folder=tmp_path,
    )
    (tmp_path / "h.csv").rename("skids.csv")
    history("skid,hours", *(f"{at},{80 + at}" for at in range(1, 21)), folder=tmp_path)
    (tmp_path / "h.csv").rename("welding.csv")
    commands = [shlex.split(line)[1:] for line in page.splitlines() if line.startswith("sim fit ")]
    assert len(commands) == 2
    done = [CliRunner().invoke(main, words) for words in commands]
    assert [one.exit_code for one in done] == [0, 0], [one.output for one in done]
    assert "working hours × 0.0625 = working days" in done[1].output
    assert {"fit.png", "pipe.yaml"} <= {path.name for path in tmp_path.iterdir()}
