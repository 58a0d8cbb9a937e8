from __future__ import annotations

import dataclasses

import pytest

from core.analysis.comparability import Difference, differences, gpu_used, refused
from core.messages import sentence
from core.records import SCHEMA_VERSION, Device, Gpu
from tests.builders import (
    make_cpu,
    make_environment,
    make_gpu_result,
    make_machine,
    make_result,
    make_software,
    make_spec,
)


def found(a, b):
    items = differences(a, b)
    for item in items:
        text = sentence(item.code, {"field": item.field, "a": item.a, "b": item.b})
        assert item.field in text
        assert "{" not in text
    return {item.field: item for item in items}


def _elsewhere(machine=None, software=None, **changes):
    return make_result(job_id="job-2", environment=make_environment(machine, software), **changes)


def test_two_runs_of_one_job_differ_in_their_setup_only():
    items = found(make_result(), make_gpu_result())
    assert items == {"device": Difference("device", "cpu", "cuda:0", "green", "other_setup")}
    assert not refused(items.values())
    assert differences(make_result(), make_result()) == ()


def test_setups_are_what_is_compared():
    one = make_result(spec=make_spec(threads=1), threads=1)
    items = found(one, make_result(spec=make_spec(precision="bf16", data_path="loader")))
    assert {name: (item.a, item.b) for name, item in items.items()} == {
        "precision": ("fp32", "bf16"),
        "data_path": ("resident", "loader"),
        "threads": (1, 8),  # those that were used
    }
    assert {item.level for item in items.values()} == {"green"}


def test_different_work_is_refused():
    items = found(make_result(), make_gpu_result(spec=make_spec(model="cnn", epochs=5, device="cuda:0")))
    assert [item.field for item in items.values() if item.level == "red"] == ["model", "epochs"]
    assert next(iter(items.values())).level == "red"  # the gravest first
    assert items["model"].code == "other_work"
    assert refused(items.values())


def test_other_images_or_another_model_under_the_same_name_are_refused():
    data = make_result().data
    one = make_result(data=dataclasses.replace(data, fingerprint="a"))
    other = make_result(data=dataclasses.replace(data, fingerprint="b", input_shape=(1, 16, 16)))
    items = found(one, other)
    assert (items["data.input_shape"].a, items["data.input_shape"].b) == ("1x8x8", "1x16x16")
    assert (items["data.fingerprint"].level, items["data.fingerprint"].code) == ("red", "other_data")
    assert differences(one, make_result()) == ()  # a fingerprint that isn't known doesn't differ
    assert differences(make_result(data=None), make_result()) == ()


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_a_format_that_is_not_readable_is_refused(version):
    (item,) = differences(make_result(), make_result(schema_version=version))
    assert (item.field, item.b, item.level) == ("schema_version", version, "red")


def test_software_is_amber_where_the_devices_use_it():
    newer = make_software(torch="2.14.0", cuda=None, blas="openblas", python="3.13.0")
    cpus = found(make_result(), _elsewhere(software=newer))
    assert set(cpus) == {"torch", "blas", "python"}
    device = make_gpu_result().environment.device
    on_gpu = make_gpu_result(environment=make_environment(software=newer, device=device))
    gpus = found(make_gpu_result(), on_gpu)
    assert set(gpus) == {"torch", "cuda", "python"}
    mixed = found(make_result(), on_gpu)
    assert set(mixed) == {"device", "torch", "cuda", "blas", "python"}
    assert {item.level for item in cpus.values()} == {"amber"}
    assert found(make_result(), _elsewhere(software=make_software(python="3.11.99"))) == {}


def test_hardware_is_amber():
    items = found(make_result(), _elsewhere(make_machine(cpu=make_cpu(model="Other CPU", physical_cores=4))))
    assert {name: item.code for name, item in items.items()} == {
        "cpu.model": "other_hardware",
        "cpu.physical_cores": "other_hardware",
    }
    assert not refused(items.values())


def _on_gpu(**changes):
    gpu = Gpu(0, "Big GPU", "GPU-big", 80 * 2**30, 700.0, "gen5 x16")
    gpu = dataclasses.replace(gpu, **changes)
    small = Gpu(1, "Small GPU", "GPU-small", 8 * 2**30, 200.0, "gen4 x16")
    device = Device("cuda:0", "NVIDIA Big GPU", "big")  # torch's way to write the same
    around = make_environment(make_machine(gpus=(small, gpu)), device=device)
    return make_gpu_result(environment=around)


def test_the_gpu_that_was_used_is_found_by_its_name_for_itself():
    assert gpu_used(_on_gpu()).name == "Big GPU"
    assert gpu_used(make_gpu_result()).name == "Test GPU"
    assert gpu_used(make_result()) is None
    nameless = make_environment(device=Device("cuda:0", "NVIDIA Big GPU"))
    assert gpu_used(make_gpu_result(environment=nameless)) is None


def test_only_the_gpu_that_was_used_is_compared():
    items = found(_on_gpu(), _on_gpu(power_limit_w=350.0, name="Bigger GPU"))
    assert {name: item.code for name, item in items.items()} == {
        "gpu.power_limit_w": "other_conditions",
        "gpu.name": "other_hardware",
    }


def test_gpus_of_which_no_driver_tells_are_compared_by_name():
    def apple(name):
        spec = make_spec(device="mps")
        return make_gpu_result(spec=spec, environment=make_environment(device=Device("mps", name)))

    assert set(found(apple("Apple M1"), apple("Apple M4"))) == {"name"}


def test_limits_and_clocks_are_conditions():
    limited = make_machine(
        cpu=make_cpu(governor="powersave", quota_cores=2.0, max_clock_hz=2e9),
        virtual="container",
        variables=(("OMP_NUM_THREADS", "2"), ("MKL_NUM_THREADS", "2")),
    )
    items = found(make_result(), _elsewhere(limited))
    assert {item.code for item in items.values()} == {"other_conditions"}
    assert set(items) == {"cpu.governor", "cpu.quota_cores", "cpu.max_clock_hz", "virtual", "variables"}
    assert items["cpu.quota_cores"].a is None  # no quota is a state, not a gap
    assert items["variables"].b == "OMP_NUM_THREADS=2 MKL_NUM_THREADS=2"
    assert found(make_result(), _elsewhere(make_machine(cpu=make_cpu(governor=None)))) == {}


def test_an_environment_that_is_not_known_cannot_be_judged():
    (item,) = differences(make_result(), make_result(environment=None))
    assert (item.level, item.code) == ("amber", "unknown_environment")
    assert (item.a, item.b) == ("Test CPU + Test GPU", None)
