"""Which stored runs a reader asks for, and in what order. Knows neither a database nor a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.analysis.quality import Badge
from core.records import Origin

Order = Literal["newest", "oldest", "fastest", "shortest_epoch", "most_accurate"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What runs must be to be listed; an empty field asks for nothing."""

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()  # device names, as the run's environment tells them
    origins: tuple[Origin, ...] = ()
    qualities: tuple[Badge, ...] = ()
    text: str = ""  # within the name or a tag, whatever the case of its letters
    since: str | None = None  # created_at from here on: UTC, ISO 8601
    until: str | None = None  # created_at before this
    machines: tuple[str | None, ...] = ()  # kinds of a cluster's; None: this one, without what came from files


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, each sorted."""

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()  # kinds of a cluster's
