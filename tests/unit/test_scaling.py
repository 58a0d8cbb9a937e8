"""Scaling over workers: exact where the times are, refused where nothing can be said, never across machines."""

import dataclasses

import pytest

from core.analysis.crossover.scaling import ScalingPoint, one_or_several, scalings, waiting_share
from core.records import Communication, Estimate, Note
from tests.workers import make_communication, make_strong, make_weak, make_workers_result


def line(kind, runs):
    (found,) = (item for item in scalings(runs) if item.kind == kind)
    return found


def holds(estimate, value):
    return estimate.low <= value <= estimate.high


def test_strong_scaling_is_exact_where_the_times_are():
    found = line("strong", make_strong({4: 0.3, 1: 0.9, 2: 0.5}, noise=0.0))
    assert [(point.workers, point.batch_size) for point in found.points] == [(1, 1024), (2, 1024), (4, 1024)]
    assert [point.speedup.value for point in found.points] == pytest.approx([1, 1.8, 3])
    assert [point.efficiency.value for point in found.points] == pytest.approx([1, 0.9, 0.75])
    assert [point.samples_per_s.value for point in found.points] == pytest.approx(
        [1024 / 0.9, 2048, 1024 / 0.3]
    )
    assert found.points[2].serial_share.value == pytest.approx((1 / 3 - 1 / 4) / (3 / 4))
    assert [point.parity.code if point.parity else None for point in found.points] == [None, "same", "same"]
    assert not any(point.reason or point.doubts for point in found.points)
    assert (found.model, found.dataset, found.device, found.batch_size) == (
        "mlp",
        "synthetic",
        "Test CPU",
        1024,
    )


def test_intervals_hold_what_was_put_in():
    found = line("strong", make_strong({1: 0.8, 2: 0.5, 8: 0.2}, noise=0.02))
    for point, truth in zip(found.points[1:], (1.6, 4.0), strict=True):
        assert holds(point.speedup, truth)
        assert holds(point.efficiency, truth / point.workers)
        assert point.speedup.low < point.speedup.value < point.speedup.high
        assert holds(point.serial_share, (1 / truth - 1 / point.workers) / (1 - 1 / point.workers))


def test_weak_scaling_compares_images_a_second_of_unequal_batches():
    runs = make_weak({1: 0.5, 2: 0.625, 4: 1.0}, noise=0.02)
    found = line("weak", runs)
    assert [(point.workers, point.batch_size) for point in found.points] == [(1, 1024), (2, 2048), (4, 4096)]
    assert found.batch_size == 1024
    for point, truth in zip(found.points[1:], (0.8, 0.5), strict=True):
        assert holds(point.efficiency, truth)
        assert holds(point.speedup, truth * point.workers)
        assert point.parity is None  # no one-worker run had such a batch
        assert point.doubts == (Note("scaling_jobs_apart"),)
    assert scalings(runs) == (found,)  # its counts beyond 1 are no strong lines of their own


def test_a_one_worker_run_of_a_weak_points_batch_is_its_parity():
    off = tuple(2.3 * 0.98**i * (1.5 if i > 5 else 1) for i in range(66))
    single = make_workers_result(1, 1.0, 2048, job="job-other")
    runs = make_weak({1: 0.5, 2: 0.5})
    assert line("weak", [*runs, single]).points[1].parity.code == "same"
    lost = line("weak", [*runs, dataclasses.replace(single, first_losses=off)]).points[1]
    assert (lost.parity.code, lost.speedup, lost.efficiency) == ("parted", None, None)
    assert lost.reason == Note("parity_lost_non_determinism")
    assert lost.samples_per_s is not None


def test_other_data_under_one_name_is_no_weak_line():
    one, two = make_weak({1: 0.5, 2: 0.5})
    other = dataclasses.replace(two, data=dataclasses.replace(two.data, fingerprint="xyz"))
    point = line("weak", [one, other]).points[1]
    assert (point.speedup, point.reason) == (None, Note("parity_lost_different_data"))


def test_one_jobs_strong_runs_and_the_weak_ones_share_the_one_worker_run():
    runs = [*make_strong({1: 0.8, 2: 0.4, 4: 0.2}), *make_weak({2: 0.8, 4: 0.8})]
    kinds = [(item.kind, [point.workers for point in item.points]) for item in scalings(runs)]
    assert kinds == [("strong", [1, 2, 4]), ("weak", [1, 2, 4])]


def test_without_the_one_worker_run_nothing_is_claimed():
    found = line("strong", make_strong({2: 0.5, 4: 0.3}))
    assert [point.reason for point in found.points] == [Note("scaling_without_one")] * 2
    assert all(point.speedup is None and point.efficiency is None for point in found.points)
    assert all(point.samples_per_s is not None for point in found.points)
    alone = line("strong", make_strong({2: 0.5}))
    assert alone.points[0].reason == Note("scaling_without_one")
    assert scalings(make_strong({1: 0.5})) == ()


def test_what_failed_says_why_and_ends_only_itself():
    one, two, four = make_strong({1: 0.8, 2: 0.4, 4: 0.2})
    full = Note("out_of_memory", {"device": "cpu"})
    failed = dataclasses.replace(four, status="failed", failure=full, blocks=(), environment=None)
    points = line("strong", [one, two, failed]).points  # joins its job's line, though it knows no device
    assert (points[2].reason, points[2].samples_per_s, points[2].speedup) == (full, None, None)
    assert points[1].speedup is not None
    short = dataclasses.replace(two, blocks=two.blocks[:2])
    assert line("strong", [one, short]).points[1].reason == Note("too_few_blocks")
    broken = dataclasses.replace(one, status="failed", failure=full, blocks=())
    points = line("strong", [broken, two]).points
    assert [point.reason for point in points] == [full, Note("scaling_one_failed")]


def test_lost_parity_withholds_the_speed_up():
    one, two = make_strong({1: 0.8, 2: 0.4})
    apart = dataclasses.replace(two, first_losses=tuple(loss * 1.1 for loss in two.first_losses))
    point = line("strong", [one, apart]).points[1]
    assert (point.parity.code, point.speedup) == ("parted", None)
    assert point.reason == Note("parity_lost_non_determinism")


def test_two_machines_never_form_one_line():
    here = make_strong({1: 0.8, 2: 0.4})
    there = make_strong({2: 0.4, 4: 0.2}, job="job-there", memory_gib=128)
    lines = scalings([*here, *there])
    assert sorted([point.workers for point in item.points] for item in lines) == [[1, 2], [2, 4]]
    without = next(item for item in lines if item.points[0].workers == 2)
    assert all(point.reason == Note("scaling_without_one") for point in without.points)
    recorded = [dataclasses.replace(run, origin="recorded", id=f"{run.id}-r") for run in here]
    assert [len(item.points) for item in scalings([*here, *recorded])] == [2, 2]
    unlike = make_strong({1: 0.8, 2: 0.4}, threads=2, job="job-threads")
    assert len(scalings([*here, *unlike])) == 2


def test_a_few_bytes_less_memory_after_a_restart_are_the_same_machine():
    one, two = make_weak({1: 0.5, 2: 0.5})
    machine = dataclasses.replace(two.environment.machine, memory_bytes=64 * 2**30 - 8192)
    two = dataclasses.replace(two, environment=dataclasses.replace(two.environment, machine=machine))
    assert [point.workers for point in line("weak", [one, two]).points] == [1, 2]


def test_the_newest_run_wins_and_is_compared_within_its_job():
    old = make_strong({1: 1.0, 2: 0.5}, noise=0.001)
    new = make_strong({1: 2.0, 2: 2.0}, noise=0.001, job="job-new", created_at="2026-11-21T10:00:00+00:00")
    point = line("strong", [*new, *old]).points[1]
    assert point.run.job_id == "job-new"
    assert holds(point.speedup, 1.0)
    late = make_strong({2: 0.5}, job="job-late", created_at="2026-11-22T10:00:00+00:00", noise=0.001)
    apart = line("strong", [*old, *new, *late]).points[1]
    assert holds(apart.speedup, 4.0)  # unpaired, with the newest one
    assert apart.doubts == (Note("separate_jobs"),)
    failed = [dataclasses.replace(late[0], status="failed", blocks=())]
    assert line("strong", [*old, *failed]).points[1].run.job_id == "job-strong"


def test_waiting_is_what_averaging_adds_and_never_negative():
    found = waiting_share(make_communication(0.3))
    assert holds(found, 0.3)
    assert found.high - found.low < 0.05
    nothing = waiting_share(make_communication(0.0, noise=0.05))
    assert nothing.low == 0 <= nothing.value < nothing.high
    assert waiting_share(make_communication(-0.5)) is None
    assert waiting_share(make_communication(0.3, repeats=2)) is None
    assert waiting_share(Communication("gloo", 1, (0.1, 0.0, 0.1), (0.1,) * 3, ())) is None
    disturbed = make_workers_result(2, 0.4, waiting=-0.5)
    (point,) = line("strong", [disturbed]).points
    assert (point.waiting_share, point.doubts) == (None, (Note("waiting_unknown"),))
    (quiet,) = line("strong", [make_workers_result(2, 0.4)]).points
    assert (quiet.waiting_share, quiet.doubts) == (None, ())


def test_more_threads_than_cores_are_told():
    (point,) = line("strong", [make_workers_result(8, 0.4, threads=4)]).points
    (doubt,) = point.doubts
    assert doubt.code == "workers_oversubscribed"
    assert {name: doubt.facts[name] for name in ("workers", "wanted", "cores")} == {
        "workers": 8,
        "wanted": 32,
        "cores": 8,
    }
    assert not line("strong", [make_workers_result(8, 0.4, threads=1)]).points[0].doubts
    assert not line("strong", [make_workers_result(8, 0.4, device="cuda:0")]).points[0].doubts


def test_gpus_of_several_kinds_and_other_conditions_are_doubted():
    kinds = Note("unlike_gpus", {"first": "H200", "others": "T4"})
    (point,) = line("strong", [make_workers_result(2, 0.4, device="cuda:0", notes=(kinds,))]).points
    assert point.doubts == (kinds,)
    one, two = make_weak({1: 0.5, 2: 0.5})
    one, two = (
        dataclasses.replace(
            run,
            environment=dataclasses.replace(
                run.environment, machine=dataclasses.replace(run.environment.machine, on_battery=on_battery)
            ),
        )
        for run, on_battery in ((one, False), (two, True))
    )
    point = line("weak", [one, two]).points[1]
    assert [doubt.code for doubt in point.doubts] == ["scaling_jobs_apart", "unlike_conditions"]


def test_faster_than_in_proportion_leaves_no_serial_share():
    run = make_workers_result(2, 0.4)
    over = Estimate(2.2, 2.1, 2.3)
    point = ScalingPoint(2, 1024, None, over, None, None, None, None, run)
    assert point.serial_share is None
    about = dataclasses.replace(point, speedup=Estimate(2.0, 1.9, 2.1))
    assert about.serial_share.low == about.serial_share.value == 0


def test_hostile_counts_are_left_out():
    assert scalings([make_workers_result(0, 0.4), make_workers_result(-2, 0.4)]) == ()
    one, two = make_strong({1: 0.8, 2: 0.4})
    impossible = dataclasses.replace(two, blocks=(dataclasses.replace(two.blocks[0], duration_s=0.0),))
    point = line("strong", [one, impossible]).points[1]
    assert (point.reason.code, point.samples_per_s) == ("malformed_record", None)


def test_one_bigger_device_or_two_of_these():
    big = make_workers_result(1, 0.30, device="cuda:0", job="job-big")
    gpu = dataclasses.replace(big.environment.device, name="Big GPU", uuid="GPU-big")
    big = dataclasses.replace(big, environment=dataclasses.replace(big.environment, device=gpu))
    small = make_strong({1: 0.8, 2: 0.5, 4: 0.2}, device="cuda:0", noise=0.01)
    found = one_or_several([big], small)
    assert [(item.batch_size, item.workers, item.winner) for item in found] == [
        (1024, 2, "one"),
        (1024, 4, "several"),
    ]
    assert (found[0].one_name, found[0].several_name) == ("Big GPU", "NVIDIA Test GPU")
    assert holds(found[0].ratio, 0.6)
    assert holds(found[1].ratio, 1.5)
    assert holds(found[1].several_samples_per_s, 1024 / 0.2)
    equal = dataclasses.replace(small[1], blocks=big.blocks)
    assert one_or_several([big], [equal])[0].winner == "no_difference"
    other = make_workers_result(2, 0.5, 2048, device="cuda:0")
    assert one_or_several([big], [other, small[0]]) == ()  # other work, and one worker
    assert one_or_several([small[0]], small) == ()  # the same device: that is scaling


def test_on_a_cpu_threads_are_the_size_of_the_one():
    one = make_workers_result(1, 0.5, threads=2, job="job-threads")
    thin = make_workers_result(1, 0.9, threads=1)
    (found,) = one_or_several([one, thin], [make_workers_result(2, 0.4)])
    assert found.one is one
    assert found.winner == "several"
    failed = dataclasses.replace(one, status="failed", failure=Note("out_of_memory"), blocks=())
    (unknown,) = one_or_several([failed], [make_workers_result(2, 0.4)])
    assert (unknown.winner, unknown.ratio, unknown.reason) == ("unknown", None, Note("out_of_memory"))
