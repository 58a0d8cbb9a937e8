"""Drivers against CUDA, GPUs against builds, and what CUDA_VISIBLE_DEVICES leaves."""

import re
from pathlib import Path

import pytest

from core.hardware.doctor import versions
from core.hardware.doctor.visible import Shown, hides_all, shown
from tests.doctored import UUID, make_driver, make_gpu, make_gpu_facts

ROOT = Path(__file__).resolve().parents[2]
OTHER = "GPU-fedcba98-7654-3210-fedc-ba9876543210"


@pytest.mark.parametrize(
    ("driver", "major", "served"),
    [
        ("580.65.06", 13, True),
        ("580", 13, True),
        ("579.99", 13, False),
        ("575.57.08", 12, True),
        ("525.60.13", 12, True),
        ("525.60.12", 12, False),
        ("450.80.02", 11, True),
        ("450.51.06", 11, False),
    ],
)
def test_a_driver_serves_a_major_version_of_cuda_from_its_first_driver_on(driver, major, served):
    assert versions.serves(make_driver(version=driver), major) is served


def test_where_the_table_ends_the_driver_is_asked():
    assert versions.serves(make_driver(cuda=(14, 1)), 14) is True
    assert versions.serves(make_driver(cuda=(13, 0)), 14) is False
    assert versions.serves(make_driver(version="R580; rm -rf /", cuda=(13, 0)), 13) is True
    assert versions.serves(make_driver(version=None, cuda=None), 13) is None


@pytest.mark.parametrize(
    ("architecture", "capability", "runs"),
    [
        ("sm_86", (8, 6), True),
        ("sm_86", (8, 9), True),
        ("sm_86", (8, 0), False),
        ("sm_86", (9, 0), False),
        ("sm_120", (12, 1), True),
        ("compute_80", (12, 0), True),
        ("compute_90", (8, 9), False),
        ("sm_90a", (9, 0), True),
        ("compute_90a", (10, 0), False),
        ("sm_100f", (10, 3), True),
        ("compute_100f", (12, 0), False),
        ("gfx90a", (9, 0), False),
    ],
)
def test_which_gpu_runs_what(architecture, capability, runs):
    assert versions.covers((architecture,), capability) is runs


@pytest.mark.parametrize(
    ("driver", "capabilities", "architecture", "index"),
    [
        ("580.65.06", [(9, 0)], "x86_64", "cu130"),
        ("570.86.15", [(9, 0)], "x86_64", "cu126"),
        ("580.65.06", [(6, 1)], "x86_64", "cu126"),  # Pascal: CUDA 13 has dropped it
        ("580.65.06", [(6, 1), (9, 0)], "x86_64", "cu126"),
        ("580.65.06", [(12, 1)], "aarch64", "cu130"),
        ("570.86.15", [(12, 0)], "x86_64", None),  # Blackwell needs CUDA 13's build, and that a newer driver
        ("470.82.01", [(7, 5)], "x86_64", None),
        ("580.65.06", [(3, 5)], "x86_64", None),
    ],
)
def test_the_newest_build_that_suits_driver_and_gpus(driver, capabilities, architecture, index):
    gpus = tuple(make_gpu(i, capability=found) for i, found in enumerate(capabilities))
    build = versions.suitable(
        make_gpu_facts(driver=make_driver(version=driver, cuda=None), gpus=gpus, architecture=architecture)
    )
    assert (build.index if build else None) == index


def test_the_pair_is_the_one_that_is_required():
    required = dict(
        re.findall(r"^(torch|torchvision)==([0-9.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    )
    assert required == {"torch": versions.TORCH, "torchvision": versions.TORCHVISION}


@pytest.mark.parametrize("text", ["", "580.", "v580", "580.65; reboot", "１３.0", "5" * 40, None])
def test_a_version_is_digits_and_dots(text):
    assert versions.version(text) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0,1", Shown(2)),
        (" 1 ", Shown(1)),
        ("", Shown(0, "")),
        ("-1", Shown(0, "-1")),
        ("NoDevFiles", Shown(0, "NoDevFiles")),
        ("0,-1,1", Shown(1, "-1")),
        ("0,2,1", Shown(1, "2")),
        (UUID, Shown(1)),
        (f"{UUID[:12]},{OTHER[:12]}", Shown(2)),
        ("GPU-", Shown(0, "GPU-")),
        ("GPU-99999999", Shown(0, "GPU-99999999")),
        ("0,0", Shown(1)),
        ("MIG-01234567-89ab-cdef-0123-456789abcdef", None),
        ("9" * 5000, Shown(0, "9" * 5000)),
        ("²", Shown(0, "²")),
    ],
)
def test_what_the_variable_shows_of_two_gpus(value, found):
    assert shown(value, [UUID, OTHER]) == found


def test_a_beginning_that_two_gpus_share_names_neither():
    assert shown("GPU-0", ["GPU-01", "GPU-02"]) == Shown(0, "GPU-0")


def test_which_values_hide_all_whatever_there_is():
    assert [value for value in ("", "-1", "NoDevFiles", "0", "0,-1", "1.0") if hides_all(value)] == [
        "",
        "-1",
        "NoDevFiles",
    ]
