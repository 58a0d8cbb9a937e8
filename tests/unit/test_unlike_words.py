"""What two runs differ in, said in words: no field of a record and no raw value reaches a reader."""

import dataclasses

import pytest

from core.analysis.comparability import Difference, differences
from core.i18n import english
from core.messages import sentence
from core.messages.fields import field_words
from core.records import Setup
from core.unlike_words import difference_sentence
from core.wording import unlike_title
from tests.builders import make_gpu_result, make_result

NAMES = {"torch", "torchvision", "numpy"}  # go by what they are called


def everything_else(record):
    """The record with another value in every field."""
    return dataclasses.replace(
        record, **{field.name: _other(getattr(record, field.name)) for field in dataclasses.fields(record)}
    )


def _other(value):
    if dataclasses.is_dataclass(value):
        return everything_else(value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return f"other {value}"
    return (("OTHER", "1"),) if value == () else value


def unlike(run):
    """Everything that comparability looks at is different in it."""
    around = run.environment
    cpu = dataclasses.replace(
        everything_else(around.machine.cpu), quota_cores=2.5, governor="powersave", turbo=False
    )
    gpus = tuple(dataclasses.replace(everything_else(gpu), uuid=gpu.uuid) for gpu in around.machine.gpus)
    machine = dataclasses.replace(
        everything_else(around.machine), cpu=cpu, gpus=gpus, virtual="container", on_battery=True
    )
    software = everything_else(around.software)
    environment = dataclasses.replace(around, machine=machine, software=software)
    work = everything_else(run.spec.workload)
    spec = dataclasses.replace(run.spec, workload=work)
    return dataclasses.replace(run, spec=spec, environment=environment, data=everything_else(run.data))


@pytest.mark.parametrize("run", [make_result(), make_gpu_result()])
def test_every_field_that_can_differ_has_words(run):
    found = differences(run, unlike(run))
    assert len(found) > 25
    for item in found:
        assert "_" not in field_words(item.field, english)
        assert "." not in field_words(item.field, english)
        assert field_words(item.field, english) != item.field or item.field in NAMES
        assert difference_sentence(item, english)
    assert "_" not in unlike_title(found, "one", "other", english)


def test_every_field_of_a_setup_has_words():
    for field in dataclasses.fields(Setup):
        assert field_words(field.name, english) != field.name


@pytest.mark.parametrize(
    ("field", "a", "b", "told"),
    [
        ("cpu.model", "Test CPU", "Other CPU", "The CPU: Test CPU and Other CPU."),
        ("torch", "2.13.0", "2.9.0", "torch: 2.13.0 and 2.9.0."),
        ("cudnn", "9.1", None, "cuDNN: 9.1 and none."),
        ("gpu.memory_bytes", 16 * 2**30, 80 * 2**30, "The GPU's memory: 16 GiB and 80 GiB."),
        ("gpu.power_limit_w", 300.0, 700.0, "The GPU's power limit: 300 W and 700 W."),
        ("cpu.max_clock_hz", 3.1e9, 4e9, "The CPU's highest clock: 3.1 GHz and 4 GHz."),
        ("cpu.quota_cores", None, 2.5, "The container's share of the CPU: none and 2.5."),
        ("on_battery", False, True, "Battery or mains: mains and battery."),
        ("cpu.turbo", True, False, "The CPU's turbo: on and off."),
        ("batch_size", 64, 8192, "The batch size: 64 and 8,192."),
    ],
)
def test_values_are_said_with_their_units(field, a, b, told):
    said = difference_sentence(Difference(field, a, b, "amber", "other_conditions"), english)
    assert said.startswith(told)


@pytest.mark.parametrize(
    ("code", "facts", "told"),
    [
        ("lines_differ", {"fields": "torch, cpu.model, numpy"}, "torch, the CPU, numpy."),
        ("not_comparable", {"fields": "batch_size"}, "(the batch size)"),
        (
            "unlike_conditions",
            {"differing": "cpu.governor performance / powersave, cpu.turbo True / False"},
            "(the CPU's governor performance / powersave, the CPU's turbo True / False)",
        ),
        (
            "unlike_software",
            {"differing": "torch 2.13.0 / 2.9.0, cuda 13.0 / None"},
            "(torch 2.13.0 / 2.9.0, CUDA 13.0 /",
        ),
        ("sweep_node_differs", {"fields": "machine / kernel"}, "machine / kernel."),
    ],
)
def test_sentences_that_list_fields_say_them_in_words(code, facts, told):
    assert told in sentence(code, facts, english)
