"""Rain for a weather file without a gauge: from weather codes, or a month's rain of the nearest known place.

A code gives only how hard it rained or snowed, in the classes of TMY2 and EPW (light up to 2.5 mm an hour,
moderate up to 7.6, heavy above), each as one depth of water.

Files without codes, as the EPW made of TMY3 are, get a month's rain on their own most humid days: so rain, temperature
and wind keep together as they were, and wet days follow each other as humid ones do.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim import files
from sim.world.weather.closures import MONTH_DAYS

Floats = NDArray[np.float64]
Place = tuple[float, float]
"""Latitude and longitude in degrees."""

# --- weather codes ----------------------------------------------------------------------------------------------------


LIGHT, MODERATE, HEAVY = 1.0, 5.0, 10.0

_PRECIPITATION = range(50, 100)
_MODERATE = {62, 63, 67, 69, 81, 84, 92, 94, 95, 96}
_HEAVY = {64, 65, 82, 97, 99}
_RAIN, _OTHER = 1, slice(2, 6)
"""Positions among EPW's nine digits: rain; drizzle, snow, snow showers, sleet. The others are thunder, fog, smoke, hail."""


def metar(text: str) -> float | None:
    """Return mm in the hour for a two-digit code of present weather (WMO table 4677); None if there is none."""
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit():
        return None
    code = int(digits[:4])
    if code in _HEAVY:
        return HEAVY
    if code in _MODERATE:
        return MODERATE
    return LIGHT if code in _PRECIPITATION else 0.0


def epw_code_rain(observed: str, codes: str) -> float | None:
    """Return mm in the hour for EPW's nine digits of weather codes, each 9 for none; None without an observation."""
    digits = codes.strip().strip("'\"").zfill(9)
    if observed.strip() != "0" or len(digits) != 9 or not digits.isascii() or not digits.isdigit():
        return None
    if digits[_RAIN] != "9":
        return (LIGHT, MODERATE, HEAVY)[int(digits[_RAIN]) % 3]
    return LIGHT if digits[_OTHER] != "9999" else 0.0


# --- rain by month ------------------------------------------------------------------------------------------------------

RAIN_OF_PLACES = "us_rain.csv"
NEAR_KM = 500
"""Farther away no known place says anything of a site's rain."""
HOURS_OF_RAIN = 4
WET_DAY_MM = 8.0
"""Rain of a wet day, where no place is near that says how many days are wet: assumption."""
_EARTH_KM = 6371


@dataclass(frozen=True)
class Nearby:
    """A place whose rain is known: its distance, and the mm and wet days of each month."""

    name: str
    km: int
    mm: tuple[float, ...]
    days: tuple[int, ...]


def nearest(place: Place | None) -> Nearby | None:
    """Return the nearest place of `us_rain.csv`; None if the place is not known or none is within NEAR_KM."""
    if place is None:
        return None
    text = files.read(Path(__file__).parent / RAIN_OF_PLACES).decode()
    _header, *rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    distances = [_km(place, (float(latitude), float(longitude))) for _, latitude, longitude, *_ in rows]
    km, (name, _, _, *months) = min(zip(distances, rows, strict=True))
    if km > NEAR_KM:
        return None
    # twelve months of rain in mm, and then of wet days
    return Nearby(name, round(km), tuple(map(float, months[:12])), tuple(map(int, map(float, months[12:]))))


def _km(one: Place, other: Place) -> float:
    """Return the great-circle distance of two places in km, by the haversine formula."""
    (phi1, lambda1), (phi2, lambda2) = (np.radians(place) for place in (one, other))
    haversine = np.sin((phi2 - phi1) / 2) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin((lambda2 - lambda1) / 2) ** 2
    return float(2 * _EARTH_KM * np.arcsin(np.sqrt(haversine)))


def on_likeliest_days(rain_index: Floats, monthly_mm: Sequence[float] | None, nearby: Nearby | None) -> Floats:
    """Return mm of rain by hour, (365, 24): each month's rain on its likeliest days, as many as are wet at a place nearby.

    `rain_index` (relative humidity plus cloud cover) says which days and hours are the likeliest. The likeliest day has
    most, in the proportions of equally likely values of an exponential law. Without a place nearby a wet day has
    WET_DAY_MM in the mean.
    """
    amounts = tuple(monthly_mm) if monthly_mm is not None else nearby.mm if nearby is not None else (0.0,) * 12
    rain, first_day = np.zeros((365, 24)), 0
    for month, length in enumerate(MONTH_DAYS):
        usual_wet_days = nearby.days[month] if nearby is not None else round(amounts[month] / WET_DAY_MM)
        wet_days = min(length, max(usual_wet_days, 1)) if amounts[month] > 0 else 0
        shares = -np.log((np.arange(wet_days) + 0.5) / wet_days) if wet_days else np.zeros(0)
        likeliest_days = np.argsort(-rain_index[first_day : first_day + length].mean(axis=1), kind="stable")[:wet_days]
        for day, share in zip((first_day + likeliest_days).tolist(), shares / max(shares.sum(), 1e-12), strict=True):
            hours = np.argsort(-rain_index[day], kind="stable")[:HOURS_OF_RAIN]
            rain[day, hours] = amounts[month] * share / HOURS_OF_RAIN
        first_day += length
    return rain
