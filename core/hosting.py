"""How this server is offered: to its owner, or to the public as a demo. Read from the environment once.

It must not know what a job is, nor who is asking.
"""

from __future__ import annotations

import collections
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.errors import InputError

VARIABLES = ("CROSSOVER_PUBLIC", "CROSSOVER_ADMIN_KEY", "CROSSOVER_KEEP_DAYS", "CROSSOVER_TRUST_PROXY")

_SHORTEST_KEY = 16
_KEEP_DAYS = 30  # of a public demo that names no other number
_MOST_DAYS = 3650
_TRIES, _WINDOW_S = 5, 60.0


@dataclass(frozen=True)
class Hosting:
    public: bool = False
    admin_key: str | None = field(default=None, repr=False)  # never in a log
    keep_days: int | None = None  # older runs are removed; None: none are
    trust_proxy: bool = False  # whether X-Forwarded-For names the visitor: only behind a proxy that sets it


def from_environment(env: Mapping[str, str]) -> Hosting:
    """What the variables ask for.

    Raises InputError("bad_variable"): a demo that isn't one, by a slip of the pen, would be open to strangers.
    """
    public = _switch(env, "CROSSOVER_PUBLIC")
    key = env.get("CROSSOVER_ADMIN_KEY") or None
    if key is not None and len(key) < _SHORTEST_KEY:
        raise _bad("CROSSOVER_ADMIN_KEY", f"at least {_SHORTEST_KEY} characters")
    days = env.get("CROSSOVER_KEEP_DAYS", "").strip()
    if days and not (days.isascii() and days.isdecimal() and 1 <= int(days[:5]) <= _MOST_DAYS):
        raise _bad("CROSSOVER_KEEP_DAYS", f"1 to {_MOST_DAYS}")
    keep_days = int(days) if days else _KEEP_DAYS if public else None
    return Hosting(public, key, keep_days, _switch(env, "CROSSOVER_TRUST_PROXY"))


def may_change(owner: str | None, me: str, hosting: Hosting, admin: bool) -> bool:
    """Whether `me` may rename, tag, delete or cancel what `owner` measured. At home everybody may."""
    return not hosting.public or admin or owner == me


class Door:
    """Lets the admin in, by the key; a few tries a minute for the whole server, so that none can be guessed."""

    def __init__(self, key: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._key, self._clock = key, clock
        self._lock = threading.Lock()
        self._tries: collections.deque[float] = collections.deque(maxlen=_TRIES)

    def open(self, given: str) -> None:
        """Raises InputError: wrong_key, too_many_tries."""
        with self._lock:
            now = self._clock()
            if len(self._tries) == _TRIES and now - self._tries[0] < _WINDOW_S:
                wait_s = _WINDOW_S - (now - self._tries[0])
                raise InputError("too_many_tries", seconds=max(1, round(wait_s)))
            if self._key is None or not hmac.compare_digest(given.encode(), self._key.encode()):
                self._tries.append(now)
                raise InputError("wrong_key")


def _switch(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value not in ("", "0", "false", "1", "true"):
        raise _bad(name, "1, 0")
    return value in ("1", "true")


def _bad(name: str, allowed: str) -> InputError:
    """Without the value: it may be a key."""
    return InputError("bad_variable", name=name, allowed=allowed)
