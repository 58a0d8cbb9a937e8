"""What the doctor finds, in words: every text can be filled with the facts that its finding brings."""

import random
from itertools import product

import pytest

from core.hardware.doctor.diagnose import diagnose, healthy
from core.hardware.doctor.facts import Facts, Installed, PciDevice
from core.i18n import english
from core.messages import doctor, sentence
from core.records import Note
from tests.doctored import (
    UUID,
    make_check,
    make_cpu,
    make_cuda_torch,
    make_driver,
    make_facts,
    make_gpu,
    make_gpu_facts,
    make_packages,
    make_torch,
)

NO_TORCH = [
    Note("torch_missing"),
    Note("torch_broken", {"problem": "no libtorch"}),
    Note("torch_hangs", {"limit_s": 60.0}),
    Note("torch_died", {"exit_code": -11, "last_words": "Segmentation fault"}),
]
FAILURES = [
    Note("device_check_failed", {"problem": "{0} {name.__class__}"}),  # of a stranger: text, never a template
    Note("device_check_wrong", {"difference": 0.25, "tolerance": 5e-5}),
    Note("device_check_hangs", {"limit_s": 60.0}),
]


def words(finding, translate=english):
    return [
        sentence(finding.code, finding.facts, translate),
        doctor.means(finding.code, finding.facts, translate),
        doctor.mend(finding.code, finding.facts, translate),
    ]


@pytest.mark.parametrize("note", NO_TORCH, ids=lambda note: note.code)
def test_without_torch(note):
    (finding,) = (
        item for item in diagnose(make_facts(torch=None, torch_problem=note)) if item.severity == "error"
    )
    found, means, mend = words(finding)
    assert found == sentence(note.code, note.facts)
    assert means
    assert mend
    assert all(str(value).removesuffix(".0") in found for value in note.facts.values())


@pytest.mark.parametrize("failure", FAILURES, ids=lambda note: note.code)
def test_a_computation_that_fails(failure):
    finding, *_ = diagnose(make_gpu_facts(checks=(make_check("cpu"), make_check(failure=failure))))
    found, means, mend = words(finding)
    assert "cuda:0 (NVIDIA H200)" in found
    assert "cuda:0" in means + found
    assert mend
    assert sentence(failure.code, failure.facts).startswith("The matrix product")
    if "problem" in failure.facts:
        assert failure.facts["problem"] in found
    if failure.code == "device_check_wrong":
        assert "2.5e-01" in found
        assert "5.0e-05" in found


def test_nothing_to_mend_is_said_without_words():
    for finding in diagnose(make_gpu_facts(gpus=(make_gpu(mig=True, virtual="vgpu"),))):
        found, means, mend = words(finding)
        assert found
        assert means
        assert mend == ""


def test_every_text_goes_through_the_catalogue():
    asked = []

    def translate(text):
        asked.append(text)
        return text

    finding = next(item for item in diagnose(make_facts(compiler=False)) if item.code == "compiler_missing")
    words(finding, translate)
    assert len(asked) == 3
    assert "There is no C++ compiler, which torch.compile needs." in asked


VENDORS = ("nvidia", "amd", "intel")
HOSTILE = "; rm -rf ~ {0} $(reboot)"


def _some_machine(draw: random.Random) -> Facts:
    """Any mixture of facts, also such as no machine has; strings from outside are hostile now and then."""

    def one(*choices):
        return draw.choice(choices)

    def some(*choices):
        return tuple(item for item in choices if draw.random() < 0.4)

    torch = one(
        make_torch(f"2.13.0{HOSTILE}", torchvision_problem=one(None, HOSTILE)),
        make_cuda_torch(
            available=one(True, False), problem=one(None, HOSTILE), runtime=one("13.0", "12.6", HOSTILE)
        ),
        make_torch(
            built_for=one("rocm", "xpu", "mps"), architectures=(HOSTILE, "gfx90a"), problem=one(None, HOSTILE)
        ),
        None,
    )
    gpu = make_gpu(
        name=HOSTILE,
        uuid=one(UUID, HOSTILE),
        capability=one((9, 0), (3, 5), (14, 0), None),
        other_processes=one(0, 2, None),
        mig=one(True, False, None),
        virtual=one("vgpu", None),
        problem=one(None, None, "nvml_gpu_lost", "nvml_reset_required", "nvml_no_permission"),
    )
    problems = (
        "nvml_no_driver",
        "nvml_driver_not_loaded",
        "nvml_version_mismatch",
        "nvml_no_gpu",
        "nvml_failed",
        "nvml_hangs",
    )
    names = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "OMP_NUM_THREADS", HOSTILE)
    return make_facts(
        family=one("linux", "linux", "windows", "macos", "other"),
        distribution=one("debian", "fedora", HOSTILE, None),
        architecture=one("x86_64", "arm64", HOSTILE),
        within=one(None, "container", "wsl", "vm"),
        tegra=one(True, False, False, False),
        cpu=make_cpu(quota_cores=one(None, 2.5), usable_cores=one(16, 4, None), model=one("Apple M1", HOSTILE)),
        driver=make_driver(
            version=one("580.65.06", "470.1", HOSTILE, None),
            problem=one(None, *problems),
            libraries=one(None, (), ("libcuda.so.1",)),
            kernel_module=one(None, True, False),
        ),
        gpus=one((), (gpu,)),
        pci=one(
            None, (), some(*(PciDevice(*item) for item in product(("nvidia", "amd", "intel"), (None, HOSTILE))))
        ),
        device_nodes=some("nvidia0", "nvidia-uvm", "dxg", "kfd", HOSTILE),
        variables=tuple((name, one("", "0", "1", "-1", HOSTILE)) for name in some(*names)),
        packages=some(*make_packages("2.13.0", HOSTILE, HOSTILE, Installed("pynvml", HOSTILE, place=1))),
        torch=torch,
        torch_problem=None if torch else one(*NO_TORCH),
        compiler=one(True, False, None),
        checks=some(make_check("cpu"), make_check(), make_check(failure=one(*FAILURES))),
    )


def test_whatever_the_facts_are_the_words_can_be_said_and_no_command_holds_a_strangers_text():
    draw, seen = random.Random(8), set()
    for _ in range(1500):
        findings = diagnose(_some_machine(draw))
        for finding in findings:
            seen.add(finding.code)
            _, means, mend = words(finding)
            assert means
            assert (finding.remedy is None) == (mend == "")
            commands = (*finding.remedy.commands, finding.remedy.check or "") if finding.remedy else ()
            assert not [command for command in commands if "rm -rf" in command or "$(reboot)" in command]
        assert healthy(findings) == ({item.severity for item in findings} <= {"info"})
    assert len(seen) > 45, sorted(seen)
