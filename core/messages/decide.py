"""The Decide page's refusals and doubts: prices, workloads, what can't be said of a device."""

from __future__ import annotations

from core.i18n import N_

DECIDE = {
    "nothing_to_decide": N_("No device has been measured for this workload yet."),
}
