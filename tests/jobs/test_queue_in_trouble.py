"""The queue when its worker dies, its disk is full or its server was killed: nothing is lost in silence."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from core import messages
from core.errors import StoreError
from core.records import Note, Setup
from core.runs.queue import held, jobs, owner, worker
from core.runs.queue.keeping import Keeper
from core.runs.queue.worker import Worker
from tests.builders import make_setup
from tests.jobs.children import fake_worker, is_gone, job, until
from tests.jobs.fake_worker import BLOCKS


def sentence(note):
    return messages.sentence(note.code, note.facts)


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


def test_a_worker_that_doesnt_die_of_a_kill_holds_nobody_up(server, monkeypatch):
    """As one that hangs in its device's driver."""
    server.wait_for_worker()
    stuck, process = server._worker, server._worker._process

    def wait(timeout=None):
        assert timeout is not None, "for ever"
        raise subprocess.TimeoutExpired("worker", timeout)

    with monkeypatch.context() as patched:
        patched.setattr(process, "wait", wait)
        patched.setattr(process, "poll", lambda: None)
        stuck.kill()
        assert not stuck.alive
        assert server.finished(server.submit(job("quick"))).state == "finished"
        assert server.worker_pid != stuck.pid
    process.wait()


def test_a_limit_that_comes_too_late_ends_nothing(monkeypatch):
    """The timer went off as the job ended: the worker may be at its next one."""
    timers, ended = [], []

    class Timer:
        def __init__(self, seconds, function):
            self.fire = function
            timers.append(self)

        def start(self): ...

        def cancel(self): ...

    monkeypatch.setattr(worker.threading, "Timer", Timer)
    doomed = SimpleNamespace(kill=lambda: ended.append("killed"))
    with worker.killed_after(doomed, 1.0, lambda: ended.append("told")):
        pass
    timers[0].fire()
    assert ended == []
    with worker.killed_after(doomed, 1.0, lambda: ended.append("told")):
        timers[1].fire()
    assert ended == ["told", "killed"]


# --- a fault of ours


def test_after_a_fault_of_ours_nobody_waits_for_a_queue_that_isnt_served(server, store, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda problem: None)  # it tells the log
    server.wait_until_settled()

    def faulty(*arguments):
        raise RuntimeError("ours")

    monkeypatch.setattr(server, "_run_on_worker", faulty)
    for _ in range(2):  # the first meets it, the second comes after it
        done = server.finished(server.submit(job("quick")))
        assert (done.state, done.failure) == ("failed", Note("queue_stopped"))
        assert store.job(done.id).failure == Note("queue_stopped")
        until(lambda: server.open_jobs() == [])
    assert sentence(server.worker_problem)


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


class Away:
    """A database that is away until it is back."""

    def __init__(self, store):
        self.store, self.is_back = store, False

    def __getattr__(self, name):
        if name != "orphaned" and not self.is_back:
            raise StoreError("database_unreadable", problem="away")
        return getattr(self.store, name)


def test_what_ended_while_the_database_was_away_is_kept_when_it_is_back(serve, store):
    away = Away(store)
    keeper = Keeper(away)
    server = serve(keeper)
    done = server.finished(server.submit(job("quick")))
    assert done.storage_problem.code == "database_unreadable"
    assert store.job(done.id) is None
    keeper.keep_again("me")
    assert done.storage_problem.code == "database_unreadable"

    away.is_back = True
    keeper.keep_again("me")
    assert done.storage_problem is None
    assert store.job(done.id).state == "finished"
    assert store.runs_of_job(done.id) == done.results
    store.delete_runs([run.id for run in done.results], "2026-11-29T00:00:00+00:00")
    keeper.keep_again("me")
    assert store.runs_of_job(done.id) == (), "it is kept once, and not again and again"


def test_a_cancel_that_couldnt_be_written_is_written_later(serve, store):
    """Or whoever takes this queue over would measure what nobody wants any more."""
    away = Away(store)
    away.is_back = True
    keeper = Keeper(away)
    server = serve(keeper)
    server.measuring(server.submit(job("endless")))
    waiting = server.submit(job("quick"))
    away.is_back = False
    server.cancel(waiting)
    assert server.job(waiting).storage_problem.code == "database_unreadable"
    assert store.job(waiting).state == "queued"
    away.is_back = True
    keeper.keep_again("me")
    assert store.job(waiting).state == "cancelled"


def test_two_threads_may_keep_the_same_job_again(serve, store):
    away = Away(store)
    keeper = Keeper(away)
    server = serve(keeper)
    done = server.finished(server.submit(job("quick")))
    away.is_back = True
    write = store.set_job_state

    def twice(*arguments):
        store.set_job_state = write
        keeper.keep_again("me")  # the other one, at that moment
        return write(*arguments)

    store.set_job_state = twice
    keeper.keep_again("me")
    assert store.job(done.id).state == "finished"


def test_the_heart_stops_beating_when_a_server_closes(serve, store, monkeypatch):
    monkeypatch.setattr(jobs, "_HEARTBEAT_S", 1000.0)
    hearts = []

    class Beating(Keeper):
        def beat(self, owner, at):
            hearts.append(threading.current_thread())
            return super().beat(owner, at)

    server = serve(Beating(store))
    until(lambda: hearts)
    server.close()
    hearts[0].join(60)
    assert not hearts[0].is_alive()


def test_without_a_store_nothing_is_missing_but_the_store(serve):
    server = serve(Keeper(None))
    done = server.finished(server.submit(job("quick")))
    assert (done.state, done.storage_problem) == ("finished", None)
    assert done.results[0].blocks == BLOCKS[:3]


def test_what_is_measured_is_stored_on_the_way(server, store, monkeypatch):
    monkeypatch.setattr(held, "_PARTIAL_EVERY_S", -1.0)
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


def test_a_queue_that_cant_be_taken_over_keeps_no_server_from_starting(serve, store, dead_owner, monkeypatch):
    left_by(store, dead_owner)

    def locked(*arguments):
        raise StoreError("database_write_failed", problem="locked")

    monkeypatch.setattr(store, "adopt", locked)
    server = serve()
    assert server.inheritance_problem.code == "database_write_failed"
    assert server.finished(server.submit(job("quick"))).state == "finished"


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
