"""The CPU packages' energy counters (Linux powercap, Intel and AMD)."""

from __future__ import annotations

from pathlib import Path

from core.hardware.system import text


class PackageEnergy:
    """Joules of all CPU packages together since construction, however often the counters wrap.

    `reason` says why there is no reading: "rapl_absent" or "rapl_no_permission" (most kernels let
    only root read it). All packages or none: a sum without one of them would be wrong.
    """

    def __init__(self, root: Path) -> None:
        # Sub-zones (intel-rapl:0:1) are part of their package, and "psys" contains the packages
        zones = sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        self._packages = [zone for zone in zones if (text(zone / "name") or "").startswith("package")]
        self.reason = None if self._packages else "rapl_absent"
        self._used_uj = 0
        self._wraps_at = self._read("max_energy_range_uj")
        if 0 in self._wraps_at:
            self.reason = "rapl_absent"
        self._last = self._read("energy_uj")

    def read_j(self) -> float | None:
        """The energy so far; None, for good, once a counter couldn't be read."""
        now = self._read("energy_uj")
        if self.reason is not None:
            return None
        changes = zip(now, self._last, self._wraps_at, strict=True)
        self._used_uj += sum((value - last) % wraps_at for value, last, wraps_at in changes)
        self._last = now
        return self._used_uj / 1e6

    def _read(self, name: str) -> list[int]:
        if self.reason is not None:
            return []
        try:
            return [int((package / name).read_text()) for package in self._packages]
        except PermissionError:
            self.reason = "rapl_no_permission"
        except (OSError, ValueError):  # some kernels answer nothing at all
            self.reason = "rapl_absent"
        return []
