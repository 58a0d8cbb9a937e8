"""What to change in one's own training script for each rung of the ladder, a few lines each, that run.

Text that tests/unit/test_own_code.py runs, with `images` (bytes; count, channels, height, width), `labels` and
`batch_size` given. It must not know what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.analysis.ladder import RungName
from core.i18n import N_


@dataclass(frozen=True, slots=True)
class Snippet:
    code: str
    language: Literal["python", "bash"] = "python"
    on: RungName | None = None  # the rung whose lines stand before these; None: `START` alone
    needs_cuda: bool = False


START = """\
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 512), nn.ReLU(), nn.Linear(512, 10))
model = model.to(device)
optimiser = torch.optim.SGD(model.parameters(), lr=0.01)


def step(x, y):
    optimiser.zero_grad()
    loss = functional.cross_entropy(model(x.float() / 127.5 - 1), y)
    loss.backward()
    optimiser.step()
"""

_TRANSFORMS = """\
class OneByOne(Dataset):
    def __len__(self):
        return len(labels)

    def __getitem__(self, index):
        return images[index].float() / 127.5 - 1, labels[index]


def step(x, y):
    optimiser.zero_grad()
    loss = functional.cross_entropy(model(x), y)
    loss.backward()
    optimiser.step()


def epoch():
    for x, y in DataLoader(OneByOne(), batch_size, shuffle=True, drop_last=True):
        step(x.to(device), y.to(device))
"""

_LOADER = """\
def epoch():
    for x, y in DataLoader(TensorDataset(images, labels), batch_size, shuffle=True, drop_last=True):
        step(x.to(device), y.to(device))
"""

_WORKERS = """\
batches = DataLoader(
    TensorDataset(images, labels),
    batch_size,
    shuffle=True,
    drop_last=True,
    num_workers=2,
    persistent_workers=True,
    pin_memory=device.type == "cuda",
)


def epoch():
    for x, y in batches:
        step(x.to(device, non_blocking=True), y.to(device, non_blocking=True))
"""

_RESIDENT = """\
all_x, all_y = images.to(device), labels.to(device)
whole = len(labels) // batch_size * batch_size


def epoch():
    for chosen in torch.randperm(len(labels), device=device)[:whole].split(batch_size):
        step(all_x.index_select(0, chosen), all_y.index_select(0, chosen))
"""

_THREADS = """\
import os
import time

torch.set_flush_denormal(True)


def seconds(threads):
    torch.set_num_threads(threads)
    epoch()
    start = time.perf_counter()
    epoch()
    return time.perf_counter() - start


cores = os.cpu_count()
torch.set_num_threads(min({1, max(1, cores // 2), cores}, key=seconds))
"""

_FUSED = """\
optimiser = torch.optim.SGD(model.parameters(), lr=0.01, fused=True)
"""

_CHANNELS_LAST = """\
model = model.to(memory_format=torch.channels_last)


def step(x, y):
    optimiser.zero_grad()
    x = (x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
    loss = functional.cross_entropy(model(x), y)
    loss.backward()
    optimiser.step()
"""

_ONEDNN = """\
def product(x, weight, bias=None):
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class OneDnnProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        of_x = product(gradient, weight.t().contiguous()) if ctx.needs_input_grad[0] else None
        of_weight = product(gradient.t().contiguous(), x.t().contiguous())
        return of_x, of_weight, gradient.sum(0)


class OneDnnLinear(nn.Linear):
    def forward(self, x):
        return OneDnnProduct.apply(x, self.weight, self.bias)


for module in model.modules():
    if type(module) is nn.Linear:
        module.__class__ = OneDnnLinear
"""

_KEEP_PAGES = """\
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=67108864
python train.py
"""

_MKL_FAST = """\
echo 'int mkl_serv_intel_cpu_true(void) { return 1; }' > shim.c
cc -shared -fPIC -O2 -o shim.so shim.c
export LD_PRELOAD=$PWD/shim.so
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=67108864
python train.py
"""

_BOUND = """\
export OMP_PROC_BIND=true
python train.py
"""

_TF32 = """\
torch.backends.cuda.matmul.fp32_precision = "tf32"
torch.backends.cudnn.conv.fp32_precision = "tf32"
"""

_BF16 = """\
def step(x, y):
    optimiser.zero_grad()
    with torch.autocast(device.type, torch.bfloat16):
        loss = functional.cross_entropy(model(x.float() / 127.5 - 1), y)
    loss.backward()
    optimiser.step()
"""

_COMPILED = """\
weights = {name: weight.detach() for name, weight in model.named_parameters()}


def loss(weights, x, y):
    return functional.cross_entropy(torch.func.functional_call(model, weights, x.float() / 127.5 - 1), y)


@torch.compile(fullgraph=True)
def step(x, y):
    gradients = torch.func.grad(loss)(weights, x, y)
    for name, weight in weights.items():
        weight.sub_(gradients[name], alpha=0.01)
"""

_COMPILED_STEPS = """\
torch._inductor.config.cpp_wrapper = device.type == "cpu"


@torch.compile(fullgraph=True)
def steps(indices):
    for chosen in indices.split(batch_size):
        x, y = all_x.index_select(0, chosen), all_y.index_select(0, chosen)
        gradients = torch.func.grad(loss)(weights, x, y)
        for name, weight in weights.items():
            weight.sub_(gradients[name], alpha=0.01)


def epoch():
    calls = len(labels) // (4 * batch_size)
    for indices in torch.randperm(len(labels), device=device)[: calls * 4 * batch_size].split(4 * batch_size):
        steps(indices)
"""

_GRAPH = """\
chosen = torch.arange(batch_size, device=device)

aside = torch.cuda.Stream()
aside.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(aside):
    for _ in range(3):
        step(all_x.index_select(0, chosen), all_y.index_select(0, chosen))
torch.cuda.current_stream().wait_stream(aside)

graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    step(all_x.index_select(0, chosen), all_y.index_select(0, chosen))


def epoch():
    for indices in torch.randperm(len(labels), device=device)[:whole].split(batch_size):
        chosen.copy_(indices)
        graph.replay()
"""

_GRAPH_STEPS = """\
several = torch.arange(4 * batch_size, device=device)

graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    for chosen in several.split(batch_size):
        step(all_x.index_select(0, chosen), all_y.index_select(0, chosen))


def epoch():
    calls = len(labels) // len(several)
    for indices in torch.randperm(len(labels), device=device)[: calls * len(several)].split(len(several)):
        several.copy_(indices)
        graph.replay()
"""

SNIPPETS: dict[RungName, Snippet] = {
    "transforms": Snippet(_TRANSFORMS),
    "loader": Snippet(_LOADER),
    "workers": Snippet(_WORKERS),
    "resident": Snippet(_RESIDENT),
    "threads": Snippet(_THREADS, on="resident"),
    "fused": Snippet(_FUSED, on="resident"),
    "channels_last": Snippet(_CHANNELS_LAST, on="resident"),
    "onednn": Snippet(_ONEDNN, on="resident"),
    "keep_pages": Snippet(_KEEP_PAGES, "bash", on="resident"),
    "mkl_fast": Snippet(_MKL_FAST, "bash", on="resident"),
    "bound": Snippet(_BOUND, "bash", on="resident"),
    "tf32": Snippet(_TF32, on="resident", needs_cuda=True),
    "bf16": Snippet(_BF16, on="resident"),
    "compiled": Snippet(_COMPILED, on="resident"),
    "compiled_steps": Snippet(_COMPILED_STEPS, on="compiled"),
    "graph": Snippet(_GRAPH, on="resident", needs_cuda=True),
    "graph_steps": Snippet(_GRAPH_STEPS, on="graph", needs_cuda=True),
}

# What each rung changes, and whether the training's mathematics is touched. Tolerances: core.analysis.parity.
SAYS: dict[RungName, str] = {
    "transforms": N_(
        "As most tutorials begin: image by image through Python. It stands here to be recognised, not to be "
        "copied."
    ),
    "loader": N_(
        "The article's loop: a DataLoader puts batches together, and each is sent to the device. Every "
        "other rung is compared with this one."
    ),
    "workers": N_(
        "Processes of their own put the batches together while the device computes. Copies from page-locked "
        "memory to a GPU go on meanwhile. The mathematics stays the same."
    ),
    "resident": N_(
        "All images are on the device, as bytes, and a batch is taken by its indices: nothing is loaded or "
        "copied in the loop. They must fit into its memory. The mathematics stays the same."
    ),
    "threads": N_(
        "A few thread counts are tried and the fastest is kept: more isn't always faster. Numbers below "
        "1.2e-38 count as 0, because processors are slow with them."
    ),
    "fused": N_(
        "All weights are updated in one operation instead of one after the other. The mathematics stays the "
        "same."
    ),
    "channels_last": N_(
        "Images and filters are stored with the channels innermost, as convolutions like them best. The "
        "mathematics stays the same."
    ),
    "onednn": N_(
        "torch's default library for matrix products takes a slow path on processors that aren't Intel's; "
        "oneDNN, which comes with torch too, doesn't. Sums are taken in another order. The operator is "
        "private to torch: a newer torch may name it differently."
    ),
    "keep_pages": N_(
        "Memory that is freed is kept instead of given back to the system, which would fill it with zeros "
        "before the next use. Linux only; train.py is your script."
    ),
    "mkl_fast": N_(
        "The default library takes its fast path when it believes that the processor is Intel's: a library "
        "of one function, loaded before torch, says so. Memory is kept, too. Linux only; train.py is your "
        "script."
    ),
    "bound": N_(
        "Each thread stays on a core of its own. It helps where the system moves threads about, and hurts "
        "where other programs want the same cores. Linux only; train.py is your script."
    ),
    "tf32": N_(
        "Matrix products take factors of 11 bits instead of 24; sums stay in fp32. Losses may part by 1 %. "
        "For NVIDIA GPUs from the Ampere generation on."
    ),
    "bf16": N_(
        "Matrix products take factors of 8 bits instead of 24; weights and sums stay in fp32. Losses may "
        "part by 5 %. Slow on processors without bfloat16 instructions."
    ),
    "compiled": N_(
        "Forward pass, backward pass and update become one compiled function; the first step pays for it "
        "with seconds to a minute. On the CPU it needs a C++ compiler. With batch normalisation, hand the "
        "buffers over as well. What is measured here calls the compiler directly and, on the CPU, writes each "
        "update within the product that it comes from; torch.compile checks its assumptions before each call, "
        "a fraction of a millisecond more."
    ),
    "compiled_steps": N_(
        "Several steps in each call, so that Python is asked less often; on the CPU the compiled pieces are "
        "called from C++. The mathematics stays the same."
    ),
    "graph": N_(
        "The whole step is recorded once and replayed with a single launch. Shapes and addresses must not "
        "change: the indices of the next batch are copied to where the last ones were, and the last, "
        "smaller batch is left out. The recording itself trains a few steps."
    ),
    "graph_steps": N_("Several steps in one replay, for steps so short that even a single launch is felt."),
}


def script(name: RungName) -> str:
    """All Python lines up to a rung's own, in order."""
    snippet = SNIPPETS[name]
    before = script(snippet.on) if snippet.on else START
    return f"{before}\n\n{snippet.code}" if snippet.language == "python" else before
