"""A made-up project with the shape of a real Result: 250 MW whose numbers are known because we made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

MONTH = 365.25 / 12
Array = NDArray[Any]


@dataclass
class MadeUp:
    manifest: dict[str, Any]
    runs: pd.DataFrame
    curves: pd.DataFrame
    events: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        rows = {m: summary_row(self.runs[m]) for m in self.runs if m not in {"replication", "status"}}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def summary_row(column: pd.Series[float]) -> dict[str, float]:
    values = column.dropna().to_numpy()
    n = len(values)
    row = {f"p{p}": q(values, p / 100) for p in (10, 50, 80, 90)}
    for p in (50, 80):
        half = 1.96 * np.sqrt(p / 100 * (1 - p / 100) / n)
        enough = p / 100 - half > 0 and p / 100 + half < 1
        row[f"p{p}_low"] = q(values, p / 100 - half) if enough else np.nan
        row[f"p{p}_high"] = q(values, p / 100 + half) if enough else np.nan
    return {"mean": float(values.mean()) if np.isfinite(values).all() else np.nan, **row, "n": n}


def q(values: Array, p: float) -> float:
    return float(np.quantile(values, p, method="inverted_cdf"))


def online_dates(rng: np.random.Generator, n: int, blocks: int, first: float, last: float) -> Array:
    """Days on which each block comes online: one shared lateness per run, a rate of its own, and turnovers."""
    late = rng.lognormal(0.0, 0.05, (n, 1))
    rate = rng.lognormal(0.0, 0.08, (n, 1))
    steps = np.linspace(0, 1, blocks)[None, :] if blocks > 1 else np.zeros((1, 1))
    days = first * late + (last - first) * late * rate * steps + rng.gamma(2.0, 2.0, (n, blocks))
    return np.round(np.maximum.accumulate(days, axis=1) * 1440) / 1440


def fan(name: str, day: Array, sample: Array) -> pd.DataFrame:
    ps = (5, 10, 20, 50, 80, 90, 95)
    columns = {f"p{p}": np.quantile(sample, p / 100, axis=0, method="inverted_cdf") for p in ps}
    return pd.DataFrame({"curve": name, "day": day, **columns, "mean": sample.mean(axis=0)})


def made_up_result(
    n: int = 1000,
    *,
    seed: int = 1,
    name: str = "hybrid",
    blocks: int = 100,
    first: float = 350.0,
    last: float = 560.0,
    peak: float = 440.0,
    capital: float = 9.6e9,
    stalled: int = 0,
    failed: int = 0,
    limits: dict[str, Any] | None = None,
) -> MadeUp:
    rng = np.random.default_rng(seed)
    online = online_dates(rng, n, blocks, first, last)
    online[:stalled, blocks // 2 :] = np.inf
    if stalled and blocks == 1:
        online[:stalled] = np.inf
    day = np.arange(0.0, last * 1.6)
    mw = 2.5 * (online[:, :, None] <= day[None, None, :]).sum(axis=1)
    peaks = np.round(rng.normal(peak, 0.04 * peak, n))
    finish = np.where(np.isfinite(online[:, -1]), online[:, -1], 1.2 * last)[:, None]
    shape = np.clip(1.25 * np.sin(np.pi * np.clip(day / finish, 0, 1)) ** 0.8, 0, 1)
    heads = np.round(peaks[:, None] * shape * rng.normal(1, 0.02, (n, 1)).clip(max=1.0))
    cost = capital * rng.lognormal(0, 0.03, (n, 1))
    paid = cost * (3 * np.clip(day / finish, 0, 1) ** 2 - 2 * np.clip(day / finish, 0, 1) ** 3)
    service = np.minimum(paid, cost * mw / (2.5 * blocks))
    idle = np.trapezoid(paid - service, day, axis=1) / MONTH
    runs = pd.DataFrame({
        "replication": np.arange(n),
        "status": "ok",
        "lead_time_first_mw_days": online[:, 0],
        "lead_time_full_days": online[:, -1],
        "lead_time_mw_weighted_days": online.mean(axis=1),
        "peak_workforce_onsite": peaks,
        "idle_capital_usd_months": idle,
        "idle_capital_months": idle / cost[:, 0],
        "authorised_idle_months": online.mean(axis=1) / MONTH,
        "capital_total_usd": cost[:, 0],
    })  # fmt: skip
    runs.loc[: stalled - 1, "status"] = "stalled"
    for column in runs.columns[2:] if failed else ():
        runs.loc[n - failed :, column] = np.nan
    runs.loc[n - failed :, "status"] = "failed" if failed else "ok"
    curves = pd.concat([
        fan("mw_online", day, mw),
        fan("headcount", day, heads),
        fan("capital_deployed_usd", day, paid),
        fan("capital_in_service_usd", day, service),
    ])  # fmt: skip
    planned = {"lead_time_first_mw_days": first, "lead_time_full_days": 0.985 * last, "peak_workforce_onsite": peak}
    manifest = {
        "name": name, "strategy": name, "seed": seed, "runs": n, "start_date": "2027-01-04",
        "limits": {"peak_workforce_onsite": 450, "lead_time_full_days": last + 24} if limits is None else limits,
        "planned": planned,
    }  # fmt: skip
    return MadeUp(manifest, runs, curves, pd.DataFrame())


@pytest.fixture(scope="session")
def made_up() -> Callable[..., MadeUp]:
    return made_up_result


@pytest.fixture(scope="session")
def hybrid() -> MadeUp:
    return made_up_result()
