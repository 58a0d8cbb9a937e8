"""A visitor without a browser: Streamlit's websocket protocol, spoken over loopback, each byte counted.

It does what a browser does (connect, ask for a run of the script, press widgets, keep the address) and draws
nothing.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from benchmarks.pairing import BrokenError
from benchmarks.session import Session

PATIENCE_S = 120.0
# Linux only. Without it the client's delayed acknowledgement and the server's Nagle add 40 ms now and then.
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered to one request, from its sending to the end of the script's run."""

    asked_at: float  # perf_counter
    messages: tuple[tuple[float, ForwardMsg], ...]  # with the time of arrival
    size_bytes: int  # of the messages as they arrived

    @property
    def seconds(self) -> float:
        return self.messages[-1][0] - self.asked_at

    def elements(self, kind: str) -> Iterator[tuple[float, Any]]:
        """Every element of a kind ("metric", "markdown", ...) with the time of its arrival."""
        for at, message in self.messages:
            element = message.delta.new_element
            if message.WhichOneof("type") == "delta" and element.WhichOneof("type") == kind:
                yield at, getattr(element, kind)


class Visitor:
    """One session. Once constructed, the first run of the page is finished: `first` is its reply.

    Not for two threads at once.
    """

    def __init__(
        self, port: int, query: str = "", page: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """`page`: by its name in the address; "": the first one. `headers`: beside a browser's own."""
        started = time.perf_counter()
        self._session = Session(query, page)
        self._connection = connect(
            address(port), max_size=None, max_queue=None, additional_headers=headers, **LIKE_A_BROWSER
        )
        try:
            self.first = self._ask(self._session.rerun(), started)
        except BaseException:
            self.close()
            raise

    def rerun(self) -> Reply:
        """Run the page again, as a widget would."""
        return self._ask(self._session.rerun())

    def press(self, key: str) -> Reply:
        """Press the button with this widget key."""
        return self._ask(self._session.press(key))

    def open_expander(self, key: str) -> Reply:
        return self._ask(self._session.open_expander(key))

    def refresh(self, fragment: str) -> Reply:
        """Run one fragment again, as a browser does each time its interval is over."""
        return self._ask(self._session.refresh(fragment))

    def follow(self, patience_s: float = PATIENCE_S) -> Iterator[Reply]:
        """What a browser asks for by itself: fragments again and again at their pace, until none wants it."""
        due = time.perf_counter()
        until = due + patience_s
        while self.refreshing:
            if due > until:
                raise BrokenError(f"the page goes on refreshing itself after {patience_s:.0f} s")
            due += min(self.refreshing.values())
            time.sleep(max(0.0, due - time.perf_counter()))
            for fragment in tuple(self.refreshing):
                yield self.refresh(fragment)
                if not self.refreshing:
                    return

    def overheard(self, seconds: float) -> int:
        """How many messages come in that time without being asked for."""
        until, count = time.perf_counter() + seconds, 0
        while (left := until - time.perf_counter()) > 0:
            with contextlib.suppress(TimeoutError):
                self._connection.recv(left, decode=False)
                count += 1
        return count

    @property
    def query(self) -> str:
        """The address's parameters as the page has last written them."""
        return self._session.query

    @property
    def expanders(self) -> set[str]:
        """The keys of those whose content is run only when they are open."""
        return self._session.expanders

    @property
    def refreshing(self) -> dict[str, float]:
        """Fragments that ask to be run again, with their interval in seconds."""
        return self._session.refreshing

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: BackMsg, since: float | None = None) -> Reply:
        asked_at = time.perf_counter() if since is None else since
        self._connection.send(request.SerializeToString())
        messages, size, done = [], 0, False
        while not done:
            acknowledge_at_once(self._connection.socket)
            try:
                raw = self._connection.recv(PATIENCE_S, decode=False)
            except TimeoutError as problem:
                raise BrokenError(f"no answer within {PATIENCE_S:.0f} s") from problem
            message = ForwardMsg.FromString(raw)
            messages.append((time.perf_counter(), message))
            size += len(raw)
            done = self._session.take(message)
        return Reply(asked_at, tuple(messages), size)


# compression: None is the server's default
LIKE_A_BROWSER: dict[str, Any] = {
    "subprotocols": [Subprotocol("streamlit")],
    "compression": None,
    "proxy": None,
}


def address(port: int) -> str:
    return f"ws://127.0.0.1:{port}/_stcore/stream"


def acknowledge_at_once(connection: socket.socket) -> None:
    if _QUICKACK is not None:  # the kernel forgets it again and again
        connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
