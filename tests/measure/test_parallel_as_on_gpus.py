"""What workers do on GPUs, without any: each asks for its own and no other, and the CPU stands in for all.

What NVIDIA's libraries do is seen on GPUs only (tests/gpu/test_parallel_gpu.py).
"""

import pytest

from core.measure import devices
from core.records import Device, Setup

# In each worker's process, before our code: a GPU is the CPU, and another worker's GPU is an error.
AS_GPUS = """
import os

if "RANK" in os.environ:
    import time

    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    from torch.overrides import TorchFunctionMode

    OWN = 1 + int(os.environ["RANK"])  # the job's first is cuda:1
    CPU = torch.device("cpu")
    NAMES = ["other", "H200", "H200"]

    def own(device):
        index = device if isinstance(device, int) else device.index
        assert index == OWN, f"cuda:{index} asked for by the worker on cuda:{OWN}"

    def placed(value):
        if isinstance(value, torch.device) and value.type == "cuda":
            own(value)
            return CPU
        return value

    class AsGpu(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is torch.device:
                return function(*args, **(kwargs or {}))
            named = {name: placed(value) for name, value in (kwargs or {}).items()}
            return function(*map(placed, args), **named)

    class Event:
        def __init__(self, device, enable_timing):
            own(device)

        def record(self):
            self.at = time.perf_counter()

        def elapsed_time(self, later):
            return 1e3 * (later.at - self.at)

    def answering(answer):
        return lambda device: own(device) or answer

    torch.cuda.set_device = answering(None)
    torch.cuda.mem_get_info = answering((2**34, 2**35))
    torch.cuda.reset_peak_memory_stats = answering(None)
    torch.cuda.memory_allocated = answering(1000)
    torch.cuda.max_memory_allocated = answering(3000)
    torch.cuda.get_device_name = lambda index: NAMES[index]
    torch.accelerator.synchronize = answering(None)
    torch.Event = Event

    meet, average = dist.init_process_group, DistributedDataParallel.__init__

    def by_gloo(backend, **options):
        assert backend == "cpu:gloo,cuda:nccl", backend
        meet("gloo", **options)

    def on_cpu(self, model, device_ids, **options):
        [device] = device_ids
        own(device)
        average(self, model, **options)

    dist.init_process_group, DistributedDataParallel.__init__ = by_gloo, on_cpu
    AsGpu().__enter__()
"""


def test_each_worker_uses_its_own_gpu_and_does_its_share(run_job, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(AS_GPUS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    gpus = (Device(f"cuda:{index}", "H200", capability="9.0") for index in range(3))
    found = (Device("cpu", "CPU"), *gpus)
    monkeypatch.setattr(devices, "available", lambda: found)
    events = run_job(Setup(threads=1), Setup("cuda:1", workers=2))
    assert events.error is None
    assert events.statuses() == {0: "finished", 1: "finished"}, events.of("run_end", 1)
    one, two = ([loss for block in events.of("block", run) for loss in block["losses"]] for run in (0, 1))
    assert two == pytest.approx(one, rel=1e-4)
    assert two != one, "summed in another order: else nothing was shared"
    (warm,) = events.of("warm", 1)
    assert warm["memory"]["device_peak_bytes"] == 2000
    (paid,) = events.of("communication", 1)
    assert paid["communication"]["backend"] == "nccl"
    (anatomy,) = events.of("anatomy", 1)
    assert anatomy["anatomy"]["clock"] == "device"
    assert not [note for note in events.of("note", 1) if note["note"]["code"] == "unlike_gpus"]
