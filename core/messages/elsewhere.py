"""What is said of other machines, of a cluster, and of several devices in one job."""

from __future__ import annotations

from core.i18n import N_

ELSEWHERE: dict[str, str] = {
    "cluster_extra_missing": N_(
        "Measuring on other machines needs Ray, which isn't installed here. Install it with "
        "`pip install -r requirements-cluster.txt` and start Crossover again."
    ),
}
