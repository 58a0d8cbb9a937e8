"""Which machines of a cluster share a sweep: equal ones that have the devices, and why the others don't."""

from __future__ import annotations

import pytest

from core import messages
from core.errors import InputError
from core.records import Note, Setup
from core.runs.sweeping.nodes import choose
from tests.builders import make_machine
from tests.fake_targets import cpu_target, gpu_target, other_machine

CPU, GPU = Setup(threads=1), Setup("cuda:0")


def gpu_node(node, **changes):
    return cpu_target(node, machine=make_machine()), gpu_target(node, **changes)


def used(chosen):
    return [node.id for node in chosen.nodes]


def left_out(chosen):
    return {node.id: reason.code for node, reason in chosen.left_out}


def with_memory(node, memory_bytes):
    return cpu_target(node, machine=make_machine(gpus=(), memory_bytes=memory_bytes))


def test_the_largest_group_of_equal_machines_is_used():
    targets = (cpu_target("a", "Other", machine=other_machine()), cpu_target("b"), cpu_target("c"))
    chosen = choose(targets, [CPU])
    assert used(chosen) == ["b", "c"]
    assert left_out(chosen) == {"a": "sweep_node_differs"}
    assert chosen.left_out[0][1].facts["fields"] == "Other / Test CPU"


def test_a_little_more_memory_is_no_difference_and_much_more_is():
    gib = 2**30
    chosen = choose((with_memory("a", 64 * gib), with_memory("b", 63 * gib), with_memory("c", 32 * gib)), [CPU])
    assert used(chosen) == ["a", "b"]
    assert left_out(chosen) == {"c": "sweep_node_differs"}


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_other_releases_of_what_computes_make_machines_unequal(name):
    old = cpu_target("b", packages=((name, "1.0"),))
    chosen = choose(
        (cpu_target("a", packages=((name, "2.0"),)), old, cpu_target("c", packages=((name, "2.0"),))), [CPU]
    )
    assert used(chosen) == ["a", "c"]
    assert chosen.left_out[0][1].facts["fields"] == f"{name} 1.0 / 2.0"


def test_all_devices_of_a_job_are_of_one_machine():
    chosen = choose(
        (*gpu_node("g"), *gpu_node("h"), cpu_target("a"), cpu_target("b"), cpu_target("c")), [CPU, GPU]
    )
    assert used(chosen) == ["g", "h"]
    assert set(left_out(chosen).values()) == {"sweep_node_lacks"}
    node = chosen.nodes[0]
    assert node.target([CPU, GPU]).device == "cuda:0"
    assert node.target([CPU]).device == "cpu"


def test_the_number_of_a_gpu_and_of_workers_counts():
    two = (*gpu_node("g", count=2), *gpu_node("h"))
    assert used(choose(two, [Setup("cuda:1")])) == ["g"]
    assert used(choose(two, [Setup("cuda")])) in (["g"], ["h"])  # two GPUs and one make no equal machines
    ((_, why),) = choose(two, [Setup("cuda")]).left_out
    one, other = why.facts["fields"].split(" / ")
    assert {one, other} == {"2 × NVIDIA Test GPU, Test CPU", "NVIDIA Test GPU, Test CPU"}
    assert used(choose(two, [Setup("cuda", workers=2)])) == ["g"]
    with pytest.raises(InputError) as refusal:
        choose(two, [Setup("cuda:1", workers=2)])
    assert refusal.value.code == "sweep_no_machine"
    assert used(choose(two, [Setup(workers=4)]))  # a CPU is one device for all workers


def test_a_kind_that_is_named_wins_over_the_largest_group():
    targets = (cpu_target("a", "Other", machine=other_machine()), cpu_target("b"), cpu_target("c"))
    assert used(choose(targets, [CPU], "Other")) == ["a"]
    with pytest.raises(InputError) as refusal:
        choose(targets, [CPU], "Abacus")
    assert refusal.value.facts["available"] == "Other, Test CPU"


def test_busy_machines_are_left_out_unless_there_is_time_or_nothing_else():
    targets = (cpu_target("a", state="busy"), cpu_target("b"))
    assert left_out(choose(targets, [CPU])) == {"a": "sweep_node_busy"}
    assert used(choose(targets, [CPU], may_wait=True)) == ["a", "b"]
    assert used(choose(targets[:1], [CPU])) == ["a"]
    busy_gpu = (*gpu_node("g", state="busy"), *gpu_node("h"))
    assert used(choose(busy_gpu, [CPU])) == ["g", "h"], "its CPU is free"
    assert used(choose(busy_gpu, [CPU, GPU])) == ["h"]


def test_what_is_broken_is_left_out_with_its_own_reason():
    problem = Note("node_packages_missing", {"packages": "torch"})
    broken = cpu_target("a", state="unfit", problem=problem, machine=None)
    chosen = choose((broken, cpu_target("b")), [CPU])
    assert used(chosen) == ["b"]
    assert chosen.left_out[0][1] == problem
    assert used(choose((broken, cpu_target("b")), [])) == ["b"]
    gpu = (*gpu_node("g", state="unfit", problem=Note("gpu_not_there", {"label": "H200"})), *gpu_node("h"))
    assert left_out(choose(gpu, [CPU, GPU])) == {"g": "gpu_not_there"}
    assert choose(gpu[:2], []).nodes[0].accelerator is None


def test_a_machine_that_hasnt_said_what_it_is_equals_none():
    silent = cpu_target("a", machine=None)
    assert left_out(choose((silent, cpu_target("b")), [CPU])) == {"a": "sweep_node_unknown"}


def test_where_nothing_fits_it_is_refused():
    for targets, code in (((), "cluster_empty"), ((cpu_target("a"),), "sweep_no_machine")):
        with pytest.raises(InputError) as refusal:
            choose(targets, [GPU])
        assert refusal.value.code == code


def test_every_reason_has_a_sentence():
    targets = (*gpu_node("g"), cpu_target("a", state="busy"), cpu_target("b", machine=None))
    for setups, kind in (([CPU], None), ([GPU], None), ([CPU], "Test CPU")):
        for _, reason in choose(targets, setups, kind).left_out:
            assert messages.sentence(reason.code, reason.facts)[0].isupper()


def broken_gpu(node, **changes):
    """A node whose label promises a GPU that isn't there."""
    problem = Note("gpu_not_there", {"label": "A100"})
    there = gpu_target(node, "A100", state="unfit", problem=problem, machine=make_machine(gpus=()))
    return cpu_target(node, **changes), there


def test_what_cant_measure_makes_no_machine_another_one():
    targets = (cpu_target("a", "Other", machine=other_machine()), *broken_gpu("g"), cpu_target("b"))
    assert used(choose(targets, [])) == ["g", "b"]
    assert used(choose(targets[:3], [])) == ["a"], "of equal groups the first, for a broken GPU counts as none"
    assert choose(targets, [CPU]).nodes[0].name == "Test CPU"


def test_a_kind_that_cant_measure_isnt_replaced_by_its_machines_processor():
    for setups in ([], [CPU]):
        with pytest.raises(InputError) as refusal:
            choose((*broken_gpu("g"), cpu_target("b")), setups, "A100")
        assert refusal.value.code == "gpu_not_there"
