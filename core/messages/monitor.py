"""What the monitor has to say: why a reading is missing, and what happened while it looked."""

from __future__ import annotations

MONITOR: dict[str, str] = {}
