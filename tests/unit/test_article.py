"""The lines that the Learn page shows: every Python one runs on the CPU, and does what is said of it.

TensorFlow isn't a dependency and CUDA needs a GPU's compiler: their snippets in core.layers are only shown, and
so are the shell's (nvcc, nvidia-smi, pip), which ask the machine or change it.
"""

from __future__ import annotations

import ast
import itertools
import typing
import warnings

import pytest
import torch
from torch import nn, optim

from core import article, layers
from core.article import LACKS, LINES, SAYS, TITLES

_DATA = """\
import torch

labels = torch.arange(512) % 4
images = torch.randint(0, 64, (512, 1, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
images[torch.arange(512), 0, labels, labels] = 255
batch_size, num_epochs = 32, 4
torch.manual_seed(0)
"""


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def _python(chapter):
    return [snippet.code for snippet in LINES[chapter].here if snippet.language == "python"]


def _after(chapter, snippets=None):
    """The names that all chapters before leave behind, and `snippets` of this one (else all)."""
    names: dict[str, object] = {"__name__": "train"}
    exec(_DATA, names)
    for name in LINES:
        for code in _python(name)[: snippets if name == chapter else None]:
            exec(compile(code, f"<{name}>", "exec"), names)
        if name == chapter:
            return names
    raise AssertionError(chapter)


def _loss(names):
    with torch.no_grad():
        return names["criterion"](names["model"](names["images"].float() / 127.5 - 1), names["labels"]).item()


def test_every_chapter_has_its_texts_and_lines():
    chapters = typing.get_args(article.ChapterName)
    assert tuple(TITLES) == tuple(SAYS) == tuple(LACKS) == tuple(LINES) == chapters
    assert all(text.endswith(".") for text in (*SAYS.values(), *itertools.chain(*LACKS.values())))
    assert list(layers.WHAT) == list(layers.SNIPPETS)


def test_which_snippets_are_only_shown():
    shown = [(name, snippet.language) for name, lines in LINES.items() for snippet in lines.here]
    assert [item for item in shown if item[1] != "python"] == [("check", "bash"), ("install", "bash")]
    assert {name: snippet.language for name, snippet in layers.SNIPPETS.items()} == {
        "PyTorch": "python",  # run below
        "TensorFlow": "python",  # only shown
        "CUDA": "cpp",  # only shown
    }


def test_the_check_tells_what_torch_can_use(capsys):
    _after("check")
    told = capsys.readouterr().out
    assert torch.__version__ in told
    assert "usable: False" in told


def test_torchvision_names_the_one_torch_that_it_fits(capsys):
    _after("install")
    told = capsys.readouterr().out
    assert f"=={torch.__version__.partition('+')[0]}" in told, told


def test_the_articles_line_copies_a_tensor_and_warns_and_ours_does_neither():
    line = LINES["data"].article.code
    names = {"torch": torch, "data": torch.ones(5)}
    before = names["data"].data_ptr()
    with pytest.warns(UserWarning, match="copy construct"):
        exec(line, names)
    assert names["data"].data_ptr() != before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = _after("data")
    assert ours["data"].data_ptr() == ours["images"].data_ptr()
    assert str(ours["device"]) == "cpu"
    assert 4 * ours["images"].nbytes == ours["images"].float().nbytes


def test_the_articles_view_mixes_up_small_images_where_ours_keeps_one_row_for_each():
    theirs: dict[str, object] = {"torch": torch, "nn": nn, "device": "cpu"}
    exec(LINES["model"].article.code, theirs)
    images = torch.rand(49, 1, 8, 8)
    assert theirs["model"](images).shape == (4, 10)
    ours = _after("model")
    assert ours["Net"](inputs=64)(images).shape == (49, 10)
    assert ours["model"].to("cpu") is ours["model"], "in place"


def test_the_loss_takes_raw_outputs_and_class_numbers():
    names = _after("optimiser")
    logits, right = torch.tensor([[2.0, -1.0]]), torch.tensor([0])
    expected = -torch.log_softmax(logits, dim=1)[0, 0]
    assert names["criterion"](logits, right) == expected
    held = names["optimizer"].param_groups[0]["params"]
    assert all(one is other for one, other in zip(held, names["model"].parameters(), strict=True))


@pytest.mark.parametrize("snippets", [1, 2])
def test_the_loop_trains(snippets):
    before = _loss(_after("optimiser"))
    assert _loss(_after("loop", snippets)) < 0.8 * before


def test_without_zero_grad_the_articles_loop_adds_gradients_up():
    model = nn.Linear(4, 2)
    names = {
        "model": model,
        "criterion": nn.CrossEntropyLoss(),
        "optimizer": optim.SGD(model.parameters(), lr=0.0),  # nothing learned: each step has the same gradient
        "inputs": torch.ones(8, 4),
        "labels": torch.zeros(8, dtype=torch.int64),
        "device": "cpu",
        "num_epochs": 1,
    }
    exec(LINES["loop"].article.code, names)
    first = model.weight.grad.clone()
    names["num_epochs"] = 2
    exec(LINES["loop"].article.code, names)
    torch.testing.assert_close(model.weight.grad, 3 * first)


def test_our_step_starts_from_gradients_of_zero():
    names = _after("loop", 1)
    names["optimizer"].param_groups[0]["lr"] = 0.0
    gradients = []
    for _ in range(2):
        names["step"](names["images"][:32], names["labels"][:32])
        gradients.append(names["model"].fc2.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_the_clock_tells_the_median_of_25_steps(capsys):
    names = _after("timing")
    assert len(names["times"]) == 25
    assert min(names["times"]) > 0
    assert f"one step: {sorted(names['times'])[12]} s" in capsys.readouterr().out


def test_the_layers_step_gives_what_it_says():
    names = {"torch": torch, "device": "cpu"}
    exec(layers.SNIPPETS["PyTorch"].code, names)
    assert names["y"].shape == (64, 512)
    assert names["y"].min() >= 0


def test_every_python_snippet_parses():
    snippets = [snippet for lines in LINES.values() for snippet in (lines.article, *lines.here) if snippet]
    snippets += list(layers.SNIPPETS.values())
    assert all(ast.parse(snippet.code) for snippet in snippets if snippet.language == "python")
