"""Which readings are missing, and why, in whole sentences."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from core.i18n import N_, Translate
from core.messages import sentence
from core.records import Absent
from pages._monitor.monitor_state import Seen
from pages._shared.markdown import plain

_NAMES = {
    "load_pct": N_("load"),
    "clock_hz": N_("clock"),
    "memory_used_bytes": N_("memory"),
    "memory_bytes": N_("memory"),
    "energy_j": N_("energy"),
    "core_loads_pct": N_("load of each core"),
    "core_clocks_hz": N_("clock of each core"),
    "utilisation_pct": N_("time with a kernel running"),
    "power_w": N_("power"),
    "power_limit_w": N_("power limit"),
    "temperature_c": N_("temperature"),
    "sm_clock_hz": N_("clock of the multiprocessors"),
    "memory_clock_hz": N_("clock of the memory"),
    "throttle_reasons": N_("what holds the clock down"),
    "pcie": N_("PCIe link"),
    "sent_bytes_per_s": N_("PCIe traffic from the GPU"),
    "received_bytes_per_s": N_("PCIe traffic to the GPU"),
    "processes": N_("programs"),
    "other_processes": N_("programs of others"),
}


def show(seen: Seen, translate: Translate) -> None:
    """Nothing where every reading is there."""
    _ = translate
    by_reason: dict[str, dict[str, dict[str, None]]] = {}  # reason -> device -> readings, each name once
    for device, item in _absent(seen):
        field = item.reading.partition(".")[2]
        by_reason.setdefault(item.reason, {}).setdefault(device, {})[_(_NAMES[field])] = None
    if not by_reason:
        return
    with st.expander(_("Why are readings missing?"), key="monitor_absences"):
        st.markdown("\n".join(_line(reason, devices, _) for reason, devices in by_reason.items()))


def _absent(seen: Seen) -> Iterator[tuple[str, Absent]]:
    yield from (("CPU", item) for item in seen.now.cpu.absent)
    for gpu in seen.now.gpus:
        yield from ((f"GPU {gpu.gpu.index}", item) for item in gpu.absent)


def _line(reason: str, devices: dict[str, dict[str, None]], translate: Translate) -> str:
    """Devices that lack the same are told of together: sixteen may."""
    _ = translate
    alike: dict[tuple[str, ...], list[str]] = {}
    for device, names in devices.items():
        alike.setdefault(tuple(names), []).append(device)
    lacking = _("; ").join(
        _("{devices}: {readings}").format(devices=_(", ").join(found), readings=_(", ").join(names))
        for names, found in alike.items()
    )
    return f"- {plain(sentence(reason, {}, _))} ({plain(lacking)})"
