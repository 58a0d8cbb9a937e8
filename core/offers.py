"""What the Compare page offers and `record` records: one table, so that the two agree."""

from __future__ import annotations

from dataclasses import replace

from core.records import Setup, Workload

# Up to the batch size at which one step on a CPU of many cores still takes seconds, not minutes.
_LARGEST_BATCH = {
    "mlp": 8192,
    "cnn": 8192,
    "resnet18": 1024,
    "mobilenet_v3_small": 1024,
    "resnet50": 256,
    "vit_b_16": 64,
}
_SMALLEST_BATCH = 16
_SMALLER = {"mlp": (1, 2, 4, 8), "cnn": (1, 2, 4, 8)}  # where a CPU beats a GPU
_OTHER_LARGEST = 1024  # of a model that a person named

MODELS = tuple(_LARGEST_BATCH)
DATASETS = ("digits", "synthetic", "mnist", "fashion-mnist", "cifar10")
DEFAULT = Workload()


def batch_sizes(model: str) -> tuple[int, ...]:
    """The powers of two on the slider."""
    largest = _LARGEST_BATCH.get(_family(model), _OTHER_LARGEST)
    return tuple(2**power for power in range(_SMALLEST_BATCH.bit_length() - 1, largest.bit_length()))


def sweep_batch_sizes(model: str) -> tuple[int, ...]:
    """The powers of two that show both sides of a crossing."""
    return (*_SMALLER.get(_family(model), ()), *batch_sizes(model))


def _family(model: str) -> str:
    """mlp_64 is an mlp of another width."""
    return "mlp" if model.startswith("mlp_") else model


def ladders() -> tuple[Workload, ...]:
    """The workloads whose whole ladder is recorded on an accelerator: bound by launches or arithmetic."""
    sizes = (("mlp", 64), ("mlp", 4096), ("cnn", 256), ("resnet18", 256))
    return tuple(Workload(model=model, batch_size=size, epochs=1) for model, size in sizes)


def sequences() -> tuple[Workload, ...]:
    """The workloads whose single steps are recorded: bound by launches, by copies and by arithmetic."""
    sizes = (("mlp", 64), ("mlp", 4096), ("resnet18", 256))
    return tuple(Workload(model=model, batch_size=size, epochs=1) for model, size in sizes)


def sequence_setups(device: str) -> tuple[Setup, ...]:
    """What the Sequence page sets against each other on a device, the plain loop first."""
    plain, loader = Setup(device), Setup(device, data_path="loader")
    found = [plain, loader, replace(plain, synchronous=True)]
    if device.startswith("cuda"):
        found += [replace(loader, pinned=True), replace(plain, step="graph")]
    return tuple(found)


def workloads() -> tuple[Workload, ...]:
    """Every model and batch size offered, on the default data set."""
    return tuple(Workload(model=model, batch_size=size) for model in MODELS for size in batch_sizes(model))


def with_limits(workload: Workload) -> bool:
    """Whether the devices' limits are recorded with it: once a model, in the middle of its batch sizes."""
    sizes = batch_sizes(workload.model)
    return workload.batch_size == sizes[len(sizes) // 2]


def recorded_workloads() -> tuple[Workload, ...]:
    """And with the small batch sizes of sweeps."""
    small = (Workload(model=model, batch_size=size) for model, sizes in _SMALLER.items() for size in sizes)
    return (*workloads(), *small)
