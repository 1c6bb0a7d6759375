"""Users' weather files, written by hand: what is read from good ones, what is said of bad ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.cli import main
from sim.config.sections.weather import Weather
from sim.errors import SimError
from sim.world.weather.closures import MONTH_DAYS
from sim.world.weather.project_weather import lost_days_by_month, weather_model
from sim.world.weather.weather_files import read_year
from sim.world.working_time import weekly

TMY3_NAMES = (
    "Date (MM/DD/YYYY),Time (HH:MM),Dry-bulb (C),Wspd (m/s),Wspd source,Lprecip depth (mm),PresWth (METAR code)"
)
EPW_HEADER = [
    "LOCATION,Somewhere,TX,USA,made by hand,999999,31.0,-103.0,-6.0,900.0",
    "DESIGN CONDITIONS,0",
    "TYPICAL/EXTREME PERIODS,0",
    "GROUND TEMPERATURES,0",
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
    "COMMENTS 1,",
    "COMMENTS 2,",
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
]


@cache
def hours() -> list[tuple[int, int, int]]:
    return [
        (month, day, hour)
        for month, many in enumerate(MONTH_DAYS, 1)
        for day in range(1, many + 1)
        for hour in range(1, 25)
    ]


@cache
def tmy3() -> tuple[str, ...]:
    """Hour n of the year: n/1000 °C, wind 0.1 m/s a clock hour, rain 3 tenths at noon, code 61 at midnight."""
    lines = [
        f"{month:02d}/{day:02d}/1990,{hour:02d}:00,{number / 1000},{hour / 10},A,{3 if hour == 12 else 0},"
        f"{61 if hour == 24 else 0}"
        for number, (month, day, hour) in enumerate(hours())
    ]
    return ('999999,"SOMEWHERE",TX,-6.0,31.0,-103.0,900', TMY3_NAMES, *lines)


@cache
def epw() -> tuple[str, ...]:
    """The same year, with rain in mm."""
    lines = []
    for number, (month, day, hour) in enumerate(hours()):
        fields = ["0"] * 35
        fields[:6] = ["1990", str(month), str(day), str(hour), "60", "?9?9"]
        fields[6], fields[21] = str(number / 1000), str(hour / 10)
        fields[26:28] = ["0", "909999999" if hour == 24 else "999999999"]
        fields[33] = "0.3" if hour == 12 else "0"
        lines.append(",".join(fields))
    return (*EPW_HEADER, *lines)


def field(lines: list[str], line: int, at: int, value: str) -> None:
    """Change one field; lines count from 1."""
    fields = lines[line - 1].split(",")
    fields[at] = value
    lines[line - 1] = ",".join(fields)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[list[str]], Path]:
    def write(lines: list[str]) -> Path:
        path = tmp_path / "site.epw"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


Write = Callable[[list[str]], Path]
BOTH = pytest.mark.parametrize("lines", [tmy3(), epw()], ids=["tmy3", "epw"])


@BOTH
def test_a_year_is_read_hour_by_hour(lines: tuple[str, ...], written: Write) -> None:
    year = read_year(written(list(lines)))
    assert year.wind.shape == year.temperature.shape == year.rain.shape == (365, 24)
    assert year.wind[200].tolist() == pytest.approx([hour / 10 for hour in range(1, 25)])
    assert year.temperature[2, 5] == 0.053
    assert year.rain[:, 11] == pytest.approx(0.3)
    assert year.rain.sum() == pytest.approx(365 * 0.3)


def test_rain_is_read_in_the_unit_that_is_stated(written: Write) -> None:
    assert read_year(written(list(tmy3())), "mm").rain[0, 11] == 3
    assert read_year(written(list(epw())), "tenths_mm").rain[0, 11] == pytest.approx(0.03)


@BOTH
def test_midnight_may_be_the_first_hour_of_the_next_day(lines: tuple[str, ...], written: Write) -> None:
    """SolarAnywhere and others write the hour that ends at midnight as 00:00; some count hours from 0 to 23."""
    year = read_year(written(list(lines)))
    first = len(lines) - 8760
    later, from_zero = list(lines), list(lines)
    for at in range(first, len(lines)):
        fields = lines[at].split(",")
        hour = (at - first) % 24 + 1
        after = lines[at + 1 if at + 1 < len(lines) else first].split(",")
        if len(lines) == 8762:
            if hour == 24:
                later[at] = ",".join([after[0], "00:00", *fields[2:]])
            from_zero[at] = ",".join([fields[0], f"{hour - 1:02d}:00", *fields[2:]])
        else:
            if hour == 24:
                later[at] = ",".join([fields[0], after[1], after[2], "0", *fields[4:]])
            from_zero[at] = ",".join([*fields[:3], str(hour - 1), *fields[4:]])
    for odd in (later, from_zero):
        assert odd != list(lines)
        assert (read_year(written(odd)).wind == year.wind).all()


@BOTH
def test_29_february_is_left_out(lines: tuple[str, ...], written: Write) -> None:
    long = list(lines)
    first = len(long) - 8760 + 59 * 24
    leap = [text.replace("02/28", "02/29").replace("1990,2,28", "1990,2,29") for text in long[first - 24 : first]]
    year = read_year(written(long[:first] + leap + long[first:]))
    assert (year.temperature == read_year(written(long)).temperature).all()


@BOTH
def test_a_missing_reading_is_taken_from_the_hour_before(lines: tuple[str, ...], written: Write) -> None:
    gaps = list(lines)
    first = len(gaps) - 8760 + 1
    wind, gone = (3, "-9900") if len(gaps) == 8762 else (21, "999")
    for hour in (0, 30, 31):
        field(gaps, first + hour, wind, gone)
    field(gaps, first + 32, wind, "")
    year = read_year(written(gaps))
    assert year.wind[0, 0] == pytest.approx(2.4)  # from the end of the year
    assert year.wind[1, 5:10] == pytest.approx([0.6, 0.6, 0.6, 0.6, 1.0])


@BOTH
def test_rain_that_was_not_measured_is_taken_from_the_code(lines: tuple[str, ...], written: Write) -> None:
    coded = list(lines)
    first = len(coded) - 8760 + 1
    rain, gone = (5, "-9900") if len(coded) == 8762 else (33, "999")
    for line in range(first, len(coded) + 1):
        field(coded, line, rain, gone)
    year = read_year(written(coded))
    assert (year.rain.sum(), year.rain[:, 23].min()) == (365, 1)


def test_an_epw_from_before_rain_was_in_it_is_read_by_its_codes(written: Write) -> None:
    short = [*EPW_HEADER, *(",".join(text.split(",")[:32]) for text in epw()[8:])]
    assert read_year(written(short)).rain[:, 23].tolist() == [1.0] * 365


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "site.epw"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(epw()).encode())
    assert read_year(path).rain.sum() == pytest.approx(365 * 0.3)


@BOTH
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines, first: field(lines, first + 99, *_wind(lines, "-3")), [":LINE:", "'-3'", "0 to 60 m/s"]),
        (lambda lines, first: field(lines, first + 99, *_wind(lines, "calm")), [":LINE:", "'calm'", "a number"]),
        (lambda lines, first: field(lines, first + 99, *_wind(lines, "nan")), [":LINE:", "'nan'"]),
        (lambda lines, first: lines.pop(first + 98), [":LINE:", "every hour once and in order", "hour 4"]),
        (lambda lines, first: lines.insert(first + 98, lines[first + 97]), [":LINE:", "day 5 hour 4"]),
        (lambda lines, first: lines.__delitem__(slice(first + 499, None)), ["ends before month 1 day 21 hour 21"]),
        (lambda lines, first: lines.append(lines[-1]), ["goes on after the last hour"]),
        (lambda lines, first: lines.__setitem__(first + 98, "1,2,3"), [":LINE:", "3 are there"]),
        (lambda lines, first: lines.clear(), ["is missing"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    lines: tuple[str, ...], change: Callable[[list[str], int], object], said: list[str], written: Write
) -> None:
    broken = list(lines)
    first = len(broken) - 8760 + 1
    change(broken, first)
    with pytest.raises(SimError) as refused:
        read_year(written(broken))
    assert refused.value.exit_code == 2
    assert str(refused.value).startswith(str(written(broken)))
    for words in said:
        assert words.replace("LINE", str(first + 99)) in str(refused.value)


def _wind(lines: list[str], value: str) -> tuple[int, str]:
    """The column of the wind, and what to write there."""
    return (3 if lines[1] == TMY3_NAMES else 21), value


def test_too_much_that_is_missing_is_refused(written: Write) -> None:
    gaps = list(tmy3())
    for line in range(3, 3 + 439):
        field(gaps, line, 3, "-9900")
    with pytest.raises(SimError, match=r"wind: is missing in 439 of 8760 hours; at most 438"):
        read_year(written(gaps))


def silent(place: str = "31.0,-103.0") -> list[str]:
    """An EPW as they are made of US TMY3: no gauge, and nobody observed; each day's evening is damp, every third wet."""
    rows = []
    for number, text in enumerate(epw()[8:]):
        fields = text.split(",")
        fields[26:28], fields[33] = ["9", "999999999"], "999"
        fields[8] = str(50 + 10 * (number // 24 % 3 == 0) + (number % 24 in (19, 20, 21, 22)))
        rows.append(",".join(fields))
    return [EPW_HEADER[0].replace("31.0,-103.0", place), *EPW_HEADER[1:], *rows]


def test_an_epw_without_rain_has_that_of_the_nearest_place(written: Write) -> None:
    """Wink, 320 mm a year, is 87 km from 31 N, 103 W."""
    year = read_year(written(silent()))
    assert year.rain.sum() == pytest.approx(320, abs=1)
    assert (
        year.rain_from
        == "the file has no rain; that of Wink Winkler County Ap, 89 km away, on its dampest days (320 mm a year)"
    )
    assert (year.rain.sum(axis=0) > 0).nonzero()[0].tolist() == [19, 20, 21, 22]
    wet = (year.rain.sum(axis=1) > 0).nonzero()[0]
    assert set((wet[:4] % 3).tolist()) == {0}


def test_an_epw_without_rain_far_away_needs_a_table(written: Write) -> None:
    with pytest.raises(SimError, match="no place whose rain is known is near: state file_rain_in"):
        read_year(written(silent("52.5,13.4")))
    with pytest.raises(SimError, match="no place whose rain is known is near"):
        read_year(written(silent("somewhere,else")))
    year = read_year(written(silent("52.5,13.4")), monthly_mm=[50.0] * 11 + [0.0])
    assert year.rain.sum(axis=1)[:31].sum() == pytest.approx(50)
    assert year.rain[-31:].sum() == 0
    assert year.rain_from.startswith("the file has no rain; that of the stated months")


def test_columns_that_are_not_needed_may_be_left_out(written: Write) -> None:
    lines = tmy3()
    short = [lines[0], "Date (MM/DD/YYYY),Time (HH:MM),Dry-bulb (C),Wspd (m/s)"]
    short += [",".join(text.split(",")[:4]) for text in lines[2:]]
    assert "the file has no rain" in read_year(written(short)).rain_from
    older = [*EPW_HEADER, *(",".join(text.split(",")[:22]) for text in epw()[8:])]
    assert "the file has no rain" in read_year(written(older)).rain_from


def test_the_unit_of_rain_is_recognised(written: Write) -> None:
    tenths = list(epw())
    for line in range(9, 9 + 8760):
        field(tenths, line, 33, "10" if line % 24 == 0 else "0")  # 3,650 as mm
    year = read_year(written(tenths))
    assert year.rain.sum() == pytest.approx(365)
    assert year.rain_from == "rain read as tenths of mm: as mm it would be 3,650 a year (file_rain)"
    assert read_year(written(tenths), "mm").rain.sum() == 3650
    decimals = list(tmy3())
    field(decimals, 3, 5, "0.5")
    assert read_year(written(decimals)).rain[0, 0] == 0.5


SHARED = Path(__file__).parents[3].parent / "shared" / "weather"


@pytest.mark.parametrize("start", ["NV-Reno", "TX-Wink", "VA-Washington"])
def test_typical_years_as_they_are_published(start: str, written: Write) -> None:
    found = sorted(SHARED.glob(f"{start}*.tmy3"))
    if not found:
        pytest.skip("the published files are not beside this checkout")
    year = read_year(found[0])
    assert year.rain_from == ""
    assert 50 < year.rain.sum() < 1500
    # as EnergyPlus has them: without gauge and codes
    lines = found[0].read_text(errors="replace").splitlines()
    names = lines[1].split(",")
    for line in range(3, len(lines) + 1):
        field(lines, line, names.index("Lprecip depth (mm)"), "-9900")
        field(lines, line, names.index("PresWth (METAR code)"), "-99")
    bare = read_year(written(lines))
    assert bare.rain_from.startswith("the file has no rain; that of ")
    assert ", 0 km away" in bare.rain_from
    assert bare.rain.sum() > year.rain.sum() / 2


def test_days_lost_are_those_of_the_table() -> None:
    """A table of four days a month by crane, none by the rest: found again to a tenth of a day."""
    days = [4.0] * 12
    weather = Weather.model_validate({"kind": "table", "lost_days": {"crane": days}, "storms": {"per_year": 0}})
    shift = weekly("shift", date(2026, 1, 1), 400, days="mon-sat", shifts=[("07:00", "17:00")])
    working, lost = lost_days_by_month(weather_model(weather), shift, date(2026, 1, 1), years=60)
    assert working[:2].tolist() == [27, 24]
    assert lost["crane"].sum() == pytest.approx(12 * 4 * working.sum() / (12 * 26), rel=0.08)
    assert lost["interior"].sum() == 0


def test_check_prints_the_days_lost() -> None:
    done = CliRunner().invoke(main, ["check", str(Path(__file__).parents[3] / "configs" / "one_block.yaml")])
    assert "Days lost to weather by month, mean of 20 years" in done.output
    row = next(line.split() for line in done.output.splitlines() if line.strip().startswith("crane"))
    assert float(row[-1]) == pytest.approx(sum(map(float, row[1:-1])), abs=0.6)


def test_more_rain_than_anywhere_means_another_unit(written: Write) -> None:
    soaked = list(tmy3())
    for line in range(3, 3 + 8760):
        field(soaked, line, 5, "30")
    with pytest.raises(SimError, match="set file_rain"):
        read_year(written(soaked))


def test_what_is_no_weather_file_is_refused(tmp_path: Path, written: Write) -> None:
    with pytest.raises(SimError, match="cannot be read"):
        read_year(tmp_path / "nowhere.epw")
    with pytest.raises(SimError, match="cannot be read"):
        read_year(tmp_path)
    with pytest.raises(SimError, match="DATA PERIODS"):
        read_year(written(EPW_HEADER[:7]))
    with pytest.raises(SimError, match="larger than 20 MB"):
        read_year(written(["x" * 21_000_000]))


def test_a_link_out_of_the_configurations_folder_is_refused(tmp_path: Path, written: Write) -> None:
    inside = tmp_path / "configs"
    inside.mkdir()
    (inside / "link.epw").symlink_to(written(list(epw())))
    weather = Weather.model_validate({"kind": "file", "file": "link.epw"})
    with pytest.raises(SimError, match="leads out of the folder"):
        weather_model(weather, inside)
    assert weather_model(Weather.model_validate({"kind": "file", "file": "site.epw"}), tmp_path) is not None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary(max_size=300), kind=st.sampled_from(["", "tmy3", "epw"]))
def test_whatever_is_in_a_file_ends_in_one_line(tmp_path: Path, text: bytes, kind: str) -> None:
    path = tmp_path / "site.csv"
    head = {"": (), "tmy3": tmy3()[:4], "epw": epw()[:10]}[kind]
    path.write_bytes("".join(f"{line}\n" for line in head).encode() + text)
    with pytest.raises(SimError) as refused:
        read_year(path)
    assert refused.value.exit_code == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    line=st.integers(0, 60), at=st.integers(0, 34), value=st.text(max_size=12), which=st.sampled_from(["tmy3", "epw"])
)
def test_any_field_may_be_anything(tmp_path: Path, line: int, at: int, value: str, which: str) -> None:
    lines = list(tmy3()[:80] if which == "tmy3" else epw()[:80])
    fields = lines[line].split(",")
    fields[at % len(fields)] = value
    lines[line] = ",".join(fields)
    path = tmp_path / "site.csv"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    with pytest.raises(SimError) as refused:  # at the latest because the year is not whole
        read_year(path)
    assert refused.value.exit_code == 2


def test_a_whole_year_of_nonsense_numbers_is_a_year(written: Write) -> None:
    rng = np.random.default_rng(1)
    lines = list(tmy3())
    for line in rng.integers(3, 8762, 200).tolist():
        field(lines, line, 3, f"{rng.uniform(0, 60):.1f}")
        field(lines, line, 6, rng.choice(["", "-9900", "C8", "99", "17"]))
    assert read_year(written(lines)).wind.max() > 30
