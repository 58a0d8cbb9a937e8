"""The article's walk-through: what it says, the code as it runs, and what it gets wrong or leaves out.

Text that tests/unit/test_article.py runs, chapter after chapter, with `images` (bytes; count, channels, height,
width), `labels`, `batch_size` and `num_epochs` given. It must not know what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.i18n import N_

ChapterName = Literal["check", "install", "data", "model", "optimiser", "loop", "timing", "sequence", "layers"]
Language = Literal["python", "bash", "cpp"]


@dataclass(frozen=True, slots=True)
class Snippet:
    code: str
    language: Language = "python"


@dataclass(frozen=True, slots=True)
class Lines:
    article: Snippet | None = None  # its own, where others are better
    here: tuple[Snippet, ...] = ()


TITLES: dict[ChapterName, str] = {
    "check": N_("Check"),
    "install": N_("Install"),
    "data": N_("Data to the device"),
    "model": N_("Model to the device"),
    "optimiser": N_("Loss and optimiser"),
    "loop": N_("The loop"),
    "timing": N_("Timing"),
    "sequence": N_("The sequence"),
    "layers": N_("TensorFlow, PyTorch and CUDA"),
}

# The article, in short.
SAYS: dict[ChapterName, str] = {
    "check": N_("Ask `nvcc` for the version of CUDA: if it answers, the CUDA driver is installed."),
    "install": N_("Install a suitable CUDA driver first, then PyTorch with pip."),
    "data": N_("Make a tensor of the data and load it into the GPU; without a GPU, into the CPU."),
    "model": N_("Define the network and load it into the GPU with `to(device)`."),
    "optimiser": N_("Cross-entropy as the loss function, stochastic gradient descent as the optimiser."),
    "loop": N_(
        "In each epoch: inputs and labels to the GPU, forward and backward pass, one step of the optimiser."
    ),
    "timing": N_("A GPU makes the computation a great deal faster."),
    "sequence": N_("It ends with a sequence diagram of the user and the Python script."),
    "layers": N_(
        "Common libraries for GPUs are TensorFlow, PyTorch and CUDA; they can all be called from Python."
    ),
}

# What it gets wrong or leaves out.
LACKS: dict[ChapterName, tuple[str, ...]] = {
    "check": (
        N_(
            "`nvcc` is the compiler of the CUDA toolkit, not the driver. The driver comes with "
            "`nvidia-smi`, which shows its version and the newest CUDA that it can serve."
        ),
        N_(
            "PyTorch needs neither `nvcc` nor the toolkit: the wheels that pip installs bring their own "
            "CUDA libraries. Only the driver must be there before."
        ),
        N_(
            "What counts is `torch.cuda.is_available()`. It is False without a driver, with a wheel that "
            "was built for the CPU only, and where the GPU is hidden (`CUDA_VISIBLE_DEVICES`)."
        ),
        N_("The `!` before a command belongs to notebooks. In a terminal it is left out."),
    ),
    "install": (
        N_(
            "torch and torchvision are a pair: each torchvision is built for one torch. Install and "
            "upgrade both in one command, from one place."
        ),
        N_(
            "Which wheel comes depends on the system. On Linux, the one from PyPI has CUDA inside, which "
            "takes gigabytes; on Windows it is for the CPU only. "
            "[pytorch.org/get-started](https://pytorch.org/get-started/locally/) gives the command for each "
            "system and CUDA."
        ),
        N_(
            "Mixed pairs fail late: beside a torch for the CPU, a torchvision with CUDA can't even be imported."
        ),
    ),
    "data": (
        N_(
            "`torch.tensor` always copies, and on data that is a tensor already it warns. "
            "`torch.as_tensor` takes what is there, NumPy arrays included."
        ),
        N_(
            "`data.to(device)` returns a copy and leaves the original where it is: it is the result that "
            "must be used."
        ),
        N_(
            "Where the data come from is left out. Here the images stay bytes until they are on the "
            "device: a quarter of what the same numbers take as floats."
        ),
        N_(
            "The choice of a device falls back to the CPU without a word. Print it, or an hour later you "
            "wonder why the GPU is no faster."
        ),
    ),
    "model": (
        N_(
            "`model.to(device)` moves the model itself, with all weights and buffers; `tensor.to(device)` "
            "doesn't move the tensor. The article writes both the same way."
        ),
        N_(
            "`x.view(-1, 784)` fits images of 28×28 only, and doesn't always say so: of 49 images of 8×8 "
            "it makes 4 rows of mixed-up pixels. `flatten(1)` keeps one row for each image."
        ),
        N_("Model and data must be on the same device; a forgotten `to(device)` ends in an error."),
    ),
    "optimiser": (
        N_(
            "`CrossEntropyLoss` takes the network's raw outputs and the number of the right class. A "
            "softmax before it would be applied twice."
        ),
        N_(
            "Build the optimiser after the model has moved, as PyTorch's documentation asks: it holds on "
            "to the weights that it is given."
        ),
        N_(
            "With the same learning rate a larger batch takes fewer steps in each epoch, and so learns "
            "less in it. Faster isn't better by itself: look at the loss, too."
        ),
    ),
    "loop": (
        N_(
            "There is no loop over the batches: `inputs` and `labels` come from nowhere, and each epoch "
            "would be a single step."
        ),
        N_(
            "`optimizer.zero_grad()` is missing. PyTorch adds each gradient to those before, so every step "
            "would go along the sum of all gradients since the start: another training than the one "
            "written down, with steps that grow. It may look better for a while; it needn't end well."
        ),
        N_(
            "`to(device)` in the loop copies each batch anew in each epoch. Images that fit into the "
            "device's memory can be moved once; a batch is then taken by its indices."
        ),
        N_("Nothing is tested: no images are kept apart to see whether the network has learned anything."),
    ),
    "timing": (
        N_("The article promises speed and measures none."),
        N_(
            "A GPU works while Python goes on: the line returns before its work is done. A clock that "
            "doesn't wait for the GPU shows how long it took to ask, not to compute."
        ),
        N_("On the CPU a line returns when its work is done, so both clocks show the same."),
        N_(
            "Printing the loss, or `loss.item()`, waits for the GPU as well: in every step it costs time, "
            "and it moves waiting to a line that has nothing to do with it."
        ),
        N_("The first steps are slow. Leave them out, repeat, and take the median."),
    ),
    "sequence": (
        N_(
            "Its arrows have no lengths: that the script runs ahead while the GPU still works, and where "
            "it waits, can't be seen in it."
        ),
        N_(
            "The page Sequence draws one step of the loop above as it was measured, with the line of code "
            "beside each arrow."
        ),
    ),
    "layers": (
        N_(
            "They aren't three of a kind. CUDA is NVIDIA's own layer, written in C++; PyTorch and "
            "TensorFlow are built on it and call it for you. One chooses a framework, and CUDA comes with "
            "it. With another maker's GPU, another layer takes CUDA's place (ROCm, Metal), and the Python "
            "code stays nearly the same."
        ),
    ),
}

LINES: dict[ChapterName, Lines] = {
    "check": Lines(
        Snippet("!nvcc --version\n", "bash"),
        (
            Snippet("nvidia-smi\n", "bash"),
            Snippet("""\
import torch

print("torch", torch.__version__)
print("built for CUDA", torch.version.cuda)
print("usable:", torch.cuda.is_available())
for index in range(torch.cuda.device_count()):
    print(index, torch.cuda.get_device_name(index))
"""),
        ),
    ),
    "install": Lines(
        Snippet("!pip install torch torchvision\n", "bash"),
        (
            Snippet("pip install torch torchvision\n", "bash"),
            Snippet("""\
from importlib.metadata import requires, version

for package in ("torch", "torchvision"):
    print(package, version(package))
for needed in requires("torchvision"):
    print("torchvision needs", needed)
"""),
        ),
    ),
    "data": Lines(
        Snippet("""\
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
data = torch.tensor(data).to(device)
"""),
        (
            Snippet("""\
gpu = torch.cuda.is_available()
device = torch.device("cuda" if gpu else "cpu")
print("training on", device)
data = torch.as_tensor(images).to(device)
"""),
        ),
    ),
    "model": Lines(
        Snippet("""\
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(784, 512)
        self.fc2 = nn.Linear(512, 10)

    def forward(self, x):
        x = x.view(-1, 784)
        x = torch.relu(self.fc1(x))
        x = self.fc2(x)
        return x

model = Net().to(device)
"""),
        (
            Snippet("""\
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs=784, classes=10):
        super().__init__()
        self.fc1 = nn.Linear(inputs, 512)
        self.fc2 = nn.Linear(512, classes)

    def forward(self, x):
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


pixels = images[0].numel()
model = Net(inputs=pixels).to(device)
"""),
        ),
    ),
    "optimiser": Lines(
        None,
        (
            Snippet("""\
from torch import optim

criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.01)
"""),
        ),
    ),
    "loop": Lines(
        Snippet("""\
for epoch in range(num_epochs):
    inputs = inputs.to(device)
    labels = labels.to(device)

    outputs = model(inputs)
    loss = criterion(outputs, labels)
    loss.backward()
    optimizer.step()
"""),
        (
            Snippet("""\
from torch.utils.data import DataLoader, TensorDataset


def step(inputs, targets):
    optimizer.zero_grad()
    outputs = model(inputs.float() / 127.5 - 1)
    loss = criterion(outputs, targets)
    loss.backward()
    optimizer.step()


dataset = TensorDataset(images, labels)
batches = DataLoader(
    dataset, batch_size, shuffle=True
)

for epoch in range(num_epochs):
    for inputs, targets in batches:
        step(inputs.to(device), targets.to(device))
"""),
            Snippet("""\
all_x, all_y = images.to(device), labels.to(device)
count = len(all_y)

for epoch in range(num_epochs):
    order = torch.randperm(count, device=device)
    for chosen in order.split(batch_size):
        step(all_x[chosen], all_y[chosen])
"""),
        ),
    ),
    "timing": Lines(
        None,
        (
            Snippet("""\
import time


def wait():
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(work):
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def one_step():
    step(all_x[:batch_size], all_y[:batch_size])


times = sorted(seconds(one_step) for _ in range(25))
print("one step:", times[len(times) // 2], "s")
"""),
        ),
    ),
    "sequence": Lines(),
    "layers": Lines(),
}
