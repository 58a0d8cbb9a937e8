"""The limits as the torch room measures them: the right work, every route, and nothing left changed."""

import contextlib
import copy
import types

import pytest
import torch
from torch import nn
from torch.nn import functional

from core.measure import limits, models
from core.records import Limits

CPU = torch.device("cpu")
ONEDNN = torch.backends.mkldnn.is_available()
FP32_LIBRARIES = {"default", "onednn"} if ONEDNN else {"default"}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(limits, "_SIZES", {"cpu": 128, "accelerator": 128})
    monkeypatch.setattr(limits, "_COPIED", {"cpu": 1 << 20, "accelerator": 1 << 20})
    monkeypatch.setattr(limits, "_HOST_COPIED", 1 << 20)
    monkeypatch.setattr(limits, "_REPEAT_S", 0.0005)
    monkeypatch.setattr(limits, "_known", {})
    limits._size.cache_clear()
    yield
    limits._size.cache_clear()


def _batch(samples=8, shape=(1, 28, 28)):
    images = torch.randint(0, 256, (samples, *shape), dtype=torch.uint8)
    return images, torch.randint(0, 10, (samples,))


def _measure(name="mlp", samples=8, shape=(1, 28, 28), train=True, **changes):
    model, _ = models.build(name, shape, 10, 0)
    return limits.measure(model.train(train), _batch(samples, shape), CPU, 1, train, **changes)


def _of(found, kind, precision=None):
    return [rate for rate in found.rates if (rate.kind, rate.precision) == (kind, precision)]


def test_the_work_of_the_articles_network():
    found = _measure(samples=16)
    assert isinstance(found, Limits)
    assert found.flops_per_sample == 1_636_352
    assert _measure(train=False).flops_per_sample == 2 * (784 * 512 + 512 * 10)


def test_convolutions_count():
    forward = 2 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10)
    assert _measure("cnn", train=False).flops_per_sample == forward
    # the gradient of the images isn't needed
    assert _measure("cnn").flops_per_sample == 3 * forward - 2 * 28 * 28 * 6 * 25


def test_every_rate_of_a_cpu():
    found = _measure()
    assert {rate.products for rate in _of(found, "large_product", "fp32")} == FP32_LIBRARIES
    assert {rate.products for rate in _of(found, "step_products", "fp32")} == FP32_LIBRARIES
    assert {rate.kind for rate in found.rates} == {"large_product", "step_products", "memory"}
    assert {rate.precision for rate in found.rates} - {None} == set(limits.precisions(CPU))
    for rate in found.rates:
        assert rate.threads == 1
        assert len(rate.seconds) == 5
        assert min(rate.seconds) > 0


def test_the_work_of_a_repeat():
    found = _measure(samples=16)
    for rate in _of(found, "step_products", "fp32"):
        assert rate.work % (16 * 1_636_352) == 0
    for rate in _of(found, "large_product", "fp32"):
        assert rate.work % (2 * 128**3) == 0
    (memory,) = _of(found, "memory")
    assert memory.work % (2 << 20) == 0


def test_the_default_library_of_a_process_has_its_own_name():
    found = _measure(library="mkl_fast")
    assert {rate.products for rate in found.rates} <= {"mkl_fast", "onednn", None}
    assert {rate.products for rate in _measure(library="onednn").rates} <= {"default", "onednn", None}


def test_bf16_only_where_the_processor_has_it(monkeypatch):
    for isa, expected in (((), ("fp32",)), (("avx512_bf16",), ("fp32", "bf16"))):
        monkeypatch.setattr(limits.cpu, "describe", lambda isa=isa: types.SimpleNamespace(isa=isa))
        assert limits.precisions(CPU) == expected
        assert {rate.precision for rate in _measure().rates} - {None} == set(expected)


def test_the_model_stays_as_it_was():
    model, _ = models.build("cnn", (1, 28, 28), 10, 0)
    before = copy.deepcopy(model.state_dict())
    limits.measure(model, _batch(), CPU, 1, train=True)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


class _ElsewhereLinear(nn.Linear):
    def forward(self, x):
        raise AssertionError("another library's layer has no operator that torch counts")


def test_linear_layers_of_another_library_are_taken_as_torchs():
    model, _ = models.build("mlp", (1, 28, 28), 10, 0)
    model[1].fc1.__class__ = _ElsewhereLinear
    assert limits.measure(model, _batch(), CPU, 1, train=True).flops_per_sample == 1_636_352
    assert type(model[1].fc1) is _ElsewhereLinear


def test_the_devices_rates_are_remembered_and_the_steps_are_not(monkeypatch):
    first, second = _measure(), _measure()
    for kind in ("large_product", "memory"):
        of_first = [rate for rate in first.rates if rate.kind == kind]
        assert all(any(rate is other for other in second.rates) for rate in of_first)
    assert not set(_of(first, "step_products", "fp32")) & set(_of(second, "step_products", "fp32"))
    model, _ = models.build("mlp", (1, 28, 28), 10, 0)
    again = limits.measure(model, _batch(), CPU, 2, train=True)  # another thread count is another limit
    assert not set(_of(again, "memory")) & set(_of(first, "memory"))


# --- the replay ----------------------------------------------------------------------------------


def _recorded(name, samples=4, shape=(1, 28, 28), train=True):
    model, _ = models.build(name, shape, 10, 0)
    return limits._record(model.train(train), _batch(samples, shape), train)


def test_a_step_of_the_network_is_five_products():
    step = _recorded("mlp")
    assert [str(call.operator) for call in step.calls] == ["aten.addmm.default"] * 2 + ["aten.mm.default"] * 3
    assert (step.flops, step.linear_share) == (4 * 1_636_352, 1.0)


def test_shapes_and_strides_are_kept_and_memory_is_not():
    step = _recorded("mlp")
    weight = step.calls[0].arguments[2]
    assert (weight.shape, weight.strides) == ((784, 512), (1, 784))
    made = weight.make(CPU, torch.bfloat16)
    assert (tuple(made.shape), made.stride(), made.dtype) == ((784, 512), (1, 784), torch.bfloat16)
    repeated = limits._Like((4, 3), (0, 1), torch.float32).make(CPU, torch.float32)  # an expanded tensor
    assert torch.equal(repeated[0], repeated[3])
    assert limits._Like((2, 2), (2, 1), torch.int64).make(CPU, torch.bfloat16).dtype == torch.int64


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet18"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_replayed_is_what_was_counted(name, precision):
    step = _recorded(name, shape=(3, 32, 32))
    flops, run = limits._products_alone(step, CPU, precision, None)
    with limits.flop_counter.FlopCounterMode(display=False) as counter:
        run()
    assert counter.get_total_flops() == flops == step.flops


def test_attention_counts_and_is_replayed_on_the_cpu():
    model = nn.Sequential(models.FromBytes(), nn.Flatten(2), nn.TransformerEncoderLayer(32, 2, 8, 0.0))
    whole = nn.Sequential(model, nn.Flatten(), nn.Linear(8 * 32, 10))
    step = limits._record(whole.train(), _batch(4, (8, 4, 8)), train=True)
    names = {str(call.operator.overloadpacket) for call in step.calls}
    assert {name for name in names if "attention" in name} == {
        "aten._scaled_dot_product_flash_attention_for_cpu",
        "aten._scaled_dot_product_flash_attention_for_cpu_backward",
    }
    limits._products_alone(step, CPU, "fp32", None)[1]()
    flops = limits._record(whole.eval(), _batch(4, (8, 4, 8)), train=False).flops
    with limits.flop_counter.FlopCounterMode(display=False) as counter:
        whole.eval()(_batch(4, (8, 4, 8))[0])
    assert flops > counter.get_total_flops()  # which leaves attention out on the CPU


@pytest.mark.skipif(not ONEDNN, reason="this torch has no oneDNN")
def test_onednn_computes_the_same_products():
    step = _recorded("mlp")
    tensors = {}

    def real(like):
        return tensors.setdefault(like, like.make(CPU, torch.float32))

    replayed = [limits._replay(call, real, onednn=True) for call in step.calls]
    assert {run.func for run in replayed} == {limits._onednn}
    for call, run in zip(step.calls, replayed, strict=True):
        expected = limits._replay(call, real, onednn=False)()
        torch.testing.assert_close(run(), expected, rtol=1e-3, atol=1e-2)


def test_convolutions_are_not_measured_by_the_linear_layers_library():
    found = _measure("resnet18", samples=2, shape=(3, 32, 32))
    assert {rate.products for rate in _of(found, "step_products", "fp32")} == {"default"}
    assert {rate.products for rate in _of(found, "large_product", "fp32")} == FP32_LIBRARIES


# --- what can go wrong ---------------------------------------------------------------------------


def test_a_model_without_products_has_no_step():
    model = nn.Sequential(models.FromBytes(), nn.Flatten(), nn.ReLU())
    found = limits.measure(model, _batch(), CPU, 1, train=False)
    assert found.flops_per_sample is None
    assert {rate.kind for rate in found.rates} == {"large_product", "memory"}


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_a_rate_without_memory_for_it_is_left_out_and_tried_again(monkeypatch, problem):
    copied = limits._copy_within

    def full(device):
        raise problem

    monkeypatch.setattr(limits, "_copy_within", full)
    assert not _of(_measure(), "memory")
    monkeypatch.setattr(limits, "_copy_within", copied)
    assert _of(_measure(), "memory")


def test_any_other_problem_is_told(monkeypatch):
    def broken(device):
        raise RuntimeError("device lost")

    monkeypatch.setattr(limits, "_copy_within", broken)
    with pytest.raises(RuntimeError, match="device lost"):
        _measure()


def test_a_step_without_memory_for_it_leaves_the_devices_limits(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(functional, "cross_entropy", full)
    found = _measure()
    assert found.flops_per_sample is None
    assert _of(found, "large_product", "fp32")


def test_arithmetic_is_put_back():
    matmul = torch.backends.cuda.matmul
    matmul.fp32_precision = "tf32"
    with limits._arithmetic("fp32"):
        assert matmul.fp32_precision == "ieee"
    with pytest.raises(RuntimeError), limits._arithmetic("tf32"):
        raise RuntimeError
    assert matmul.fp32_precision == "tf32"


def test_long_work_is_repeated_less_often(monkeypatch):
    spent = []

    def time(run, times, device):
        spent.append(times)
        return 0.6 * times

    monkeypatch.setattr(limits, "_time", time)
    assert limits._repeats(lambda: None, CPU) == (1, (0.6, 0.6))
    assert sum(spent) == 3


@pytest.mark.parametrize(("step_s", "size"), [(1e-5, 2048), (0.03, 1024), (5.0, 1024)])
def test_the_large_product_is_as_large_as_time_allows(monkeypatch, step_s, size):
    """`step_s`: of a product of 512."""
    monkeypatch.setattr(limits, "_SIZES", {"cpu": 2048})
    monkeypatch.setattr(limits, "_product", lambda device, size, *_: size)
    monkeypatch.setattr(limits, "_time", lambda size, times, device: step_s * (size / 512) ** 3)
    assert limits._size(CPU, 3) == size


# --- a graph, without a GPU ----------------------------------------------------------------------


class _Cuda:
    """As much of torch.cuda as recording takes; what is run while recording is kept."""

    def __init__(self, refuses=None):
        self.recorded = self.replays = 0
        self.recording, self._refuses = False, refuses

    def Stream(self, device):
        return types.SimpleNamespace(wait_stream=lambda other: None)

    current_stream = Stream

    def stream(self, stream):
        return contextlib.nullcontext()

    def CUDAGraph(self):
        return self

    @contextlib.contextmanager
    def graph(self, graph):
        self.recording = True
        yield
        self.recording = False
        if self._refuses:
            raise self._refuses

    def replay(self):
        self.replays += 1

    def step(self):
        self.recorded += self.recording


def _graph(monkeypatch, fake, step_s):
    monkeypatch.setattr(limits.torch, "cuda", fake)
    monkeypatch.setattr(limits, "_time", lambda run, times, device: run() or step_s * times)
    return limits._graph(1e9, fake.step, CPU)


@pytest.mark.parametrize(("step_s", "steps"), [(0.001, 5), (1e-5, 50), (0.5, 1)])
def test_a_graph_holds_as_many_steps_as_its_work_says(monkeypatch, step_s, steps):
    fake = _Cuda()
    work, replay = _graph(monkeypatch, fake, step_s)
    assert (work, fake.recorded) == (steps * 1e9, steps)
    replay()
    assert fake.replays == 1


def test_what_no_graph_can_hold_is_left_out(monkeypatch):
    assert (
        _graph(monkeypatch, _Cuda(RuntimeError("operation not permitted when stream is capturing")), 1) is None
    )
    with pytest.raises(torch.OutOfMemoryError):
        _graph(monkeypatch, _Cuda(torch.OutOfMemoryError()), 1)


def test_what_an_accelerator_is_asked_for():
    meta = torch.device("meta")  # stands for any device that isn't the CPU
    kinds = [(trial.kind, trial.library) for trial in limits._of_device(meta, "default")]
    assert kinds == [
        (kind, None) for kind in ("large_product", "memory", "pageable_copy", "pinned_copy", "launch")
    ]
    work, run = limits._launches(CPU)
    assert (work, run()) == (1000, None)
    work, run = limits._copy_from_host(CPU, pinned=False)
    assert work == 1 << 20
    assert torch.equal(run(), torch.ones(1 << 18))
    assert limits._copy_from_host(torch.device("mps"), pinned=True) is None
    assert limits._products_alone(_recorded("mlp"), meta, "fp32", None) is None  # launches couldn't be left out
