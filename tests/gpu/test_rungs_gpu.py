"""The ladder's rungs on a real NVIDIA GPU: the training of plain steps, recorded, compiled, copied ahead."""

import time

import pytest

from tests.builders import make_spec

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu
STEPS = 60


@pytest.fixture(autouse=True)
def _needs_cuda():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")


@pytest.fixture(scope="module")
def images():
    from core.measure.data import Prepared
    from core.measure.data.prepared import fingerprint

    generator = torch.Generator().manual_seed(5)
    x = torch.randint(0, 256, (6500, 1, 28, 28), generator=generator, dtype=torch.uint8)
    y = torch.randint(0, 10, (6500,), generator=generator)
    return Prepared(x[:6400], y[:6400], x[6400:], y[6400:], 10, fingerprint(x, y))


def trainee(images, model="mlp", **setup):
    from core.measure.trainee import Trainee

    spec = make_spec(model=model, epochs=1, batch_size=64, **{"device": "cuda:0", **setup})
    made = Trainee(spec, images, 1, time.perf_counter())
    made.warm_up(2.0, None, 0.0)
    return made


def losses(images, model="mlp", **setup):
    made, found = trainee(images, model, **setup), []
    while len(found) < STEPS and not made.epoch_complete:
        found += made.block(0.001, lead_in=0.001)[1]
    return found[:STEPS]


@pytest.mark.parametrize(
    "setup",
    [
        {"data_path": "transforms"},
        {"data_path": "loader"},
        {"data_path": "workers"},
        {"fused": True},
        {"step": "graph"},
        {"step": "graph", "steps_per_call": 7},
        {"step": "compiled"},
        {"step": "compiled_graph", "steps_per_call": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_a_rung_trains_as_plain_steps_do(images, model, setup):
    plain, found = losses(images, model), losses(images, model, **setup)
    assert len(found) == len(plain) == STEPS
    assert found == pytest.approx(plain, rel=1e-4)


def test_channels_last_convolves_the_same(images):
    assert losses(images, "cnn", channels_last=True) == pytest.approx(losses(images, "cnn"), rel=1e-4)


@pytest.mark.parametrize(
    "setup", [{}, {"fused": True}, {"step": "graph"}, {"step": "graph", "steps_per_call": 4}]
)
def test_nothing_inside_the_loop_waits_for_the_device(images, setup):
    made = trainee(images, **setup)
    made.block(0.001, lead_in=0.0)  # the epoch's order is copied to the device once
    torch.cuda.set_sync_debug_mode("error")
    try:
        made._loop(8, [])
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_recording_a_graph_leaves_the_weights_alone(images):
    from core.measure import models

    made = trainee(images, step="graph")
    fresh, _ = models.build("mlp", images.shape, images.classes, made.spec.workload.seed)
    for ours, seeded in zip(made.model.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(ours.detach().cpu(), seeded.detach())


def test_the_limits_are_those_of_a_gpu(images):
    from core.analysis.limits import bandwidth, peak_flops

    found = trainee(images, fused=True).limits()
    kinds = {rate.kind for rate in found.rates}
    assert {"large_product", "step_products", "memory", "pageable_copy", "pinned_copy", "launch"} <= kinds
    assert peak_flops(found, "fp32") > 1e12
    assert bandwidth(found) > 1e11
