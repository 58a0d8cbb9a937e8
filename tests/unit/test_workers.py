"""Several data-parallel workers: what may be asked of them, and what is said of what they measured."""

import csv
import dataclasses
import io

import pytest

from core import messages, wording
from core.analysis import caveats
from core.analysis.decide.candidates import candidates
from core.analysis.energy import energy, energy_absent
from core.analysis.ladder import on_ladder
from core.analysis.leaderboard import board
from core.analysis.parity import parity
from core.analysis.soundness import refuse_unsound
from core.errors import InputError
from core.fact_sheet import fact_sheet
from core.i18n import english
from core.records import Communication, JobSpec, Note, Setup
from core.runs import admission
from core.runs.admission import Limits
from core.runs.files import vetting
from core.runs.sweeping.spec import SweepSpec, check_spec
from core.setups import parse_setup, setup_text
from core.sharing import csv_table
from core.sharing.bundle import gather
from tests.builders import (
    make_cpu,
    make_environment,
    make_gpu_result,
    make_limits,
    make_machine,
    make_result,
    make_workload,
)

PAID = Communication("gloo", 1_628_200, (0.003, 0.0031, 0.0029), (0.002, 0.0021, 0.0019), (0.0011, 0.0012))
NORMALISED = (Note("batch_norm_per_worker", {"workers": 2}),)


def of_workers(workers=2, make=make_result, **changes):
    spec = make().spec
    setup = dataclasses.replace(spec.setup, workers=workers)
    paid = PAID if workers > 1 else None
    return make(**{"spec": dataclasses.replace(spec, setup=setup), "communication": paid, **changes})


def refused(setup, **work):
    with pytest.raises(InputError) as refusal:
        admission.check(JobSpec(make_workload(**work), (setup,)))
    assert messages.sentence(refusal.value.code, refusal.value.facts)
    return refusal.value.code


@pytest.mark.parametrize(
    ("setup", "work", "code"),
    [
        ({"workers": 0}, {}, "out_of_range"),
        ({"workers": 65}, {"batch_size": 65}, "out_of_range"),
        ({"workers": True}, {}, "not_whole"),
        ({"workers": 3}, {"batch_size": 64}, "batch_not_shared"),
        ({}, {"task": "classify"}, "workers_need_training"),
        ({"device": "mps"}, {}, "workers_device"),
        ({"device": "xpu"}, {}, "workers_device"),
        ({"step": "compiled"}, {}, "workers_need_plain_steps"),
        ({"device": "cuda", "step": "graph"}, {}, "workers_need_plain_steps"),
        ({"data_path": "loader"}, {}, "workers_need_resident"),
        ({"products": "onednn"}, {}, "workers_without_options"),
        ({"keep_pages": True}, {}, "workers_without_options"),
        ({"bind_threads": True}, {}, "workers_without_options"),
        ({"synchronous": True}, {}, "workers_without_options"),
    ],
)
def test_what_workers_cant_do_together_is_refused(setup, work, code):
    assert refused(Setup(**{"workers": 2, **setup}), **work) == code


@pytest.mark.parametrize(
    "setup",
    [
        {"threads": 1},
        {"fused": True, "channels_last": True, "flush_denormals": True, "precision": "bf16"},
        {"device": "cuda:1", "precision": "tf32"},
        {"workers": 64},
    ],
)
def test_what_they_can_is_let_through(setup):
    admission.check(JobSpec(make_workload(batch_size=256), (Setup(**{"workers": 2, **setup}),)))


def test_strangers_have_one_worker():
    with pytest.raises(InputError):
        admission.check(JobSpec(make_workload(), (Setup(workers=2),)), Limits.public())


def test_a_sweep_is_of_one_worker():
    with pytest.raises(InputError) as refusal:
        check_spec(SweepSpec(("mlp",), (64, 128), (Setup(), Setup(workers=2))))
    assert refusal.value.code == "sweep_of_one_worker"


def test_a_setup_with_workers_is_written_and_read():
    setup = Setup(threads=1, workers=4)
    assert setup_text(setup) == "device=cpu,threads=1,workers=4"
    assert parse_setup(setup_text(setup)) == setup


def test_labels_and_setups_say_how_many():
    one, two = of_workers(1), of_workers(2, id="other")
    assert wording.labels_of([one, two], english) == ("CPU · 1 worker", "CPU · 2 workers")
    assert wording.labels_of([two, two], english)[0].startswith("CPU")
    assert wording.setup_words(Setup(threads=1, workers=2), None, english).startswith(
        "CPU · 2 workers · 1 thread each"
    )
    assert "cores shared out" in wording.setup_words(Setup(workers=2), None, english)
    assert wording.setup_words(Setup("cuda", workers=2), "GPU H200", english).startswith("GPU H200 · 2 workers")


def test_the_energy_of_several_gpus_is_refused():
    assert energy(of_workers(1, make_gpu_result)) is not None
    several = of_workers(2, make_gpu_result)
    assert energy(several) is None
    assert energy_absent(several) == "energy_several_gpus"
    assert energy_absent(of_workers(2)) == energy_absent(of_workers(1))


def codes(run):
    return {caveat.code: caveat for caveat in caveats.of_run(run)}


def test_more_threads_than_cores_are_doubted():
    small = make_environment(make_machine(cpu=make_cpu(physical_cores=4, usable_cores=3)))
    crowded = codes(of_workers(2, threads=2, environment=small))["workers_oversubscribed"]
    assert {name: crowded.facts[name] for name in ("workers", "wanted", "cores")} == {
        "workers": 2, "wanted": 4, "cores": 3,
    }  # fmt: skip
    assert not crowded.informative
    assert "2 workers ask for 4 threads and there are 3 cores" in messages.sentence(crowded.code, crowded.facts)
    assert "workers_oversubscribed" not in codes(of_workers(3, threads=1, environment=small))
    assert "workers_oversubscribed" not in codes(of_workers(1, threads=4, environment=small))
    paired = make_environment(make_machine(cpu=make_cpu(physical_cores=4, usable_cores=8)))
    both = codes(of_workers(8, threads=1, environment=paired))["workers_oversubscribed"]
    assert both.facts["cores"] == 4, "two threads of one core add little to one of them"


def test_sensors_of_the_first_gpu_only_are_told_of():
    assert codes(of_workers(2, make_gpu_result))["first_gpu_only"].informative
    assert "first_gpu_only" not in codes(of_workers(1, make_gpu_result))
    assert "first_gpu_only" not in codes(of_workers(2))


@pytest.mark.parametrize(
    ("workers", "notes", "cause"),
    [(2, NORMALISED, "batch_norm"), (1, NORMALISED, "non_determinism"), (2, (), "non_determinism")],
)
def test_losses_that_part_for_batch_normalisation_are_explained(workers, notes, cause):
    one, other = (
        of_workers(1, first_losses=(2.3, 2.2)),
        of_workers(workers, first_losses=(2.3, 2.1), notes=notes),
    )
    found = parity(one, other)
    assert (found.code, found.cause, found.tolerance) == ("parted", cause, 1e-3)
    (doubt,) = (caveat for caveat in caveats.of_pair(one, other) if caveat.code.startswith("parity_lost"))
    assert doubt.grave
    assert messages.sentence(doubt.code, doubt.facts)


def test_equal_losses_are_the_same_work_whatever_is_normalised():
    one, other = of_workers(1), of_workers(2, notes=NORMALISED)
    assert parity(one, other).code == "same"


def damaged(**changes):
    return of_workers(2, communication=dataclasses.replace(PAID, **changes))


@pytest.mark.parametrize(
    "run",
    [
        damaged(averaged_s=(0.1, -0.1)),
        damaged(apart_s=(0.0,)),
        damaged(alone_s=()),
        damaged(gradient_bytes=-1),
        of_workers(1, communication=PAID),
        of_workers(2, limits=make_limits()),
        of_workers(0),
        of_workers(-3),
    ],
)
def test_what_workers_cant_have_measured_is_refused(run):
    with pytest.raises(InputError) as refusal:
        refuse_unsound(run)
    assert refusal.value.code == "malformed_record"


def test_sound_workers_are_read():
    refuse_unsound(of_workers(2))
    vetting.vet(of_workers(2), "run")
    with pytest.raises(InputError, match="spec"):
        vetting.vet(of_workers(4096), "run")


def test_several_gpus_are_no_entry_of_one():
    alone, several = of_workers(1, make_gpu_result), of_workers(2, make_gpu_result, id="several")
    found = board((alone, several))
    assert [entry.run_id for entry in found.entries] == [alone.id]
    assert ("several_devices", 1) in found.left_out
    assert [one.result.id for one in candidates((alone, several))] == [alone.id]
    assert not on_ladder(several.spec.setup)


def test_exports_and_the_fact_sheet_tell_what_averaging_takes():
    run = of_workers(2)
    (row,) = csv.DictReader(io.StringIO(csv_table.runs(gather((run,), english))))
    assert (row["setup_workers"], row["communication_backend"], row["gradient_bytes"]) == (
        "2",
        "gloo",
        "1628200",
    )
    assert float(row["averaged_step_s"]) == 0.003
    assert float(row["apart_step_s_low"]) <= float(row["apart_step_s"]) <= float(row["apart_step_s_high"])
    groups = {group.title: dict(group.facts) for group in fact_sheet(run, english)}
    assert groups["Averaging gradients"]["Sent by"] == "Gloo"
    assert groups["Averaging gradients"]["Step with gradients averaged"] == "3 ms"
    assert groups["Hardware and conditions"]["Workers, each with so many threads"] == "2"
    assert "Averaging gradients" not in {group.title for group in fact_sheet(of_workers(1), english)}
