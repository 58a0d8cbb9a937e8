"""Settings and their form in an address: a link opens as it was sent, and no text of a link breaks a page."""

from __future__ import annotations

import dataclasses
from typing import get_args

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from core import offers
from core.errors import InputError
from core.records import DataPath, JobSpec, Precision, Setup, Task
from core.runs.admission import Limits, check
from pages._shared.settings import PARAMETERS, Settings, from_jobs, from_parameters, to_parameters
from tests.builders import make_setup, make_workload

LIMITS = Limits()
unhurried = hypothesis.settings(  # the machine may be busy
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
ONE_CPU = ("cpu/1", "cpu")
WITH_GPU = ("cpu", "cuda:0")

workloads = some.builds(
    make_workload,
    model=some.sampled_from(offers.MODELS) | some.from_regex("[a-z0-9_]{1,64}", fullmatch=True),
    dataset=some.sampled_from((*offers.DATASETS, "synthetic:3x32x32,classes=4", "folder:/a b/图片,1")),
    batch_size=some.integers(1, LIMITS.batch_size),
    epochs=some.integers(1, LIMITS.epochs),
    learning_rate=some.floats(0, LIMITS.learning_rate, exclude_min=True),
    seed=some.integers(0, LIMITS.seed),
    task=some.sampled_from(get_args(Task)),
)


def several(values):
    return some.lists(some.sampled_from(values), min_size=1, unique=True).map(tuple)


def admitted(settings):
    """Whether it can be run on some machine: what this one lacks, another kind may have."""
    elsewhere = bool(settings.kinds) or not settings.here
    jobs = [settings.job()] if settings.setups() or not elsewhere else []
    try:
        for job in [*jobs, *([settings.job_on("cuda:0")] if elsewhere else [])]:
            check(job, LIMITS)
    except InputError:
        return False
    return True


chosen = some.builds(
    Settings,
    workload=workloads,
    devices=several(("cpu", "cpu/1", "cuda:0", "cuda:1", "mps", "xpu:0", "@NVIDIA H200", "@50 %, or 机器/1")),
    precisions=several(get_args(Precision)),
    data_paths=several(get_args(DataPath)),
    max_seconds=some.integers(1, int(LIMITS.max_seconds)),
    every_machine=some.booleans(),
).filter(admitted)


@unhurried
@example(Settings(devices=WITH_GPU, precisions=("tf32",)), WITH_GPU)  # there is none on the CPU
@example(Settings(devices=("cpu", "@NVIDIA H200"), precisions=("tf32",)), WITH_GPU)  # but on the other machine
@example(Settings(make_workload(learning_rate=0.0123456789), devices=("cpu",)), WITH_GPU)
@given(chosen, some.sampled_from([ONE_CPU, WITH_GPU]))
def test_a_link_opens_as_it_was_sent(settings, default):
    read = from_parameters(to_parameters(settings, default), LIMITS)
    assert read.rejected == ()
    assert dataclasses.replace(read.settings, devices=read.settings.devices or default) == settings


def test_what_is_at_its_default_is_left_out():
    assert to_parameters(Settings(devices=WITH_GPU), WITH_GPU) == {}
    assert from_parameters({}, LIMITS).settings == Settings()
    changed = Settings(make_workload(batch_size=128, learning_rate=1e-5), devices=("cpu",), max_seconds=5)
    assert to_parameters(changed, WITH_GPU) == {
        "batch_size": "128",
        "learning_rate": "1e-05",
        "devices": "cpu",
        "max_seconds": "5",
    }


def test_an_empty_choice_is_not_part_of_a_link():
    nothing = Settings(devices=(), precisions=(), data_paths=())
    assert to_parameters(nothing, WITH_GPU) == {}


def test_setups_are_a_product_in_a_fixed_order():
    settings = Settings(devices=("cpu/2", "cuda:0"), precisions=("fp32", "bf16"), data_paths=("loader",))
    assert settings.setups() == (
        Setup("cpu", "fp32", 2, "loader"),
        Setup("cpu", "bf16", 2, "loader"),
        Setup("cuda:0", "fp32", None, "loader"),
        Setup("cuda:0", "bf16", None, "loader"),
    )
    assert settings.job() == JobSpec(settings.workload, settings.setups(), 30.0, limits=True, trace=True)
    assert Settings().setups() == ()


def test_tf32_is_dropped_where_it_does_not_exist():
    settings = Settings(devices=("cpu", "mps", "cuda", "cuda:1"), precisions=("tf32",))
    assert [setup.device for setup in settings.setups()] == ["cuda", "cuda:1"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model", "../../etc/passwd"),
        ("model", ""),
        ("dataset", "http://somewhere"),
        ("batch_size", "many"),
        ("batch_size", "0"),
        ("batch_size", "65537"),
        ("batch_size", "9" * 5000),
        ("epochs", "1.5"),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", "-1"),
        ("seed", "-1"),
        ("task", "teach"),
        ("max_seconds", "1e9"),
        ("devices", ""),
        ("devices", "tpu:0"),
        ("devices", "cpu/0"),
        ("devices", "cpu/x"),
        ("devices", "cpu/1,cpu/01"),
        ("devices", ",".join(f"cuda:{i}" for i in range(21))),
        ("precisions", "fp64"),
        ("precisions", "fp32,"),
        ("data_paths", "tape"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named_and_the_others_are_kept(name, text):
    parameters = {"seed": "7", "max_seconds": "9", name: text}
    read = from_parameters(parameters, LIMITS)
    assert read.rejected == (name,)
    assert read.settings.workload.seed == (0 if name == "seed" else 7)
    assert read.settings.max_seconds == (30 if name == "max_seconds" else 9)


texts = some.text() | some.sampled_from(["cpu/", "cpu//1", "cpu,cpu", "１２", "1_000", " 3 ", "0x10", "1e3"])


@unhurried
@given(some.dictionaries(some.sampled_from(PARAMETERS), texts))
def test_no_text_of_a_link_raises_and_all_that_is_taken_can_be_run(parameters):
    read = from_parameters(parameters, LIMITS)
    assert set(read.rejected) <= set(parameters)
    assert admitted(read.settings)


def test_parameters_of_others_are_left_alone():
    assert from_parameters({"lang": "zh_CN", "utm_source": "x"}, LIMITS).rejected == ()


def test_the_settings_of_a_job_ask_for_it_again():
    work = make_workload(batch_size=256)
    setups = (make_setup(threads=1), make_setup(threads=1, precision="bf16"))
    settings = from_jobs([(JobSpec(work, setups, 12.0), None)])
    assert settings == Settings(work, ("cpu/1",), ("fp32", "bf16"), ("resident",), 12)
    assert settings.setups() == setups


def test_links_are_free_of_language():
    """The same words in every language: nothing here is looked up in a catalogue."""
    everything = Settings(make_workload(task="extract"), ("cpu/1", "cuda:0"), ("fp32", "bf16"), ("loader",))
    assert to_parameters(everything, ONE_CPU) == {
        "task": "extract",
        "devices": "cpu/1,cuda:0",
        "precisions": "fp32,bf16",
        "data_paths": "loader",
    }
