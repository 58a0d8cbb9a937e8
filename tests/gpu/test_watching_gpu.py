"""A step watched on a real NVIDIA GPU: what was asked for comes before what was done, and adds up."""

import pytest

from core.analysis import limits
from core.analysis.causes import causes, device_busy_s, inflation, step_of
from core.analysis.flow import flow
from tests.builders import make_gpu_result, make_spec
from tests.gpu.test_rungs_gpu import images, trainee  # noqa: F401 - a fixture

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _needs_cuda():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")


@pytest.fixture
def watched(images):  # noqa: F811
    def run(model="mlp", **setup):
        made = trainee(images, model, **setup)
        try:
            blocks = [made.block(0.02, 0.0)[0]]
            while len(blocks) < 12:
                if made.epoch_complete:
                    made.end_epoch(0.1)
                blocks.append(made.block(0.02, 0.0)[0])
            trace = made.watch(10.0)
        finally:
            made.close()
        spec = make_spec(model=model, epochs=1, batch_size=64, **{"device": "cuda:0", **setup})
        return make_gpu_result(spec=spec, blocks=tuple(blocks), trace=trace)

    return run


def copied_bytes(run):
    spans = (span for span in step_of(run, "warm").spans if span.actor == "bus" and span.line is not None)
    return sum(span.moved_bytes or 0 for span in spans)


@pytest.mark.parametrize("setup", [{}, {"data_path": "loader"}, {"data_path": "loader", "pinned": True}])
def test_the_host_asks_before_the_device_does(watched, setup):
    run = watched(**setup)
    warm = step_of(run, "warm")
    own = [span for span in warm.spans if span.stream is not None and span.line is not None]
    assert len([span for span in own if span.actor == "device"]) >= 10
    assert all(span.issued_s is not None for span in own)
    assert sum(span.start_s >= span.issued_s for span in own) >= 0.95 * len(own)
    drawn = flow(run)  # which refuses what can't be
    assert "launch" in [message.code for message in drawn.messages]
    assert causes(run)


def test_the_device_is_never_busier_than_the_step(watched):
    run = watched()
    assert 0 < device_busy_s(step_of(run, "warm")) <= 1.2 * limits.step_s(run)
    assert inflation(run).low > 0.5


def test_a_loaders_batch_goes_over_the_bus_with_its_bytes(watched):
    run = watched(data_path="loader")
    assert copied_bytes(run) == run.trace.batch_bytes
    assert copied_bytes(watched()) < run.trace.batch_bytes


def test_reading_the_loss_makes_the_script_wait(watched):
    waits = {
        synchronous: sum(
            span.end_s - span.start_s
            for span in step_of(watched(synchronous=synchronous), "warm").spans
            if span.waits
        )
        for synchronous in (False, True)
    }
    assert waits[True] > waits[False]


def test_a_graph_is_one_call_with_its_kernels(watched):
    warm = step_of(watched(step="graph"), "warm")
    lines = [span.label for span in warm.spans if span.actor == "script" and not span.waits]
    assert lines == ["indices", "call"]
    assert len([span for span in warm.spans if span.actor == "device" and span.line is not None]) >= 10


def test_pinned_batches_are_page_locked(images):  # noqa: F811
    made = trainee(images, data_path="loader", pinned=True)
    assert all(part.is_pinned() for part in made.feed.fetch())
    made.close()
