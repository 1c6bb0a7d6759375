"""Working days that the built-in weather costs, beside what is published.

    python experiments/west_texas_weather/check.py [FOLDER]

Simulates 1,000 years and writes results/lost_days.csv and lost_days.png, and results/limits.csv: how the days of a
year move with each limit in its range. With FOLDER, the rules are also applied to the typical years themselves, hour
by hour, which tells the generator's share of any difference from the rules' own.
"""

from __future__ import annotations

import csv
import sys
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from sim.config.sections.systems import EXPOSURES, Exposure
from sim.config.sections.weather import Weather
from sim.world.project_calendars import subtract_by_name
from sim.world.weather.climate import MONTHS
from sim.world.weather.closures import MONTH_DAYS, limits_of
from sim.world.weather.generator import closed_hours
from sim.world.weather.project_weather import closed_intervals, weather_model
from sim.world.weather.weather_files import read_year
from sim.world.working_time import weekly

Floats = NDArray[np.float64]

RESULTS = Path(__file__).resolve().parent / "results"
YEARS, SEED = 1000, 1
NEW_YEAR = date(2026, 1, 1)
SHIFT = slice(7, 17)  # the site's hours in configs/base.yaml, six days a week
EDGES = np.cumsum([0, *MONTH_DAYS]) * 1440
WEATHER = Weather(kind="west_texas")
STATIONS = {"Wink": "TX-Wink_Winkler_County_Ap.tmy3", "Midland": "TX-Midland_International_Ap.tmy3"}

VARIED = (
    *(("crane", "limit_mph", mph) for mph in (20.0, 80.0)),
    *(("crane", "gust_limit_mph", mph) for mph in (20.0, 35.0, 45.0)),
    *(("crane", "height_ft", feet) for feet in (60.0, 200.0)),
    *(("exterior", "limit_mph", mph) for mph in (20.0, 80.0)),
    *(("exterior", "drying_hours", hours) for hours in (0.5, 4.0)),
    *(("earthwork", "rain_in", inches) for inches in (0.25, 0.5)),
    *(("earthwork", "mud_days", days) for days in (0.0, 3.0)),
    *(("earthwork", "frost_f", degrees) for degrees in (-40.0, 32.0, 40.0)),
    *(("storms", "per_year", chance) for chance in (0.0, 0.1)),
)
"""Limits in their ranges; 80 mph and -40 degrees mean that wind or frost stops nothing."""
OUTDOORS: tuple[Exposure, ...] = ("earthwork", "exterior", "crane")
EARTH = (2.0, 1.8, 1.5, 1.5, 2.5, 2.0, 1.8, 2.0, 2.3, 1.8, 1.5, 2.0)
PUBLISHED: dict[Exposure, tuple[float, ...]] = {  # FACTS section 5, the first row for earth, concrete and exterior
    "earthwork": EARTH,
    "exterior": EARTH,
    "crane": (2.5, 3.0, 4.5, 4.5, 3.5, 3.0, 1.5, 1.2, 1.2, 1.8, 2.3, 2.3),
    "interior": (0.3,) * 12,
}


def main(folder: Path | None) -> None:
    """Simulate, compare, write, draw."""
    lost = simulated(WEATHER)
    table = {(exposure, "published"): np.array(PUBLISHED[exposure]) for exposure in EXPOSURES}
    for exposure, years in lost.items():
        table[exposure, "simulated"] = years.mean(0)
        table[exposure, "simulated p10"], table[exposure, "simulated p90"] = np.quantile(years, (0.1, 0.9), axis=0)
    for station, name in STATIONS.items():
        for exposure, months in of_a_year(folder / name).items() if folder else ():
            table[exposure, f"rules on the {station} year"] = months
    RESULTS.mkdir(exist_ok=True)
    _write(table, lost)
    _vary(lost)
    _draw(lost)


def simulated(weather: Weather) -> dict[Exposure, Floats]:
    """Working days lost of YEARS simulated years, by month: (YEARS, 12) each."""
    base = weekly("site", NEW_YEAR, 365, shifts=[("07:00", "17:00")])
    model = weather_model(weather)
    lost: dict[Exposure, Floats] = {exposure: np.empty((YEARS, 12)) for exposure in EXPOSURES}
    for year in range(YEARS):
        closed = closed_intervals(model, NEW_YEAR, 365, SEED, year)
        for exposure, calendar in subtract_by_name(dict.fromkeys(EXPOSURES, base), closed).items():
            missing = base.worked_many(EDGES) - calendar.worked_many(EDGES)
            lost[exposure][year] = np.diff(missing) / 600
    return lost


def of_a_year(path: Path) -> dict[Exposure, Floats]:
    """Working days the same rules lose in a file's own year, without storms: six of seven days, ten hours."""
    hours = closed_hours(read_year(path), limits_of(WEATHER))
    starts = np.cumsum([0, *MONTH_DAYS[:-1]])
    return {
        exposure: np.add.reduceat(closed[:, SHIFT].sum(1), starts) / 10 * 6 / 7 for exposure, closed in hours.items()
    }


def _write(table: dict[tuple[Exposure, str], Floats], lost: dict[Exposure, Floats]) -> None:
    """Write the table, and show it."""
    header = ["exposure", "days lost", *MONTHS, "year"]
    rows = []
    for (exposure, what), months in sorted(table.items(), key=lambda item: EXPOSURES.index(item[0][0])):
        quantile = {"simulated p10": 0.1, "simulated p90": 0.9}.get(what)
        year = months.sum() if quantile is None else np.quantile(lost[exposure].sum(1), quantile)
        rows.append([exposure, what, *(f"{number:.1f}" for number in (*months, year))])
    with (RESULTS / "lost_days.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# working days lost a month, 6 x 10 h weeks; {YEARS} years, seed {SEED}, by check.py\n")
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    for row in [header, *rows]:
        sys.stdout.write(f"{row[0]:10}{row[1]:27}" + "".join(f"{cell:>6}" for cell in row[2:]) + "\n")


def _vary(lost: dict[Exposure, Floats]) -> None:
    """Write the mean days of a year with one limit changed at a time."""
    rows = [["limit", *OUTDOORS], ["as stated", *(f"{lost[exposure].sum(1).mean():.1f}" for exposure in OUTDOORS)]]
    for part, limit, value in VARIED:
        weather = Weather.model_validate({"kind": "west_texas", part: {limit: value}})
        years = simulated(weather)
        rows.append([f"{part}.{limit} {value:g}", *(f"{years[exposure].sum(1).mean():.1f}" for exposure in OUTDOORS)])
    with (RESULTS / "limits.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"# working days lost a year with one limit changed; {YEARS} years, seed {SEED}, by check.py\n")
        csv.writer(file, lineterminator="\n").writerows(rows)
    for row in rows:
        sys.stdout.write(f"{row[0]:27}" + "".join(f"{cell:>11}" for cell in row[1:]) + "\n")


def _draw(lost: dict[Exposure, Floats]) -> None:
    """Draw one panel an exposure: the simulated mean with P10 and P90 of the years, and what is published."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
    month = np.arange(12)
    for panel, exposure in zip(panels, OUTDOORS, strict=True):
        years, published = lost[exposure], PUBLISHED[exposure]
        low, high = np.quantile(years, (0.1, 0.9), axis=0)
        panel.bar(month, years.mean(0), color="#4477aa", label=f"simulated, {years.sum(1).mean():.0f} a year")
        panel.vlines(month, low, high, color="#222222", linewidth=1, label="P10 to P90 of years")
        panel.plot(month, published, "o", color="#cc6677", ms=4, label=f"published, {sum(published):.0f} a year")
        panel.set_title(exposure)
        panel.set_xticks(month, [name[0].upper() for name in MONTHS])
        panel.legend(frameon=False, fontsize=8, loc="upper right")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(0, 9)
    panels[0].set_ylabel("working days lost in the month")
    figure.savefig(RESULTS / "lost_days.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
