"""What is said of scaling: the finding, its doubts, what runs are called; and shares in per cent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import units
from core.analysis.crossover.scaling import OVERSUBSCRIBED, one_or_several, scalings
from core.i18n import english
from core.messages import sentence
from core.records import Estimate, Note
from core.scaling_words import (
    communication_sentence,
    line_words,
    one_or_several_names,
    run_words,
    scaling_sentence,
    told,
)
from tests.workers import make_strong, make_weak, make_workers_result

STRONG = {1: 0.1, 2: 0.058, 4: 0.035}


def _line(kind="strong", waiting=0.12, **changes):
    runs = make_strong(STRONG, waiting=waiting, **changes)
    runs += make_weak({2: 0.11, 4: 0.12}, waiting=waiting)
    return next(line for line in scalings(runs) if (line.kind, line.batch_size) == (kind, 1024))


def _said(line, **changes):
    *others, last = line.points
    return scaling_sentence(replace(line, points=(*others, replace(last, **changes))), english)


def test_the_finding_is_of_the_most_workers():
    assert scaling_sentence(_line(), english) == (
        "4 workers: 2.85× as fast as one (2.82–2.88), 71.3 % efficient; 12 % of each step waits for the "
        "gradients (10–13 %)"
    )
    assert scaling_sentence(_line("weak"), english).startswith(
        "4 workers, each with its own batch of 1,024: 3.3"
    )


@pytest.mark.parametrize("kind", ["strong", "weak"])
def test_what_is_slower_or_unsure_isnt_called_faster(kind):
    line = _line(kind)
    assert "are slower than one: 0.7×" in _said(line, speedup=Estimate(0.7, 0.6, 0.8))
    assert "aren't surely faster than one: 1.1×" in _said(line, speedup=Estimate(1.1, 0.9, 1.3))


def test_waiting_that_may_be_nothing_is_told_by_the_most_that_it_can_be():
    assert _said(_line(), waiting_share=Estimate(0.03, 0.0, 0.08)).endswith(
        "; up to 8 % of each step waits for the gradients"
    )
    assert "waits" not in _said(_line(), waiting_share=None)


def test_without_a_speed_up_fewer_workers_are_told_of_or_the_reason():
    line = _line()
    reason = Note("scaling_one_failed")
    none = [replace(point, speedup=None, reason=reason) for point in line.points]
    assert scaling_sentence(replace(line, points=(*line.points[:2], none[2])), english).startswith(
        "2 workers: "
    )
    said = scaling_sentence(replace(line, points=tuple(none)), english)
    assert said == f"No speed-up is given for 4 workers: {sentence(reason.code, {})}"
    alone = replace(line, points=line.points[:1])
    assert "Only one worker was measured" in scaling_sentence(alone, english)


def test_what_averaging_costs_is_told_with_its_interval_unless_noise_hides_it():
    point = told(_line())
    said = communication_sentence(point, english)
    assert said is not None
    assert said.startswith("4 workers, batch 1,024: 12 % of each step waits for averaged gradients (10–13 %).")
    assert "1.55 MiB of gradients by Gloo; with nothing else to do that takes 4 ms." in said
    hidden = communication_sentence(replace(point, waiting_share=None), english)
    assert "couldn't be told from noise" in str(hidden)
    perhaps = communication_sentence(replace(point, waiting_share=Estimate(0.0, 0.0, 0.5)), english)
    assert str(perhaps).startswith(
        "4 workers, batch 1,024: up to 50 % of each step waits for averaged gradients."
    )
    assert communication_sentence(_line().points[0], english) is None


def test_workers_with_a_core_for_each_thread_are_told_of_first():
    line = _line()
    *others, last = line.points
    crowded = replace(last, doubts=(Note(OVERSUBSCRIBED),))
    assert told(replace(line, points=(*others, crowded))).workers == 2
    all_crowded = tuple(replace(point, doubts=(Note(OVERSUBSCRIBED),)) for point in line.points)
    assert told(replace(line, points=all_crowded)).workers == 4


def test_a_line_says_what_stays_the_same():
    assert line_words(_line(), english) == "batch 1,024 shared out (strong scaling)"
    assert line_words(_line("weak"), english) == "batch 1,024 for each worker (weak scaling)"


def test_runs_are_called_by_what_executed_them():
    several = make_strong({2: 0.058})
    [pair] = one_or_several(make_strong({1: 0.1}, job="job-one", threads=2), several)
    assert one_or_several_names(pair, english) == ("CPU · 2 threads", "CPU · 1 thread each · 2 workers")
    gpu = make_workers_result(2, 0.1, device="cuda:0", origin="recorded")
    assert run_words(gpu, english) == "2 × GPU Test GPU · recorded"
    elsewhere = make_workers_result(1, 0.1, threads=2, origin="imported")
    assert run_words(elsewhere, english) == "Test · 2 threads · imported"


@pytest.mark.parametrize(
    ("part", "said", "between"),
    [
        (Estimate(0.853, 0.81, 0.89), "85 %", "81–89 %"),
        (Estimate(0.853, 0.849, 0.857), "85.3 %", "84.9–85.7 %"),
        (Estimate(0.5, 0.2, 0.8), "50 %", "20–80 %"),
        (Estimate(0.0, 0.0, 0.02), "0 %", "0–2 %"),
        (None, "–", "–"),
    ],
)
def test_a_share_has_the_digits_that_its_interval_carries(part, said, between):
    assert units.share(part) == said
    assert units.share_interval(part).replace("– %", "–") == between
