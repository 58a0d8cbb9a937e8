"""The doctor's words and its report: true to the facts; nothing in it names a person or does a thing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core import messages
from core.hardware.doctor.facts import Finding, PciDevice
from core.i18n import english, translator
from core.records import Device, Note
from core.runs.checkup import Examination
from core.runs.files import masking
from core.sharing.doctor_names import nameless
from core.sharing.doctor_report import report
from core.sharing.doctor_words import agreement, verdict
from tests.doctored import (
    UUID,
    make_check,
    make_cuda_torch,
    make_device,
    make_facts,
    make_gpu_facts,
    make_torch,
)

HANGS = Note("too_few_blocks")  # any code that has a sentence
HOSTILE = (
    "libcudart: /home/agatha/My Files/venv/lib/libc10.so\n```\n# agathas-laptop <img src=x> @someone\n````\n"
    f"on {UUID} | [x](https://example.org) ~~~"
)


@pytest.fixture(autouse=True)
def _own_names(monkeypatch):
    monkeypatch.setattr(masking.socket, "gethostname", lambda: "agathas-laptop.example.org")
    monkeypatch.setattr(masking.getpass, "getuser", lambda: "agatha")
    masking._own_names.cache_clear()
    yield
    masking._own_names.cache_clear()


@pytest.fixture(autouse=True)
def _a_finding_with_words(monkeypatch):
    monkeypatch.setitem(messages.ALL, "invented", "The quota is {cores}: {problem}")


def examined(facts, *findings):
    return Examination("2026-11-29T10:11:12+00:00", facts, findings)


def finding(severity="warning"):
    return Finding("invented", severity, {"cores": 2, "problem": HOSTILE})


# --- the verdict


@pytest.mark.parametrize(
    ("facts", "findings", "told"),
    [
        (make_facts(), (), "This machine has no NVIDIA GPU; training runs on the CPU. Nothing to mend."),
        (
            make_facts(pci=None),
            (),
            "No NVIDIA GPU is to be seen here; training runs on the CPU. Nothing to mend.",
        ),
        (
            make_facts(within="wsl"),
            (),
            "No NVIDIA GPU is to be seen here; training runs on the CPU. Nothing to mend.",
        ),
        (
            make_gpu_facts(checks=(make_check("cpu", HANGS), make_check(failure=HANGS))),
            ("error",),
            "No device computes here as it should. One thing to mend.",
        ),
        (make_gpu_facts(), (), "Training can use the GPU here: NVIDIA H200. Nothing to mend."),
        (make_gpu_facts(), ("info",), "Training can use the GPU here: NVIDIA H200. Nothing to mend."),
        (
            make_gpu_facts(torch=make_torch(), checks=(make_check("cpu"),)),
            ("error", "warning", "info"),
            "There is a GPU here, but training can't use it. 2 things to mend.",
        ),
        (
            make_gpu_facts(
                checks=(make_check("cpu"), make_check(failure=Note("device_check_hangs", {"limit_s": 60.0})))
            ),
            ("error",),
            "There is a GPU here, but training can't use it. One thing to mend.",
        ),
        (
            make_facts(pci=(PciDevice("nvidia", None),)),
            ("error",),
            "There is a GPU here, but training can't use it. One thing to mend.",
        ),
        (
            make_facts(torch=None, torch_problem=Note("torch_missing"), checks=()),
            ("error",),
            "Torch can't be used here, so nothing can be trained. One thing to mend.",
        ),
    ],
)
def test_the_verdict_says_what_can_be_trained_on_and_what_is_to_mend(facts, findings, told):
    assert verdict(examined(facts, *map(finding, findings)), english) == told


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        (0.0, "the same as the CPU's to the last digit"),
        (1e-6, "agrees with the CPU's to 6 digits"),
        (3e-6, "agrees with the CPU's to 5 digits"),
        (0.05, "agrees with the CPU's to 1 digit"),
        (0.1, "differs from the CPU's"),
        (7.0, "differs from the CPU's"),
        (None, "–"),
    ],
)
def test_a_difference_is_told_in_digits(difference, told):
    assert agreement(replace(make_check(), largest_difference=difference), english) == told


def test_the_cpus_own_product_is_the_yardstick():
    assert agreement(make_check("cpu"), english) == "computes; other devices are compared with it"


# --- the report


def hostile():
    torch = replace(make_cuda_torch(), problem=HOSTILE, torchvision_problem=HOSTILE)
    bad = replace(make_check(), device=make_device(name="GPU of agatha | ``` <b>"))
    facts = make_gpu_facts(
        torch=torch, checks=(make_check("cpu"), bad), variables=(("CUDA_VISIBLE_DEVICES", UUID),)
    )
    return examined(facts, finding())


def outside(text):
    """What a Markdown reader doesn't take for code."""
    opened = re.search(r"^(`{3,})text\n", text, re.MULTILINE)
    closed = re.search(rf"^{opened[1]}$", text[opened.end() :], re.MULTILINE)
    assert closed
    return text[: opened.start()] + text[opened.end() + closed.end() :], text[opened.end() :][: closed.start()]


def test_no_text_in_it_names_its_owner():
    text = report(hostile(), english)
    assert [name for name in ("agatha", "/home", "My Files/", UUID, UUID[:20]) if name in text.lower()] == []
    assert f"{UUID[:8]}…" in text
    assert "libc10.so" in text


def test_no_text_in_it_does_anything():
    around, code = outside(report(hostile(), english))
    assert "```" in code
    assert "torch says" in code
    assert [mark for mark in ("```", "<img", "<b>", "[x](", "~~~", "@someone") if mark in around] == []
    assert "Examined 2026-11-29 10:11 (UTC)" in around
    rows = [line for line in around.splitlines() if line.startswith("| cuda:0")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 4


def test_it_holds_what_a_helper_asks_for():
    text = report(examined(make_gpu_facts(), finding("info")), english)
    for word in (
        "580.65.06",
        "CUDA 13.0",
        "2.13.0+cu130",
        "0.28.0+cu130",
        "x86_64",
        "NVIDIA H200",
        "sm_90",
        "2 ms",
    ):
        assert word in text, word
    assert "- For your information (`invented`): The quota is 2" in text


def test_what_couldnt_be_told_is_left_out():
    facts = make_facts(memory_bytes=None, compiler=None, torch=None, torch_problem=HANGS)
    text = report(examined(replace(facts, checks=())), english)
    assert "None" not in text
    assert "| Device |" not in text


def test_it_speaks_the_readers_language():
    english_text, chinese = (report(hostile(), translate) for translate in (english, translator("zh_CN")))
    assert english_text.splitlines()[0] != ""
    assert "580.65.06" in chinese


def test_a_user_who_is_called_like_a_part_breaks_nothing(monkeypatch):
    monkeypatch.setattr(masking.getpass, "getuser", lambda: "cuda")
    masking._own_names.cache_clear()
    facts = make_gpu_facts(torch=make_cuda_torch(devices=(Device("cpu", "CPU"), make_device())))
    assert "H200" in report(examined(facts, finding()), english)


def test_identities_are_shortened_wherever_they_stand():
    assert nameless(f"lost: {UUID}.") == f"lost: {UUID[:8]}…."
    assert nameless("MIG-01234567-89ab-cdef-0123-456789abcdef") == "MIG-0123…"
    assert nameless(f"MIG-{UUID}/1/0") == f"MIG-{UUID[:8]}…/1/0"
    assert nameless(UUID.removeprefix("GPU-")) == "0123…"  # as torch writes it
    assert nameless(UUID[:20]) == f"{UUID[:8]}…"  # as CUDA_VISIBLE_DEVICES may have it
    assert nameless("GPU-4b2c1a9f8b5d6e7a") == "GPU-4b2c…"  # ROCm's
    assert (
        nameless("2.14.0.dev20261101+cu130, GPU-0, 580.65.06") == "2.14.0.dev20261101+cu130, GPU-0, 580.65.06"
    )


@pytest.mark.parametrize("name", ["nvidia", "gpu", "torch"])
def test_a_user_who_is_called_like_the_hardware_is_nobody(name, monkeypatch):
    monkeypatch.setattr(masking.getpass, "getuser", lambda: name)
    masking._own_names.cache_clear()
    text = report(
        examined(make_gpu_facts(), Finding("gpu_ready", "info", {"name": "NVIDIA H200", "device": "cuda:0"})),
        english,
    )
    assert text.startswith("**Training can use the GPU here: NVIDIA H200.")
    assert "torch: 2.13.0" in text


def test_a_file_that_everybody_has_keeps_its_name():
    text = report(examined(make_gpu_facts(), Finding("uvm_missing", "error")), english)
    assert "/dev/nvidia-uvm is missing" in text
