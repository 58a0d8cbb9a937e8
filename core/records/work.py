"""What work, and how it is executed: what is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from core.records.codes import DataPath, Precision, Products, StepKind, Task


@dataclass(frozen=True, slots=True)
class Workload:
    """What work is done. Two runs can be compared when their workloads are equal."""

    model: str = "mlp"
    dataset: str = "digits"
    batch_size: int = 64
    epochs: int = 3
    learning_rate: float = 0.01
    seed: int = 0
    task: Task = "train"

    @property
    def has_convolutions(self) -> bool:
        """Every model has but the article's, in whatever width."""
        return self.model.partition("_")[0] != "mlp"


@dataclass(frozen=True, slots=True)
class Setup:
    """How the work is executed: each field is a rung of the ladder (core.analysis.ladder)."""

    device: str = "cpu"
    precision: Precision = "fp32"
    threads: int | None = None  # None: on the CPU the best of a short search; elsewhere torch's default
    # transforms: image by image in a DataLoader; loader: a DataLoader over tensors, as the article writes it;
    # workers: the same in processes of its own, pinned and copied ahead; resident: all on the device
    data_path: DataPath = "resident"
    fused: bool = False  # the optimiser's update as one kernel over all weights
    channels_last: bool = False  # images and filters with the channels innermost (NHWC)
    flush_denormals: bool = False  # CPU: numbers below 1.2e-38 count as 0
    # CPU: the library of the linear layers' matrix products. default: torch's own; mkl_fast: MKL's kernels for
    # Intel also on other makers' processors
    products: Products = "default"
    keep_pages: bool = False  # CPU: the allocator keeps freed memory instead of giving it back
    bind_threads: bool = False  # CPU: each thread stays on one core
    # eager: operation by operation; compiled: the whole step by torch.compile's compiler; graph: the whole step
    # recorded as a CUDA graph and replayed; compiled_graph: both
    step: StepKind = "eager"
    steps_per_call: int = 1  # of a compiled step or a replay
    cpp_calls: bool = False  # CPU: what is compiled is called from C++ instead of Python
    pinned: bool = False  # CUDA, from a loader: batches in page-locked memory, so no copy need be waited for
    synchronous: bool = False  # the loss is read after each step, as a progress bar does: the host waits
    # processes that share each batch and average their gradients (data parallel). On CPUs `threads` is each
    # one's own; on GPUs the first is `device`, and the others are those that follow it
    workers: int = 1


@dataclass(frozen=True, slots=True)
class RunSpec:
    workload: Workload
    setup: Setup


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Setups measured together, interleaved, in one worker process, on one workload."""

    workload: Workload
    setups: tuple[Setup, ...]
    max_seconds: float = 60.0  # timed seconds for each setup; what doesn't fit is projected and said so
    target_pct: float = 3.0  # measuring goes on until half the interval of each ratio is within this
    limits: bool = False  # whether the devices' limits are measured, too
    rough: bool = False  # ends as soon as the ratios are known, though epochs be left; without anatomy
    trace: bool = False  # whether single steps are watched, last of all
    lessons: bool = False  # whether the article's lines are tried one by one
    # 0 to 1: a setup's training counts as done when its test accuracy after an epoch has reached this, and
    # `epochs` is the most that is trained; what follows only narrows the ratios. A rough job ends as it does.
    until_accuracy: float | None = None

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        return tuple(RunSpec(self.workload, setup) for setup in self.setups)
