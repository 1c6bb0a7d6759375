"""The replay in a real browser: what it shows at a time is what the log says of that time, whatever was shown before."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.config.sections.display_units import Display, shown_as
from sim.metrics.measure import measure
from sim.report.html_report.replay import film
from sim.report.html_report.replay.film import write_film
from sim.report.html_report.replay.scene import NEVER, STATES, counts, scene
from sim.report.html_report.replay.write_replay import MAX_BYTES, NothingToPlay, write_replay
from sim.report.representative_run import SKID_STATES, headcount_by_trade, skid_flow
from sim.report.result_view import ResultView
from sim.study.result import Result
from tests.tiny_project import TINY, tiny

SMALL = ["scale.capacity_mw=25", "energization.units.count=3", "energization.units.spare=1", "energization.units.mw=15"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("results")
    for name in ("hybrid", "stick_built"):
        sim.run(sim.load(f"configs/{name}.yaml", SMALL), runs=1, workers=1, out=place / name)
    return [place / "hybrid", place / "stick_built"]


@pytest.fixture(scope="module")
def results(folders: list[Path]) -> list[Result]:
    return [Result.load(folder) for folder in folders]


@pytest.fixture(scope="module")
def written(results: list[Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("replay") / "replay.html"
    assert write_replay(results, target, with_details=True) == target.stat().st_size < MAX_BYTES
    return target


@pytest.fixture(scope="module")
def page(browser: Any, written: Path) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.seen = []
    opened.on("console", lambda message: opened.seen.append(message.text))
    opened.on("pageerror", lambda error: opened.seen.append(str(error)))
    opened.on("request", lambda request: opened.seen.append(request.url))
    opened.goto(written.as_uri())
    opened.wait_for_selector("html[data-drawn]", state="attached")
    yield opened
    opened.close()


def pictures(page: Any) -> list[str]:
    return list(page.evaluate("replay.scenes.map((one) => one.canvas.toDataURL())"))


def test_at_thirty_times_every_state_has_as_many_skids_as_the_flow_table(page: Any, results: list[Result]) -> None:
    flow = skid_flow(results[0].events)
    found = scene(ResultView.of(results[0]))
    shown: dict[str, int] = {}
    for day in np.linspace(0, found["end"], 30).tolist():
        page.evaluate("(day) => replay.seek(day)", day)
        shown = page.evaluate("(day) => replay.scenes[0].counts(day)", day)
        reached = [int(np.searchsorted(flow[state], day, side="right")) for state in SKID_STATES]
        after = dict(zip(SKID_STATES, np.subtract(reached, [*reached[1:], 0]).tolist(), strict=True))
        assert {state: shown[state] for state in SKID_STATES} == after, day
        assert shown == counts(found, day)
        assert sum(shown.values()) <= len(found["skids"])
    assert shown["online"] == len(found["skids"]) == 80


def test_every_skid_that_was_begun_stands_somewhere(page: Any, results: list[Result]) -> None:
    for day in np.linspace(50, 600, 12).tolist():
        placed = "(day) => replay.scenes[0].skids.filter((_, n) => replay.scenes[0].place(n, day)).length"
        begun = sum(
            count for state, count in counts(scene(ResultView.of(results[0])), day).items() if state in STATES[1:]
        )
        assert page.evaluate(placed, day) == begun


def test_back_and_forth_gives_the_same_picture(page: Any) -> None:
    days = [120.0, 410.5, 300.25]
    first = {}
    for day in days:
        page.evaluate("(day) => replay.seek(day)", day)
        first[day] = pictures(page)
    assert len({one for both in first.values() for one in both}) == 6
    for day in reversed(days):
        page.evaluate("(day) => replay.seek(day)", day)
        assert pictures(page) == first[day]


def test_a_frame_draws_anew_only_what_has_changed(page: Any) -> None:
    drawn = """(days) => { const picture = replay.scenes[0].picture, draw = picture.drawHall; let count = 0;
        picture.drawHall = function (...given) { count += 1; return draw.apply(this, given); };
        const counts = days.map((day) => { const before = count; replay.seek(day); return count - before; });
        delete picture.drawHall; return counts; }"""
    halls, last = page.evaluate("[replay.scenes[0].picture.site.hallBoxes.length, replay.last]")
    first, again, later, back = page.evaluate(drawn, [50, 50, last, last])
    assert 0 <= first <= halls
    assert again == back == 0
    assert 1 <= later <= halls


def test_two_projects_stay_on_one_clock_while_they_play(page: Any) -> None:
    page.evaluate("replay.seek(200)")
    page.get_by_role("button", name="Play").click()
    for _ in range(400):  # ten seconds at most
        if page.evaluate("replay.day") > 204:
            break
        page.wait_for_timeout(25)
    page.get_by_role("button", name="Pause").click()
    played = pictures(page)
    day = page.evaluate("replay.day")
    assert float(page.input_value("#time")) == pytest.approx(day, abs=0.06)
    page.evaluate("(day) => { replay.seek(0); replay.seek(day); }", day)
    assert pictures(page) == played  # both show this very day


def test_a_picture_follows_from_its_day_alone(page: Any) -> None:
    """Was: a hall was drawn as it stood in the first frame of a pixel of its growth, and its share in percent with it."""
    halls = page.evaluate("replay.scenes[0].picture.history.halls.map(([, works]) => works[0].slice(1))")
    begin, end = halls[0]
    for day in np.linspace(begin, end, 60).tolist():
        page.evaluate("(day) => { replay.seek(0); replay.seek(day); }", day)
        anew = pictures(page)
        page.evaluate(
            "(day) => { replay.seek(0); for (let k = 20; k >= 0; k -= 1) { replay.seek(day - k / 50); } }", day
        )
        assert pictures(page) == anew, day


def test_the_sky_is_the_weather_of_this_run_and_idle_capital_its_own(page: Any, results: list[Result]) -> None:
    result, project = results[0], sim.load("configs/hybrid.yaml", SMALL).value
    case = sim.prepare(sim.load("configs/hybrid.yaml", SMALL))
    (done,) = case.replications(1, result.manifest["representative"], 1)
    shown = page.evaluate("replay.scenes[0].sky")
    crane, stated = done.calendars[case.plan.calendars.index("site.crane")], case.plan.base_calendars
    planned = stated[case.plan.calendars.index("site.crane")]
    for day in (40, 200, 333, 410):
        minutes = [one.worked(1440 * (day + 1)) - one.worked(1440 * day) for one in (planned, crane)]
        lost = 1 - minutes[1] / minutes[0] if minutes[0] else 0.0
        assert int(shown["crane"][day]) == pytest.approx(9 * lost, abs=0.51)
    curves = measure(case.metric_context, case.record(done))[1]
    idle = (curves["capital_deployed_usd"] - curves["capital_in_service_usd"]) / 1e6
    assert page.evaluate("replay.scenes[0].curves.idle[300]") == pytest.approx(idle[300], abs=0.06)
    assert project.logistics.cranes == page.evaluate("replay.scenes[0].cranes_there")


def test_cranes_and_people_at_thirty_times_are_those_of_the_log(page: Any, results: list[Result]) -> None:
    events = results[0].events
    people = headcount_by_trade(events, int(events["minute"].max()) // 1440 + 8)
    cranes = events[events["resource"].str.contains(r"\bcrane\b")]
    for day in np.linspace(1, 600, 30).tolist():
        there = sum(float(row[int(day)]) for row in people.values() if int(day) < len(row))
        assert page.evaluate("(day) => replay.scenes[0].people(day)", day) == there
        rows = cranes[cranes["minute"] <= day * 1440]
        held = int((rows["kind"] == "hold").sum() - (rows["kind"] == "free").sum())
        assert page.evaluate("(day) => replay.scenes[0].craneCount(day)", day) == held


def test_a_phone_has_a_site_plan_of_its_own(browser: Any, axe: Any, written: Path) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 844})
    phone.goto(written.as_uri())
    phone.wait_for_selector("html[data-drawn]", state="attached")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert phone.evaluate("replay.scenes[0].canvas.height > replay.scenes[0].canvas.width")
    assert axe(phone) == []
    phone.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_core_finds_nothing_serious(browser: Any, axe: Any, written: Path, scheme: str) -> None:
    shown = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    shown.goto(written.as_uri())
    shown.wait_for_selector("html[data-drawn]", state="attached")
    assert axe(shown) == []
    shown.close()


def test_events_and_milestones_are_reached_and_things_tell_their_story(page: Any) -> None:
    page.evaluate("replay.seek(0)")
    page.keyboard.press("m")
    first = page.evaluate("Math.min(...replay.scenes.map((one) => one.milestones[0][1]))")
    assert page.evaluate("replay.day") == first
    page.keyboard.press("n")
    assert page.evaluate("replay.day") > first
    page.evaluate("replay.seek(replay.scenes[0].skids[0][3][3] + 2)")
    page.evaluate(
        "(() => { const s = replay.scenes[0], p = s.place(0, replay.day); s.pick(p.x + 1, p.y + 1, replay.day); })()"
    )
    story = page.inner_text("#story0")
    assert story.startswith("Skid ")
    assert "factory test" in story
    assert "set in block" in story
    # a finish at midnight is one of the day that ends then, as in the report
    told = page.evaluate(
        "History.prototype.blockStory.call(Object.assign(Object.create(History.prototype),"
        " { start: '2026-01-01', systems: ['electrical'], blocks: [[1, 30, [[10, 20], []]]] }), 0)"
    )
    assert told == {"head": "Block 1: online 30 Jan 2026", "lines": ["electrical: 11 Jan 2026 to 20 Jan 2026"]}


def test_nothing_is_asked_for_and_nothing_complained_of(page: Any, written: Path) -> None:
    assert page.seen == [written.as_uri()]


def test_a_result_without_a_log_cannot_be_played(made_up: Any, tmp_path: Path) -> None:
    with pytest.raises(NothingToPlay, match="no event log"):
        write_replay([made_up(20)], tmp_path / "replay.html")


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> int:
    """Films of a sixteenth of their pictures: each takes a tenth of a second."""
    monkeypatch.setattr(film, "FRAMES", 6)
    return 6


def test_a_film_has_both_projects_and_ends_with_all_online(results: list[Result], tmp_path: Path, frames: int) -> None:
    from PIL import Image

    write_film(results, tmp_path / "film.gif", "gif")
    shown: Any = Image.open(tmp_path / "film.gif")
    assert shown.n_frames == frames
    first = np.asarray(shown.convert("RGB"))
    shown.seek(frames - 1)
    last = np.asarray(shown.convert("RGB"))
    shown.close()
    assert first.shape == (540, 960, 3)
    near = [np.abs(picture.astype(int) - (0, 77, 128)).sum(axis=2) < 24 for picture in (first, last)]
    assert near[1].sum() > 20 * max(int(near[0].sum()), 1)  # what is online is navy, at the end all of it


def test_an_mp4_has_frames_that_move(results: list[Result], tmp_path: Path, frames: int) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="the extra film is not installed")
    write_film(results[:1], tmp_path / "film.mp4", "mp4")
    command = [ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "film.mp4"), "-f", "framemd5", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    digests = [line.split(",")[-1] for line in told.splitlines() if not line.startswith("#")]
    assert len(digests) == frames
    assert len({*digests}) > frames / 2


def test_the_smallest_project_can_be_played(tmp_path: Path) -> None:
    found = scene(ResultView.of(sim.run(tiny(), runs=1, workers=1)))
    assert [block for block, _, _ in found["blocks"]] == [1, 2]
    assert counts(found, found["end"]) == {**dict.fromkeys(STATES, 0), "online": 2}


def test_a_run_that_stalls_is_played_to_the_end_of_its_log_with_the_blocks_that_are_never_online() -> None:
    """Was: five days after its last MW or, without any, six days in all; each block in the place of one before it."""
    config = sim.load(TINY, ["scale.preparation_days={low: 10, mode: 10, high: 60}", "scale.horizon_days=40"])
    result = sim.run(config, runs=12, workers=1, seed=6)
    view = ResultView.of(result)
    assert view.info.typical_stalled
    played = scene(view)
    assert played["end"] == pytest.approx(view.events["minute"].max() / 1440 + 5, abs=0.001)
    assert [block for block, *_ in played["blocks"]] == [1, 2]
    assert [online for _, online, _ in played["blocks"]].count(NEVER) > 0


def test_a_replay_in_euros_has_no_dollar(tmp_path: Path) -> None:
    """By hand: idle capital is 0.92 of that in dollars; the page has no amount and no axis in dollars."""
    shown = ["display.units=si", "display.currency=EUR", "display.per_usd=0.92"]
    dollars, euros = (sim.run(sim.load(TINY, how), runs=1, workers=1) for how in ((), shown))
    plain = scene(ResultView.of(dollars))
    with shown_as(Display(units="si", currency="EUR", per_usd=0.92)):
        converted = scene(ResultView.of(euros))
    assert (plain["money"], converted["money"]) == ("$M", "€M")
    assert max(plain["curves"]["idle"]) > 1
    assert converted["curves"]["idle"] == pytest.approx([0.92 * value for value in plain["curves"]["idle"]], abs=0.1)
    write_replay([euros], tmp_path / "replay.html")
    text = (tmp_path / "replay.html").read_text()
    assert '"€M"' in text.replace("\\u20ac", "€")
    assert re.findall(r"\$(?:M|bn|\d)", text) == []
