"""The page in a real browser, and its server: this machine only."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, TypeVar

import pytest

from sim.report.formatting import ProjectDates
from sim.study.analyses.live import Live
from tests.faults.test_starting_workers import kill_first_worker, workers_of
from tests.tiny_project import TINY

pytest.importorskip("tornado", reason="the page's server is an extra that is not installed")

from sim.report.live.server import page as served
from sim.report.live.server import serve  # after the skip

RUNS = 24
T = TypeVar("T")


@contextmanager
def being_served(*overrides: str) -> Iterator[str]:
    """The address of a page of the tiny project."""
    said: Queue[str] = Queue()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def serving() -> None:
        running.append((asyncio.get_running_loop(), asyncio.create_task(serve(live, 0, said.put))))
        with suppress(asyncio.CancelledError):
            await running[0][1]

    with Live(TINY, overrides, runs=RUNS, seed=1, workers=1) as live:
        thread = Thread(target=asyncio.run, args=(serving(),))
        thread.start()
        yield said.get(timeout=60)
        loop, task = running[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page that is being served."""
    with being_served() as place:
        yield place


def awaited(asked: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, on a thread of its own: the browser's loop is this thread's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


async def closed(line: Any) -> None:
    """Wait until the socket of a line is closed: thrown away open, it complains in the middle of another test."""
    protocol = line.protocol
    line.close()
    while not protocol.stream.closed():  # what is still on its way is read first, the last of it the closing
        with suppress(TimeoutError):
            await asyncio.wait_for(line.read_message(), 0.05)


def test_the_page_asks_no_one_else_for_anything() -> None:
    text = served()
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") == 1
    assert "src=" not in text
    assert "--c-p50:" in text  # the colours of every figure


def test_the_server_listens_on_this_machine_only(address: str) -> None:
    port = int(address.rstrip("/").rpartition(":")[2])
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("there is no list of listening sockets here")
    listening = [line.split()[1] for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    mine = [place for place in listening if int(place.partition(":")[2], 16) == port]
    assert mine == [f"0100007F:{port:04X}"]


def test_other_sites_are_refused(address: str) -> None:
    from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
    from tornado.websocket import websocket_connect

    async def ask() -> list[int]:
        codes = []
        line = HTTPRequest(f"{address.replace('http', 'ws')}line", headers={"Origin": "http://evil.example"})
        page = HTTPRequest(address, headers={"Host": "evil.example:80"})
        for asked in (websocket_connect(line), AsyncHTTPClient().fetch(page)):
            with pytest.raises(HTTPClientError) as refused:
                await asked
            codes.append(refused.value.code)
        return codes

    assert awaited(ask()) == [403, 403]


def test_a_port_that_is_taken_is_wrong_input(address: str) -> None:
    port = address.rstrip("/").rpartition(":")[2]
    command = [sys.executable, "-c", "from sim.cli import main; main()", "live", str(TINY), "--workers", "1"]
    done = subprocess.run([*command, "--port", port], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"--port {port} cannot be used: ")


@pytest.mark.faults
def test_ctrl_c_ends_it_with_one_word() -> None:
    command = [sys.executable, "-c", "from sim.cli import main; main()", "live", str(TINY), "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("http://127.0.0.1:")
        os.killpg(started.pid, signal.SIGINT)
        try:
            _, told = started.communicate(timeout=60)
        finally:
            started.kill()
    assert started.returncode == 130
    assert told.splitlines()[-1] == "interrupted"
    assert "Traceback" not in told


def test_what_cannot_be_understood_ends_the_line(address: str) -> None:
    from tornado.websocket import websocket_connect

    async def talk() -> list[Any]:
        line = await websocket_connect(f"{address.replace('http', 'ws')}line")
        try:
            first = await line.read_message()
            await line.write_message("[]")
            return [first, await line.read_message()]
        finally:
            await closed(line)

    first, then = awaited(talk())
    assert '"kind": "project"' in first
    assert then is None


def talk(address: str, *messages: str, answers: int = 1) -> tuple[list[Any], int | None, str | None]:
    """Say something on a line of its own: what comes back after the first answer, and why the line was closed."""
    from tornado.websocket import websocket_connect

    async def asked() -> tuple[list[Any], int | None, str | None]:
        line = await websocket_connect(f"{address.replace('http', 'ws')}line")
        try:
            await line.read_message()
            for message in messages:
                with suppress(Exception):  # it may be closed by now
                    await line.write_message(message)
            told: list[Any] = []
            while len(told) < answers and None not in told:
                said = await asyncio.wait_for(line.read_message(), 60)
                told.append(said if said is None else json.loads(said))
            return told, line.close_code, line.close_reason
        finally:
            await closed(line)

    return awaited(asked())


def request(**changes: Any) -> str:
    return json.dumps({"id": 7, "what": "show", "changes": changes})


@pytest.mark.parametrize(
    "message",
    ["[" * 90_000, '{"id": Infinity, "what": "show", "changes": {}}', '{"id": 1, "what": "show", "changes": 3}'],
)
def test_odd_messages_end_the_line_with_a_reason(address: str, message: str) -> None:
    assert talk(address, message) == ([None], 1003, "not understood")


def test_a_flood_of_messages_does_not_stop_the_server(address: str) -> None:
    (told,), code, _ = talk(address, *[request()] * 20_000)
    assert code == 1008 if told is None else told["kind"] == "snapshot"
    (picture,), _, _ = talk(address, request(**{"logistics.gates": 3}))
    assert picture["kind"] == "snapshot"


def test_a_slider_at_nothing_is_refused_with_a_sentence(address: str) -> None:
    (told,), _, _ = talk(address, request(**{"labour.trades.civil.crews": None}))
    assert told == {
        "kind": "refused", "id": 7, "text": "labour.trades.civil.crews: None is nothing that it can be moved to",
    }  # fmt: skip


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_worker_is_told_or_replaced_and_the_picture_comes(address: str) -> None:
    talk(address, request())
    for worker in workers_of(os.getpid()):
        os.kill(worker, signal.SIGKILL)
    (told,), _, _ = talk(address, request(**{"logistics.gates": 2}))
    assert told["kind"] == "snapshot" or "a worker process was lost" in told["text"]
    killer = Thread(target=kill_first_worker, args=(os.getpid(), 0.0))
    killer.start()
    killer.join()
    told, _, _ = talk(address, request(**{"logistics.gates": 3}), answers=1)
    assert told[0]["kind"] in {"snapshot", "refused"}
    (again,), _, _ = talk(address, request(**{"logistics.gates": 4}))
    assert again["kind"] == "snapshot"


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page as it opens, with the whole picture of its file; what goes wrong there fails the test."""
    shown, wrong = browser.new_page(), []
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.on("requestfailed", lambda request: wrong.append(request.url))
    shown.goto(address)
    whole(shown)
    yield shown
    shown.close()
    assert wrong == []


def whole(page: Any) -> None:
    """Wait until all replications are drawn."""
    page.wait_for_selector(f"#state[data-runs='{RUNS}']", timeout=60_000)


def cells(page: Any, metric: str) -> list[str]:
    """A row of the table."""
    texts: list[str] = page.locator(f"tr[data-metric={metric}] td").all_inner_texts()
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]


def test_a_slider_redraws_and_the_config_can_be_copied(page: Any) -> None:
    assert cells(page, "lead_time_full_days")[3] == "none"
    assert re.fullmatch(
        r"\d+ [A-Z][a-z]+ 20\d\d / \d+ [A-Z][a-z]+ 20\d\d", cells(page, "lead_time_full_days")[1]
    )  # dates first
    assert "start " in page.inner_text("#dates")
    assert "target" in page.inner_text("#dates")
    assert page.locator("#mw_online svg path").count() >= 4
    for picture in ("mw_online", "headcount", "capital_deployed_usd", "idle_capital_usd"):
        assert page.locator(f"#{picture} .legend li", has_text="what changed").count() == 1
    page.locator("summary", has_text="Crews").click()
    page.locator("input[name='labour.trades.electricians.crews']").fill("1")
    page.locator("tr[data-metric=peak_workforce_onsite] td:nth-child(4)", has_text="−").wait_for(timeout=60_000)
    page.locator("select[name='calendars.site.days']").select_option(label="5 days a week")
    page.locator("tr[data-metric=lead_time_full_days] td:nth-child(4)", has_text="+").wait_for(timeout=60_000)
    assert "still" in page.inner_text("#sizing")
    page.click("#copy")
    page.wait_for_selector("dialog[open]")
    text = page.input_value("textarea")
    assert 'name: "tiny_live"' in text
    assert 'days: ["mon", "tue", "wed", "thu", "fri"]' in text
    page.click("dialog button")


def test_a_project_in_euros_has_no_dollar_on_its_page(browser: Any, address: str) -> None:
    """By hand: each amount in euros is 0.92 of that in dollars, written with its unit as reports do."""
    with being_served("display.units=si", "display.currency=EUR", "display.per_usd=0.92") as in_euros:
        plain, shown = browser.new_page(), browser.new_page()
        for one, place in ((plain, address), (shown, in_euros)):
            one.goto(place)
            whole(one)
        assert shown.evaluate("project.money") == {"sign": "€", "rate": 0.92}
        assert shown.evaluate("shown.metrics") == plain.evaluate("shown.metrics")  # what is simulated knows no currency
        amounts = [[*cells(one, "capital_total_usd"), *cells(one, "idle_capital_peak_usd")] for one in (plain, shown)]
        dollars, euros = (
            [float(number) for text in texts for number in re.findall(r"[\d.]+", text)] for texts in amounts
        )
        assert euros == pytest.approx([0.92 * number for number in dollars], abs=1)
        assert re.fullmatch(r"€[\d.]+ / €[\d.]+ M", amounts[1][1])
        assert "$" not in shown.inner_text("body")
        assert "€M, paid" in shown.inner_text("#capital_deployed_usd")
        for one in (plain, shown):
            one.close()


def test_sized_anew_pinned_and_back_to_the_file(page: Any) -> None:
    page.locator("select[name='calendars.site.days']").select_option(label="5 days a week")
    whole(page)
    page.click("#anew")
    page.locator("#sizing", has_text="worked out for this project").wait_for(timeout=60_000)
    page.click("#pin")
    assert cells(page, "lead_time_full_days")[3] == "none"
    page.click("#reset")
    page.locator("tr[data-metric=lead_time_full_days] td:nth-child(4)", has_text="−").wait_for(timeout=60_000)


def test_what_was_tried_is_kept_and_can_be_pinned(page: Any) -> None:
    page.locator("summary", has_text="Crews").click()
    page.locator("input[name='labour.trades.electricians.crews']").fill("1")
    whole(page)
    page.click("#reset")
    whole(page)
    tried = page.locator("#history tr td:first-child").all_inner_texts()
    assert tried[0] == "nothing changed"
    assert any("crews electricians: 1" in text for text in tried)
    assert len(tried) == len(set(tried))
    page.locator("#history tr", has_text="crews electricians: 1").first.get_by_role("button", name="Pin").click()
    assert cells(page, "peak_workforce_onsite")[3].startswith("+")  # on screen is the file again, with more people


def test_a_slider_that_is_dragged_is_drawn_where_it_is_left(page: Any) -> None:
    crews = page.locator("input[name='labour.trades.electricians.crews']")
    least = crews.get_attribute("min")
    crews.evaluate(
        """(range, least) => { for (const value of [3, 2, 4, 3, 2, 4, least]) {
             range.value = value; range.dispatchEvent(new Event("input")); } }""", least,
    )  # fmt: skip
    page.locator("tr[data-metric=peak_workforce_onsite] td:nth-child(4)", has_text="−").wait_for(timeout=60_000)
    whole(page)
    assert "earlier" not in page.inner_text("#state")


def test_dates_can_be_moved_and_stay_dates(page: Any) -> None:
    before = cells(page, "lead_time_full_days")[2]
    page.locator("input[name='scale.start_date']").fill("2026-07-06")
    page.locator("#dates", has_text="start 6 Jul 2026").wait_for(timeout=60_000)
    whole(page)
    after = cells(page, "lead_time_full_days")[2]
    assert after != before
    assert (
        int(cells(page, "lead_time_full_days")[3].split()[0].removeprefix("+")) > 100
    )  # days later, by the start alone
    page.locator("input[name='scale.target_days']").fill("2027-01-29")
    page.locator("#dates", has_text="target 29 Jan 2027").wait_for(timeout=60_000)
    assert page.input_value("input[name='scale.target_days']") == "2027-01-29"
    days = (date(2027, 1, 29) - date(2026, 7, 6)).days + 1  # until the midnight on which that day ends
    assert page.evaluate("changes['scale.target_days']") == days
    assert ProjectDates(date(2026, 7, 6)).format(days) == "29 Jan 2027"
    whole(page)
    assert "The target is kept in 100 % of runs" in page.inner_text("#basis")
    assert page.locator("#mw_online svg text", has_text="target").count() <= 1
    page.click("#reset")
    whole(page)
    assert "start 5 Jan 2026" in page.inner_text("#dates")


def test_a_strategy_is_planned_anew_at_once(page: Any) -> None:
    page.locator("summary", has_text="Strategy").click()
    page.locator("select[name='systems.electrical.scope']").select_option(label="built on site")
    page.locator("tr[data-metric=lead_time_full_days] td:nth-child(4)", has_text=re.compile("[+−]")).wait_for(
        timeout=60_000
    )
    whole(page)
    assert "worked out for this project" in page.inner_text("#sizing")


def test_the_report_of_what_is_on_screen_is_run_and_opened(page: Any) -> None:
    page.locator("input[name='logistics.gates']").fill("3")
    whole(page)
    with page.context.expect_page() as opened:
        page.click("#report")
    report = opened.value
    report.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
    assert f"{RUNS} runs" in report.inner_text("header")
    assert re.fullmatch(r".*/report/\d+", page.locator("#opened a").get_attribute("href"))
    report.close()


def test_without_one_finish_charts_end_when_no_curve_moves_any_more(page: Any) -> None:
    """Was: at the end of the calendars, five years after the last MW of orders over time."""
    flat = "Object.fromEntries(Object.keys(CURVES).map((curve) => [curve, [[0, 1, 1, 1], [0, 0, 0, 0]]]))"
    assert page.evaluate(f"rest({{ days: [0, 7, 14, 21], curves: {flat} }})") == 7


def test_keys_pin_and_reset(page: Any) -> None:
    page.locator("input[name='logistics.gates']").fill("4")
    whole(page)
    page.locator("h1").click()
    page.keyboard.press("p")
    assert cells(page, "lead_time_full_days")[3] == "none"
    page.keyboard.press("r")
    whole(page)
    assert page.input_value("input[name='logistics.gates']") != "4"


@pytest.mark.parametrize("width", [1280, 820, 390])
def test_nothing_is_wider_than_the_screen_and_axe_finds_nothing_serious(page: Any, axe: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wrap = "document.querySelector('#numbers').parentElement"
    assert page.evaluate(f"{wrap}.scrollWidth <= {wrap}.clientWidth")  # the last column is there without scrolling
    page.wait_for_timeout(200)
    assert axe(page) == []
