"""What work, how it was executed and what was measured, as frozen values that every room speaks.

Raw values only: whatever can be derived (a median, a speed-up, a doubt) is a function in
`core.analysis`. `None` always means *not measured*. Units are in the names. All `at_s` and
`start_s` are seconds since the job's start, on one clock for the worker and its parent.

SCHEMA_VERSION history
    1  first version
    2  Setup: the rungs of the ladder; RunResult.limits; Cpu.turbo
    3  Setup.cpp_calls; Cpu.virtual
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SCHEMA_VERSION = 3

Task = Literal["train", "classify", "extract"]
Precision = Literal["fp32", "tf32", "bf16"]
DataPath = Literal["transforms", "loader", "workers", "resident"]
Products = Literal["default", "onednn", "mkl_fast"]
StepKind = Literal["eager", "compiled", "graph", "compiled_graph"]
Status = Literal["finished", "out_of_time", "cancelled", "failed", "interrupted"]
Origin = Literal["measured", "recorded", "imported"]
Stage = Literal["load", "copy", "forward", "backward", "optimiser", "copy_back"]
ParityCause = Literal["precision", "non_determinism", "divergence", "different_data", "accuracy"]
EnergySource = Literal["counter", "power", "rapl"]  # the GPU's counter, its power integrated, the CPU's counter

STAGES: tuple[Stage, ...] = ("load", "copy", "forward", "backward", "optimiser", "copy_back")

# A fact is something a message can quote; nothing nested, so that every store and locale can carry it.
Fact = str | int | float | bool | None


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

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        return tuple(RunSpec(self.workload, setup) for setup in self.setups)


# --- what was measured ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive steps timed as one, synchronised at its two ends only."""

    epoch: int  # 1-based; larger than workload.epochs: extra blocks, run only to narrow the interval
    steps: int
    samples: int
    start_s: float
    duration_s: float
    loss: float | None  # mean training loss over the block; None for tasks without one


@dataclass(frozen=True, slots=True)
class EpochRecord:
    epoch: int  # 1-based
    steps: int
    samples: int
    train_loss: float | None
    test_accuracy: float | None  # on images never trained on; None where it wasn't measured
    test_samples: int  # how many test images the accuracy rests on
    evaluation_s: float


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What is paid before the steady state; kept apart from the headline."""

    worker_start_s: float | None  # interpreter and `import torch`; None: the worker was warm already
    data_s: float
    build_s: float  # device context, model, data placement
    first_step_s: float
    warm_up_s: float
    warm_up_steps: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Per-stage times of a separate instrumented pass: never the headline."""

    clock: Literal["host", "device"]
    stages: tuple[StageTimes, ...]


@dataclass(frozen=True, slots=True)
class StageTimes:
    stage: Stage
    seconds: tuple[float, ...]  # one for each instrumented step


@dataclass(frozen=True, slots=True)
class ThreadTrial:
    """One candidate of the search for the CPU's best thread count."""

    threads: int
    seconds_per_sample: tuple[float, ...]  # one for each short block


RateKind = Literal[
    "large_product",  # FLOP: a square matrix product, large enough to keep the device busy
    "step_products",  # FLOP: all matrix products and convolutions of one step of this workload, no more
    "memory",  # bytes: copied within the device's memory, read and written
    "pageable_copy",  # bytes: host to device from ordinary memory
    "pinned_copy",  # bytes: host to device from page-locked memory
    "launch",  # launches: the smallest kernel there is, one after the other
]


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of a device, measured: an amount of work that was done several times, alone."""

    kind: RateKind
    work: float  # done in each repeat: FLOP, bytes or launches, as `kind` says
    seconds: tuple[float, ...]  # one for each repeat
    precision: Precision | None = None  # of products
    products: Products | None = None  # the library, of products on the CPU
    threads: int | None = None  # on the CPU


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device that a run used can do at most, measured in the same process as the run."""

    flops_per_sample: float | None  # of one step, by torch.utils.flop_counter; None: it couldn't count
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks while this setup was built and warmed up.

    On the host it is the whole worker: torch, the images and the job's other setups are in it. On the
    device it is what this setup added.
    """

    host_peak_bytes: int | None
    device_peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class CpuSample:
    at_s: float
    load_pct: float | None  # whole machine, 100 = all logical cores busy
    worker_pct: float | None  # the measuring process, 100 = one core busy
    clock_hz: float | None
    memory_used_bytes: int | None
    worker_memory_bytes: int | None
    energy_j: float | None  # cumulative counter


@dataclass(frozen=True, slots=True)
class GpuSample:
    at_s: float
    utilisation_pct: float | None  # share of time with any kernel running; not how full the GPU is
    memory_used_bytes: int | None
    power_w: float | None
    temperature_c: float | None
    sm_clock_hz: float | None
    memory_clock_hz: float | None
    throttle_reasons: tuple[str, ...] | None  # (): none active
    energy_j: float | None  # cumulative counter


@dataclass(frozen=True, slots=True)
class Absent:
    """A reading that this machine doesn't give, and why (a message code)."""

    reading: str
    reason: str


@dataclass(frozen=True, slots=True)
class Telemetry:
    interval_s: float
    cpu: tuple[CpuSample, ...] = ()
    gpu: tuple[GpuSample, ...] = ()  # of the GPU this run used; () on the CPU
    absent: tuple[Absent, ...] = ()
    foreign_gpu_processes: int | None = None  # other programs computing on that GPU, the most seen at once


@dataclass(frozen=True, slots=True)
class Idle:
    """What the device that a run used drew while nothing was measured, by the sensor that `source` names."""

    duration_s: float
    power_w: float | None  # mean
    energy_j: float | None  # of the whole duration, by a counter
    source: EnergySource | None  # None: no sensor


@dataclass(frozen=True, slots=True)
class DataInfo:
    train_samples: int
    test_samples: int
    classes: int
    shape: tuple[int, int, int]  # channels, height, width as stored
    input_shape: tuple[int, int, int]  # as the model takes it
    parameters: int
    fingerprint: str | None = None  # of the prepared images: the same on two machines means the same data


# --- where it was measured -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Device:
    """A device torch can compute on, as the worker reports it."""

    id: str  # cpu, cuda:0, mps, xpu:0
    name: str
    uuid: str | None = None
    memory_bytes: int | None = None
    capability: str | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    model: str
    physical_cores: int | None
    logical_cores: int | None
    usable_cores: int | None  # by affinity
    quota_cores: float | None  # by cgroup; None: no quota
    max_clock_hz: float | None
    governor: str | None
    isa: tuple[str, ...]  # the vector extensions that matter here, e.g. avx2, avx512f, amx_bf16
    turbo: bool | None = None  # whether the clock may rise above its nominal; None: not readable
    virtual: bool | None = None  # whether it is a hypervisor's; None: not told


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as its driver reports it."""

    index: int
    name: str
    uuid: str
    memory_bytes: int | None
    power_limit_w: float | None
    pcie: str | None  # e.g. "gen5 x16"
    max_sm_clock_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: Cpu
    memory_bytes: int | None
    os: str
    kernel: str
    virtual: str | None  # container, vm, wsl; None: none seen
    driver: str | None  # NVIDIA driver version
    gpus: tuple[Gpu, ...]
    gpus_absent: str | None  # why there are none (a message code)
    git_revision: str | None
    variables: tuple[tuple[str, str], ...]  # the environment variables that change speed, by allow-list
    on_battery: bool | None = None  # None: no battery, or its state isn't told


@dataclass(frozen=True, slots=True)
class Software:
    """What the worker computes with."""

    python: str
    torch: str
    torchvision: str | None
    numpy: str
    cuda: str | None  # the CUDA runtime torch was built for
    cudnn: str | None
    cpu_capability: str  # the ISA level torch's own kernels use
    blas: str
    default_threads: int


@dataclass(frozen=True, slots=True)
class Environment:
    machine: Machine
    software: Software
    device: Device


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader must know about this run: a code and its facts, never a sentence."""

    code: str
    facts: dict[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """One setup of one job, with everything that was measured."""

    id: str
    job_id: str
    spec: RunSpec
    status: Status
    created_at: str  # UTC, ISO 8601
    environment: Environment | None = None  # None: the run failed before the worker reported it
    threads: int | None = None  # intra-op threads actually used
    thread_trials: tuple[ThreadTrial, ...] = ()  # (): not searched, as the setup named a count or isn't a CPU's
    data: DataInfo | None = None
    cold_start: ColdStart | None = None
    blocks: tuple[Block, ...] = ()
    # One number for each of the first steps, to prove that the work is the same: the training loss;
    # for classify the loss, for extract the mean square of the features, taken before the clock starts.
    first_losses: tuple[float, ...] = ()
    epochs: tuple[EpochRecord, ...] = ()
    anatomy: Anatomy | None = None
    memory: Memory | None = None
    limits: Limits | None = None
    telemetry: Telemetry | None = None
    idle: Idle | None = None
    notes: tuple[Note, ...] = ()
    failure: Note | None = None
    origin: Origin = "measured"
    schema_version: int = SCHEMA_VERSION


# --- what is concluded ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval, in the unit its holder names."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Caveat:
    """A doubt about a number, recomputed from raw data wherever the number is shown."""

    code: str
    grave: bool = False
    facts: dict[str, Fact] = field(default_factory=dict)
    informative: bool = False  # says something about the number without making it worth less


@dataclass(frozen=True, slots=True)
class Parity:
    """Whether two runs did the same work: how far losses and final accuracy part, against tolerances."""

    code: Literal["same", "parted", "not_checked"]
    steps: int  # loss pairs compared
    worst: float | None  # largest relative difference of a loss
    tolerance: float | None
    cause: ParityCause | None = None  # the likely one, where they part
    accuracy_gap: float | None = None  # between the final test accuracies, each 0 to 1; None: not compared
    accuracy_tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    code: Literal["faster", "slower", "no_difference", "withheld"]
    reason: str | None = None  # message code, for withheld


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate against baseline; speed-up > 1: the candidate is faster."""

    baseline: RunResult
    candidate: RunResult
    speedup: Estimate | None  # None: withheld, the verdict says why
    pairs: int  # block pairs the estimate rests on
    parity: Parity
    verdict: Verdict
    caveats: tuple[Caveat, ...]
