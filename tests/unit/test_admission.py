"""Limits are enforced where a job is submitted, each refusal by its code and its facts."""

import dataclasses
import math
import os

import pytest

from core import messages, offers
from core.analysis import quiz
from core.errors import InputError
from core.records import JobSpec, Setup
from core.runs.admission import Limits, check
from tests.builders import make_setup, make_workload

CORES = os.cpu_count() or 1


def job(setups=None, max_seconds=60.0, **work):
    return JobSpec(make_workload(**work), (Setup(),) if setups is None else setups, max_seconds)


@pytest.mark.parametrize(
    "good",
    [
        job(),
        job(model="vit_b_16", batch_size=65_536, epochs=1_000, learning_rate=100.0, seed=2**31 - 1),
        job(batch_size=1, epochs=1, learning_rate=1e-9, max_seconds=0.1),
        job(task="extract", dataset="synthetic:3x224x224,classes=1000,images=2048"),
        job(dataset="folder:/some where/图片@224", max_seconds=3600),
        job((make_setup(device="cuda:0", precision="tf32"), make_setup(device="cuda", data_path="loader"))),
        job((make_setup(device="mps"), make_setup(device="xpu:1", precision="bf16"))),
        job((make_setup(threads=1), make_setup(threads=None), make_setup(threads=CORES, precision="bf16"))),
    ],
)
def test_a_sound_job_is_admitted(good):
    check(good)


def bad(code, facts, *args, **changes):
    return pytest.param(job(*args, **changes), code, facts, id=f"{code}-{next(iter(changes), 'setups')}")


def out_of_range(name, value, low, high):
    return "out_of_range", {"name": name, "value": str(value), "low": low, "high": high}


@pytest.mark.parametrize(
    ("spec", "code", "facts"),
    [
        bad("bad_model_name", {"model": "../mlp"}, model="../mlp"),
        bad("bad_model_name", {"model": ""}, model=""),
        bad("bad_model_name", {"model": "x" * 80}, model="x" * 100_000),
        bad("unknown_dataset", {"dataset": "mnist "}, dataset="mnist "),
        bad("unknown_dataset", {"dataset": "folder:"}, dataset="folder:"),
        bad("unknown_dataset", {"dataset": "folder:a\0b"}, dataset="folder:a\0b"),
        bad("unknown_dataset", {"dataset": "digits:2"}, dataset="digits:2"),
        bad("bad_choice", {"name": "task", "value": "dream"}, task="dream"),
        bad(*out_of_range("batch_size", 0, 1, 65_536), batch_size=0),
        bad(*out_of_range("batch_size", 65_537, 1, 65_536), batch_size=65_537),
        bad("not_whole", {"name": "batch_size", "value": "64.0"}, batch_size=64.0),
        bad("not_whole", {"name": "batch_size", "value": "True"}, batch_size=True),
        bad(*out_of_range("epochs", -1, 1, 1_000), epochs=-1),
        bad(*out_of_range("epochs", 1_001, 1, 1_000), epochs=1_001),
        bad(*out_of_range("seed", -1, 0, 2**31 - 1), seed=-1),
        bad("not_positive", {"name": "learning_rate", "value": "0"}, learning_rate=0),
        bad("not_positive", {"name": "learning_rate", "value": "-0.1"}, learning_rate=-0.1),
        bad("not_positive", {"name": "learning_rate", "value": "nan"}, learning_rate=math.nan),
        bad(*out_of_range("learning_rate", math.inf, 0, 100.0), learning_rate=math.inf),
        bad(*out_of_range("learning_rate", 101.0, 0, 100.0), learning_rate=101.0),
        bad(*out_of_range("max_seconds", 0.05, 0.1, 3_600.0), max_seconds=0.05),
        bad(*out_of_range("max_seconds", math.nan, 0.1, 3_600.0), max_seconds=math.nan),
        bad(*out_of_range("max_seconds", 3_601, 0.1, 3_600.0), max_seconds=3_601),
        bad("setups_count", {"count": 0, "most": 20}, ()),
        bad(
            "setups_count", {"count": 21, "most": 20}, tuple(make_setup(device=f"cuda:{i}") for i in range(21))
        ),
        bad("setups_equal", {}, (Setup(), Setup())),
        bad("bad_device", {"device": "gpu"}, (make_setup(device="gpu"),)),
        bad("bad_device", {"device": "cpu:0\n"}, (make_setup(device="cpu:0\n"),)),
        bad("bad_choice", {"name": "precision", "value": "fp16"}, (make_setup(precision="fp16"),)),
        bad("bad_choice", {"name": "data_path", "value": "disk"}, (make_setup(data_path="disk"),)),
        bad(*out_of_range("threads", 0, 1, CORES), (make_setup(threads=0),)),
        bad(*out_of_range("threads", CORES + 1, 1, CORES), (make_setup(threads=CORES + 1),)),
        bad("bad_choice", {"name": "products", "value": "eigen"}, (make_setup(products="eigen"),)),
        bad("bad_choice", {"name": "step", "value": "jit"}, (make_setup(step="jit"),)),
        bad(*out_of_range("steps_per_call", 65, 1, 64), (make_setup(step="compiled", steps_per_call=65),)),
        bad("calls_need_whole_step", {}, (make_setup(steps_per_call=2),)),
        bad("cpp_calls_need_compiled", {}, (make_setup(cpp_calls=True),)),
        bad("only_on_cpu", {}, (make_setup(device="cuda:0", step="compiled", cpp_calls=True),)),
        bad("needs_resident", {}, (make_setup(step="compiled", data_path="loader"),)),
        bad("pinned_needs_cuda_loader", {}, (make_setup(data_path="loader", pinned=True),)),
        bad("pinned_needs_cuda_loader", {}, (make_setup(device="cuda:0", pinned=True),)),
        bad("synchronous_is_eager", {}, (make_setup(step="compiled", synchronous=True),)),
        bad("only_on_cuda", {}, (make_setup(step="graph"),)),
        bad("only_on_cuda", {}, (make_setup(device="mps", step="compiled_graph"),)),
        bad("only_on_cpu", {}, (make_setup(device="cuda:0", products="onednn"),)),
        bad("only_on_cpu", {}, (make_setup(device="cuda:0", keep_pages=True),)),
        bad("only_on_cpu", {}, (make_setup(device="cuda:0", flush_denormals=True),)),
        bad("onednn_is_eager_fp32", {}, (make_setup(products="onednn", precision="bf16"),)),
        bad("onednn_is_eager_fp32", {}, (make_setup(products="onednn", step="compiled"),)),
        bad("bad_device", {"device": "tpu"}, (Setup(), make_setup(device="tpu"))),  # not only the first
    ],
)
def test_beyond_the_limits_it_is_refused(spec, code, facts):
    with pytest.raises(InputError) as refusal:
        check(spec)
    assert refusal.value.code == code
    assert {name: refusal.value.facts[name] for name in facts} == facts
    assert len(messages.sentence(code, refusal.value.facts)) < 400


def test_a_choice_that_isnt_one_is_answered_with_the_choices():
    with pytest.raises(InputError) as refusal:
        check(job(task="dream"))
    assert refusal.value.facts["choices"] == "train, classify, extract"


def test_a_server_may_have_limits_of_its_own():
    small = dataclasses.replace(Limits(), batch_size=128, epochs=2, setups=1, max_seconds=5.0)
    check(job(batch_size=128, epochs=2, max_seconds=5), small)
    for spec in (
        job(batch_size=256, epochs=2, max_seconds=5),
        job(epochs=3, max_seconds=5),
        job(epochs=2, max_seconds=6),
        job((Setup(), make_setup(device="mps")), epochs=2, max_seconds=5),
    ):
        check(spec)
        with pytest.raises(InputError):
            check(spec, small)


# --- what strangers may ask of a public server


PUBLIC = Limits.public()


@pytest.mark.parametrize(
    "good",
    [
        job(max_seconds=30),
        job(model="mlp", batch_size=4096, dataset="synthetic", max_seconds=30),
        job(model="mobilenet_v3_small", batch_size=128, epochs=10, max_seconds=30),
        job(dataset="synthetic:3x64x64,classes=10,images=5000", batch_size=256, max_seconds=30),
        job((Setup(), make_setup(data_path="loader", synchronous=True)), max_seconds=30),
        job(tuple(make_setup(device=device) for device in ("cpu", "cuda:0", "mps", "xpu")), max_seconds=30),
    ],
)
def test_a_public_server_measures_small_things(good):
    check(good, PUBLIC)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        *[
            (job(dataset=dataset, max_seconds=30), "only_offered_data")
            for dataset in ("mnist", "fashion-mnist", "cifar10", "folder:/etc", "folder:..", "folder:x@32")
        ],
        *[
            (job(dataset=f"synthetic{shape}", max_seconds=30), "only_small_images")
            for shape in (
                ":3x32x32",  # half a gibibyte of them
                ":3x65x64,images=1",
                ":4x8x8,images=10",
                ":0x8x8,images=10",
                ":1x8x8,images=0",
                ":1x8x8,classes=1,images=9",
                ":1x8x8,classes=1001,images=9",
                ":1x64x64,images=999999",
                ":images=1",
            )
        ],
        *[
            (job(model=model, max_seconds=30), "only_offered_models")
            for model in ("resnet18", "vit_b_16", "resnet50", "vit_h_14", "__init__")
        ],
        *[
            (job((make_setup(**rung),), max_seconds=30), "only_plain_setups")
            for rung in (
                {"step": "compiled"},
                {"step": "compiled", "cpp_calls": True},
                {"device": "cuda:0", "step": "graph"},
                {"products": "mkl_fast"},
                {"products": "onednn"},
                {"data_path": "workers"},
                {"data_path": "transforms"},
                {"keep_pages": True},
                {"bind_threads": True},
                {"flush_denormals": True},
                {"fused": True},
                {"channels_last": True},
            )
        ],
        (job(model="cnn", batch_size=1025, max_seconds=30), "out_of_range"),
        (job(model="mlp", batch_size=4097, max_seconds=30), "out_of_range"),
        (job(dataset="synthetic:3x64x64,images=5000", batch_size=512, max_seconds=30), "out_of_range"),
        (job(epochs=11, max_seconds=30), "out_of_range"),
        (job(seed=4, max_seconds=30), "out_of_range"),
        (job(max_seconds=31), "out_of_range"),
        (job(tuple(make_setup(device=f"cuda:{i}") for i in range(7)), max_seconds=1), "setups_count"),
        (job(tuple(make_setup(device=f"cuda:{i}") for i in range(5)), max_seconds=30), "too_long_together"),
    ],
)
def test_a_public_server_refuses_the_rest_with_a_reason(spec, code):
    with pytest.raises(InputError) as refusal:
        check(spec, PUBLIC)
    assert refusal.value.code == code
    assert len(messages.sentence(code, refusal.value.facts)) < 400


def test_what_a_public_server_offers_is_what_it_admits():
    for model in PUBLIC.models(offers.MODELS):
        for dataset in PUBLIC.datasets(offers.DATASETS):
            sizes = PUBLIC.batch_sizes(model, offers.batch_sizes(model))
            assert sizes
            for size in sizes:
                check(job(model=model, dataset=dataset, batch_size=size, max_seconds=30), PUBLIC)
    assert Limits().models(offers.MODELS) == offers.MODELS
    assert Limits().datasets(offers.DATASETS) == offers.DATASETS


def test_the_quiz_can_be_played_on_a_public_server():
    for spec in quiz.plan("cpu"):
        check(spec, PUBLIC)


@pytest.mark.parametrize("share", [1e-9, 0.9, 1, 1.0])
def test_an_accuracy_to_train_for(share):
    check(dataclasses.replace(job(), until_accuracy=share))
    check(dataclasses.replace(job(model="mlp_128", max_seconds=30.0), until_accuracy=share))


@pytest.mark.parametrize("share", [0, 0.0, -0.1, 1.001, 90, math.nan, math.inf, True, "0.9"])
def test_no_accuracy_to_train_for(share):
    with pytest.raises(InputError) as refusal:
        check(dataclasses.replace(job(), until_accuracy=share))
    assert (refusal.value.code, refusal.value.facts) == ("bad_accuracy", {"value": str(share)})
    assert messages.sentence(refusal.value.code, refusal.value.facts)


def test_only_training_reaches_an_accuracy():
    with pytest.raises(InputError) as refusal:
        check(dataclasses.replace(job(task="classify"), until_accuracy=0.9))
    assert (refusal.value.code, refusal.value.facts) == ("accuracy_needs_training", {"task": "classify"})


def test_a_public_server_measures_the_offered_models_only_whatever_their_width():
    with pytest.raises(InputError, match="only_offered_models"):
        check(job(model="mlp_128", max_seconds=30.0), Limits.public())
