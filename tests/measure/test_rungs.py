"""Every rung of the ladder that runs on a CPU does the same training: its losses are those of plain steps."""

import dataclasses
import shutil
import time
from pathlib import Path

import pytest
import torch

from core.errors import MeasurementError
from core.measure import apart, compiling, models, whole_step
from core.measure.apart import Apart
from core.measure.products import OneDnnLinear
from core.measure.trainee import Trainee
from core.records import Setup
from tests.builders import make_spec
from tests.measure.training import make

COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
CLOSE = 1e-4  # relative, after all steps; fp32


def losses(data, steps=40, model="mlp", kind=Trainee, **setup):
    """The losses of the first steps of a setup, trained in blocks of what its calls make whole."""
    spec = make_spec(model=model, epochs=2, batch_size=16, learning_rate=0.05, **{"threads": 1, **setup})
    trainee = kind(spec, data, 1, time.perf_counter())
    try:
        trainee.warm_up(1.0, None, 0.0)
        found = []
        while len(found) < min(steps, trainee.steps_per_epoch) and not trainee.epochs_done:
            found += trainee.block(0.001, lead_in=0.001)[1]
            if trainee.epoch_complete:
                trainee.end_epoch(10.0)
        return found
    finally:
        trainee.close()


@pytest.mark.parametrize(
    "setup",
    [
        {"data_path": "transforms"},
        {"data_path": "loader"},
        {"data_path": "workers"},
        {"fused": True},
        {"flush_denormals": True},
        {"products": "onednn"},
        pytest.param({"step": "compiled"}, marks=COMPILER),
        pytest.param({"step": "compiled", "steps_per_call": 3}, marks=COMPILER),
        pytest.param({"step": "compiled", "steps_per_call": 2, "cpp_calls": True}, marks=COMPILER),
    ],
    ids=str,
)
def test_a_rung_trains_as_plain_steps_do(tiny_data, setup):
    plain = losses(tiny_data)
    found = losses(tiny_data, **setup)
    assert len(found) == len(plain) > 3
    assert found == pytest.approx(plain, rel=CLOSE)


@pytest.mark.parametrize("setup", [{"channels_last": True}, pytest.param({"step": "compiled"}, marks=COMPILER)])
def test_convolutions_too(tiny_data, setup):
    assert losses(tiny_data, model="cnn", **setup) == pytest.approx(losses(tiny_data, model="cnn"), rel=CLOSE)


@COMPILER
def test_a_call_of_several_steps_leaves_no_step_of_an_epoch_out(tiny_data):
    # the rate as above: what is compiled then is compiled but once
    spec = make_spec(epochs=2, batch_size=16, learning_rate=0.05, threads=1, step="compiled", steps_per_call=3)
    trainee = Trainee(spec, tiny_data, 1, time.perf_counter())
    trainee.warm_up(1.0, None, 0.0)
    assert trainee.steps_per_epoch % 3 != 0  # or the rest of an epoch isn't tried
    steps = 0
    while not trainee.epoch_complete:
        steps += trainee.block(0.0, lead_in=0.0)[0].steps
    assert steps == trainee.steps_per_epoch
    record = trainee.end_epoch(10.0)
    assert (record.steps, record.test_samples) == (steps, len(tiny_data.test_y))
    assert trainee.dissect(60.0) is None  # one call has no stages


@COMPILER
def test_batch_normalisation_learns_its_averages_in_a_compiled_step_too():
    class Normalised(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.last = torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3)

        def forward(self, x):
            return self.last(self.norm(x.float().flatten(1)))

    torch.manual_seed(0)
    x, y = torch.randint(0, 255, (12, 1, 2, 4), dtype=torch.uint8), torch.arange(12) % 3
    images = whole_step.Images(x, y)
    models_ = [Normalised().train()]
    models_.append(Normalised().train())
    models_[1].load_state_dict(models_[0].state_dict())
    autocast = torch.autocast("cpu", enabled=False)
    eager = whole_step.eager(models_[0], torch.optim.SGD(models_[0].parameters(), lr=0.1), images, 4, autocast)
    compiled = whole_step.Compiled(models_[1], 0.1, 4, autocast).of(models_[1], images)
    indices = torch.arange(8)
    assert compiled(indices).tolist() == pytest.approx(eager(indices).tolist(), rel=CLOSE)
    for name, value in models_[0].state_dict().items():
        assert torch.allclose(models_[1].state_dict()[name].float(), value.float(), rtol=1e-4, atol=1e-6), name
    assert models_[1].norm.num_batches_tracked == 2


def test_a_process_apart_trains_as_this_one_does(tiny_data):
    if not shutil.which("cc"):
        pytest.skip("a C compiler builds the library that is loaded first")
    assert losses(tiny_data, kind=Apart, keep_pages=True) == pytest.approx(losses(tiny_data), rel=CLOSE)


def test_setups_that_ask_for_the_same_share_a_process_that_stays_while_it_is_wanted(tiny_data):
    spec = make_spec(batch_size=16, threads=1, keep_pages=True)
    one, other = (Apart(spec, tiny_data, 1, 0.0) for _ in range(2))
    process = one._host._process
    assert other._host._process is process
    one.close()
    assert other.warm_up(1.0, None, 0.0).first_step_s > 0
    other.close()
    apart.keep([spec.setup])  # the next job asks for the same
    assert process.poll() is None
    third = Apart(spec, tiny_data, 1, 0.0)
    assert third._host._process is process
    third.close()
    folder = Path(third._host._folder.name)
    apart.keep([Setup()])
    assert process.poll() is not None
    assert not folder.exists()


def test_a_process_apart_raises_what_its_trainee_raises(tiny_data):
    spec = make_spec(model="mlp", batch_size=16, threads=1, channels_last=True, keep_pages=True)
    with pytest.raises(MeasurementError) as refusal:
        Apart(spec, tiny_data, 1, 0.0)
    assert refusal.value.code == "no_convolutions"


def test_a_process_apart_that_is_lost_says_so(tiny_data):
    trainee = Apart(make_spec(batch_size=16, threads=1, keep_pages=True), tiny_data, 1, 0.0)
    trainee._host._process.kill()
    with pytest.raises(MeasurementError) as refusal:
        trainee.warm_up(1.0, None, 0.0)
    assert refusal.value.code == "apart_died"


@pytest.mark.parametrize(
    ("setup", "variables"),
    [
        (Setup(), set()),
        (Setup(bind_threads=True), {"OMP_PROC_BIND"}),
        (Setup(keep_pages=True), {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"}),
    ],
)
def test_only_what_a_setup_asks_for_is_in_its_environment(setup, variables, tmp_path):
    assert set(apart._variables(setup, tmp_path)) == variables
    assert apart.needed(setup) == bool(variables)


@pytest.mark.parametrize(
    ("vendor", "blas", "compiler", "code"),
    [
        ("GenuineIntel", "mkl", "cc", "mkl_already_fast"),
        ("AuthenticAMD", "open", "cc", "mkl_absent"),
        ("AuthenticAMD", "mkl", None, "no_shim_compiler"),
        ("AuthenticAMD", "mkl", "false", "shim_failed"),
    ],
)
def test_without_mkls_fast_path_there_is_a_reason(vendor, blas, compiler, code, tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "cpuinfo", lambda root: {"vendor_id": vendor})
    monkeypatch.setattr(torch.__config__, "show", lambda: f"BLAS_INFO={blas}")
    monkeypatch.setattr(shutil, "which", lambda name: compiler)
    with pytest.raises(MeasurementError) as refusal:
        apart._variables(Setup(products="mkl_fast"), tmp_path)
    assert refusal.value.code == code


def test_what_torch_cant_compile_is_told_with_the_compilers_words(tiny_data, monkeypatch):
    def broken(*_):
        raise torch._dynamo.exc.Unsupported("no such thing\nin detail")

    monkeypatch.setattr(whole_step, "functional_call", broken)
    with pytest.raises(MeasurementError) as refusal:
        losses(tiny_data, step="compiled")
    assert refusal.value.code == "compile_failed"
    assert "no such thing" in str(refusal.value.facts["log"])


def test_a_missing_compiler_is_named():
    class InvalidCxxCompiler(RuntimeError):
        pass

    assert compiling.explained(InvalidCxxCompiler("No working C++ compiler found")).code == "no_compiler"


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_a_whole_step_is_for_training_only(task, tiny_data):
    with pytest.raises(MeasurementError) as refusal:
        make(tiny_data, task=task, step="compiled")
    assert refusal.value.code == "only_training"


def test_onednn_survives_a_copy_and_changes_no_name(tiny_data):
    model, _ = models.build("mlp", tiny_data.shape, tiny_data.classes, 0)
    names = list(model.state_dict())
    trainee = make(tiny_data, products="onednn")
    assert list(trainee.model.state_dict()) == names
    assert sum(isinstance(module, OneDnnLinear) for module in trainee.model.modules()) == 2
    assert dataclasses.replace(trainee.spec.setup, products="default") == Setup(threads=1)
