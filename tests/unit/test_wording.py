"""Runs get the names that tell them apart, and the verdict says who is faster, never more than is known."""

import dataclasses
import typing

import pytest

from core import messages
from core.analysis.comparison import compare
from core.analysis.ladder import NAMES
from core.i18n import english
from core.records import Estimate, Note, Setup, Status, Verdict
from core.wording import (
    device_of,
    kind_of,
    label_of,
    labels_of,
    rung_words,
    setup_words,
    status_word,
    verdict_between,
    verdict_sentence,
    workload_words,
)
from tests.builders import (
    make_cpu,
    make_environment,
    make_gpu_result,
    make_machine,
    make_result,
    make_setup,
    make_spec,
    make_uniform_blocks,
    make_workload,
)


def on(name, **changes):
    device = dataclasses.replace(make_gpu_result().environment.device, name=name)
    return make_gpu_result(environment=make_environment(device=device), **changes)


CPU, GPU = make_result(), on("NVIDIA H200")


def with_setup(result, **changes):
    setup = dataclasses.replace(result.spec.setup, **changes)
    spec = dataclasses.replace(result.spec, setup=setup)
    return dataclasses.replace(result, spec=spec, id=f"{result.id}-{changes}")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("NVIDIA H200", "GPU H200"),
        ("NVIDIA GeForce RTX 4090", "GPU RTX 4090"),
        ("Tesla T4", "GPU T4"),
        ("AMD Radeon RX 7900 XTX", "GPU RX 7900 XTX"),
        ("Apple GPU", "GPU"),
        ("GPU 5000", "GPU 5000"),
        ("<b>H200</b>", "GPU bH200/b"),  # not as markup
        ("", "GPU"),
    ],
)
def test_a_gpu_is_called_by_its_model(name, label):
    assert device_of(on(name)) == label
    assert "<" not in device_of(on(name))


def test_a_run_that_failed_early_has_a_name_too():
    assert device_of(make_gpu_result(environment=None)) == "GPU"
    assert device_of(make_result(environment=None)) == "CPU"
    assert (kind_of(CPU), kind_of(GPU)) == ("cpu", "gpu")


def test_a_label_says_only_what_sets_a_run_apart():
    assert labels_of((CPU, GPU), english) == ("CPU", "GPU H200")
    bf16, loader = with_setup(GPU, precision="bf16"), with_setup(GPU, data_path="loader")
    assert labels_of((CPU, bf16), english) == ("CPU · fp32", "GPU H200 · bf16")
    assert labels_of((GPU, loader), english) == ("GPU H200 · data resident", "GPU H200 · data loader")


def test_threads_are_said_of_the_cpu_and_as_they_were():
    one = dataclasses.replace(with_setup(CPU, threads=1), threads=1)
    assert labels_of((CPU, one), english) == ("CPU · 8 threads", "CPU · 1 thread")
    assert labels_of((one, GPU), english) == ("CPU · 1 thread", "GPU H200")


def test_a_run_from_elsewhere_is_labelled_as_such():
    recorded, imported = (dataclasses.replace(GPU, id=o, origin=o) for o in ("recorded", "imported"))
    assert labels_of((CPU, recorded), english)[1] == "GPU H200 · recorded"
    assert labels_of((imported,), english) == ("GPU H200 · imported",)


def test_no_two_labels_are_the_same():
    runs = (CPU, make_result(id="again"), GPU, make_result(id="third"))
    labels = labels_of(runs, english)
    assert labels == ("CPU (1)", "CPU (2)", "GPU H200", "CPU (3)")
    assert label_of(runs[3], runs, english) == "CPU (3)"


def there(result, kind=None, **cpu):
    """The run on another machine."""
    memory = {"memory_bytes": cpu.pop("memory_gib") * 2**30} if "memory_gib" in cpu else {}
    machine = make_machine(cpu=make_cpu(**cpu), **memory)
    around = make_environment(machine, device=result.environment.device)
    notes = () if kind is None else (Note("through_ray", {"kind": kind, "ray": "2.60.0"}),)
    return dataclasses.replace(result, id=f"there-{kind}-{cpu}{memory}", environment=around, notes=notes)


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ((CPU, there(CPU, model="AMD EPYC 9454 48-Core Processor")), ("CPU · Test", "CPU · AMD EPYC 9454")),
        ((CPU, GPU, there(CPU, usable_cores=4)), ("CPU · 16 cores", "GPU H200", "CPU · 4 cores")),
        ((CPU, there(CPU, memory_gib=8)), ("CPU · 64 GiB", "CPU · 8 GiB")),
        ((GPU, there(GPU, model="Old")), ("GPU H200 · Test", "GPU H200 · Old")),
        # as little as tells them apart
        (
            (CPU, there(CPU, model="Old", usable_cores=4), there(CPU, model="Old", usable_cores=2)),
            ("CPU · Test", "CPU · Old · 4 cores", "CPU · Old · 2 cores"),
        ),
        # an owner's label; one that only says the device's own name again is none
        ((there(CPU, "fast-cpu"), there(CPU, "<b>slow</b>")), ("CPU · fast-cpu", "CPU · bslow/b")),
        ((GPU, there(GPU, "fast")), ("GPU H200", "GPU H200 · fast")),
        (
            (GPU, there(GPU, "H200"), there(GPU, "NVIDIA-H200")),
            ("GPU H200 (1)", "GPU H200 (2)", "GPU H200 (3)"),
        ),
        ((CPU, there(CPU, "Test CPU")), ("CPU (1)", "CPU (2)")),
        # one that failed before its environment was known
        ((CPU, dataclasses.replace(there(CPU, "far"), environment=None)), ("CPU · Test", "CPU · far")),
        (
            (CPU, there(CPU, model="Old"), make_result(id="?", environment=None)),
            ("CPU · Test", "CPU · Old", "CPU"),
        ),
        # different devices tell themselves apart
        ((CPU, there(GPU, "far", model="Old")), ("CPU", "GPU H200")),
    ],
)
def test_equal_devices_of_different_machines_are_told_apart(runs, labels):
    assert labels_of(runs, english) == labels


def test_a_label_of_any_length_stays_short():
    label = labels_of((CPU, there(CPU, "x" * 500)), english)[1]
    assert label == "CPU · " + "x" * 40


def test_the_faster_one_is_named_first():
    forward, backward = compare(CPU, GPU), compare(GPU, CPU)
    said = verdict_sentence(forward, (CPU, GPU), english)
    assert said.startswith("GPU H200 trains this 4")
    assert "faster than CPU (95 % interval" in said
    # the same factor, whichever is the baseline
    assert verdict_sentence(backward, (CPU, GPU), english)[:27] == said[:27]
    assert backward.verdict.code == "slower"


@pytest.mark.parametrize(("task", "verb"), [("classify", "classifies this"), ("extract", "extracts features")])
def test_the_verb_is_the_tasks(task, verb):
    cpu, gpu = (
        dataclasses.replace(run, spec=make_spec(task=task, device=run.spec.setup.device)) for run in (CPU, GPU)
    )
    assert f"GPU H200 {verb} 4" in verdict_sentence(compare(cpu, gpu), (cpu, gpu), english)


def test_no_difference_names_no_winner():
    comparison = dataclasses.replace(
        compare(CPU, GPU), speedup=Estimate(1.01, 0.97, 1.05), verdict=Verdict("no_difference")
    )
    said = verdict_sentence(comparison, (CPU, GPU), english)
    assert said.startswith("No reliable difference between GPU H200 and CPU")
    assert "faster" not in said


@pytest.mark.parametrize("reason", ["too_few_blocks", "parity_lost_non_determinism", "run_failed"])
def test_a_withheld_verdict_says_why(reason):
    changes = {
        "too_few_blocks": {"blocks": make_uniform_blocks([0.1, 0.1])},
        "parity_lost_non_determinism": {"first_losses": (9.0,) * 66},
        "run_failed": {"status": "failed"},
    }
    gpu = on("NVIDIA H200", **changes[reason])
    comparison = compare(CPU, gpu)
    assert comparison.verdict == Verdict("withheld", reason)
    said = verdict_sentence(comparison, (CPU, gpu), english)
    assert said.startswith("No speed-up is given for GPU H200 against CPU: ")
    assert said.endswith(messages.sentence(reason))
    assert "×" not in said


def test_what_is_said_is_translated():
    def shouting(text):
        return text.upper() if "{" not in text else text.replace("trains this", "TRAINS THIS")

    recorded = dataclasses.replace(GPU, origin="recorded")
    said = verdict_sentence(compare(CPU, recorded), (CPU, recorded), shouting)
    assert said.startswith("GPU H200 · RECORDED TRAINS THIS 4")


def test_every_status_has_words_of_its_own():
    words = [status_word(status, english) for status in typing.get_args(Status)]
    assert len(set(words)) == len(words)
    assert status_word("out_of_time", str.upper) == "TIME LIMIT REACHED"


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({}, "Test CPU", "CPU · best thread count · fp32 · data resident"),
        ({"threads": 1}, None, "CPU · 1 thread · fp32 · data resident"),
        ({"threads": 4, "data_path": "loader"}, None, "CPU · 4 threads · fp32 · data loader"),
        ({"device": "cuda:0", "precision": "bf16"}, "NVIDIA H200", "NVIDIA H200 · bf16 · data resident"),
        ({"device": "cuda:0"}, None, "cuda:0 · fp32 · data resident"),
        (
            {"step": "compiled", "steps_per_call": 8, "products": "mkl_fast", "keep_pages": True},
            None,
            "CPU · best thread count · fp32 · data resident · compiled, 8 steps a call · MKL's fast path · "
            "memory kept",
        ),
    ],
)
def test_a_setup_in_full(changes, name, words):
    assert setup_words(make_setup(**changes), name, english) == words


def _others(field):
    """Every other value of a field that says how the work is executed."""
    kind = typing.get_type_hints(Setup)[field.name]
    values = (
        {bool: [True], int: [2]}.get(kind) or [v for v in typing.get_args(kind) if isinstance(v, str)] or [2]
    )
    return [make_setup(**{field.name: value}) for value in values if value != field.default]


VARIANTS = [
    make_setup(),
    *(setup for field in dataclasses.fields(Setup) if field.name != "device" for setup in _others(field)),
    make_setup(step="compiled", steps_per_call=8),
    make_setup(step="compiled_graph", steps_per_call=8),
]


def test_two_setups_never_have_the_same_words():
    assert len(set(VARIANTS)) == len(VARIANTS) > 15
    words = [setup_words(setup, "NVIDIA H200", english) for setup in VARIANTS]
    assert len(set(words)) == len(words)
    runs = [make_result(id=str(i), spec=make_spec(**dataclasses.asdict(s))) for i, s in enumerate(VARIANTS)]
    runs[VARIANTS.index(make_setup(threads=2))] = make_result(id="two", spec=make_spec(threads=2), threads=2)
    labels = labels_of(runs, english)
    assert len(set(labels)) == len(labels)
    assert not [label for label in labels if label.endswith(")")], "told apart by words, not by numbers"


def test_options_are_said_only_where_they_set_a_run_apart():
    fast = with_setup(CPU, step="compiled", steps_per_call=8, products="onednn", fused=True)
    assert labels_of((CPU, fast), english) == (
        "CPU",
        "CPU · compiled, 8 steps a call · oneDNN · fused optimiser",
    )
    assert labels_of((fast, with_setup(fast, precision="bf16")), english) == ("CPU · fp32", "CPU · bf16")
    assert labels_of((fast,), english) == ("CPU",)
    graph = with_setup(GPU, step="graph", steps_per_call=4)
    assert labels_of((GPU, graph), english) == ("GPU H200", "GPU H200 · CUDA graph, 4 steps a call")


def test_every_rung_has_a_short_name_of_its_own():
    names = [rung_words(name, english) for name in NAMES]
    assert len(set(names)) == len(NAMES)
    assert max(map(len, names)) <= 28, "they stand beside bars"
    assert rung_words("loader", str.upper) == "THE ARTICLE'S LOOP"


def test_a_verdict_can_name_the_two_as_they_are_called_elsewhere():
    said = verdict_between(compare(CPU, GPU), "the slow one", "the fast one", english)
    assert said.startswith("the fast one trains this 4")
    assert "faster than the slow one (95 % interval" in said


def test_a_workload_in_a_line():
    assert workload_words(make_workload(), english) == "mlp on digits, batch 64, 3 epochs"
    assert workload_words(make_workload(epochs=1), english) == "mlp on digits, batch 64, 1 epoch"
