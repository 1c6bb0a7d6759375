"""The server of `sim live`: one page for this machine, and one websocket that takes changes and returns pictures.

Tornado is the server. Requests from another machine, or from a page of another site, are refused.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from sim import files
from sim.errors import SimError
from sim.study.analyses.live import Live

HERE = "127.0.0.1"
PAGE = Path(__file__).with_name("page.html")
LARGEST_MESSAGE = 100_000
LONGEST_STILL = 1.0
"""Seconds after which a picture is finished although the slider has moved on since."""
POLICY = "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self' ws://{host}"


class WrongPort(SimError):
    """A port that another program has, or that only the system may use."""

    exit_code = 2


@dataclass
class Desk:
    """What all windows share: the project, and one thread that works for whoever moved something last."""

    live: Live
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    latest: int = 0
    drawn: float = 0.0
    """When a picture was sent the last time (seconds of the machine's clock)."""

    @property
    def still_for_long(self) -> bool:
        """Whether nothing has been drawn for so long that the next picture is finished, come what may."""
        return monotonic() - self.drawn > LONGEST_STILL


class _Here(RequestHandler):
    """Answers this machine only, whatever name it was asked by."""

    desk: Desk

    def initialize(self, desk: Desk) -> None:
        """Take what is shared."""
        self.desk = desk

    def prepare(self) -> None:
        """Refuse names that lead here from elsewhere."""
        if self.request.host.rpartition(":")[0] not in {HERE, "localhost"}:
            raise HTTPError(403)


class Page(_Here):
    """The page itself."""

    def get(self) -> None:
        """Send it, allowed to talk to nobody but this server."""
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", POLICY.format(nonce=nonce, host=self.request.host))
        self.set_header("Cache-Control", "no-store")
        self.finish(files.read(PAGE).decode().replace("NONCE", nonce))


class Line(_Here, WebSocketHandler):
    """The line to a window: it says what was moved, and gets pictures until something else is moved."""

    def open(self, *_: str, **__: str) -> None:
        """Say what there is to move."""
        live = self.desk.live
        offered = [lever.told() for lever in live.levers]
        limit = live.base.project.limits.peak_workforce
        self._tell(
            kind="project",
            name=live.base.name,
            label=live.base.project.label,
            start=live.base.project.scale.start_date.isoformat(),
            target=live.base.project.scale.target_days,
            limit=None if limit is None else limit.value,
            runs=live.runs,
            levers=offered,
        )

    def on_message(self, message: str | bytes) -> None:
        """Do what is asked: show what was moved, work it out anew, or write it down."""
        try:
            asked = json.loads(message)
            number, what, changes = int(asked["id"]), str(asked["what"]), dict(asked["changes"])
        except (KeyError, TypeError, ValueError):
            self.close(code=1003, reason="not understood")
            return
        if what == "copy":
            self._copy(number, changes)
            return
        self.desk.latest += 1
        if not self.desk.still_for_long:
            self.desk.live.hands.leave()
        loop, ticket = asyncio.get_running_loop(), self.desk.latest
        self.desk.thread.submit(self._show, loop, ticket, number, what == "anew", changes)

    def _copy(self, number: int, changes: dict[str, Any]) -> None:
        try:
            self._tell(kind="config", id=number, text=self.desk.live.as_config(changes))
        except SimError as refused:
            self._tell(kind="refused", id=number, text=str(refused))

    def _show(
        self, loop: asyncio.AbstractEventLoop, ticket: int, number: int, anew: bool, changes: dict[str, Any]
    ) -> None:
        """Send pictures, in the thread that works, until something newer is asked for."""
        shown = False

        def wanted() -> bool:
            """Who moves on and on sees something now and then: a first picture is finished after a while without any."""
            return self.desk.latest == ticket or (not shown and self.desk.still_for_long)

        if not wanted():
            return
        try:
            for picture in self.desk.live.pictures(changes, wanted, anew=anew):
                shown, self.desk.drawn = True, monotonic()
                loop.call_soon_threadsafe(partial(self._tell, kind="picture", id=number, **picture))
        except SimError as refused:
            loop.call_soon_threadsafe(partial(self._tell, kind="refused", id=number, text=str(refused)))

    def _tell(self, **message: Any) -> None:
        try:
            self.write_message(json.dumps(message, allow_nan=False))
        except WebSocketClosedError:
            self.desk.latest += 1  # nobody looks any more


async def serve(live: Live, port: int, opened: Callable[[str], Awaitable[None] | None]) -> None:
    """Serve until cancelled; `opened` is told the page's address. Port 0 takes any that is free."""
    desk = Desk(live)
    table: list[Any] = [("/", Page, {"desk": desk}), ("/line", Line, {"desk": desk})]
    server = HTTPServer(Application(table, websocket_max_message_size=LARGEST_MESSAGE))
    try:
        sockets = bind_sockets(port, HERE)
    except OSError as taken:
        raise WrongPort(f"--port {port} cannot be used: {taken.strerror}") from taken
    server.add_sockets(sockets)
    try:
        said = opened(f"http://{HERE}:{sockets[0].getsockname()[1]}/")
        if said is not None:
            await said
        await asyncio.Event().wait()
    finally:
        server.stop()
        desk.latest += 1
        desk.thread.shutdown(wait=True, cancel_futures=True)
