"""The article's lines on a real NVIDIA GPU: images and model move, and a hasty clock is wrong."""

import statistics
import time

import pytest

from tests.builders import make_spec

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu
IMAGES, SIDE = 4096, 28


@pytest.fixture(scope="module")
def tried():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")
    from core.measure.data import Prepared
    from core.measure.data.prepared import fingerprint
    from core.measure.trainee import Trainee

    x = torch.randint(0, 256, (IMAGES + 64, 1, SIDE, SIDE), dtype=torch.uint8)
    y = torch.randint(0, 10, (IMAGES + 64,))
    data = Prepared(x[:IMAGES], y[:IMAGES], x[IMAGES:], y[IMAGES:], 10, fingerprint(x, y))
    spec = make_spec(model="cnn", epochs=1, batch_size=2048, device="cuda:0", data_path="loader")
    made = Trainee(spec, data, 1, time.perf_counter())
    made.warm_up(6.0, None, 0.0)
    return {(trial.lesson, trial.variant): trial for trial in made.try_lessons(6.0)}, made


def test_images_and_model_are_moved(tried):
    found, made = tried
    labels = 8  # bytes each
    assert found["to_device", "once"].moved_bytes == IMAGES * (SIDE * SIDE + labels)
    assert found["model_to_device", "model"].moved_bytes == 4 * made.parameters


def test_a_clock_that_does_not_wait_shows_less(tried):
    found, _ = tried
    early, late = (
        statistics.median(found["synchronise", variant].seconds)
        for variant in ("unsynchronised", "synchronised")
    )
    assert early < late


def test_losses_part_on_the_gpu_too(tried):
    found, _ = tried
    clean, piled = (found["zero_grad", variant].losses for variant in ("with", "without"))
    assert clean[:2] == pytest.approx(piled[:2], rel=1e-3)
    assert clean[2] != piled[2]
