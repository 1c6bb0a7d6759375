"""What typical years say of the weather of a region, as one small table: West Texas, and thirteen others.

    python experiments/west_texas_weather/derive.py FOLDER

FOLDER holds their TMY3 files. Writes configs/weather/REGION.csv. How and why is in question.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import gamma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, least_squares
from scipy.special import ndtri
from scipy.stats import rankdata

from sim.world.weather.climate import MONTHS
from sim.world.weather.closures import MONTH_DAYS
from sim.world.weather.generator import MEASURABLE_MM
from sim.world.weather.weather_files import Year, read_year

Floats = NDArray[np.float64]

TABLES = Path(__file__).resolve().parents[2] / "configs" / "weather"
FORT_STOCKTON = (30.894, -102.879)
STATIONS = {  # file: latitude and longitude, from its first line
    "TX-Wink_Winkler_County_Ap.tmy3": (31.783, -103.200),
    "TX-Midland_International_Ap.tmy3": (31.950, -102.183),
}
WET_DAYS_PER_YEAR = 54.0
"""Days with 0.01 inch or more at Midland and Fort Stockton, FACTS §5."""
RAIN_PER_YEAR_MM = (13.5 + 15.2) / 2 * 25.4
"""Midland 13.5 and Fort Stockton 15.2 inches, FACTS §5."""

SEEN_WET_DAYS = 0.80
"""Wet days of a typical year over those of a usual one: as in West Texas, whose are known (range 0.7 to 1)."""
REGIONS = {
    "arizona": ("AZ-Phoenix_Sky_Harbor_Intl_Ap.tmy3", 180),
    "georgia": ("GA-Atlanta_Hartsfield_Intl_Ap.tmy3", 1280),
    "indiana": ("IN-South_Bend_Michiana_Rgnl_Ap.tmy3", 990),
    "iowa": ("IA-Des_Moines_Intl_Ap.tmy3", 930),
    "louisiana": ("LA-Monroe_Regional_Ap.tmy3", 1400),
    "nevada": ("NV-Reno_Tahoe_International_Ap.tmy3", 190),
    "north_dakota": ("ND-Jamestown_Municipal_Arpt.tmy3", 480),
    "north_texas": ("TX-Abilene_Regional_Ap_Ut.tmy3", 640),
    "ohio": ("OH-Columbus_Port_Columbus_Intl_A.tmy3", 1050),
    "tennessee": ("TN-Memphis_International_Ap.tmy3", 1390),
    "virginia": ("VA-Washington_Dc_Dulles_Intl_Ar_Sterling_Isis.tmy3", 1080),
    "wisconsin": ("WI-Milwaukee_Mitchell_Intl_Ap.tmy3", 880),
    "wyoming": ("WY-Cheyenne_Municipal_Arpt.tmy3", 400),
}
"""By region its station and its rain of a year in mm, known to about 10 % (confidence C)."""

MONTH = np.repeat(np.arange(12), MONTH_DAYS)
DAYTIME = np.isin(np.arange(24), np.arange(7, 19))
LAGS = np.array([3, 6, 9, 12, 18, 24, 36, 48, 72])


@dataclass(frozen=True)
class Station:
    """A typical year and how much it counts."""

    name: str
    year: Year
    weight: float


def main(folder: Path) -> None:
    """Read the years, derive the tables, write them."""
    _write("west_texas", _head_of_west_texas(), derive(stations(folder)))
    for region, (name, mm) in REGIONS.items():
        year = read_year(folder / name)
        wet = (year.rain.sum(1) >= MEASURABLE_MM).sum() / SEEN_WET_DAYS
        _write(region, _head(region, name, wet, mm), derive([Station(name, year, 1.0)], wet, mm))


def _write(region: str, head: list[str], rows: dict[str, tuple[Floats, str]]) -> None:
    """Write a region's table."""
    TABLES.mkdir(parents=True, exist_ok=True)
    (TABLES / f"{region}.csv").write_text("\n".join([*head, *_lines(rows)]) + "\n", encoding="utf-8")
    sys.stdout.write(f"{region}: {len(rows)} rows\n")


def stations(folder: Path) -> list[Station]:
    """Read the stations; they count by the inverse square of their distance from Fort Stockton."""
    near = {name: 1 / _kilometres(place, FORT_STOCKTON) ** 2 for name, place in STATIONS.items()}
    return [Station(name, read_year(folder / name), weight / sum(near.values())) for name, weight in near.items()]


def derive(
    years: list[Station], wet_days: float = WET_DAYS_PER_YEAR, rain_mm: float = RAIN_PER_YEAR_MM
) -> dict[str, tuple[Floats, str]]:
    """Return the table: twelve numbers and what they are, by quantity; wet days and rain are those of a usual year."""
    return {**_rain(years, wet_days, rain_mm), **_temperature(years), **_wind(years)}


def _rain(years: list[Station], wet_days: float, rain_mm: float) -> dict[str, tuple[Floats, str]]:
    """Wet days, their persistence, and how long and how much it rains on one."""
    falls = [station.year.rain for station in years]
    wet = [(fall.sum(1) >= MEASURABLE_MM).astype(float) for fall in falls]
    days, share = MONTH_DAYS, _blend(years, wet, [np.ones(365)] * len(years))
    hours = _blend(years, [(fall >= MEASURABLE_MM).sum(1) * one for fall, one in zip(falls, wet, strict=True)], wet)
    depth = _blend(years, [fall.sum(1) * one for fall, one in zip(falls, wet, strict=True)], wet)
    spells = sum(station.weight * _autocorrelation(one - share[MONTH]) for station, one in zip(years, wet, strict=True))
    more = wet_days / (share * days).sum()
    often = share * more
    deeper = rain_mm / (often * days * depth).sum()
    shape = _weibull_shape(
        np.concatenate([(fall.sum(1) / depth[MONTH])[one > 0] for fall, one in zip(falls, wet, strict=True)])
    )
    return {
        "wet_days": (often * days, f"days a month; the typical years have {1 / more:.2f} times as many"),
        "p01": (often * (1 - spells), "chance that a wet day follows a dry one"),
        "p10": ((1 - often) * (1 - spells), "chance that a dry day follows a wet one"),
        "rain_hours": (hours, "hours with measurable rain on a wet day"),
        "rain_mm": (depth * deeper, f"mm on a wet day; the typical years have {1 / deeper:.2f} times as much"),
        "rain_shape": (np.full(12, shape), "Weibull shape of that depth"),
    }


def _temperature(years: list[Station]) -> dict[str, tuple[Floats, str]]:
    """The usual temperature of an hour, and how days differ from it. Months as they are: they were picked for it."""
    hours = [station.year.temperature for station in years]
    usual = _weighted(years, [_by_month(one) for one in hours])
    deviations = [one - _by_month(one)[MONTH] for one in hours]
    spread = _weighted(years, [np.sqrt(_by_month(one**2)).mean(1) for one in deviations])
    memory = sum(s.weight * _autocorrelation(one.mean(1)) for s, one in zip(years, deviations, strict=True))
    return {
        **{f"temperature_{hour:02d}": (usual[:, hour], "°C, usual at this hour") for hour in range(24)},
        "temperature_sd": (spread, "°C, deviation of a day from the usual"),
        "temperature_persistence": (np.full(12, memory), "correlation of that deviation with the next day's"),
    }


def _wind(years: list[Station]) -> dict[str, tuple[Floats, str]]:
    """Weibull distributions by day and night, the daily cycle on top of them, and three memories."""
    rows: dict[str, tuple[Floats, str]] = {}
    winds = [station.year.wind for station in years]
    cycle = _weighted(years, [_cycle(wind) for wind in winds])
    for part, hours in (("day", DAYTIME), ("night", ~DAYTIME)):
        fits = _weighted(years, [_weibulls(wind, hours) for wind in winds])
        rows[f"wind_k_{part}"] = fits[:, 0], "Weibull shape of the 10 m wind over its daily cycle"
        rows[f"wind_c_{part}"] = fits[:, 1], "Weibull scale of it, m/s"
    for hour in range(24):
        rows[f"wind_factor_{hour:02d}"] = cycle[:, hour], "wind of this hour over that of the day"
    seen = _weighted(years, [_correlogram(wind) for wind in winds])

    def missed(memory: Floats) -> Floats:
        return _memory(*memory) - seen

    share, daily, fast = least_squares(missed, [0.3, 0.5, 0.5], bounds=(0, 0.95)).x
    rows["wind_daily_share"] = np.full(12, share), "share of the variance of the normal score that is the whole day's"
    rows["wind_daily_persistence"] = np.full(12, daily), "correlation of that part with the next day's"
    rows["wind_3h_persistence"] = np.full(12, fast), "correlation of the rest over three hours"
    return rows


def _blend(years: list[Station], above: list[Floats], below: list[Floats]) -> Floats:
    """Ratio of two daily series by month, over all stations, each month with half its neighbours' weight."""
    sums = np.zeros((2, 12))
    for station, *series in zip(years, above, below, strict=True):
        for row, one in enumerate(series):
            sums[row] += station.weight * _smooth(_by_month(one) * np.array(MONTH_DAYS))
    # a winter whose gauges saw nothing at all (snow): how long and how much is then the year's
    ratio: Floats = np.divide(sums[0], sums[1], out=np.full(12, sums[0].sum() / sums[1].sum()), where=sums[1] > 0)
    return ratio


def _weighted(years: list[Station], values: list[Floats]) -> Floats:
    """Weighted mean over the stations."""
    mean: Floats = np.average(values, axis=0, weights=[station.weight for station in years])
    return mean


def _smooth(months: Floats) -> Floats:
    """A month and a quarter of each neighbour's share: ¼, ½, ¼ along the first axis, around the year."""
    return np.roll(months, 1, 0) / 4 + months / 2 + np.roll(months, -1, 0) / 4


def _by_month(values: Floats) -> Floats:
    """Mean of the days of each month: (12, …)."""
    return np.array([values[month == MONTH].mean(0) for month in range(12)])


def _cycle(wind: Floats) -> Floats:
    """The daily cycle, mean 1, smoothed over months and hours: (12, 24)."""
    usual = _smooth(_smooth(_by_month(wind)).T).T
    cycle: Floats = usual / usual.mean(1, keepdims=True)
    return cycle


def _weibulls(wind: Floats, hours: NDArray[np.bool_]) -> Floats:
    """Weibull shape and scale of each month's wind over its daily cycle, in some hours: (12, 2)."""
    calm = (wind / _cycle(wind)[MONTH])[:, hours]
    return np.array([_atlas_fit(list(_near(calm, month))) for month in range(12)])


def _near(values: Floats, month: int) -> Iterator[Floats]:
    """A month's values twice, its neighbours' once."""
    for shift in (-1, 0, 0, 1):
        yield values[(month + shift) % 12 == MONTH].ravel()


def _atlas_fit(parts: list[Floats]) -> tuple[float, float]:
    """Weibull shape and scale with the energy of the sample and its share above its mean.

    The fit of the European Wind Atlas (Troen and Petersen 1989), made for what lies high.
    """
    speed = np.concatenate(parts)
    energy, above = (speed**3).mean(), (speed > speed.mean()).mean()

    def scale(shape: float) -> float:
        return float((energy / gamma(1 + 3 / shape)) ** (1 / 3))

    def missed(shape: float) -> float:
        return float(np.exp(-((speed.mean() / scale(shape)) ** shape)) - above)

    # calm valley nights have no such shape in this range: then the nearer end of it
    low, high = 1.0, 6.0
    ends = missed(low), missed(high)
    shape = (
        brentq(missed, low, high) if ends[0] * ends[1] < 0 else min(zip(map(abs, ends), (low, high), strict=True))[1]
    )
    return shape, scale(shape)


def _weibull_shape(values: Floats) -> float:
    """Weibull shape with the sample's ratio of deviation to mean."""
    wanted = 1 + values.var() / values.mean() ** 2
    return float(brentq(lambda k: gamma(1 + 2 / k) / gamma(1 + 1 / k) ** 2 - wanted, 0.3, 5.0))


def _autocorrelation(values: Floats, lag: int = 1) -> float:
    """Correlation of a series with itself `lag` steps later, around the year."""
    values = values - values.mean()
    return float((values * np.roll(values, -lag)).mean() / (values * values).mean())


def _correlogram(wind: Floats) -> Floats:
    """Autocorrelation at LAGS hours of the wind's normal scores within its month, less their daily cycle."""
    scores = np.empty_like(wind)
    for month in range(12):
        mine = wind[month == MONTH]
        scores[month == MONTH] = ndtri((rankdata(mine).reshape(mine.shape) - 0.5) / mine.size)
    scores -= scores.mean(0)
    return np.array([_autocorrelation(scores.ravel(), lag) for lag in LAGS])


def _memory(share: float, daily: float, fast: float) -> Floats:
    """The same autocorrelation of sim.world.weather.generator, averaged over the hours of a day."""
    hour = np.arange(24)
    return np.array(
        [
            (share * daily ** ((hour + lag) // 24) + (1 - share) * _between(hour, hour + lag, fast)).mean()
            for lag in LAGS
        ]
    )


def _between(first: NDArray[np.int64], second: NDArray[np.int64], fast: float) -> Floats:
    """Correlation of two hours that lie between three-hourly knots (sim.world.weather.climate.between)."""
    total, variance = np.zeros(len(first)), np.ones(len(first))
    for hour in (first, second):
        late = hour % 3 / 3
        variance = variance * ((1 - late) ** 2 + late**2 + 2 * late * (1 - late) * fast)
    for left in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - left - first % 3 / 3) * np.abs(1 - right - second % 3 / 3)
            total += weight * fast ** np.abs(first // 3 + left - second // 3 - right)
    return total / np.sqrt(variance)


def _kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance of two places given by latitude and longitude, near enough for two hundred kilometres."""
    north = (one[0] - other[0]) * 111.2
    east = (one[1] - other[1]) * 111.2 * np.cos(np.radians((one[0] + other[0]) / 2))
    return float(np.hypot(north, east))


def _head_of_west_texas() -> list[str]:
    return [
        "# Weather of West Texas (Fort Stockton, Pecos County), by month. Derived, do not edit: run again",
        "#     python experiments/west_texas_weather/derive.py FOLDER",
        "# Source: typical meteorological years TMY3 of Wink and Midland (NREL; Wilcox and Marion 2008,",
        "# NREL/TP-581-43156; base 1991-2005), weighted by the inverse square of their distance; wet days and rain",
        "# of a year from FACTS section 5. Method: experiments/west_texas_weather/question.md. Local standard time.",
    ]


def _head(region: str, file: str, wet_days: float, rain_mm: float) -> list[str]:
    place = file.partition("-")[2].removesuffix(".tmy3").replace("_", " ")
    return [
        f"# Weather of {region.replace('_', ' ').title()} ({place}), by month. Derived, do not edit: run again",
        "#     python experiments/west_texas_weather/derive.py FOLDER",
        "# Source: typical meteorological year TMY3 of that station (NREL; Wilcox and Marion 2008, NREL/TP-581-43156; base",
        f"# 1991-2005); {rain_mm} mm of rain a year, known to about 10 % (confidence C); {wet_days:.0f} wet days, those",
        f"# of the typical year over {SEEN_WET_DAYS:.2f} as in West Texas (assumption, 0.7 to 1). Local standard time.",
    ]


def _lines(rows: dict[str, tuple[Floats, str]]) -> Iterator[str]:
    """The table as text."""
    yield ",".join(["quantity", *MONTHS, "meaning"])
    for quantity, (months, meaning) in rows.items():
        yield ",".join([quantity, *(f"{number:.4g}" for number in months), f'"{meaning}"'])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
