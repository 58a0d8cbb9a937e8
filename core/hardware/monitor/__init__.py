"""What the machine is doing, second by second, for whoever looks. Knows nothing of runs, pages or words."""

from __future__ import annotations

from core.hardware.monitor.history import HISTORY_S
from core.hardware.monitor.monitor import INTERVAL_S, Monitor

__all__ = ["HISTORY_S", "INTERVAL_S", "Monitor"]
