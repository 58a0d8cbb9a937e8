"""What keeping the images resident gains over a DataLoader, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import trainees
from benchmarks.pairing import Row, at_least, ratios, take_turns
from core.measure.trainee import LEAD_IN_S

_BATCH_SIZE = 256


def run(folder: Path, quick: bool) -> Iterator[Row]:
    data = trainees.images(folder, quick)
    block_s, pairs = (0.03, 2) if quick else (trainees.BLOCK_S, 24)
    threads = 1 if quick else None  # None: each at its best
    resident = trainees.warmed_up(data, _BATCH_SIZE, threads, "resident")
    loader = trainees.warmed_up(data, _BATCH_SIZE, threads, "loader")
    measured = take_turns(
        lambda: trainees.block_rate(resident, block_s, lead_in=LEAD_IN_S),
        lambda: trainees.block_rate(loader, block_s, lead_in=LEAD_IN_S),
        pairs,
    )
    name = f"resident / loader, batch {_BATCH_SIZE}, {resident.threads} and {loader.threads} threads"
    yield Row(name, ratios(measured), at_least(1.3))
