"""Built-in climates by region: each has the rain its station is known for, and the seasons of its latitude."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from sim.config.sections.weather import REGIONS, Region, Weather
from sim.world.weather.climate import climate_of
from sim.world.weather.project_weather import lost_days_by_month, weather_model
from sim.world.working_time import weekly

ANNUAL_MM: dict[Region, float] = {
    "arizona": 180, "georgia": 1280, "indiana": 990, "iowa": 930, "louisiana": 1400, "nevada": 190, "north_dakota": 480,
    "north_texas": 640, "ohio": 1050, "tennessee": 1390, "virginia": 1080, "west_texas": 364, "wisconsin": 880,
    "wyoming": 400,
}  # fmt: skip
"""Rain of a year at the stations, ../shared/weather/README.md (± 10 %); West Texas from FACTS §5."""


@pytest.mark.parametrize("region", REGIONS)
def test_region_has_its_rain_and_its_seasons(region: Region) -> None:
    climate = climate_of(region)
    assert climate.monthly_rain.sum() == pytest.approx(ANNUAL_MM[region], rel=0.01)
    assert np.isfinite(climate.temperature).all()
    noon = climate.temperature[:, 12]
    assert noon[6] - noon[0] > 12
    share = climate.p01 / (climate.p01 + climate.p10)
    assert ((share >= 0) & (share < 0.7)).all()


def lost(region: Region) -> dict[str, np.ndarray]:
    shift = weekly("shift", date(2026, 1, 1), 365, days="mon-sat", shifts=[("07:00", "17:00")])
    model = weather_model(Weather(kind=region))
    return {str(exposure): days for exposure, days in lost_days_by_month(model, shift, date(2026, 1, 1), 5)[1].items()}


def test_cold_sites_lose_winters_and_dry_ones_little() -> None:
    north, desert, middle = lost("north_dakota"), lost("arizona"), lost("ohio")
    assert north["earthwork"][0] > 20
    assert desert["earthwork"][0] < 5
    assert desert["earthwork"].sum() < middle["earthwork"].sum() < north["earthwork"].sum()
