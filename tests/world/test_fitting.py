"""Own history into estimates: against known parameters, by hand, and with rows that are not finished."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.study.api import load
from sim.world.fitting import Fit, History, WrongHistory, fit, fragment, kaplan_meier, read_history

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
               "--picture", str(picture)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "by the smallest AICc" in done.stderr
    assert picture.read_bytes()[:4] == b"\x89PNG"
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: hybrid\nschema_version: 1\nname: mine\n{out.read_text()}")
    stations = {one.id: one for one in load(mine).value.systems.mechanical.factory.stations}
    shipped = {one.id: one for one in load("hybrid").value.systems.mechanical.factory.stations}
    assert stations["frame"].days == shipped["frame"].days
    assert str(stations["pipe"].days.source).startswith("h.csv: 11 rows of hours")
    assert stations["pipe"].days.planned == pytest.approx(11.7, rel=0.1)  # 80 to 107 hours over 8 units


def test_a_key_that_is_none_is_told() -> None:
    found: Fit = fit(History("x.csv", "days", drawn("lognormal", 20), NOTHING))
    like = load("hybrid").value.model_dump(mode="json", exclude_none=True)
    with pytest.raises(WrongHistory, match=r"no .pip. in systems[.]mechanical"):
        fragment(found, "systems.mechanical.factory.stations.pip", like)
    with pytest.raises(WrongHistory, match=r"no 'sytems'; below the top there is"):
        fragment(found, "sytems.mechanical", like)


def test_a_script_fits_a_file(tmp_path: Path) -> None:
    """`sim.fit` takes what `sim fit` takes, and says the same."""
    path = history("days,note", *(f"{days},x" for days in (4, 5, 5, 6, 7, 8, 9, 9, 10)), folder=tmp_path)
    found = sim.fit(str(path), column="days")
    assert isinstance(found, sim.Fit)
    assert found.estimate == fit(read_history(path)).estimate
    with pytest.raises(sim.SimError, match=r"h\.csv"):
        sim.fit(path, column="weeks")
