"""Readings in words: units, and why one is missing. A missing reading is never a 0 and never blank."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from core import units
from core.i18n import N_, Translate
from core.records import Absent, Gpu, Note
from pages._shared.markdown import plain

T = TypeVar("T")

_MAKERS = ("NVIDIA", "GeForce", "Tesla")

# Why a reading is missing, in a word or two; the whole sentence is the catalogue's.
_SHORT = {
    "nvml_not_supported": N_("not supported"),
    "nvml_no_permission": N_("not permitted"),
    "rapl_no_permission": N_("not permitted"),
    "processes_not_asked": N_("not asked while measuring"),
    "pcie_not_asked": N_("not asked while measuring"),
    "processes_of_host": N_("not known in a container"),
    "processes_hidden": N_("not visible here"),
    "memory_hidden": N_("not visible here"),
    "not_read_yet": N_("not yet"),
    "rapl_absent": N_("not visible here"),
    "cpu_clock_hidden": N_("not visible here"),
    "cpu_load_hidden": N_("not visible here"),
}
_NOT_NOW, _NO_ANSWER = N_("not now"), N_("no answer")
JOINED = "\N{NO-BREAK SPACE}"  # a number and its unit stay on one line

# What holds a clock down, in a word or two; likewise.
_HELD_BY = {
    "sw_power_cap": N_("power limit"),
    "hw_slowdown": N_("hardware slowdown"),
    "sw_thermal": N_("heat (driver)"),
    "hw_thermal": N_("heat (hardware)"),
    "hw_power_brake": N_("power supply"),
    "sync_boost": N_("other GPUs of its group"),
    "applications_clocks": N_("fixed by a setting"),
    "display_clock": N_("display settings"),
    "board_limit": N_("a limit of the board"),
    "reliability": N_("reliability policy"),
    "unknown_limit": N_("a reason unknown here"),
}


class Reader:
    """Writes one device's readings, each with its value or the reason why there is none."""

    def __init__(self, absent: Iterable[Absent], lost: Note | None, translate: Translate) -> None:
        self._reasons = {item.reading.partition(".")[2]: item.reason for item in absent}
        self._lost, self._translate = lost, translate

    def value(self, field: str, value: T | None, words: Callable[[T], str]) -> str:
        """In bold where there is one, in italics why not."""
        if value is None:
            return f"*{self.why(field)}*"
        return f"**{plain(words(value)).replace(' ', JOINED)}**"

    def bare(self, field: str, value: T | None, words: Callable[[T], str]) -> str:
        """Likewise, for what styles it itself."""
        return self.why(field) if value is None else words(value)

    def why(self, field: str) -> str:
        if self._lost is not None:
            return self._translate(_NO_ANSWER)
        return self._translate(_SHORT.get(self._reasons.get(field, ""), _NOT_NOW))


def gpu_name(gpu: Gpu) -> str:
    """ "GPU 3 · H200": the driver's own index, and the name without its maker's."""
    short = " ".join(word for word in gpu.name.split() if word not in _MAKERS)
    return f"GPU {gpu.index} · {short}" if short else f"GPU {gpu.index}"


def clock(hertz: float) -> str:
    return f"{units.number(hertz / 1e9)} GHz"


def flow(bytes_per_s: float) -> str:
    return f"{units.size(bytes_per_s)}/s"


def celsius(degrees: float) -> str:
    return f"{degrees:.0f} °C"


def held_by(reasons: Iterable[str], translate: Translate) -> str:
    found = [translate(_HELD_BY[reason]) for reason in reasons]
    return translate(", ").join(found) or translate("nothing")
