"""Connections to clusters: one for each address, made and looked over in the background, shared by all who ask.

It must not know Ray, nor who asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.errors import CrossoverError, MeasurementError
from core.records import Note, Target
from core.runs.elsewhere.targets import Targets


@dataclass(frozen=True)
class Connection:
    """What is known of a cluster: what it has, or why that isn't known."""

    address: str
    looking: bool = False  # what follows is of the look before
    cluster: Targets | None = None  # None: not connected
    targets: tuple[Target, ...] = ()
    problem: Note | None = None


class Connections:
    """Safe to call from several threads. Nothing here waits for a cluster but `wait`."""

    def __init__(self, connect: Callable[[str], Targets]) -> None:
        """`connect` raises CrossoverError where nobody answers, within seconds."""
        self._connect = connect
        self._changed = threading.Condition()
        self._known: dict[str, Connection] = {}  # the newest last
        self._left: set[str] = set()

    def at(self, address: str) -> Connection | None:
        """None: nobody has asked for it, or it was let go of."""
        with self._changed:
            return self._known.get(address)

    def newest(self) -> str | None:
        """The address that was connected to last, of those that are."""
        with self._changed:
            return next((name for name, it in reversed(self._known.items()) if it.cluster is not None), None)

    def look(self, address: str) -> None:
        """Find out what is there now, and connect first where that isn't so; nothing if that is under way."""
        with self._changed:
            known = self._known.get(address, Connection(address))
            if known.looking:
                return
            mine = self._known[address] = replace(known, looking=True)
            self._left.discard(address)
        threading.Thread(target=self._look, args=(mine,), name="look", daemon=True).start()

    def look_once(self, address: str) -> None:
        """The same, unless that was done before, whatever came of it."""
        with self._changed:
            asked = address in self._known or address in self._left
        if not asked:
            self.look(address)

    def wait(self, address: str) -> Connection | None:
        """Block until no look is under way."""
        with self._changed:
            self._changed.wait_for(lambda: address not in self._known or not self._known[address].looking)
            return self._known.get(address)

    def leave(self, address: str) -> None:
        """Let go of a cluster; what is measured there ends."""
        with self._changed:
            known = self._known.pop(address, None)
            self._left.add(address)
            self._changed.notify_all()
        if known is not None and known.cluster is not None:
            known.cluster.close()

    def _look(self, mine: Connection) -> None:
        found = replace(mine, looking=False, problem=Note("look_stopped"))  # by a fault of ours; the log tells
        try:
            found = self._found(mine)
        finally:
            with self._changed:
                wanted = self._known.get(mine.address) is mine  # else it was let go of meanwhile
                if wanted:
                    self._known[mine.address] = found
                self._changed.notify_all()
            if not wanted and found.cluster is not None:
                found.cluster.close()

    def _found(self, known: Connection) -> Connection:
        if known.cluster is not None:
            try:
                return Connection(known.address, cluster=known.cluster, targets=known.cluster.targets())
            except MeasurementError as problem:
                if known.cluster.problem is None:  # what is measured there goes on
                    return replace(known, looking=False, problem=problem.note)
            known.cluster.close()
            if self.at(known.address) is not known:  # let go of, and so it was closed
                return Connection(known.address)
        # lost, or not connected yet: there may be a new one at its address
        try:
            cluster = self._connect(known.address)
        except CrossoverError as problem:
            return Connection(known.address, problem=problem.note)
        try:
            return Connection(known.address, cluster=cluster, targets=cluster.targets())
        except BaseException as problem:
            cluster.close()
            if isinstance(problem, MeasurementError):
                return Connection(known.address, problem=problem.note)
            raise
