"""The server of `sim live`: one page for this machine, and one websocket that takes changes and returns snapshots.

Tornado is the server. Requests from another machine, or from a page of another site, are refused.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from sim import files
from sim.errors import SimError
from sim.metrics.delivery import first_order_day_of_schedule
from sim.report.figures.drawing import NONE, FigureDrawing
from sim.report.figures.palette import stylesheet
from sim.report.html_report import chart_script
from sim.report.html_report.run_report import REPORT, write_run
from sim.study.analyses.live import Live
from sim.study.executors.persistent_pool import LostWorker
from sim.study.result import working_days

log = logging.getLogger(__name__)
LOCALHOST = "127.0.0.1"
PAGE = Path(__file__).with_name("page.html")
MAX_MESSAGE_BYTES = 100_000
MAX_WAITING = 200
"""Requests of one page that nobody has begun; a slider that is dragged sends some sixty a second."""
MAX_PAGES = 16
MAX_ATTEMPTS = 2
"""Times that a snapshot is begun, where a worker is lost over it."""
NOT_UNDERSTOOD, POLICY_VIOLATION, TRY_LATER = 1003, 1008, 1013
"""Reasons to close a websocket (RFC 6455 and its registry)."""
MAX_SECONDS_WITHOUT_UPDATE = 1.0
"""Seconds after which a snapshot is finished although the slider has moved on since."""
POLICY = "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self' ws://{host}"


class WrongPort(SimError):
    """A port that another program has, or that only the system may use."""

    exit_code = 2


@dataclass
class SharedState:
    """State that all open pages share: the project, and one thread that works for the page that asked last."""

    live: Live
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    copies: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    """Writes configurations, so that the server answers meanwhile."""
    reports: Path = field(default_factory=lambda: Path(mkdtemp(prefix="sim-live-")))
    """Where reports lie that were run from the page, until the server ends."""
    reports_written: int = 0
    pages: int = 0
    """Sockets that are open."""
    latest: int = 0
    asker: object = None
    """The page that asked last."""
    last_sent: float = 0.0
    """When a snapshot was sent the last time (seconds of the monotonic clock)."""

    @property
    def still_for_long(self) -> bool:
        """Return whether nothing has been drawn for so long that the next snapshot is finished in any case."""
        return monotonic() - self.last_sent > MAX_SECONDS_WITHOUT_UPDATE


class _LocalHandler(RequestHandler):
    """Answers requests from this machine only."""

    state: SharedState

    def initialize(self, state: SharedState) -> None:
        """Take what is shared."""
        self.state = state

    def prepare(self) -> None:
        """Refuse host names that another machine could use."""
        if self.request.host.rpartition(":")[0] not in {LOCALHOST, "localhost"}:
            raise HTTPError(403)


class Page(_LocalHandler):
    """The page itself."""

    def get(self) -> None:
        """Send it with a policy that lets it connect to this server alone."""
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", POLICY.format(nonce=nonce, host=self.request.host))
        self.set_header("Cache-Control", "no-store")
        self.finish(page().replace("NONCE", nonce))


class Report(_LocalHandler):
    """A report that was run from the page."""

    def get(self, number: str) -> None:
        """Send it; its own head says what it may do."""
        self.set_header("Cache-Control", "no-store")
        self.finish(files.read(self.state.reports / number / REPORT))


def page() -> str:
    """Return the page with the charts' script and the colours of every figure in it."""
    return files.read(PAGE).decode().replace("/* COLOURS */", stylesheet()).replace("/* CHARTS */", chart_script())


class ChangesSocket(_LocalHandler, WebSocketHandler):
    """The socket of one page: it receives changed settings and sends snapshots until other settings arrive."""

    waiting = 0
    """Requests of this page that the working threads have not begun."""

    def on_close(self) -> None:
        """Count the pages that are open."""
        self.state.pages -= 1

    def open(self, *_: str, **__: str) -> None:
        """Send the project and its levers: the settings that the page can change, with their ranges."""
        self.state.pages += 1
        if self.state.pages > MAX_PAGES:
            self.close(code=TRY_LATER, reason=f"more than {MAX_PAGES} pages are open")
            return
        live = self.state.live
        levers = [lever.document() for lever in live.levers]
        limit, display = live.base.project.limits.peak_workforce, live.base.project.display
        self._send(
            kind="project",
            name=live.base.name,
            label=live.base.project.label,
            start=live.base.project.scale.start_date.isoformat(),
            target=live.base.project.scale.target_days,
            decided=first_order_day_of_schedule(live.base.project) or 0,
            **working_days(live.base.project),
            money={"sign": display.sign, "rate": display.rate},
            limit=None if limit is None else limit.value,
            runs=live.runs,
            levers=levers,
            from_here=None if live.status is None else live.status.data_date.isoformat(),
        )

    def on_message(self, message: str | bytes) -> None:
        """Handle a request of the page: snapshots of changed settings, with crews planned again or not; a copy; a report."""
        self.waiting += 1
        if self.waiting > MAX_WAITING:
            self.close(code=POLICY_VIOLATION, reason=f"more than {MAX_WAITING} requests are waiting")
            return
        try:
            request = json.loads(message)
            number, kind, changes = int(request["id"]), str(request["what"]), dict(request["changes"])
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
            self.close(code=NOT_UNDERSTOOD, reason="not understood")
            return
        if kind in {"copy", "report"}:
            work = self._copy if kind == "copy" else self._report
            self.state.copies.submit(work, asyncio.get_running_loop(), number, changes)
            return
        self.state.latest += 1
        self.state.asker = self
        if not self.state.still_for_long:
            self.state.live.pool.leave()
        loop, ticket = asyncio.get_running_loop(), self.state.latest
        self.state.thread.submit(self._show, loop, ticket, number, kind == "replan", changes)

    def _begun(self) -> None:
        """Note that a working thread has taken a request."""
        self.waiting -= 1

    def _copy(self, loop: asyncio.AbstractEventLoop, number: int, changes: dict[str, Any]) -> None:
        """Send the text of the changed configuration, in a working thread."""
        loop.call_soon_threadsafe(self._begun)
        try:
            text = self.state.live.as_config(changes)
            loop.call_soon_threadsafe(partial(self._send, kind="config", id=number, text=text))
        except Exception as error:  # noqa: BLE001 -- the page must be told, whatever it is
            self._refuse(loop, number, error)

    def _report(self, loop: asyncio.AbstractEventLoop, number: int, changes: dict[str, Any]) -> None:
        """Run the changed settings, and send the address of their report, in a working thread."""
        loop.call_soon_threadsafe(self._begun)
        self.state.reports_written += 1
        name = str(self.state.reports_written)
        try:
            drawing = FigureDrawing(NONE)
            self.state.live.report(changes, self.state.reports / name, partial(write_run, drawing=drawing))
            loop.call_soon_threadsafe(partial(self._send, kind="report", id=number, url=f"/report/{name}"))
        except Exception as error:  # noqa: BLE001 -- the page must be told, whatever it is
            self._refuse(loop, number, error)

    def _show(
        self, loop: asyncio.AbstractEventLoop, ticket: int, number: int, replan: bool, changes: dict[str, Any]
    ) -> None:
        """Send snapshots, in the working thread, until a newer request comes."""
        is_first_sent = False

        def still_wanted() -> bool:
            """Return whether the request is the latest, or, while a slider moves on, no snapshot was sent for long."""
            return self.state.latest == ticket or (not is_first_sent and self.state.still_for_long)

        loop.call_soon_threadsafe(self._begun)
        for _ in range(MAX_ATTEMPTS):
            if not still_wanted():
                return
            try:
                for snapshot in self.state.live.snapshots(changes, still_wanted, replan=replan):
                    is_first_sent, self.state.last_sent = True, monotonic()
                    loop.call_soon_threadsafe(partial(self._send, kind="snapshot", id=number, **snapshot))
            except LostWorker as lost:
                self._refuse(loop, number, lost)
            except Exception as error:  # noqa: BLE001 -- an error in a thread is seen by nobody else
                self._refuse(loop, number, error)
                return
            else:
                return

    def _refuse(self, loop: asyncio.AbstractEventLoop, number: int, error: Exception) -> None:
        """Tell the page what went wrong; what is no error of the input goes to the log, too."""
        text = str(error)
        if not isinstance(error, SimError):
            log.error("a request of the page failed", exc_info=error)
            text = f"an internal error ({type(error).__name__}: {error}); the log has the details"
        loop.call_soon_threadsafe(partial(self._send, kind="refused", id=number, text=text))

    def _send(self, **message: Any) -> None:
        try:
            self.write_message(json.dumps(message, allow_nan=False))
        except WebSocketClosedError:
            # the page was closed: nobody wants its snapshot, but another page may have asked meanwhile
            if self.state.asker is self:
                self.state.latest += 1


async def serve(live: Live, port: int, opened: Callable[[str], Awaitable[None] | None]) -> None:
    """Serve until cancelled; `opened` is called with the page's address. Port 0 takes any that is free."""
    state = SharedState(live)
    routes: list[Any] = [("/", Page, {"state": state}), ("/line", ChangesSocket, {"state": state})]
    routes.append((r"/report/([0-9]{1,6})", Report, {"state": state}))
    server = HTTPServer(Application(routes, websocket_max_message_size=MAX_MESSAGE_BYTES))
    try:
        sockets = bind_sockets(port, LOCALHOST)
    except OSError as error:
        raise WrongPort(f"--port {port} cannot be used: {error.strerror}") from error
    server.add_sockets(sockets)
    try:
        pending = opened(f"http://{LOCALHOST}:{sockets[0].getsockname()[1]}/")
        if pending is not None:
            await pending
        await asyncio.Event().wait()
    finally:
        server.stop()
        # browsers keep connections open for the next request
        await server.close_all_connections()
        state.latest += 1
        live.pool.leave()
        for thread in (state.thread, state.copies):
            thread.shutdown(wait=True, cancel_futures=True)
        rmtree(state.reports, ignore_errors=True)
