"""The bottleneck of a run in plain words: constructed cases, each with one thing that is slow."""

import dataclasses

import pytest

from core import messages
from core.analysis import bottleneck as module
from core.analysis.bottleneck import bottleneck, ceiling, helped, notes
from core.analysis.ladder import Rung, ladder
from core.records import DataInfo, Device
from tests.builders import (
    make_anatomy,
    make_blocks,
    make_environment,
    make_gpu_result,
    make_limits,
    make_result,
    make_setup,
    make_spec,
)

GPU = "cuda:0"


def _gpu(milliseconds, step_s, *, products_s, clock_s=None, **changes):
    """A run on the GPU whose stages take so long: load, copy, forward, backward, optimiser."""
    spec = make_spec(device=GPU, **{"data_path": "loader", **changes.pop("setup", {})})
    return make_gpu_result(
        spec=spec,
        anatomy=make_anatomy(milliseconds),
        blocks=make_blocks(step_s),
        limits=make_limits(gpu=True, step_s=products_s),
        **changes,
    )


def _cpu(milliseconds, step_s, *, products_s, default_share=1.0, **changes):
    return make_result(
        spec=make_spec(**changes.pop("setup", {})),
        anatomy=make_anatomy(milliseconds),
        blocks=make_blocks(step_s),
        limits=make_limits(step_s=products_s, default_share=default_share),
        **changes,
    )


SLOW_LOADER = _gpu((8.0, 0.5, 0.5, 0.8, 0.2), 0.010, products_s=0.0008)
TINY_MODEL = _gpu((0.02, 0.0, 0.06, 0.09, 0.03), 0.0002, products_s=0.000004, setup={"data_path": "resident"})
HUGE_COPY = _gpu((1.0, 12.0, 1.5, 3.0, 0.5), 0.018, products_s=0.003)
BUSY = _gpu((0.1, 0.0, 30.0, 60.0, 1.0), 0.091, products_s=0.075, setup={"data_path": "resident"})


def _said(found, gain=None):
    return " ".join(messages.sentence(note.code, note.facts) for note in notes(found, gain))


def test_a_slow_loader():
    found = bottleneck(SLOW_LOADER)
    assert (found.code, found.facts["pct"], found.rung) == ("data", 80, "resident")
    assert found.ceiling == pytest.approx(10 / 8.5, rel=1e-3)
    assert _said(found) == (
        "The device waits for data: loading the next batch takes 80 % of each step. An infinitely fast device "
        "would make this at most 1.2 times as fast: loading and copying take 85 % of each step. What should "
        "help is the rung resident."
    )


def test_a_tiny_model_on_a_fast_device():
    found = bottleneck(TINY_MODEL)
    assert (found.code, found.rung, found.ceiling) == ("launches", "graph", None)
    assert found.facts == {"pct": 98, "products_pct": 2, "launch_us": pytest.approx(4.0)}
    assert "98 % of each step goes into starting one small operation after the other, about 4.0 µs" in _said(
        found
    )


def test_a_huge_copy():
    found = bottleneck(HUGE_COPY)
    assert (found.code, found.facts["pct"], found.rung) == ("copies", 67, "resident")
    assert found.ceiling == pytest.approx(18 / 13, rel=1e-3)
    assert "copies from and to the host: 67 % of each step" in _said(found)


def test_bound_by_arithmetic():
    found = bottleneck(BUSY)
    assert (found.code, found.facts["pct"], found.rung, found.ceiling) == ("arithmetic", 82, "bf16", None)
    assert "matrix products and convolutions alone take 82 % of each step" in _said(found)


def test_amdahls_ceiling_of_the_example():
    run = _gpu((17.0, 0.0, 33.0, 45.0, 5.0), 0.1, products_s=0.07)
    assert ceiling(run) == pytest.approx(1 / 0.17, rel=1e-3)
    assert "at most 5.9 times as fast: loading and copying take 17 % of each step" in _said(bottleneck(run))


def test_copying_back_is_copying():
    run = _gpu((1.0, 1.0, 2.0), 0.01, products_s=0.001, setup={"task": "extract"})
    back = dataclasses.replace(run.anatomy.stages[2], stage="copy_back", seconds=(0.006,) * 12)
    run = dataclasses.replace(run, anatomy=dataclasses.replace(run.anatomy, stages=(*run.anatomy.stages, back)))
    assert bottleneck(run).code == "copies"
    assert ceiling(run) == pytest.approx(10 / 8, rel=1e-3)


# --- what the rest of a step is spent on ---------------------------------------------------------


def test_a_device_that_computes_little_and_starts_little_moves_numbers():
    # the update takes 1 % of the step: the device isn't waiting for each kernel
    assert bottleneck(_gpu((0.0, 0.0, 1.0, 2.0, 0.03), 0.003, products_s=0.0005)).code == "memory"
    # 50,000 launches would fit into the rest
    assert bottleneck(_gpu((0.0, 0.0, 80.0, 100.0, 20.0), 0.2, products_s=0.02)).code == "memory"


def test_a_graph_launches_nothing_one_by_one():
    whole = {"data_path": "resident", "step": "graph"}
    found = bottleneck(dataclasses.replace(TINY_MODEL, spec=make_spec(device=GPU, **whole), anatomy=None))
    assert (found.code, found.ceiling) == ("memory", None)


def test_without_a_launch_rate_nobody_can_tell():
    rates = tuple(rate for rate in TINY_MODEL.limits.rates if rate.kind != "launch")
    unknown = dataclasses.replace(TINY_MODEL, limits=dataclasses.replace(TINY_MODEL.limits, rates=rates))
    assert bottleneck(unknown) is None


def test_small_operations_on_the_cpu_are_overhead():
    found = bottleneck(_cpu((0.1, 0.0, 0.3, 0.4, 0.2), 0.001, products_s=0.0003))
    assert (found.code, found.facts, found.rung) == ("overhead", {"pct": 70, "products_pct": 30}, "compiled")
    assert "Python: they take 70 % of each step; the arithmetic alone would take 30 %" in _said(found)


def test_long_operations_on_the_cpu_are_memory():
    step = ((1.0, 0.0, 40.0, 55.0, 4.0), 0.1)
    assert bottleneck(_cpu(*step, products_s=0.03, setup={"model": "cnn"})).rung == "channels_last"
    assert bottleneck(_cpu(*step, products_s=0.03)).code == "memory"
    assert bottleneck(_cpu(*step, products_s=0.03)).rung == "compiled"


def test_many_weights_make_the_update_the_rest():
    # 3 x 4 bytes for each of 2 million weights at 40 GB/s: 0.6 ms
    data = DataInfo(1437, 360, 10, (1, 8, 8), (1, 8, 8), 2_000_000)
    found = bottleneck(_cpu((0.0, 0.0, 0.2, 0.2, 0.6), 0.001, products_s=0.0003, data=data))
    assert (found.code, found.rung) == ("memory", "fused")
    assert "70 % of each step goes into operations that move numbers" in _said(found)


# --- which rung should help ----------------------------------------------------------------------


def _like(run, **setup):
    return dataclasses.replace(
        run, spec=dataclasses.replace(run.spec, setup=dataclasses.replace(run.spec.setup, **setup))
    )


def test_images_that_do_not_fit_are_loaded_by_workers():
    small = make_environment(device=Device(GPU, "Test GPU", None, 100_000, "9.0"))
    crowded = dataclasses.replace(SLOW_LOADER, environment=small)  # 1437 images of 64 bytes: 92 % of it
    assert bottleneck(crowded).rung == "workers"
    assert bottleneck(_like(crowded, data_path="workers")).rung is None
    assert bottleneck(_like(SLOW_LOADER, data_path="workers")).rung == "resident"


def test_a_slow_library_is_changed_before_the_precision():
    busy = ((1.0, 0.0, 40.0, 55.0, 4.0), 0.1)
    slow = _cpu(*busy, products_s=0.04, default_share=0.5)
    assert (bottleneck(slow).code, bottleneck(slow).facts["pct"]) == ("arithmetic", 80)
    assert bottleneck(slow).rung == "onednn"
    assert bottleneck(_like(slow, step="compiled")).rung == "bf16"  # where oneDNN can't be had
    assert bottleneck(_cpu(*busy, products_s=0.08)).rung == "bf16"
    assert bottleneck(_like(BUSY, precision="bf16")).code != "data"


def test_no_lower_precision_without_a_higher_peak():
    rates = tuple(rate for rate in BUSY.limits.rates if rate.precision != "bf16")
    assert bottleneck(dataclasses.replace(BUSY, limits=make_limits(gpu=True, rates=rates))).rung is None


def test_what_is_not_training_has_no_whole_step():
    small = _cpu((0.1, 0.0, 0.9), 0.001, products_s=0.0003, setup={"task": "classify"})
    assert (bottleneck(small).code, bottleneck(small).rung) == ("overhead", None)
    compiled = _like(_cpu((0.1, 0.0, 0.3, 0.4, 0.2), 0.001, products_s=0.0003), step="compiled")
    assert bottleneck(compiled).rung == "compiled_steps"
    assert bottleneck(_like(compiled, steps_per_call=4)).rung is None


# --- what isn't known ----------------------------------------------------------------------------


def test_without_anatomy_a_loader_hides_what_it_takes():
    assert bottleneck(dataclasses.replace(BUSY, anatomy=None)).code == "arithmetic"
    assert bottleneck(dataclasses.replace(SLOW_LOADER, anatomy=None)) is None
    assert ceiling(dataclasses.replace(SLOW_LOADER, anatomy=None)) is None


def test_without_limits_only_half_of_a_step_is_surely_the_largest_part():
    assert bottleneck(dataclasses.replace(SLOW_LOADER, limits=None)).code == "data"
    assert bottleneck(dataclasses.replace(HUGE_COPY, limits=None)).code == "copies"
    assert bottleneck(dataclasses.replace(BUSY, limits=None)) is None
    less = dataclasses.replace(SLOW_LOADER, limits=None, anatomy=make_anatomy((4.0, 1.0, 3.0, 2.0, 1.0)))
    assert bottleneck(less) is None
    assert ceiling(less) == pytest.approx(11 / 5, rel=1e-3)


def test_products_that_took_longer_than_the_whole_step_tell_nothing():
    step = ((0.0, 0.0, 30.0, 60.0, 10.0), 0.1)
    assert bottleneck(_cpu(*step, products_s=0.105)).facts["pct"] == 100
    assert bottleneck(_cpu(*step, products_s=0.15)) is None


def test_a_run_without_anything():
    assert bottleneck(make_result(anatomy=None, blocks=(), spec=make_spec(data_path="loader"))) is None
    assert bottleneck(make_result(blocks=(), limits=make_limits())) is None


def test_a_resident_batch_is_no_loading():
    assert ceiling(BUSY) is None
    assert ceiling(_like(BUSY, data_path="loader")) == pytest.approx(911, rel=1e-2)


# --- what it gained when it was tried -------------------------------------------------------------


def _tried(name, speed, **setup):
    """A rung on the GPU that is `speed` times as fast as the article's loop."""
    loader = make_gpu_result(id="loader", spec=make_spec(device=GPU, data_path="loader"))
    spec = make_spec(device=GPU, **setup)
    starts = 10.0 if name == "loader" else 11.0 + 0.1 * speed
    result = make_gpu_result(id=name, spec=spec, blocks=make_blocks(0.1 / speed, start_s=starts))
    return Rung(name, spec.setup, loader if name == "loader" else result, loader)


LOADER = _tried("loader", 1, data_path="loader")
RESIDENT = _tried("resident", 2)
GRAPH = _tried("graph", 8, step="graph")


def test_a_rung_that_made_it_slower_is_told_as_such():
    found = bottleneck(TINY_MODEL)
    gain = helped(ladder(GPU, [LOADER, _tried("resident", 12), GRAPH]), found)
    assert gain.speedup.high < 1
    said = _said(found, gain)
    assert "could have helped, but tried here it was 0.6" in said
    assert "What should help" not in said


def test_a_rung_gained_over_the_same_setup_without_it():
    gain = helped(ladder(GPU, [LOADER, RESIDENT, GRAPH]), bottleneck(TINY_MODEL))
    assert gain.baseline.id == "resident"
    assert gain.speedup.value == pytest.approx(4, rel=0.05)
    assert "tried here, it was 4.00 times as fast" in _said(bottleneck(TINY_MODEL), gain)


def test_or_over_the_articles_loop():
    gain = helped(ladder(GPU, [LOADER, GRAPH]), bottleneck(TINY_MODEL))
    assert gain.baseline.id == "loader"
    assert gain.speedup.value == pytest.approx(8, rel=0.05)
    assert helped(ladder(GPU, [LOADER, RESIDENT]), bottleneck(SLOW_LOADER)).baseline.id == "loader"


def test_what_was_not_tried_gained_nothing():
    found = bottleneck(TINY_MODEL)
    assert helped(ladder(GPU, [LOADER, RESIDENT]), found) is None
    assert helped(ladder(GPU, [LOADER, dataclasses.replace(GRAPH, result=None)]), found) is None
    assert helped(ladder(GPU, [LOADER]), dataclasses.replace(found, rung=None)) is None


@pytest.mark.parametrize(
    ("name", "setup"),
    [
        ("fused", {"fused": True}),
        ("channels_last", {"channels_last": True}),
        ("mkl_fast", {"products": "mkl_fast", "bind_threads": True}),
        ("keep_pages", {"keep_pages": True}),
        ("onednn", {"products": "onednn"}),
        ("bf16", {"precision": "bf16"}),
        ("compiled_steps", {"step": "compiled", "steps_per_call": 4, "cpp_calls": True}),
    ],
)
def test_the_setup_below_a_rung(name, setup):
    assert module._without(Rung(name, make_setup(**setup))) == make_setup()


def test_every_bottleneck_has_its_sentence():
    for code, sentence in module._SENTENCES.items():
        facts = {"pct": 50, "products_pct": 20, "launch_us": 4.0}
        assert "{" not in messages.sentence(sentence, facts), code
