"""What a cost rests on and leaves out, as codes: projected, extrapolated, recorded, example prices. No sums."""

from __future__ import annotations

from collections.abc import Iterator

from core.analysis.decide.candidates import Candidate, same
from core.analysis.decide.plan import EXAMPLE_SOURCE, Conditions, Plan, Terms
from core.records import Note

_SOURCES = {"recorded": "speed_recorded", "imported": "speed_imported", "predicted": "speed_predicted"}
_ALIKE = 1.25  # by how much a told time may differ from the measured speed before it is said


def labels(
    candidate: Candidate, plan: Plan, terms: Terms, conditions: Conditions, baseline: Candidate | None
) -> tuple[Note, ...]:
    return (
        *_of_speed(candidate, plan, baseline),
        *_of_work(candidate, plan, baseline),
        *_of_energy(candidate, terms),
        *_of_prices(candidate, terms, conditions),
    )


def _of_speed(candidate: Candidate, plan: Plan, baseline: Candidate | None) -> Iterator[Note]:
    if plan.today_epoch_s is not None and same(candidate, baseline):
        yield Note("time_told")
        return
    if candidate.source in _SOURCES:
        yield Note(_SOURCES[candidate.source])
    if plan.images is None:
        yield Note("time_by_ratio")
    else:
        timed = sum(block.samples for block in candidate.result.blocks)
        yield Note("projected_run", {"timed": timed, "needed": plan.images * plan.epochs})
    if candidate.doubtful:
        yield Note("speed_doubtful")


def _of_work(candidate: Candidate, plan: Plan, baseline: Candidate | None) -> Iterator[Note]:
    told = plan.today_epoch_s is not None and same(candidate, baseline)
    if plan.side is not None and not told:
        data = candidate.result.data
        if data is None:
            yield Note("size_not_known")
        elif candidate.size_factor(plan.side) != 1:
            height, width = data.input_shape[1:]
            facts = {"measured": f"{height} × {width}", "wanted": f"{plan.side} × {plan.side}"}
            yield Note("extrapolated_size", {**facts})
    if plan.today_epoch_s is not None and plan.images is not None and baseline is not None:
        images = plan.images * baseline.size_factor(plan.side)
        factor = plan.today_epoch_s / (images * baseline.seconds_per_image.value)
        if not 1 / _ALIKE <= factor <= _ALIKE:
            yield Note("told_differs", {"factor": float(f"{factor:.3g}")})
    if plan.batch_size not in (None, candidate.batch_size):
        yield Note("other_batch", {"wanted": plan.batch_size, "measured": candidate.batch_size})
    if plan.batch_size is None and baseline is not None and baseline.batch_size != candidate.batch_size:
        yield Note("batches_differ", {"batch": candidate.batch_size, "other": baseline.batch_size})
    if candidate.start_s is None:
        yield Note("start_up_not_counted")


def _of_energy(candidate: Candidate, terms: Terms) -> Iterator[Note]:
    if candidate.power_w is None and terms.assumed_w is None:
        return
    if candidate.power_w is None:
        yield Note("power_assumed", {"watts": terms.assumed_w})
    if terms.rest_w == 0:
        yield Note("rest_not_counted")


def _of_prices(candidate: Candidate, terms: Terms, conditions: Conditions) -> Iterator[Note]:
    if terms.way != "own":
        yield from _traced(terms.source, terms.date, "price_example", "price_undated", "price_unsourced")
    if terms.way != "rent" or conditions.grid_g is not None:
        codes = "electricity_example", "electricity_undated", "electricity_unsourced"
        yield from _traced(conditions.source, conditions.date, *codes)
    if terms.way != "rent" and conditions.per_kwh == 0:
        yield Note("electricity_free")
    energy = candidate.power_w is not None or terms.assumed_w is not None
    if conditions.grid_g is not None and energy:
        yield Note("co2_estimated")


def _traced(source: str, date: str, example: str, undated: str, unsourced: str) -> Iterator[Note]:
    if source == EXAMPLE_SOURCE:
        yield Note(example)
        return
    if not date:
        yield Note(undated)
    if not source:
        yield Note(unsourced)
