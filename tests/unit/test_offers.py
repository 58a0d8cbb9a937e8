"""What the pages offer and `record` records can be asked of the engine."""

import itertools

import pytest

from core import offers
from core.records import JobSpec, Setup
from core.runs.admission import check


@pytest.mark.parametrize("model", [*offers.MODELS, "densenet121"])
def test_the_slider_has_every_power_of_two_between_its_ends(model):
    sizes = offers.batch_sizes(model)
    assert sizes[0] == 16
    assert all(b == 2 * a for a, b in itertools.pairwise(sizes))
    assert all(size.bit_count() == 1 for size in sizes)


def test_the_largest_batch_is_the_models():
    largest = {model: offers.batch_sizes(model)[-1] for model in offers.MODELS}
    assert largest == offers._LARGEST_BATCH
    assert offers.batch_sizes("a_model_that_somebody_named")[-1] == 1024


def test_the_default_is_offered():
    assert offers.DEFAULT.model in offers.MODELS
    assert offers.DEFAULT.dataset in offers.DATASETS
    assert offers.DEFAULT.batch_size in offers.batch_sizes(offers.DEFAULT.model)
    assert offers.DEFAULT in offers.workloads()


def test_everything_offered_is_recorded_once():
    workloads = offers.workloads()
    assert len(set(workloads)) == len(workloads)
    assert {(w.model, w.batch_size) for w in workloads} == {
        (model, size) for model in offers.MODELS for size in offers.batch_sizes(model)
    }


def test_everything_offered_is_admitted():
    for workload in offers.workloads():
        check(JobSpec(workload, (Setup(),)))
    for dataset in offers.DATASETS:
        check(JobSpec(type(offers.DEFAULT)(dataset=dataset), (Setup(),)))


@pytest.mark.parametrize(("device", "count"), [("cpu", 3), ("cuda:0", 5), ("mps", 3)])
def test_the_steps_that_are_recorded_are_admitted_and_none_twice(device, count):
    setups = offers.sequence_setups(device)
    assert len(setups) == len(set(setups)) == count
    for workload in offers.sequences():
        check(JobSpec(workload, setups, 3.0, trace=True))
    assert {workload.batch_size for workload in offers.sequences()} <= set(offers.batch_sizes("mlp"))


def test_a_sweep_goes_below_the_slider_where_the_cpu_may_win():
    recorded = offers.recorded_workloads()
    small = set(recorded) - set(offers.workloads())
    assert len(set(recorded)) == len(recorded)
    assert {(work.model, work.batch_size) for work in small} == {
        (model, size) for model in ("mlp", "cnn") for size in (1, 2, 4, 8)
    }
    assert offers.sweep_batch_sizes("mlp") == tuple(2**power for power in range(14))
    assert offers.sweep_batch_sizes("resnet50") == offers.batch_sizes("resnet50")
    for workload in small:
        check(JobSpec(workload, (Setup(),)))
