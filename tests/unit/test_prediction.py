"""Predictions for other devices: right where devices obey the model, refused where nothing vouches for them."""

from __future__ import annotations

import dataclasses
import math

import pytest

from core.analysis.crossover.prediction import Prediction, learn, predict
from core.analysis.crossover.prediction_error import Calibration, Case, leave_one_out
from core.analysis.crossover.sweep import lines
from core.analysis.leaderboard import Hardware
from core.errors import InputError
from core.messages import sentence
from core.records import Limits, Note, Rate, Setup
from tests.predicted import (
    CPU,
    GPUS,
    MODELS,
    SIZES,
    Fake,
    FakeModel,
    make_limits_of,
    make_line,
    make_runs,
    make_world,
    step_s,
)

NEW, REST = MODELS[5], MODELS[:5]
HERE = make_line(CPU, NEW)
TARGET = make_runs(GPUS[1], REST[0])[0]
KNOWN = (*lines(make_world((CPU, *GPUS), REST)), HERE)


def _told(note):
    assert isinstance(note, Note)
    return sentence(note.code, note.facts)


def test_a_model_that_was_not_measured_there_is_predicted_within_the_band():
    found = predict(HERE, TARGET, KNOWN)
    assert isinstance(found, Prediction)
    assert found.device == Hardware("NVIDIA Big GPU")
    assert found.setup == Setup("cuda:0")
    assert 1 < found.factor < 1.02
    for size in SIZES:
        step, truth = found.step_s(size), step_s(GPUS[1], NEW, size)
        assert step.value == pytest.approx(truth, rel=0.01)
        assert (step.low, step.high) == (step.value / found.factor, step.value * found.factor)
    assert found.errors.distinct == 10  # five models on either GPU


def test_the_line_that_is_predicted_is_never_looked_at():
    lying = make_line(GPUS[1], NEW, off=1.5)
    found, without = predict(HERE, TARGET, (*KNOWN, lying)), predict(HERE, TARGET, KNOWN)
    assert isinstance(found, Prediction)
    assert isinstance(without, Prediction)
    assert found.scaled == without.scaled
    assert found.factor == pytest.approx(1.5, rel=0.02)  # it only tells of the error


def test_a_device_without_a_line_of_its_own_is_predicted_by_its_limits_alone():
    peer = Fake("NVIDIA Peer GPU", 2e13, 1e12, 3e-6, 0.2)  # reaches the same share as the big one
    big = [GPUS[1], Fake("NVIDIA Other GPU", 1e13, 8e11, 6e-6, 0.2)]
    known = (*lines(make_world((CPU, *big), REST)), HERE)
    found = predict(HERE, make_runs(peer, REST[0])[0], known)
    assert isinstance(found, Prediction)
    assert {case.left_out for case in found.errors.cases} == {"device"}
    assert found.step_s(1024).value == pytest.approx(step_s(peer, NEW, 1024), rel=0.02)


def test_bf16_here_and_there_are_not_mixed_with_fp32():
    halves = Setup("cuda:0", "bf16")
    target = dataclasses.replace(TARGET, spec=dataclasses.replace(TARGET.spec, setup=halves))
    found = predict(HERE, target, KNOWN)
    assert isinstance(found, Note)
    assert found.code == "prediction_without_limits"  # its peak was measured in fp32 only


def test_where_the_lines_cross_is_predicted_with_the_band():
    tiny = FakeModel("tiny", 1e5, 1000, 400, 1e-4)
    home = make_line(CPU, tiny)
    found = predict(home, TARGET, (*KNOWN, home))
    assert isinstance(found, Prediction)
    assert found.faster_above == "there"

    def ahead(size):
        return step_s(CPU, tiny, size) - step_s(GPUS[1], dataclasses.replace(tiny, launches=40), size)

    crossing = found.crossing
    assert not isinstance(crossing, Note)
    assert crossing.low < crossing.value < crossing.high
    assert ahead(crossing.low / 1.05) < 0 < ahead(crossing.high * 1.05)
    assert math.isclose(ahead(crossing.value), 0, abs_tol=5e-6)


def test_lines_that_do_not_cross_say_who_is_always_faster():
    found = predict(HERE, TARGET, KNOWN)
    assert isinstance(found, Prediction)
    assert isinstance(found.crossing, Note)
    assert (found.crossing.code, found.faster_above) == ("prediction_never_crosses", "there")


def test_devices_that_do_not_obey_the_model_are_refused_with_the_numbers():
    wild = [
        run
        for device in GPUS
        for i, model in enumerate(REST)
        for run in make_runs(device, model, off=(0.2, 1.0, 5.0)[i % 3])
    ]
    known = (*lines([*make_world((CPU,), REST), *wild]), HERE)
    found = predict(HERE, TARGET, known)
    assert isinstance(found, Note)
    assert found.code == "prediction_too_wild"
    assert found.facts["factor"] > 3
    assert "tested on 10 measured cases" in _told(found)


def test_too_few_cases_are_refused():
    known = (*lines(make_world((CPU, GPUS[1]), REST[:4])), HERE)
    found = predict(HERE, TARGET, known)
    assert found == Note("prediction_uncalibrated", {"device": "NVIDIA Big GPU", "cases": 4, "needed": 5})
    assert "4 such predictions" in _told(found)


def test_processors_alone_do_not_vouch_for_a_gpu():
    processors = (CPU, Fake("Office CPU", 2e11), Fake("Server CPU", 4e11))
    known = (*lines(make_world(processors, REST)), HERE)
    found = predict(HERE, TARGET, known)
    assert isinstance(found, Note)
    assert (found.code, found.facts["cases"]) == ("prediction_uncalibrated", 0)
    office = predict(HERE, make_runs(processors[1], REST[0])[0], known)
    assert isinstance(office, Prediction)
    assert office.step_s(256).value == pytest.approx(step_s(processors[1], NEW, 256), rel=0.02)


@pytest.mark.parametrize(
    ("here", "target", "code"),
    [
        (make_line(CPU, NEW, limits=None), TARGET, "prediction_without_limits"),
        (HERE, dataclasses.replace(TARGET, limits=None), "prediction_without_limits"),
        (HERE, dataclasses.replace(TARGET, environment=None), "prediction_without_limits"),
        (
            HERE,
            dataclasses.replace(TARGET, limits=Limits(1e6, TARGET.limits.rates[:2])),  # no launch
            "prediction_without_limits",
        ),
        (
            make_line(CPU, NEW, limits=Limits(None, make_limits_of(CPU, NEW).rates)),
            TARGET,
            "prediction_without_flops",
        ),
        (make_line(CPU, NEW, sizes=SIZES[:2]), TARGET, "too_few_points"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(here, target, code):
    found = predict(here, target, (here,))
    assert isinstance(found, Note)
    assert found.code == code
    assert "{" not in _told(found)


def test_limits_of_the_same_setup_serve_a_line_that_was_swept_without():
    bare = make_line(CPU, NEW, limits=None)
    counted = make_line(GPUS[0], NEW)  # which tells the arithmetic of an image
    found = predict(bare, TARGET, (*KNOWN[:-1], counted, bare))
    assert isinstance(found, Prediction)
    assert found.step_s(256).value == pytest.approx(step_s(GPUS[1], NEW, 256), rel=0.02)


def test_impossible_limits_are_refused():
    broken = Limits(1e6, (Rate("large_product", 1.0, (0.0,), "fp32"),))
    with pytest.raises(InputError, match="malformed_record"):
        predict(HERE, dataclasses.replace(TARGET, limits=broken), KNOWN)


def test_the_left_out_error_by_hand():
    """One model on two GPUs of unlike efficiency: each is predicted with the other's."""
    one = Fake("NVIDIA One", 1e13, 1e12, 5e-6, 0.5)
    other = Fake("NVIDIA Other", 2e13, 2e12, 10e-6, 0.25)
    model = FakeModel("mlp", 1e7, 0, 10, 0.0)
    found = leave_one_out(lines(make_world((one, other), [model])))
    # one -> other, 4096: 10 launches of 10 us + 4096 * 1e7 / 2e13 / 0.5 = 4.196 ms; 8.292 ms were measured
    case = next(case for case in found.cases if case.device.name == "NVIDIA Other")
    assert dict(case.factors)[4096] == pytest.approx(4.196 / 8.292, rel=0.005)
    # at 16: 0.1 ms + 16 us, and 0.1 ms + 32 us were measured
    assert dict(case.factors)[16] == pytest.approx(116 / 132, rel=0.005)
    assert case.worst == pytest.approx(4.196 / 8.292, rel=0.005)
    assert case.off_by == pytest.approx(8.292 / 4.196, rel=0.005)
    back = next(case for case in found.cases if case.device.name == "NVIDIA One")
    assert dict(back.factors)[4096] == pytest.approx((0.05 + 8.192) / (0.05 + 4.096), rel=0.005)
    # without the device, and without the other models, which there are none of: the same
    assert [case.left_out for case in found.cases] == ["workload", "device"] * 2
    assert found.distinct == 2
    assert found.worst.off_by == pytest.approx(back.off_by, rel=0.01)


def _case(model, factor, source="A", batch=64):
    return Case("workload", Hardware(source), Hardware("B"), True, False, "fp32", model, ((batch, factor),))


def test_the_worst_case_counts_while_they_are_few():
    cases = tuple(_case(f"m{i}", 1 + i / 100) for i in range(1, 20))
    assert Calibration(cases).factor == pytest.approx(1.19)
    more = (*cases, *(_case(f"n{i}", 0.99) for i in range(20)), _case("far", 2.5))
    assert Calibration(more).factor == pytest.approx(1.19)  # rank 39 of 40: beside the far one
    assert Calibration(()).factor is None


def test_two_sources_of_one_line_are_one_case_and_the_worse_counts():
    found = Calibration((_case("m", 1.1), _case("m", 0.8, source="C")))
    assert found.distinct == 1
    assert found.factor == pytest.approx(1.25)
    assert found.typical == pytest.approx((1.1 + 1.25) / 2)


def test_errors_by_what_was_left_out():
    found = learn(KNOWN).errors
    assert [name for name, _ in found.by("workload")] == sorted(model.name for model in REST)
    assert {name for name, _ in found.by("device")} == {"NVIDIA Big GPU", "NVIDIA Small GPU"}
    # no other processor is known, so what a step costs there isn't
    assert all(part.factor < 1.02 for _, part in found.by("workload"))
    assert all(1.2 < part.factor < 2 for _, part in found.by("device"))  # unlike efficiencies


def test_a_flat_line_is_a_case_but_no_source():
    flat = make_line(GPUS[1], MODELS[0], off={b: 3e-4 / step_s(GPUS[1], MODELS[0], b) for b in SIZES})
    found = leave_one_out((flat, make_line(GPUS[0], MODELS[0])))
    assert {case.device.name for case in found.cases} == {"NVIDIA Big GPU"}
