"""Derives sim/world/weather/us_rain.csv: rain and wet days by month at sixteen places, for weather files without rain.

    python experiments/west_texas_weather/derive_rain.py FOLDER_OF_TMY3_FILES > sim/world/weather/us_rain.csv

Months and wet days (0.25 mm or more) are those of the typical meteorological years; gauges in them miss hours, so each
year is scaled to the station's annual rain, known to about 10 % (confidence C).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sim.world.weather.closures import MONTH_DAYS
from sim.world.weather.generator import MEASURABLE_MM
from sim.world.weather.weather_files import read_year

ANNUAL_MM = {
    "AZ-Phoenix": 180, "NV-Reno": 190, "TX-Wink": 320, "TX-Midland": 360, "WY-Cheyenne": 400, "TX-Marfa": 400,
    "ND-Jamestown": 480, "TX-Abilene": 640, "WI-Milwaukee": 880, "IA-Des": 930, "IN-South": 990, "OH-Columbus": 1050,
    "VA-Washington": 1080, "GA-Atlanta": 1280, "TN-Memphis": 1390, "LA-Monroe": 1400,
}  # fmt: skip


def main(folder: Path) -> None:
    """Write the table to standard output."""

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")

    say("# Rain by month at sixteen places in the United States, for weather files without rain. Derived, do not edit:")
    say("#     python experiments/west_texas_weather/derive_rain.py FOLDER > sim/world/weather/us_rain.csv")
    say("# Source: months and wet days of the TMY3 years (NREL; Wilcox and Marion 2008, NREL/TP-581-43156), each year")
    say("# scaled to the station's annual rain, known to about 10 %: confidence C.")
    say("place,latitude,longitude," + ",".join(f"{kind}_{month}" for kind in ("mm", "days") for month in range(1, 13)))
    begins = np.cumsum([0, *MONTH_DAYS[:-1]])
    for path in sorted(folder.glob("*.tmy3")):
        annual = next(mm for start, mm in ANNUAL_MM.items() if path.name.startswith(start))
        head = path.read_text(errors="replace").split("\n", 1)[0].split(",")
        daily = read_year(path).rain.sum(axis=1)
        mm = np.add.reduceat(daily, begins) * annual / daily.sum()
        wet = np.add.reduceat((daily >= MEASURABLE_MM).astype(int), begins)
        place = head[1].strip('"').title()
        say(",".join([place, head[4], head[5], *(f"{value:.1f}" for value in mm), *map(str, wet.tolist())]))


main(Path(sys.argv[1]))
