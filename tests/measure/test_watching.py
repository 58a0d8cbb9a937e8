"""A step watched for real, on the CPU: its spans add up, and to the clean step but for the stored inflation."""

from __future__ import annotations

from statistics import median

import pytest

from core.analysis import limits
from core.analysis.causes import inflation
from core.analysis.flow import flow
from core.analysis.trace_soundness import refuse_unsound_trace
from core.errors import MeasurementError
from core.measure.trainee import Trainee
from tests.builders import make_result, make_spec


@pytest.fixture
def watched(tiny_data):
    """A run of a tiny workload with a watched step."""

    def run(**changes):
        spec = make_spec(batch_size=16, threads=1, **changes)
        trainee = Trainee(spec, tiny_data, 1, 0.0)
        try:
            cold = trainee.warm_up(2.0, None, 0.0)
            blocks = [trainee.block(0.05, 0.0)[0]]
            while len(blocks) < 12:
                if trainee.epoch_complete:
                    trainee.end_epoch(0.1)
                blocks.append(trainee.block(0.02, 0.0)[0])
            trace = trainee.watch(5.0)
        finally:
            trainee.close()
        return make_result(spec=spec, blocks=tuple(blocks), trace=trace, cold_start=cold)

    return run


@pytest.mark.parametrize("setup", [{}, {"data_path": "loader"}, {"synchronous": True}])
def test_durations_add_up_to_the_clean_step_within_the_stored_inflation(watched, setup):
    run = watched(**setup)
    drawn = flow(run)
    script = [bar for bar in drawn.bars if bar.actor == "script" and not bar.waits]
    whole_s = sum(bar.end_s - bar.start_s for bar in script)
    assert whole_s == pytest.approx(drawn.step_s, rel=1e-6), "the lines tile the step"
    slowed = inflation(run)
    assert slowed.low <= whole_s / limits.step_s(run) <= slowed.high
    assert whole_s == pytest.approx(sorted(run.trace.watched_s)[(len(run.trace.watched_s) - 1) // 2], rel=1e-6)


def test_operations_lie_within_their_lines_and_carry_their_flop(watched):
    run = watched()
    warm = run.trace.steps[1]
    lines = {span.line: span for span in warm.spans if span.actor == "script"}
    operators = [span for span in warm.spans if span.actor == "device"]
    assert len(operators) > 10
    for span in operators:
        line = lines[span.line]
        assert line.start_s <= span.start_s <= span.end_s <= line.end_s
    products = [span.flops for span in operators if span.flops]
    assert len(products) == 5, "two products forward, three backward"
    refuse_unsound_trace(run.trace, "trace")


def test_the_first_step_is_kept_line_by_line(watched):
    run = watched()
    cold = run.trace.steps[0]
    assert (cold.moment, cold.instrument) == ("cold", "stamps")
    assert cold.duration_s == pytest.approx(run.cold_start.first_step_s)
    assert sum(span.end_s - span.start_s for span in cold.spans) == pytest.approx(cold.duration_s, rel=0.05)
    warm = [span.label for span in run.trace.steps[1].spans if span.actor == "script"]
    assert [span.label for span in cold.spans] == warm


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_other_tasks_are_watched_too(watched, task):
    drawn = flow(watched(task=task))
    assert {"forward", "fetch"} <= {bar.label for bar in drawn.bars if bar.actor == "script"}
    assert drawn.messages[-1].code == {"classify": "answers", "extract": "features"}[task]


def test_a_loaders_batch_is_one_span_in_memory(watched):
    warm = watched(data_path="loader").trace.steps[1]
    [gathered] = [span for span in warm.spans if span.actor == "memory"]
    assert gathered.moved_bytes > 0
    assert all(span.stage != "load" for span in warm.spans if span.actor == "device")


def test_a_compiled_step_is_one_piece(watched):
    run = watched(step="compiled")
    warm = run.trace.steps[1]
    assert [span.label for span in warm.spans if span.actor == "script"] == ["indices", "call"]
    assert "compiled_step" in [span.label for span in warm.spans if span.actor == "device"]
    several = watched(step="compiled", steps_per_call=2)
    # of a step, not of a call; the median, as any single one may meet a hiccup of the machine
    assert median(several.trace.watched_s) < several.trace.steps[1].duration_s


def test_a_step_that_takes_too_long_is_not_watched(tiny_data):
    trainee = Trainee(make_spec(batch_size=16, threads=1), tiny_data, 1, 0.0)
    trainee.warm_up(2.0, None, 0.0)
    trainee.step_s = 10.0
    with pytest.raises(MeasurementError) as caught:
        trainee.watch(5.0)
    assert caught.value.code == "trace_too_slow"
