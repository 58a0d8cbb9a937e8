"""The checklist ticks a step by facts alone, and never one that isn't needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.hardware.doctor.checklist import checklist
from core.hardware.doctor.facts import PciDevice
from core.messages import sentence
from core.messages.doctor import STEPS
from core.records import Device, Note
from tests.doctored import (
    make_check,
    make_cuda_torch,
    make_driver,
    make_facts,
    make_gpu_facts,
    make_packages,
    make_software,
    make_torch,
    no_driver,
)

CODES = ["step_driver", "step_torch", "step_pair", "step_build", "step_sees", "step_moves"]
MISSING = {"torch": None, "torch_problem": Note("torch_missing"), "checks": ()}


def states(facts):
    return {step.code.removeprefix("step_"): step.state for step in checklist(facts)}


def why(facts, code):
    [step] = [step for step in checklist(facts) if step.code == code]
    return sentence(step.why.code, step.why.facts)


def test_every_step_has_its_words():
    assert [step.code for step in checklist(make_facts())] == CODES == list(STEPS)


def test_on_a_sound_gpu_all_is_done():
    facts = make_gpu_facts()
    assert set(states(facts).values()) == {"done"}
    assert why(facts, "step_driver") == "Driver 580.65.06 answers and serves CUDA up to 13.0."
    assert why(facts, "step_build") == "Torch is built for CUDA 13.0."
    assert why(facts, "step_sees") == "Torch sees NVIDIA H200."
    assert why(facts, "step_moves") == "A product was computed on cuda:0, and agrees with the CPU's."


def test_without_a_gpu_its_steps_arent_needed_and_never_ticked():
    facts = make_facts(torch=make_torch(software=make_software(torchvision="0.28.0+cpu")))
    assert states(facts) == {
        "driver": "not_needed",
        "torch": "done",
        "pair": "done",
        "build": "not_needed",
        "sees": "not_needed",
        "moves": "not_needed",
    }
    assert why(facts, "step_moves") == "No GPU that torch could use is to be seen here."


def test_without_a_gpu_a_build_for_cuda_ticks_nothing_of_it():
    facts = make_facts(torch=make_cuda_torch(available=False, devices=(Device("cpu", "CPU"),)))
    assert {states(facts)[name] for name in ("driver", "build", "sees", "moves")} == {"not_needed"}


def test_a_gpu_without_a_driver_begins_with_it():
    facts = make_facts(pci=(PciDevice("nvidia", "nouveau"),), driver=no_driver())
    assert states(facts) == {
        "driver": "open",
        "torch": "done",
        "pair": "done",
        "build": "open",
        "sees": "open",
        "moves": "unknown",
    }
    assert why(facts, "step_driver") == sentence("nvml_no_driver")


def test_a_driver_that_stopped_answering_isnt_ticked():
    facts = make_gpu_facts(driver=make_driver(problem="nvml_version_mismatch"))
    assert states(facts)["driver"] == "open"


def test_a_driver_that_doesnt_tell_its_cuda_answers_all_the_same():
    facts = make_gpu_facts(driver=make_driver(cuda=None))
    assert why(facts, "step_driver") == "Driver 580.65.06 answers."


def test_a_cpu_build_beside_a_gpu_is_what_is_left_to_do():
    facts = make_gpu_facts(torch=make_torch(), checks=(make_check("cpu"),))
    assert states(facts) == {
        "driver": "done",
        "torch": "done",
        "pair": "done",
        "build": "open",
        "sees": "open",
        "moves": "unknown",
    }
    assert why(facts, "step_build") == "Torch 2.13.0+cpu is built for the CPU only."


@pytest.mark.parametrize("make", [make_facts, make_gpu_facts])
def test_without_torch_nothing_after_it_is_ticked(make):
    found = states(make(**MISSING))
    assert found.pop("driver") in ("done", "not_needed")
    assert found.pop("torch") == "open"
    assert set(found.values()) <= {"unknown", "not_needed"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"torchvision_problem": "operator torchvision::nms does not exist"}, "nms does not exist"),
        ({"software": make_software(torchvision=None)}, "isn't installed"),
        ({"software": make_software(torch="2.12.0", torchvision="0.28.0")}, "another torch than 2.12.0"),
    ],
)
def test_a_pair_that_isnt_one_is_left_to_do(changes, told):
    facts = make_gpu_facts(torch=replace(make_cuda_torch(), **changes))
    assert states(facts)["pair"] == "open"
    assert told in why(facts, "step_pair")


def test_a_torchvision_that_asks_for_no_version_is_taken_at_its_word():
    facts = make_gpu_facts(packages=make_packages(requires_torch=None))
    assert states(facts)["pair"] == "done"


@pytest.mark.parametrize(
    "failure",
    [
        Note("device_check_failed", {"problem": "out of memory"}),
        Note("device_check_wrong", {"difference": 0.5, "tolerance": 1e-3}),
        Note("device_check_hangs", {"limit_s": 60.0}),
    ],
)
def test_a_product_that_failed_on_one_gpu_of_two_isnt_ticked(failure):
    facts = make_gpu_facts(checks=(make_check("cpu"), make_check(), make_check("cuda:1", failure)))
    assert states(facts)["moves"] == "open"
    assert checklist(facts)[-1].why == failure


def test_another_makers_gpu_needs_no_driver_of_nvidia():
    mac = make_cuda_torch(
        built_for="mps", runtime=None, devices=(Device("cpu", "CPU"), Device("mps", "Apple M4"))
    )
    facts = make_facts(torch=mac, checks=(make_check("cpu"), make_check("mps")))
    found = states(facts)
    assert found.pop("driver") == "not_needed"
    assert found.pop("pair") == "done"
    assert set(found.values()) == {"done"}
    assert why(facts, "step_build") == "Torch is built for MPS."
