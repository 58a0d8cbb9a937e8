"""The lines that the Optimise page offers for people's own scripts run, and train."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from core import own_code
from core.analysis.ladder import NAMES

_RUN_HERE = [
    name
    for name in NAMES
    if own_code.SNIPPETS[name].language == "python" and not own_code.SNIPPETS[name].needs_cuda
]
_EPOCHS = 4
_DATA = """\
import torch

labels = torch.arange(512) % 4
images = torch.randint(0, 64, (512, 1, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
images[torch.arange(512), 0, labels, labels] = 255
batch_size = 32
torch.manual_seed(0)
"""


@pytest.fixture(autouse=True)
def _as_before():
    """One thread: several wait for each other where other tests take their cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch._inductor.config.cpp_wrapper = False


@pytest.fixture
def on_the_cpu(monkeypatch):
    """The code generator is torch's own and takes half a minute; what it is given is ours."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))


def _loss(names):
    with torch.no_grad():
        x = names["images"].float() / 127.5 - 1
        return functional.cross_entropy(names["model"](x), names["labels"]).item()


def _compile(name):
    return compile(own_code.script(name), f"<{name}>", "exec")


def test_every_rung_has_lines_and_words():
    assert list(own_code.SNIPPETS) == list(own_code.SAYS) == list(NAMES)
    lines = [len(snippet.code.splitlines()) for snippet in own_code.SNIPPETS.values()]
    assert max(lines) <= 30, "a few lines each"


@pytest.mark.parametrize("name", _RUN_HERE)
def test_the_lines_train(name, on_the_cpu):
    names: dict[str, object] = {"__name__": "train"}
    exec(_DATA, names)
    exec(compile(own_code.START, "<start>", "exec"), names)
    before = _loss(names)
    exec(_DATA, names)
    exec(_compile(name), names)
    for _ in range(_EPOCHS):
        names["epoch"]()
    assert _loss(names) < 0.8 * before
    names.pop("batches", None)  # left to the garbage collector, a DataLoader waits for seconds for each process


@pytest.mark.parametrize("name", [name for name in NAMES if own_code.SNIPPETS[name].needs_cuda])
def test_lines_for_a_gpu_are_at_least_python(name):
    assert _compile(name)


def test_only_what_needs_a_gpu_says_so():
    cuda = {name for name in NAMES if "torch.cuda." in own_code.SNIPPETS[name].code}
    assert {name for name in NAMES if own_code.SNIPPETS[name].needs_cuda} == cuda | {"tf32"}


def test_channels_last_really_gets_to_the_convolutions(on_the_cpu):
    names: dict[str, object] = {"__name__": "train"}
    exec(_DATA, names)
    convolution = "nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 4))"
    source = own_code.script("channels_last").replace(
        "model = model.to(device)", f"model = {convolution}.to(device)"
    )
    exec(source, names)
    seen = []
    names["model"][0].register_forward_hook(
        lambda module, inputs, output: seen.append(
            (module.weight.stride(), output.is_contiguous(memory_format=torch.channels_last))
        )
    )
    names["epoch"]()
    assert seen
    assert all(stride[1] == 1 and last for stride, last in seen)


def test_onednn_gives_the_gradients_of_torchs_own_products(on_the_cpu):
    losses = []
    for rung in ("resident", "onednn"):
        names: dict[str, object] = {"__name__": "train"}
        exec(_DATA, names)
        exec(_compile(rung), names)
        layers = [type(layer).__name__ for layer in names["model"] if isinstance(layer, nn.Linear)]
        assert layers == ["Linear" if rung == "resident" else "OneDnnLinear"] * 2
        names["epoch"]()
        losses.append(_loss(names))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("cc"), reason="needs Linux and cc")
@pytest.mark.parametrize(
    ("name", "variable"),
    [("keep_pages", "MALLOC_TOP_PAD_"), ("mkl_fast", "LD_PRELOAD"), ("bound", "OMP_PROC_BIND")],
)
def test_the_lines_for_the_shell_run_a_script(tmp_path, name, variable):
    (tmp_path / "train.py").write_text(
        f"{_DATA}\n{own_code.script(name)}\n"
        "import os\n\nfirst = functional.cross_entropy(model(images / 127.5 - 1), labels).item()\n"
        f"for _ in range({_EPOCHS}):\n    epoch()\n"
        "last = functional.cross_entropy(model(images / 127.5 - 1), labels).item()\n"
        f"print(last / first, os.environ['{variable}'])\n"
    )
    done = subprocess.run(
        ["bash", "-e", "-c", own_code.SNIPPETS[name].code],
        cwd=tmp_path,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ratio, value = done.stdout.split()
    assert float(ratio) < 0.8
    assert variable != "LD_PRELOAD" or Path(value).is_file()


def test_every_line_for_the_shell_is_run():
    shell = [name for name in NAMES if own_code.SNIPPETS[name].language == "bash"]
    assert shell == ["keep_pages", "mkl_fast", "bound"]
