"""At which wind, rain and frost work stops: the planner's limits in the units of weather stations.

Stations measure wind at 10 m; work stops for the wind where it is done. The mean grows with height by a power
law; a gust is the mean at that height plus 0.4 times the mean at 10 m, the rule of crane makers (Grove RT765E-2
operator's manual, figure 2-1: V(z) = ((z/10)^0.14 + 0.4) · v).
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.config.weather import Weather

METRES_PER_FOOT = 0.3048
METRES_PER_SECOND_PER_MPH = 0.44704
MM_PER_INCH = 25.4
STATION_M = 10.0
GUST_SHARE = 0.4


@dataclass(frozen=True)
class Limits:
    """Speeds are sustained wind at 10 m in m/s, rain is mm in a day, frost °C, times minutes."""

    crane_wind: float
    exterior_wind: float
    exterior_drying: int
    earthwork_rain: float
    mud_rain: float
    mud_minutes: int
    frost: float
    shut_rain: float


def limits_of(weather: Weather) -> Limits:
    """Turn the planner's limits into those of a weather station."""
    crane, exterior, earthwork = weather.crane, weather.exterior, weather.earthwork
    exponent = weather.roughness_exponent.value
    lift, roof = _grown(crane.height_ft.value, exponent), _grown(exterior.height_ft.value, exponent)
    return Limits(
        crane_wind=METRES_PER_SECOND_PER_MPH
        * min(crane.limit_mph.value / lift, crane.gust_limit_mph.value / (lift + GUST_SHARE)),
        exterior_wind=METRES_PER_SECOND_PER_MPH * exterior.limit_mph.value / roof,
        exterior_drying=round(exterior.drying_hours.value * 60),
        earthwork_rain=earthwork.rain_in.value * MM_PER_INCH,
        mud_rain=earthwork.mud_in.value * MM_PER_INCH,
        mud_minutes=round(earthwork.mud_days.value * 1440),
        frost=(earthwork.frost_f.value - 32) / 1.8,
        shut_rain=weather.interior.rain_in.value * MM_PER_INCH,
    )


def _grown(height_ft: float, exponent: float) -> float:
    """How much faster the wind is at a height than at 10 m."""
    return float((height_ft * METRES_PER_FOOT / STATION_M) ** exponent)
