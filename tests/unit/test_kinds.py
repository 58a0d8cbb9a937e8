"""Which devices of many machines are of one kind, what kinds are called, and what is asked of each."""

import dataclasses

import pytest

from core.records import Note, Setup
from core.runs.elsewhere.kinds import kinds, representative, setups_on
from tests.builders import make_cpu, make_machine, make_setup
from tests.fake_targets import THREE, cpu_target, gpu_target, other_machine

GPU = "NVIDIA Test GPU"
UNFIT = {"state": "unfit", "problem": Note("node_other_version")}


def machine(**changes):
    memory = {"memory_bytes": changes.pop("memory_gib") * 2**30} if "memory_gib" in changes else {}
    return make_machine(cpu=make_cpu(**changes), **memory)


def names(*targets):
    return [kind.name for kind in kinds(targets)]


def test_each_kind_is_told_once_and_processors_come_first():
    found = kinds((gpu_target("a"), cpu_target("a"), gpu_target("b"), cpu_target("b", "Old")))
    assert [(kind.name, kind.device) for kind in found] == [("Test CPU", "cpu"), ("Old", "cpu"), (GPU, "cuda")]
    assert [target.node for target in found[2].targets] == ["a", "b"]
    assert kinds(()) == ()


def test_the_order_of_the_machines_stays():
    targets = (cpu_target("c"), cpu_target("a"), cpu_target("b", machine=None))
    (kind,) = kinds(targets)
    assert kind.targets == targets


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"model": "Other CPU"}, ["Test CPU", "Other CPU"]),
        ({"usable_cores": 8}, ["16 CPUs", "8 CPUs"]),
        ({"quota_cores": 2.5}, ["16 CPUs", "2.5 CPUs"]),
        ({"memory_gib": 128}, ["64 GiB", "128 GiB"]),
    ],
)
@pytest.mark.parametrize("target", [cpu_target, gpu_target])
def test_machines_of_one_name_that_differ_are_kinds_of_their_own(target, other, says):
    found = kinds((target("a", "mine", machine=machine()), target("b", "mine", machine=machine(**other))))
    assert [kind.name for kind in found] == [f"mine / {words}" for words in says]


def test_a_few_per_cent_of_memory_are_no_difference():
    assert len(kinds((cpu_target("a"), cpu_target("b", machine=machine(memory_gib=63))))) == 1


def test_only_as_much_is_added_to_a_name_as_tells_it_apart():
    pair = (gpu_target("a", machine=machine()), gpu_target("b", machine=machine(usable_cores=8, memory_gib=8)))
    assert names(*pair) == [f"{GPU} / 16 CPUs", f"{GPU} / 8 CPUs"]
    third = gpu_target("c", machine=machine(usable_cores=8, memory_gib=32))
    assert names(*pair, third) == [f"{GPU} / 16 CPUs", f"{GPU} / 8 CPUs / 8 GiB", f"{GPU} / 8 CPUs / 32 GiB"]


def test_what_nothing_tells_apart_is_numbered():
    odd = (machine(physical_cores=8), machine(physical_cores=4))
    assert names(*(cpu_target(str(i), machine=each) for i, each in enumerate(odd))) == [
        "Test CPU / 1",
        "Test CPU / 2",
    ]


def test_one_label_for_a_processor_and_a_gpu_is_two_kinds():
    assert names(cpu_target("a", "box"), gpu_target("b", "box")) == ["box / cpu", "box / cuda"]


def test_other_gpus_behind_one_label_are_other_kinds():
    gpu = make_machine().gpus[0]
    second = make_machine(gpus=(dataclasses.replace(gpu, name="Old GPU"),))
    assert names(gpu_target("a", "fast"), gpu_target("b", "fast", machine=second)) == [
        "fast / Test GPU",
        "fast / Old GPU",
    ]


def test_a_machine_that_hasnt_said_what_it_is_counts_as_what_its_name_says():
    (kind,) = kinds((cpu_target("a", machine=None, **UNFIT), cpu_target("b")))
    assert (len(kind.targets), kind.state, kind.problem) == (2, "free", None)
    assert names(cpu_target("a", "", machine=None)) == ["?"]


def test_no_two_kinds_have_the_same_name():
    targets = [
        *THREE,
        cpu_target("d", machine=other_machine()),
        cpu_target("e", machine=machine(memory_gib=8)),
        gpu_target("f", "Test CPU"),
        gpu_target("g", "Test CPU / cpu"),
    ]
    assert len(set(names(*targets))) == len(names(*targets))


def test_a_free_machine_is_chosen_before_a_busy_one_and_an_unfit_one_never():
    busy, unfit, free = cpu_target("a", state="busy"), cpu_target("b", **UNFIT), cpu_target("c")
    for targets, chosen, state in (
        ((unfit, busy, free), free, "free"),
        ((unfit, busy), busy, "busy"),
        ((unfit,), None, "unfit"),
    ):
        (kind,) = kinds(targets)
        assert (representative(kind), kind.state) == (chosen, state)
        assert (kind.problem is None) == (chosen is not None)


# --- what is asked of a target

ON_CPU, ON_GPU, ON_MPS = cpu_target(), gpu_target(device="cuda:1"), gpu_target(device="mps")


@pytest.mark.parametrize(
    ("target", "asked", "there"),
    [
        (ON_CPU, (), [Setup()]),
        (ON_GPU, (), [Setup("cuda:1")]),
        # those that name a sort of device are meant for it
        (ON_CPU, (make_setup(threads=2), Setup("cuda:0")), [make_setup(threads=2)]),
        (ON_GPU, (make_setup(threads=2), Setup("cuda:0", "bf16")), [Setup("cuda:1", "bf16")]),
        (ON_MPS, (Setup(), Setup("cuda:0", "bf16")), [Setup("mps", "bf16")]),
        # where none does all are, but for threads of the CPU's own
        (ON_GPU, (make_setup(threads=2),), [Setup("cuda:1")]),
        (ON_GPU, (make_setup(threads=1), make_setup(threads=2)), [Setup("cuda:1")]),
        (ON_GPU, (make_setup(precision="bf16", fused=True),), [Setup("cuda:1", "bf16", fused=True)]),
        (ON_CPU, (Setup("cuda:0"), Setup("cuda:0", "bf16")), [Setup(), make_setup(precision="bf16")]),
        # what can't be there isn't asked
        (ON_CPU, (Setup("cuda:0", "tf32"), Setup("cuda:0")), [Setup()]),
        (ON_CPU, (Setup("cuda:0", step="graph"),), []),
        (ON_CPU, (Setup("cuda:0", data_path="loader", pinned=True),), []),
        (ON_MPS, (Setup("cuda:0", "tf32"),), []),
        (ON_GPU, (Setup("cuda:0", "tf32"),), [Setup("cuda:1", "tf32")]),
        *(
            (ON_GPU, (make_setup(**{name: value}),), [])
            for name, value in {
                "products": "onednn",
                "cpp_calls": True,
                "keep_pages": True,
                "bind_threads": True,
                "flush_denormals": True,
            }.items()
        ),
    ],
)
def test_setups_are_put_on_the_targets_device(target, asked, there):
    assert list(setups_on(target, asked)) == there
