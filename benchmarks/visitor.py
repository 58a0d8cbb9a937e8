"""A visitor without a browser: Streamlit's websocket protocol, spoken over loopback, each byte counted.

It does what a browser does (connect, ask for a run of the script, press widgets, keep the address) and draws
nothing. Messages are asked for in full: no cache as a browser keeps it, so the bytes are an upper bound.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from benchmarks.pairing import BrokenError

_PATIENCE_S = 120.0
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
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

    def __init__(self, port: int, query: str = "", page: str = "") -> None:
        """`page`: by its name in the address; "": the first one."""
        started = time.perf_counter()
        self._query, self._page, self._page_name = query, "", page
        self._ids: dict[str, str] = {}  # widgets by their key
        self.expanders: set[str] = set()  # keys of those whose content is run only when they are open
        self._opened: set[str] = set()  # keys
        self.refreshing: dict[str, float] = {}  # fragments that ask to be run again: id -> interval in seconds
        self._connection = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            compression=None,  # as the server's default
            max_size=None,
            max_queue=None,
            proxy=None,
        )
        try:
            self.first = self._ask(self._request(), started)
        except BaseException:
            self.close()
            raise

    def rerun(self) -> Reply:
        """Run the page again, as a widget would."""
        return self._ask(self._request())

    def press(self, key: str) -> Reply:
        """Press the button with this widget key."""
        request = self._request()
        request.rerun_script.widget_states.widgets.add(id=self._id(key), trigger_value=True)
        return self._ask(request)

    def open_expander(self, key: str) -> Reply:
        self._opened.add(key)
        return self.rerun()

    def refresh(self, fragment: str) -> Reply:
        """Run one fragment again, as a browser does each time its interval is over."""
        request = self._request()
        request.rerun_script.fragment_id, request.rerun_script.is_auto_rerun = fragment, True
        return self._ask(request)

    def follow(self) -> Iterator[Reply]:
        """What a browser asks for by itself: fragments again and again at their pace, until none wants it."""
        due = time.perf_counter()
        until = due + _PATIENCE_S
        while self.refreshing:
            if due > until:
                raise BrokenError(f"the page goes on refreshing itself after {_PATIENCE_S:.0f} s")
            due += min(self.refreshing.values())
            time.sleep(max(0.0, due - time.perf_counter()))
            for fragment in tuple(self.refreshing):
                yield self.refresh(fragment)
                if not self.refreshing:
                    return

    @property
    def query(self) -> str:
        """The address's parameters as the page has last written them."""
        return self._query

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self) -> BackMsg:
        request = BackMsg()
        request.rerun_script.query_string, request.rerun_script.page_script_hash = self._query, self._page
        if not self._page:
            request.rerun_script.page_name = self._page_name
        for key in sorted(self._opened):  # told each time: what isn't told is at its default
            request.rerun_script.widget_states.widgets.add(id=self._id(key), bool_value=True)
        return request

    def _id(self, key: str) -> str:
        if key not in self._ids:
            raise BrokenError(f"the page has no widget {key!r}; it has {sorted(self._ids)}")
        return self._ids[key]

    def _ask(self, request: BackMsg, since: float | None = None) -> Reply:
        asked_at = time.perf_counter() if since is None else since
        self._connection.send(request.SerializeToString())
        messages, size, done = [], 0, False
        while not done:
            self._acknowledge_at_once()
            try:
                raw = self._connection.recv(_PATIENCE_S, decode=False)
            except TimeoutError as problem:
                raise BrokenError(f"no answer within {_PATIENCE_S:.0f} s") from problem
            message = ForwardMsg.FromString(raw)
            messages.append((time.perf_counter(), message))
            size += len(raw)
            done = self._take(message)
        return Reply(asked_at, tuple(messages), size)

    def _acknowledge_at_once(self) -> None:
        if _QUICKACK is not None:  # the kernel forgets it again and again
            self._connection.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _take(self, message: ForwardMsg) -> bool:
        """Remember what a browser would; whether the script's run is over."""
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._remember(message.delta)
        elif kind == "new_session":
            self._page = message.new_session.page_script_hash
            if not message.metadata.run.fragment_ids:
                self.refreshing = {}
        elif kind == "auto_rerun":
            self.refreshing[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.refreshing.pop(fragment, None)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise BrokenError("the page can't be compiled")
            return message.script_finished in _DONE
        return False

    def _remember(self, delta: Any) -> None:
        if delta.WhichOneof("type") == "new_element":
            kind = delta.new_element.WhichOneof("type")
            body: Any = getattr(delta.new_element, kind) if kind else None
            if kind == "exception":
                raise BrokenError(f"the page shows an exception: {body.type}: {body.message}")
            widget = getattr(body, "id", "")
        else:
            widget = delta.add_block.expandable.id
            self.expanders |= {_key(widget)} if widget else set()
        if isinstance(widget, str) and widget.startswith("$$"):
            self._ids[_key(widget)] = widget


def _key(widget: str) -> str:
    """The key in a widget's id, which is `$$ID-<digest>-<key>`."""
    return widget.split("-", 2)[-1]
