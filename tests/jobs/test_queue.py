"""The queue: one job at a time, in order; results kept, whatever becomes of the worker or of the disk."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from core import messages
from core.errors import InputError
from core.records import Idle, Setup
from core.runs.admission import Limits
from core.runs.queue import held, owner, serving
from tests.builders import make_epochs, make_machine, make_setup
from tests.jobs.children import ROOT, fake_worker, is_gone, job, until
from tests.jobs.fake_worker import BLOCKS


def sentence(note):
    return messages.sentence(note.code, note.facts)


# --- a job's life


def test_a_job_is_measured_and_stored(server, store):
    job_id = server.submit(job("quick", Setup(), make_setup(threads=1)), visitor="me")
    done = server.finished(job_id)
    assert (done.state, done.failure, done.storage_problem) == ("finished", None, None)
    assert [result.id for result in done.results] == [f"{job_id}-0", f"{job_id}-1"]
    assert done.results[0].blocks == BLOCKS[:3]
    for result in done.results:
        assert result.status == "finished"
        assert len(result.blocks) == 3
        assert result.environment.device.name == "Test CPU"
        assert result.environment.machine.cpu.logical_cores
        assert len(result.telemetry.cpu) >= 2  # one sample at each end
        assert result.telemetry.gpu == ()
    assert store.runs_of_job(job_id) == done.results
    row = store.job(job_id)
    assert (row.state, row.owner, row.visitor, row.failure) == ("finished", owner.me(), "me", None)
    shown = store.history()[0]
    assert shown.samples_per_s == pytest.approx(320, rel=0.05)
    assert shown.test_accuracy == make_epochs()[0].test_accuracy


def test_the_worker_stays_warm_between_jobs(server):
    pids = set()
    for _ in range(3):
        server.finished(server.submit(job("quick")))
        pids.add(server.worker_pid)
    assert len(pids) == 1


def test_the_devices_are_known_before_any_job(server):
    server.wait_for_worker()
    assert [device.id for device in server.devices] == ["cpu"]
    assert server.worker_problem is None


def test_a_job_beyond_the_limits_never_reaches_the_queue(server, store):
    for bad in (job("quick", batch_size=0), job("quick", Setup(), Setup())):
        with pytest.raises(InputError):
            server.submit(bad)
    assert server.open_jobs() == []
    assert store.open_jobs() == ()


def test_what_only_the_worker_knows_fails_the_job(server, store):
    done = server.finished(server.submit(job("refused")))
    assert (done.state, done.failure.code) == ("failed", "batch_too_large")
    assert [(result.status, result.failure) for result in done.results] == [("failed", done.failure)]
    assert store.job(done.id).failure == done.failure
    assert store.runs_of_job(done.id) == ()  # nothing was measured
    assert server.finished(server.submit(job("quick"))).state == "finished"


# --- order


def test_jobs_of_many_visitors_are_served_in_their_order(serve, tmp_path, monkeypatch):
    served = tmp_path / "served"
    monkeypatch.setenv("TEST_SERVED", str(served))
    server = serve()
    first = server.submit(job("endless", seed=100))
    server.measuring(first)
    together = threading.Barrier(6)
    ids = {}

    def visit(seed):
        together.wait()
        ids[seed] = server.submit(job("quick", seed=seed))

    visitors = [threading.Thread(target=visit, args=(seed,)) for seed in range(6)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    waiting = server.open_jobs()
    assert waiting[0].id == first
    order = [item.spec.workload.seed for item in waiting[1:]]
    assert sorted(order) == list(range(6))
    assert [server.place(ids[seed]) for seed in order] == [1, 2, 3, 4, 5, 6]
    assert server.place(first) is None  # it isn't waiting
    server.cancel(first)
    for job_id in ids.values():
        assert server.finished(job_id).state == "finished"
    assert [int(line) for line in served.read_text().split()] == [100, *order]
    assert server.open_jobs() == []


def test_two_jobs_are_never_measured_at_once(server):
    first, second = server.submit(job("endless")), server.submit(job("endless"))
    server.measuring(first)
    assert [item.state for item in server.open_jobs()] == ["running", "queued"]
    assert server.job(second).assembly.runs[0].phase == "waiting"
    server.cancel(first)
    server.measuring(second)
    assert [item.id for item in server.open_jobs()] == [second]


def test_a_full_queue_says_so(serve):
    server = serve(limits=Limits(waiting=1))
    server.measuring(server.submit(job("endless")))
    server.submit(job("quick"))
    with pytest.raises(InputError) as refusal:
        server.submit(job("quick"))
    assert (refusal.value.code, refusal.value.facts) == ("queue_full", {"waiting": 1, "minutes": 1})


def test_only_the_latest_jobs_stay_in_memory(server, monkeypatch):
    monkeypatch.setattr(held, "_KEPT_IN_MEMORY", 2)
    ids = [server.finished(server.submit(job("quick"))).id for _ in range(4)]
    assert [server.job(job_id) is not None for job_id in ids] == [False, True, True, True]
    assert server.wait(ids[0], 0.0) is None


# --- cancelling


def test_a_running_job_is_cancelled_and_keeps_what_it_has(server, store):
    job_id = server.submit(job("endless", Setup(), make_setup(threads=1)))
    server.measuring(job_id)
    pid = server.worker_pid
    server.cancel(job_id)
    done = server.finished(job_id)
    assert (done.state, done.failure) == ("cancelled", None)
    first, second = done.results
    assert (first.status, first.blocks, first.failure) == ("cancelled", BLOCKS[:2], None)
    assert (second.status, second.blocks) == ("cancelled", ())
    assert store.runs_of_job(job_id) == done.results
    assert store.job(job_id).state == "cancelled"
    assert is_gone(pid)
    until(lambda: server.worker_pid not in (None, pid), "a fresh worker before anybody asks")
    assert server.finished(server.submit(job("quick"))).state == "finished"


def test_a_waiting_job_is_cancelled_without_disturbing_the_running_one(server, store):
    running = server.submit(job("endless"))
    waiting, last = server.submit(job("quick")), server.submit(job("quick"))
    server.measuring(running)
    pid = server.worker_pid
    server.cancel(waiting)
    done = server.job(waiting)
    assert (done.state, done.done) == ("cancelled", True)
    assert [(result.status, result.blocks) for result in done.results] == [("cancelled", ())]
    assert store.job(waiting).state == "cancelled"
    assert server.place(last) == 1
    assert server.job(running).state == "running"
    assert server.worker_pid == pid


def test_nobody_waits_for_the_database_that_a_cancel_is_written_to(server, store, monkeypatch):
    asked, go_on = threading.Event(), threading.Event()
    write = store.set_job_state

    def slow(job_id, state, failure=None):
        if state == "cancelled":
            asked.set()
            assert go_on.wait(60)
        return write(job_id, state, failure)

    monkeypatch.setattr(store, "set_job_state", slow)
    server.measuring(running := server.submit(job("endless")))
    waiting = server.submit(job("quick"))
    cancelling = threading.Thread(target=server.cancel, args=(waiting,))
    cancelling.start()
    assert asked.wait(60)
    answers = []
    other = threading.Thread(target=lambda: answers.append(server.open_jobs()), daemon=True)
    other.start()
    other.join(30)
    assert [[item.id for item in jobs] for jobs in answers] == [[running]], "another visitor is answered"
    go_on.set()
    cancelling.join(60)
    assert server.finished(waiting).state == "cancelled"
    assert store.job(waiting).state == "cancelled"


def test_what_is_over_or_unknown_cant_be_cancelled(server):
    job_id = server.submit(job("quick"))
    server.finished(job_id)
    server.cancel(job_id)
    server.cancel("no such job")
    assert server.job(job_id).state == "finished"


def test_a_cancel_while_the_worker_is_being_started_is_heeded(serve, tmp_path, monkeypatch):
    """The worker died while idle, so that the job itself waits for the next one."""
    monkeypatch.setenv("TEST_SERVED", str(tmp_path / "served"))
    asked, go_on = threading.Event(), threading.Event()
    go_on.set()

    def start():
        asked.set()
        assert go_on.wait(60)
        return fake_worker()

    server = serve(start_worker=start)
    server.wait_for_worker()
    go_on.clear()
    asked.clear()
    server._worker.kill()
    job_id = server.submit(job("quick"))
    assert asked.wait(60)
    server.cancel(job_id)
    go_on.set()
    done = server.finished(job_id)
    assert (done.state, done.results[0].blocks) == ("cancelled", ())
    assert not (tmp_path / "served").exists()
    assert server.finished(server.submit(job("quick"))).state == "finished"


# --- what the devices draw at rest


@pytest.fixture
def idle_draw(monkeypatch):
    """A machine whose processor has an energy counter; `sleeps` holds how long was asked for."""
    draw = Idle(2.0, 30.0, 60.0, "counter")

    def measure(uuids, sleep):
        assert list(uuids) == []
        measure.count += 1
        sleep(measure.seconds)
        return {None: draw}

    measure.count, measure.seconds, measure.draw = 0, 0.01, draw
    monkeypatch.setattr(serving.idle, "measure", measure)
    monkeypatch.setattr(serving.environment, "machine", lambda: make_machine(gpus=()))
    counter = SimpleNamespace(sample=lambda at_s: SimpleNamespace(energy_j=5.0))
    monkeypatch.setattr(serving, "CpuReader", lambda pid: counter)
    return measure


def test_the_idle_draw_is_measured_once_and_told_with_every_run(serve, idle_draw):
    server = serve()
    server.wait_until_settled()
    for _ in range(2):
        done = server.finished(server.submit(job("quick")))
        assert done.results[0].idle == idle_draw.draw
    assert idle_draw.count == 1


def test_nobody_waits_for_the_idle_draw(serve, idle_draw):
    idle_draw.seconds = 1000.0
    server = serve()
    until(lambda: idle_draw.count)
    done = server.finished(server.submit(job("quick")))
    assert (done.state, done.results[0].idle) == ("finished", None)


def test_closing_doesnt_wait_for_the_idle_draw(serve, idle_draw):
    idle_draw.seconds = 1000.0
    server = serve()
    until(lambda: idle_draw.count)
    server.close()
    server.wait_until_settled()


def test_without_a_sensor_no_idle_draw_is_looked_for(serve, idle_draw, monkeypatch):
    blind = SimpleNamespace(sample=lambda at_s: SimpleNamespace(energy_j=None))
    monkeypatch.setattr(serving, "CpuReader", lambda pid: blind)
    server = serve()
    server.wait_until_settled()
    assert idle_draw.count == 0


# --- the machine


HOLDER = """
import sys
from pathlib import Path
from core.runs.queue import machine_lock
machine_lock.LOCK = Path(sys.argv[1])
with machine_lock.machine_lock(lambda: False):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def another_program(lock):
    """A program on this machine that is measuring until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_programs_measurement_is_waited_for(server, another_program):
    job_id = server.submit(job("quick"))
    until(lambda: server.job(job_id).state == "running")
    assert server.job(job_id).waiting_for_machine
    assert server.wait(job_id, 0.05).assembly.runs[0].phase == "waiting"
    another_program.communicate("\n")
    done = server.finished(job_id)
    assert (done.state, done.waiting_for_machine) == ("finished", False)


def test_who_waits_for_the_machine_can_be_cancelled(server, another_program):
    server.wait_for_worker()
    pid = server.worker_pid
    job_id = server.submit(job("quick"))
    until(lambda: server.job(job_id).state == "running")
    server.cancel(job_id)
    assert server.finished(job_id).state == "cancelled"
    assert server.worker_pid == pid  # it wasn't measuring: there was nothing to stop
    another_program.communicate("\n")
    assert server.finished(server.submit(job("quick"))).state == "finished"
