"""What keeps a training from using the whole processor. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.hardware.doctor import remedies
from core.hardware.doctor.facts import Facts, Finding

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def restricted(facts: Facts) -> Iterator[Finding]:
    """A share of the processor is mostly meant; threads that don't fit it never are."""
    cpu, platform = facts.cpu, facts.platform
    usable = cpu.usable_cores or cpu.logical_cores
    if cpu.quota_cores is not None and usable and cpu.quota_cores < usable:
        yield Finding("cpu_quota", "info", {"quota": cpu.quota_cores, "cores": usable}, remedies.in_words())
    if cpu.usable_cores and cpu.logical_cores and cpu.usable_cores < cpu.logical_cores:
        yield Finding(
            "cpu_affinity",
            "info",
            {"usable": cpu.usable_cores, "logical": cpu.logical_cores},
            remedies.all_cores(cpu.logical_cores, platform),
        )
    yield from _threads(facts)


def _threads(facts: Facts) -> Iterator[Finding]:
    fewest, most = _physical(facts), _at_once(facts)
    set_by_hand = False
    for variable in _VARIABLES:
        threads = _number(dict(facts.variables).get(variable))
        if threads is None:
            continue
        set_by_hand = True
        remedy = remedies.unset(variable, facts.platform)
        if fewest is not None and threads < fewest:
            yield Finding(
                "threads_below_cores",
                "warning",
                {"variable": variable, "threads": threads, "cores": fewest},
                remedy,
            )
        elif most is not None and threads > most:
            yield Finding(
                "threads_above_cores",
                "warning",
                {"variable": variable, "threads": threads, "cores": most},
                remedy,
            )
    default = facts.torch.software.default_threads if facts.torch else None
    quota = facts.cpu.quota_cores
    if not set_by_hand and default and quota is not None and default > math.ceil(quota):
        remedy = remedies.set_threads(math.ceil(quota), facts.platform)
        yield Finding("threads_above_quota", "warning", {"threads": default, "quota": quota}, remedy)


def _physical(facts: Facts) -> int | None:
    """Cores that can be had: two threads on one core gain little."""
    cpu = facts.cpu
    usable = cpu.usable_cores
    if (
        usable and cpu.logical_cores and cpu.physical_cores
    ):  # both threads of a core, as batch systems give them
        usable = math.ceil(usable * cpu.physical_cores / cpu.logical_cores)
    limits = [cpu.physical_cores, usable, math.ceil(cpu.quota_cores) if cpu.quota_cores else None]
    known = [limit for limit in limits if limit]
    return min(known) if cpu.physical_cores and known else None


def _at_once(facts: Facts) -> int | None:
    """Threads that can run at one time."""
    cpu = facts.cpu
    limits = [cpu.usable_cores or cpu.logical_cores, math.ceil(cpu.quota_cores) if cpu.quota_cores else None]
    known = [limit for limit in limits if limit]
    return min(known) if known else None


def _number(value: str | None) -> int | None:
    """The first level of "8" or "8,2"; None for what OpenMP wouldn't take either."""
    first = (value or "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and 0 < len(first) < 6 and int(first) else None
