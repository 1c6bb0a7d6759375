"""A made-up project with the shape of a real Result: 250 MW whose numbers are known because we made them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sim.metrics.delivery import days_reached
from sim.report.result_view import ResultView, RunInfo
from sim.study.result import Result
from sim.study.sample import Sample, bands, long_table

MONTH = 365.25 / 12
Array = NDArray[Any]


def online_dates(rng: np.random.Generator, n: int, blocks: int, first: float, last: float) -> Array:
    """Days on which each block comes online: one shared lateness per run, a rate of its own, and turnovers."""
    late = rng.lognormal(0.0, 0.05, (n, 1))
    rate = rng.lognormal(0.0, 0.08, (n, 1))
    steps = np.linspace(0, 1, blocks)[None, :] if blocks > 1 else np.zeros((1, 1))
    days = first * late + (last - first) * late * rate * steps + rng.gamma(2.0, 2.0, (n, blocks))
    return np.round(np.maximum.accumulate(days, axis=1) * 1440) / 1440


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
) -> Result:
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
    runs.loc[runs["replication"] < stalled, "status"] = "stalled"
    runs.loc[runs["replication"] >= n - failed, "status"] = "failed"
    runs.loc[runs["status"] == "failed", list(runs.columns[2:])] = np.nan
    curves = {"mw_online": mw, "headcount": heads, "capital_deployed_usd": paid, "capital_in_service_usd": service}
    planned = {"lead_time_first_mw_days": first, "lead_time_full_days": 0.985 * last, "peak_workforce_onsite": peak}
    manifest = {
        "name": name, "strategy": name, "seed": seed, "runs": n, "start_date": "2027-01-04",
        "limits": {"peak_workforce_onsite": 450, "lead_time_full_days": last + 24} if limits is None else limits,
        "planned": planned, "planned_blocks": dict(enumerate(np.linspace(first, 0.985 * last, blocks).tolist())),
        "config": {"block": {"mw_gross": {"value": 2.5}}},
    }  # fmt: skip
    sound = (runs["status"] != "failed").to_numpy()
    table = {str(name): runs[name].to_numpy() for name in runs}
    by_evening = 2.5 * (online[:, :, None] < day[None, None, :] + 1).sum(axis=1)
    ramp = {"replication": np.flatnonzero(sound), **days_reached(by_evening[sound], float(by_evening.max()))}
    drawn = long_table({name: bands(curve[sound]) for name, curve in curves.items()})
    return Result(manifest, Sample(table, drawn, ramp=ramp))


def info_of(result: Result) -> RunInfo:
    return ResultView.of(result).info


CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all pages of a module; while it is open, its event loop is that of the thread of tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists() or os.environ.get("NO_BROWSER"):
        pytest.skip(f"{CHROMIUM} is not there")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[str]]:
    """What axe-core finds on a page that is serious or critical."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    script = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    def serious(page: Any) -> list[str]:
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        worst = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in worst]

    return serious


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Result]:
    return made_up_result


@pytest.fixture(scope="session")
def hybrid() -> Result:
    return made_up_result()
