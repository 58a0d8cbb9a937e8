"""The queue: one job at a time, in order; results kept, whatever becomes of the worker or of the disk."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from core import messages
from core.errors import InputError, StoreError
from core.records import Idle, Note, Setup
from core.runs import jobs, owner, worker
from core.runs.admission import Limits
from core.runs.keeping import Keeper
from core.runs.worker import Worker
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
    assert (refusal.value.code, refusal.value.facts) == ("queue_full", {"waiting": 1})


def test_only_the_latest_jobs_stay_in_memory(server, monkeypatch):
    monkeypatch.setattr(jobs, "_KEPT_IN_MEMORY", 2)
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
    monkeypatch.setattr(jobs.idle, "measure", measure)
    monkeypatch.setattr(jobs.environment, "machine", lambda: make_machine(gpus=()))
    counter = SimpleNamespace(sample=lambda at_s: SimpleNamespace(energy_j=5.0))
    monkeypatch.setattr(jobs, "CpuReader", lambda pid: counter)
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
    monkeypatch.setattr(jobs, "CpuReader", lambda pid: blind)
    server = serve()
    server.wait_until_settled()
    assert idle_draw.count == 0


# --- a worker that dies


@pytest.mark.parametrize(("model", "blocks"), [("dies", 2), ("half", 1)])
def test_a_killed_worker_fails_its_job_alone_and_keeps_its_blocks(model, blocks, server, store):
    job_id = server.submit(job(model))
    next_id = server.submit(job("quick"))
    done = server.finished(job_id)
    assert (done.state, done.failure) == ("failed", Note("worker_killed"))
    (result,) = done.results
    assert (result.status, result.failure) == ("failed", Note("worker_killed"))
    assert result.blocks == BLOCKS[:blocks]
    assert store.runs_of_job(job_id) == (result,)
    assert store.job(job_id).state == "failed"
    assert server.finished(next_id).state == "finished"


def test_a_worker_that_ends_by_itself_leaves_its_last_words(server):
    done = server.finished(server.submit(job("breaks")))
    assert (done.state, done.failure.code) == ("failed", "worker_died")
    assert done.failure.facts == {"exit_code": 7, "last_words": "first words\nlast words"}
    assert "last words" in sentence(done.failure)


def test_a_lost_device_takes_its_worker_along(server):
    """The process of the lost device doesn't end by itself, and the next job isn't given to it."""
    server.wait_for_worker()
    pid = server.worker_pid
    job_id, next_id = server.submit(job("spoilt", Setup(), make_setup(threads=1))), server.submit(job("quick"))
    done = server.finished(job_id)
    assert (done.state, done.failure.code) == ("failed", "device_failed")
    assert [(r.status, r.failure.code) for r in done.results] == [("failed", "device_failed")] * 2
    assert done.results[0].blocks == BLOCKS[:2]
    assert server.finished(next_id).state == "finished"
    assert is_gone(pid)


def test_a_worker_that_died_while_idle_is_replaced(server):
    server.wait_for_worker()
    server._worker.kill()
    assert server.finished(server.submit(job("quick"))).state == "finished"


# --- a worker that can't be started


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ((sys.executable, "-c", "import sys; sys.exit('no torch here')"), "worker_died"),
        (("/no/such/program",), "worker_not_started"),
    ],
)
def test_without_a_worker_a_job_fails_with_the_reason(command, code, serve):
    server = serve(start_worker=lambda: Worker(command))
    server.wait_for_worker()
    assert server.devices is None
    assert server.worker_problem.code == code
    done = server.finished(server.submit(job("quick")))
    assert (done.state, done.failure.code) == ("failed", code)
    assert ("no torch here" if code == "worker_died" else "No such file") in sentence(done.failure)
    assert [result.environment for result in done.results] == [None]


def test_a_worker_that_is_never_ready_is_ended(serve, monkeypatch):
    monkeypatch.setattr(worker, "_START_LIMIT_S", 0.2)
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    server = serve(start_worker=lambda: Worker((sys.executable, "-c", "import time; time.sleep(1000)")))
    server.wait_for_worker()
    assert server.worker_problem == Note("worker_too_late", {"limit_s": 0.2})
    assert sentence(server.worker_problem)
    assert [process.poll() for process in started] == [-9]


def test_a_worker_that_can_be_started_later_is_found(serve):
    commands = iter([("/no/such/program",)])
    server = serve(
        start_worker=lambda: Worker(next(commands, (sys.executable, "-m", "tests.jobs.fake_worker")))
    )
    server.wait_for_worker()
    assert server.worker_problem is not None
    assert server.finished(server.submit(job("quick"))).state == "finished"
    assert server.worker_problem is None


# --- the machine


HOLDER = """
import sys
from pathlib import Path
from core.runs import machine_lock
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


# --- the store


class FullDisk:
    """A store that can write nothing."""

    def orphaned(self, is_alive, stale_before):
        return ()

    def __getattr__(self, name):
        def full(*_, **__):
            raise StoreError("disk_full")

        return full


def test_on_a_full_disk_the_result_is_there_and_the_problem_is_told(serve):
    server = serve(Keeper(FullDisk()))
    job_id = server.submit(job("quick"))
    assert server.job(job_id).storage_problem == Note("disk_full")
    done = server.finished(job_id)
    assert (done.state, done.storage_problem) == ("finished", Note("disk_full"))
    assert done.results[0].blocks == BLOCKS[:3]


def test_without_a_store_nothing_is_missing_but_the_store(serve):
    server = serve(Keeper(None))
    done = server.finished(server.submit(job("quick")))
    assert (done.state, done.storage_problem) == ("finished", None)
    assert done.results[0].blocks == BLOCKS[:3]


def test_what_is_measured_is_stored_on_the_way(server, store, monkeypatch):
    monkeypatch.setattr(jobs, "_PARTIAL_EVERY_S", -1.0)
    job_id = server.submit(job("endless"))
    (result,) = until(lambda: [r for r in store.runs_of_job(job_id) if len(r.blocks) == 2])
    assert result.status == "interrupted"  # as it would be if this server died now
    server.cancel(job_id)
    server.finished(job_id)
    assert [r.status for r in store.runs_of_job(job_id)] == ["cancelled"]


def test_an_open_job_says_that_its_server_is_alive(serve, store, monkeypatch):
    monkeypatch.setattr(jobs, "_HEARTBEAT_S", 0.02)
    server = serve()
    job_id = server.submit(job("endless"))
    server.measuring(job_id)
    first = store.job(job_id).heartbeat_at
    until(lambda: store.job(job_id).heartbeat_at > first, "a heartbeat")
    monkeypatch.setattr(jobs, "_HEARTBEAT_S", 30.0)


# --- what a dead server left


def left_by(store, previous):
    """A running and two queued jobs of another server."""
    for i, state in enumerate(("running", "queued", "queued")):
        store.add_job(f"job{i}", job("quick", seed=i), f"2026-11-22T18:30:0{i}.000+00:00", previous)
        store.set_job_state(f"job{i}", state)


@pytest.fixture
def dead_owner():
    host, pid, start = owner.me().split(":")
    return f"{host}:{pid}:{int(start) - 1000}"


def test_a_dead_servers_queue_is_gone_on_with(serve, store, dead_owner):
    left_by(store, dead_owner)
    server = serve()
    assert [server.finished(f"job{i}").state for i in (1, 2)] == ["finished", "finished"]
    assert server.job("job0") is None
    assert (store.job("job0").state, store.job("job0").failure) == ("interrupted", Note("server_stopped"))
    assert [store.job(f"job{i}").owner for i in (1, 2)] == [owner.me()] * 2
    assert [r.spec.workload.seed for i in (1, 2) for r in store.runs_of_job(f"job{i}")] == [1, 2]


def test_a_living_servers_queue_is_left_alone(serve, store):
    left_by(store, owner.me())
    assert serve().open_jobs() == []
    assert [store.job(f"job{i}").state for i in range(3)] == ["running", "queued", "queued"]


def test_a_command_adopts_nobodys_queue(serve, store, dead_owner):
    left_by(store, dead_owner)
    assert serve(heir=False).open_jobs() == []
    assert store.job("job1").owner == dead_owner


def test_another_machines_server_is_dead_when_its_heart_stopped(serve, store):
    left_by(store, "elsewhere:1:100")  # its heartbeats are of the time when the jobs were added
    for i in (1, 2):
        store.beat("elsewhere:1:100", "2999-01-01T00:00:00.000+00:00")
        assert serve().open_jobs() == [], i
    with_old_heartbeats = store.adopt("job1", "elsewhere:2:200", "elsewhere:1:100", "2026-11-22T18:30:00+00:00")
    assert with_old_heartbeats
    assert serve().finished("job1").state == "finished"


# --- closing


def test_closing_keeps_the_running_job_as_cancelled(server, store):
    running, waiting = server.submit(job("endless")), server.submit(job("quick"))
    server.measuring(running)
    pid = server.worker_pid
    server.close()
    server.close()
    assert is_gone(pid)
    assert [store.job(item).state for item in (running, waiting)] == ["cancelled", "cancelled"]
    (result,) = store.runs_of_job(running)
    assert (result.status, len(result.blocks)) == ("cancelled", 2)


def test_closing_while_the_worker_starts_leaves_none_behind(serve):
    started, go_on, workers = threading.Event(), threading.Event(), []

    def start():
        started.set()
        assert go_on.wait(60)
        workers.append(fake_worker())
        return workers[0]

    server = serve(start_worker=start)
    assert started.wait(60)
    server.close()
    go_on.set()
    until(lambda: workers and is_gone(workers[0].pid), "the worker's end")
