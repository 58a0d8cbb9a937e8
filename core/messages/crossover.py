"""Sweeps, fits, crossings, predictions and time to accuracy: what they say of themselves, and why they don't."""

from __future__ import annotations

from core.i18n import N_

CROSSOVER = {
    "too_few_points": N_(
        "{count} batch sizes were measured; a line needs at least {needed}. Sweep more batch sizes."
    ),
}
