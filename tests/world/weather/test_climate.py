"""The built-in climate is a table that holds together; a broken one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.errors import SimError
from sim.world.weather.climate import MONTHS, QUANTITIES, climate_of, read_climate
from sim.world.weather.closures import MONTH_DAYS

TABLE = Path(__file__).parents[3] / "configs" / "weather" / "west_texas.csv"


def test_west_texas_is_dry_windy_in_spring_and_cold_on_winter_mornings() -> None:
    climate = climate_of("west_texas")
    wet = climate.p01 / (climate.p01 + climate.p10) * np.array(MONTH_DAYS)
    assert wet.sum() == pytest.approx(54, abs=0.1)  # FACTS section 5
    assert climate.monthly_rain.sum() == pytest.approx((13.5 + 15.2) / 2 * 25.4, rel=0.005)
    assert ((climate.p01 + climate.p10 <= 1) & (climate.p01 > 0) & (climate.p10 > 0)).all()
    assert np.argmax(climate.wind_exceedance(10).mean(axis=1)) in {2, 3, 4}
    assert climate.temperature.shape == climate.wind_c.shape == climate.wind_k.shape == (12, 24)
    assert climate.temperature[0, 6] < 3
    assert climate.temperature[6, 15] > 30
    assert (climate.wind_c[:, 14] > climate.wind_c[:, 4]).all()


def test_the_committed_table_says_where_it_is_from() -> None:
    head = TABLE.read_text(encoding="utf-8").splitlines()
    assert any("derive.py" in line for line in head[:6])
    assert any("TMY3" in line for line in head[:6])
    assert head[5].split(",") == ["quantity", *MONTHS, "meaning"]


@pytest.mark.parametrize("quantity", ["p01", "wind_factor_07", "rain_shape"])
def test_a_missing_row_is_named(tmp_path: Path, quantity: str) -> None:
    rows = TABLE.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "climate.csv"
    path.write_text("\n".join(row for row in rows if not row.startswith(f"{quantity},")), encoding="utf-8")
    with pytest.raises(SimError, match=f"{quantity}: this row is missing") as refused:
        read_climate(path)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "quantity," + ",".join(MONTHS) + "\np01,1,2\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "climate.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SimError) as refused:
        read_climate(path)
    assert refused.value.exit_code == 2
    assert len(str(refused.value).splitlines()) in {1, len(QUANTITIES)}
