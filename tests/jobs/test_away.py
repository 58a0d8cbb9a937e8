"""Jobs on other machines: in the same lists, followed to their end, and never a queue's business here."""

import dataclasses
import threading
import time

import pytest

from core import messages
from core.errors import InputError, MeasurementError
from core.records import Note, Setup
from core.runs.admission import Limits
from core.runs.queue import away, held, jobs, owner
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_machine, make_setup
from tests.fake_targets import (
    THREE,
    FakeTargets,
    busy,
    cpu_target,
    endless,
    results,
    runs_of,
    started,
)
from tests.jobs.children import job, until

CPU, OTHER, GPU = THREE
SPEC = job("mlp")


@pytest.fixture
def server(serve):
    """It measures nothing itself, and needs no worker."""
    return serve(measures=False)


def sentence(note):
    return messages.sentence(note.code, note.facts)


def sending(server, targets, target=CPU, spec=SPEC, **options):
    return server.submit_away(spec, target, targets, **options)


# --- a job's life


def test_a_job_elsewhere_is_followed_and_stored(server, store):
    targets = FakeTargets()
    job_id = sending(server, targets, spec=job("mlp", Setup(), make_setup(threads=1)), visitor="me")
    done = server.finished(job_id)
    assert (done.state, done.failure, done.storage_problem) == ("finished", None, None)
    assert done.target == CPU
    assert [result.id for result in done.results] == [f"{job_id}-0", f"{job_id}-1"]
    assert {result.job_id for result in done.results} == {job_id}
    assert {result.created_at for result in done.results} == {done.created_at}
    assert done.results[0].blocks == runs_of(SPEC, CPU)[0].blocks
    assert store.runs_of_job(job_id) == done.results
    row = store.job(job_id)
    assert (row.state, row.owner, row.visitor) == ("finished", owner.me(), "me")
    assert targets.sent == [(job_id, done.spec, CPU, None)]


def test_the_live_panel_has_what_was_told_so_far(server):
    job_id = sending(server, FakeTargets(script=endless), GPU, job("mlp", Setup("cuda:0")))
    server.measuring(job_id)
    with server.watching(job_id) as now:
        cpu, gpus = now.latest()
        (result,) = now.results_now("cancelled")
        assert (now.state, now.waiting_for_machine, now.placed) == ("running", False, True)
    assert (cpu.load_pct, gpus) == (50.0, {})
    assert result.environment.device.id == "cuda:0"
    assert result.environment.machine == GPU.machine
    assert (len(result.blocks), result.notes[0].code) == (2, "through_ray")
    assert result.notes[0].facts["kind"] == GPU.kind


def test_it_waits_for_its_own_machine_and_for_nobody_elses(server):
    job_id = sending(server, FakeTargets(script=busy))
    with server.watching(job_id) as now:
        assert (now.state, now.waiting_for_machine, now.placed) == ("running", True, False)
    assert server.place(job_id) is None
    assert server.open_jobs() == []
    assert [item.id for item in server.jobs_away()] == [job_id]
    assert server.wait_estimate_s(job_id) is None


def test_this_machines_queue_goes_on_beside_it(serve):
    server = serve()
    far = sending(server, FakeTargets(script=endless))
    server.measuring(far)
    near = server.submit(job("endless"))
    server.measuring(near)
    last = server.submit(job("quick"))
    assert server.place(last) == 1
    assert [item.id for item in server.open_jobs()] == [near, last]
    server.cancel(near)
    assert server.finished(last).state == "finished"
    assert server.job(far).state == "running"


def test_two_machines_measure_at_once_and_one_machine_one_after_the_other(server):
    targets = FakeTargets(script=endless)
    ids = [sending(server, targets, target) for target in (CPU, OTHER, dataclasses.replace(GPU, node=CPU.node))]
    targets.wait_until_sent(2)
    for job_id in ids[:2]:
        server.measuring(job_id)
    assert [sent[0] for sent in targets.sent] == ids[:2], "the third has the first's machine"
    server.cancel(ids[0])
    server.measuring(ids[2])
    assert server.job(ids[1]).state == "running"


def test_the_results_count_and_not_what_was_folded(server):
    def script(spec, target):
        yield from started(spec, target)
        yield results(spec, target, threads=3)

    (result,) = server.finished(sending(server, FakeTargets(script=script))).results
    assert (result.threads, result.status, len(result.blocks)) == (3, "finished", 16)


def test_a_failure_there_is_the_jobs(server):
    failure = Note("batch_too_large", {"batch_size": 64, "train_samples": 5})

    def script(spec, target):
        yield from started(spec, target, blocks=0)
        yield results(spec, target, failure, blocks=(), status="failed", failure=failure)

    done = server.finished(sending(server, FakeTargets(script=script)))
    assert (done.state, done.failure, done.results[0].failure) == ("failed", failure, failure)


# --- refused


def test_a_public_server_sends_nothing_away(serve, store):
    server, targets = serve(limits=Limits.public(), measures=False), FakeTargets()
    with pytest.raises(InputError) as refusal:
        sending(server, targets)
    assert refusal.value.code == "cluster_not_public"
    assert (targets.sent, store.open_jobs()) == ([], ())


def test_only_so_many_are_away_at_once(server, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_AWAY", 2)
    targets = FakeTargets(script=endless)
    first, _ = sending(server, targets, CPU), sending(server, targets, OTHER)
    with pytest.raises(InputError) as refusal:
        sending(server, targets, GPU)
    assert (refusal.value.code, refusal.value.facts) == ("too_many_away", {"most": 2})
    server.cancel(first)
    server.finished(first)
    sending(server, targets, GPU)


def test_threads_are_checked_against_the_other_machine(server):
    big = cpu_target(machine=make_machine(cpu=dataclasses.replace(CPU.machine.cpu, logical_cores=500)))
    asked = job("mlp", make_setup(threads=400))
    with pytest.raises(InputError) as refusal:
        sending(server, FakeTargets(), CPU, asked)
    assert (refusal.value.code, refusal.value.facts["high"]) == ("out_of_range", 16)
    assert server.finished(sending(server, FakeTargets(), big, asked)).state == "finished"


# --- bad luck


def test_a_busy_machine_is_waited_for_no_longer_than_was_said(server):
    targets = FakeTargets(script=busy)
    done = server.finished(sending(server, targets, wait_s=2.0))
    assert (done.state, done.failure.code) == ("failed", "target_busy")
    assert targets.sent[0][3] == 2.0
    assert sentence(done.failure)


def test_what_a_lost_machine_had_told_is_kept(server, store):
    targets = FakeTargets(script=endless)
    job_id, other = sending(server, targets, CPU), sending(server, targets, OTHER)
    server.measuring(job_id)
    targets.lose("node-a")
    done = server.finished(job_id)
    assert (done.state, done.failure.code) == ("failed", "node_lost")
    (result,) = store.runs_of_job(job_id)
    assert (result.status, len(result.blocks), result.failure.code) == ("failed", 2, "node_lost")
    assert result.environment.machine == CPU.machine
    assert server.job(other).state == "running"


def test_with_its_head_everything_on_a_cluster_is_lost(server):
    targets = FakeTargets(script=endless)
    ids = [sending(server, targets, target) for target in THREE]
    for job_id in ids:
        server.measuring(job_id)
    targets.lose_head()
    assert {server.finished(job_id).failure.code for job_id in ids} == {"cluster_lost"}
    late = server.finished(sending(server, targets))
    assert (late.state, late.failure.code) == ("failed", "cluster_lost")


def test_events_that_end_without_results_are_a_failure(server):
    done = server.finished(sending(server, FakeTargets(script=started)))
    assert (done.state, done.failure.code, len(done.results[0].blocks)) == ("failed", "results_missing", 2)
    assert sentence(done.failure)


def test_a_fault_of_ours_leaves_nobody_waiting(server, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda problem: None)  # it tells the log

    def script(spec, target):
        yield from started(spec, target)
        raise RuntimeError("ours")

    done = server.finished(sending(server, FakeTargets(script=script)))
    assert (done.state, done.failure.code, len(done.results[0].blocks)) == ("failed", "queue_stopped", 2)


# --- cancelling


def test_a_running_job_is_cancelled_and_keeps_what_it_has(server, store):
    targets = FakeTargets(script=endless)
    job_id = sending(server, targets)
    server.measuring(job_id)
    server.cancel(job_id)
    done = server.finished(job_id)
    assert (done.state, done.failure, [r.status for r in done.results]) == ("cancelled", None, ["cancelled"])
    assert store.runs_of_job(job_id) == done.results
    assert store.job(job_id).state == "cancelled"
    until(lambda: targets.open == (), "the machine to be free")


def test_a_job_that_waits_for_its_machine_is_cancelled(server):
    targets = FakeTargets(script=busy)
    first, second = sending(server, targets), sending(server, targets)
    targets.wait_until_sent()
    for job_id in (second, first):
        server.cancel(job_id)
        assert server.finished(job_id).state == "cancelled"
    assert [sent[0] for sent in targets.sent] == [first], "the second was never sent"


def test_results_that_come_after_a_cancel_are_taken(server):
    asked = threading.Event()

    def script(spec, target):
        yield from started(spec, target)
        asked.wait(60)
        yield results(spec, target, status="cancelled")

    targets = FakeTargets(script=script)
    targets._end = lambda *_: asked.set()
    job_id = sending(server, targets)
    server.measuring(job_id)
    server.cancel(job_id)
    done = server.finished(job_id)
    assert (done.state, done.results[0].status, len(done.results[0].blocks)) == ("cancelled", "cancelled", 16)


def test_a_cancel_that_nobody_answers_ends_the_job_here(server, monkeypatch):
    monkeypatch.setattr(away, "_CANCEL_AGAIN_S", 0.01)

    def deaf(job_id):
        raise MeasurementError("cluster_lost")

    targets = FakeTargets(script=endless)
    monkeypatch.setattr(targets, "cancel", deaf)
    job_id = sending(server, targets)
    server.measuring(job_id)
    server.cancel(job_id)
    done = server.finished(job_id)
    assert (done.state, len(done.results[0].blocks)) == ("cancelled", 2)
    targets.close()


def test_a_stranger_cancels_nothing(server):
    job_id = sending(server, FakeTargets(script=endless), visitor="me")
    with pytest.raises(InputError, match="not_yours"):
        server.cancel(job_id, "somebody")


def test_closing_cancels_what_is_away(server, store):
    targets = FakeTargets(script=endless)
    ids = [sending(server, targets, target) for target in (CPU, OTHER)]
    for job_id in ids:
        server.measuring(job_id)
    server.close()
    assert [store.job(job_id).state for job_id in ids] == ["cancelled", "cancelled"]
    assert [len(store.runs_of_job(job_id)[0].blocks) for job_id in ids] == [2, 2]
    until(lambda: targets.open == ())


@pytest.mark.parametrize("answer", ["refuses", "hangs"])
def test_closing_takes_seconds_whatever_a_cluster_answers(serve, store, monkeypatch, answer):
    monkeypatch.setattr(jobs, "_CLOSING_S", 0.3)
    targets, forever = FakeTargets(script=endless), threading.Event()

    def deaf(job_id):
        if answer == "hangs":
            forever.wait(60)
        raise MeasurementError("cluster_lost")

    monkeypatch.setattr(targets, "cancel", deaf)
    server = serve(measures=False)
    ids = [sending(server, targets, cpu_target(f"node-{number}")) for number in range(10)]
    for job_id in ids:
        server.measuring(job_id)
    begun = time.monotonic()
    server.close()
    assert time.monotonic() - begun < 30  # one after the other, or until one answers, it were minutes
    assert {server.job(job_id).state for job_id in ids} == {"cancelled"}
    assert {store.job(job_id).state for job_id in ids} == {"cancelled"}
    assert {len(store.runs_of_job(job_id)[0].blocks) for job_id in ids} == {2}
    forever.set()
    targets.close()


def test_nothing_is_sent_by_a_server_that_is_closed(server, store):
    server.close()
    with pytest.raises(InputError, match="too_many_away"):
        sending(server, FakeTargets())
    assert store.open_jobs() == ()


def test_events_that_never_end_after_a_cancel_keep_nobody_waiting(server, store, monkeypatch):
    monkeypatch.setattr(away, "_CANCEL_AGAIN_S", 0.01)
    stop = threading.Event()

    def script(spec, target):
        yield from started(spec, target)
        while not stop.wait(0.005):
            yield {"type": "telemetry", "cpu": None, "gpus": {}}

    targets = FakeTargets(script=script)
    monkeypatch.setattr(targets, "_end", lambda *_: None)
    first = sending(server, targets)
    server.measuring(first)
    server.cancel(first)
    assert server.finished(first).state == "cancelled"
    second = sending(server, targets)
    targets.wait_until_sent(2)
    server.cancel(second)
    assert server.finished(second).state == "cancelled"
    stop.set()
    until(lambda: targets.open == ())
    assert store.job(first).state == "cancelled"


def test_a_dead_servers_job_elsewhere_is_not_gone_on_with(serve, server, store, url):
    job_id = sending(server, FakeTargets(script=busy))
    assert store.job(job_id).state == "running", "from the start"
    host, pid, start = owner.me().split(":")
    assert store.adopt(job_id, f"{host}:{pid}:{int(start) - 1000}", owner.me(), "2026-11-29T00:00:00.000+00:00")
    heir = serve(measures=False)
    assert (heir.job(job_id), heir.jobs_away()) == (None, [])
    assert store.job(job_id).state == "interrupted"
    other = Store(url)
    assert other.job(job_id).failure == Note("server_stopped")
    other.close()


def test_a_part_that_is_stored_late_doesnt_replace_what_is_final(serve, store, monkeypatch):
    """The job was ended here, by another thread, while a part of it was on its way to the database."""
    monkeypatch.setattr(away, "_CANCEL_AGAIN_S", 0.01)
    monkeypatch.setattr(held, "_PARTIAL_EVERY_S", -1.0)
    under_way, go_on = threading.Event(), threading.Event()

    class Slow(Keeper):
        def results(self, results):
            if results[0].status == "interrupted":
                under_way.set()
                assert go_on.wait(60)
            return super().results(results)

    targets = FakeTargets(script=endless)
    monkeypatch.setattr(targets, "cancel", lambda job_id: None)
    server = serve(Slow(store), measures=False)
    job_id = sending(server, targets)
    assert under_way.wait(60)
    server.cancel(job_id)
    assert server.finished(job_id).state == "cancelled"
    go_on.set()
    targets.close()
    until(lambda: targets.open == (), "its thread to go on")
    until(lambda: [run.status for run in store.runs_of_job(job_id)] == ["cancelled"])
