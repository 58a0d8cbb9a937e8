"""What a browser knows of its session with a Streamlit server, and what it asks for. It knows no sockets.

Messages are asked for in full: no cache as a browser keeps it, so their bytes are an upper bound.
"""

from __future__ import annotations

from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.pairing import BrokenError

_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Session:
    """The state of one session: what the page has last told."""

    def __init__(self, query: str = "", page: str = "") -> None:
        """`page`: by its name in the address; "": the first one."""
        self.query, self.expanders = query, set[str]()  # keys of those whose content is run only when open
        self.refreshing: dict[str, float] = {}  # fragments that ask to be run again: id -> interval in seconds
        self._page, self._page_name = "", page
        self._pages: dict[str, str] = {}  # hashes by the name in the address
        self._ids: dict[str, str] = {}  # widgets by their key
        self._opened: set[str] = set()  # keys

    def rerun(self) -> BackMsg:
        """Run the page again, as a widget would."""
        request = BackMsg()
        request.rerun_script.query_string, request.rerun_script.page_script_hash = self.query, self._page
        if not self._page:
            request.rerun_script.page_name = self._page_name
        for key in sorted(self._opened):  # told each time: what isn't told is at its default
            request.rerun_script.widget_states.widgets.add(id=self._id(key), bool_value=True)
        return request

    def press(self, key: str) -> BackMsg:
        """Press the button with this widget key."""
        request = self.rerun()
        request.rerun_script.widget_states.widgets.add(id=self._id(key), trigger_value=True)
        return request

    def open_expander(self, key: str) -> BackMsg:
        self._opened.add(key)
        return self.rerun()

    def refresh(self, fragment: str) -> BackMsg:
        """Run one fragment again, as a browser does each time its interval is over."""
        request = self.rerun()
        request.rerun_script.fragment_id, request.rerun_script.is_auto_rerun = fragment, True
        return request

    def turn_to(self, page: str, query: str = "") -> BackMsg:
        """Follow a link to another page of the dashboard; "": the first one."""
        if page not in self._pages:
            raise BrokenError(f"there is no page {page!r}, only {sorted(self._pages)}")
        self._page, self.query, self.refreshing = self._pages[page], query, {}
        self._ids, self._opened = {}, set()
        return self.rerun()

    def take(self, message: ForwardMsg) -> bool:
        """Remember what a browser would; whether the script's run is over."""
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._remember(message.delta)
        elif kind == "new_session":
            self._page = message.new_session.page_script_hash
            if not message.metadata.run.fragment_ids:
                self.refreshing = {}
        elif kind == "navigation":
            self._page, pages = message.navigation.page_script_hash, message.navigation.app_pages
            self._pages = {
                "" if page.is_default else page.url_pathname: page.page_script_hash for page in pages
            }
        elif kind == "page_not_found":
            raise BrokenError(f"there is no page {message.page_not_found.page_name!r}")
        elif kind == "auto_rerun":
            self.refreshing[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.refreshing.pop(fragment, None)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise BrokenError("the page can't be compiled")
            return message.script_finished in _DONE
        return False

    def _id(self, key: str) -> str:
        if key not in self._ids:
            raise BrokenError(f"the page has no widget {key!r}; it has {sorted(self._ids)}")
        return self._ids[key]

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
