"""A public server's queue, asked past all widgets: every bound holds, and who comes first is served first."""

import threading
import time
from dataclasses import replace

import pytest

from core import messages
from core.errors import InputError, StoreError
from core.records import Setup
from core.runs.admission import Bounds, Limits
from core.runs.queue import owner
from core.runs.queue.budget import Allowance
from core.runs.queue.keeping import Keeper
from tests.builders import make_setup
from tests.jobs.children import job, until

PUBLIC = Limits.public()
# the fake worker's models, at a pace that tests can wait for
FAKE = Bounds({"quick": 4096, "endless": 4096})


def limits(**changes):
    return replace(PUBLIC, bounds=FAKE, **changes)


def short(model, *setups, **work):
    return replace(job(model, *setups, **work), max_seconds=30.0)


def refused(server, spec, visitor=None, network=None):
    with pytest.raises(InputError) as refusal:
        server.submit(spec, visitor, network)
    assert messages.sentence(refusal.value.code, refusal.value.facts)
    return refusal.value.code


def test_no_stranger_gets_past_the_bounds(serve, store):
    server = serve(limits=PUBLIC)
    for bad, code in (
        (short("mlp", dataset="folder:/etc"), "only_offered_data"),
        (short("mlp", dataset="mnist"), "only_offered_data"),
        (short("resnet152"), "only_offered_models"),
        (short("mlp", make_setup(step="compiled")), "only_plain_setups"),
        (short("mlp", batch_size=8192), "out_of_range"),
        (job("mlp"), "out_of_range"),  # a minute
    ):
        assert refused(server, bad, "ann") == code
        with pytest.raises(InputError):
            server.submit_all((short("mlp"), bad), "ann")  # all or none
    assert server.open_jobs() == []
    assert store.open_jobs() == ()


def test_a_dead_servers_queue_isnt_taken_over_beyond_the_bounds(serve, store):
    """As where what was somebody's own server is opened to everybody."""
    host, pid, start = owner.me().split(":")
    dead = f"{host}:{pid}:{int(start) - 1000}"
    for job_id, spec in (("far", job("quick")), ("near", short("quick"))):
        store.add_job(job_id, spec, "2026-11-22T18:30:00.000+00:00", dead)
    server = serve(limits=limits())
    assert server.finished("near").state == "finished"
    assert server.job("far") is None
    assert (store.job("far").state, store.job("far").failure.code) == ("failed", "out_of_range")


def test_twenty_who_press_run_together_are_served_in_turn_and_the_21st_comes_back(serve, store):
    server = serve(limits=limits())
    together = threading.Barrier(21)
    ids, sent_away = {}, []

    def visit(number):
        together.wait()
        try:
            ids[number] = server.submit(short("quick"), f"v{number}")
        except InputError as refusal:
            sent_away.append(refusal)

    server.measuring(first := server.submit(short("endless"), "first"))
    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(21)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    # with the one that is measured there are twenty
    assert (len(ids), len(sent_away)) == (19, 2)
    for refusal in sent_away:
        assert refusal.code == "queue_full"
        assert 1 <= refusal.facts["minutes"] <= 2
    assert sorted(server.place(job_id) for job_id in ids.values()) == list(range(1, 20))
    assert {row.id for row in store.open_jobs()} == {first, *ids.values()}
    in_order = sorted(ids.values(), key=server.place)
    waits = [server.wait_estimate_s(job_id) for job_id in in_order]
    assert waits == sorted(waits)
    assert waits[-1] > 18 * 30
    server.cancel(first, "first")
    for job_id in in_order:
        assert server.finished(job_id).state == "finished"
    assert store.open_jobs() == ()
    assert {run.job_id for run in store.history()} == {first, *ids.values()}


def test_the_count_is_exact_before_anything_runs(serve):
    """Whether the serving thread has fetched the first one yet makes no difference."""
    ready = threading.Event()

    def never():
        assert ready.wait(60)
        raise OSError("no worker here")

    server = serve(limits=limits(), start_worker=never)
    together = threading.Barrier(25)
    outcomes = []

    def visit(number):
        together.wait()
        try:
            outcomes.append(server.submit(short("quick"), f"v{number}"))
        except InputError as refusal:
            outcomes.append(refusal.code)

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(25)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert outcomes.count("queue_full") == 5
    assert len(server.open_jobs()) == 20
    ready.set()


def test_one_at_a_time_for_each_visitor_and_a_few_for_each_network(serve):
    server = serve(limits=limits(allowance=replace(PUBLIC.allowance, open_jobs=2)))
    server.measuring(server.submit(short("endless"), "ann", "campus"))
    assert refused(server, short("quick"), "ann", "campus") == "visitor_busy"
    assert refused(server, short("quick"), "ann", "elsewhere") == "visitor_busy"
    server.submit(short("quick"), "bob", "campus")
    assert refused(server, short("quick"), "a new cookie", "campus") == "network_busy"
    server.submit(short("quick"), "cy", "home")


def test_a_few_jobs_that_belong_together_count_as_one_turn(serve):
    server = serve(limits=limits())
    ids = server.submit_all([short("quick"), short("quick"), short("quick")], "ann")
    for job_id in ids:
        assert server.finished(job_id).state == "finished"
    server.finished(server.submit(short("quick"), "ann"))


def test_an_hours_share_is_charged_with_what_was_used(serve):
    allowance = Allowance(jobs=4, seconds=70.0, jobs_of_all=100, seconds_of_all=1000.0, open_jobs=9)
    server, begun = serve(limits=limits(allowance=allowance)), time.monotonic()
    for _ in range(4):  # each could have taken 30 seconds
        server.finished(server.submit(short("quick"), "ann"))
    with pytest.raises(InputError) as refusal:
        server.submit(short("quick"), "ann")
    assert refusal.value.code == "visitor_hour_spent"
    passed = (time.monotonic() - begun) / 60
    assert 59 - passed <= refusal.value.facts["minutes"] <= 60
    server.finished(server.submit(short("quick"), "bob"))


def test_only_ones_own_can_be_cancelled(serve):
    server = serve(limits=limits())
    running = server.submit(short("endless"), "ann")
    waiting = server.submit(short("quick"), "bob")
    server.measuring(running)
    for job_id, visitor in ((running, "bob"), (waiting, "ann"), (waiting, "")):
        with pytest.raises(InputError) as refusal:
            server.cancel(job_id, visitor)
        assert refusal.value.code == "not_yours"
    assert [item.state for item in server.open_jobs()] == ["running", "queued"]
    server.cancel(waiting, "bob")
    server.cancel(running)  # whoever runs the server
    assert server.finished(running).state == "cancelled"


def test_a_job_that_doesnt_end_is_ended(serve, store):
    server = serve(limits=replace(PUBLIC, bounds=replace(FAKE, wall_s=0.3)))
    done = server.finished(server.submit(short("endless"), "ann"))
    assert (done.state, done.failure.code) == ("failed", "took_too_long")
    assert store.job(done.id).failure.code == "took_too_long"


def test_what_is_done_in_time_is_left_alone(serve):
    server = serve(limits=limits())
    server.finished(server.submit(short("quick"), "ann"))
    pid = server.worker_pid
    assert server.finished(server.submit(short("quick"), "ann")).state == "finished"
    assert server.worker_pid == pid


def test_a_job_that_cant_be_stored_is_measured_all_the_same(serve, store, monkeypatch):
    def full(*args):
        raise StoreError("disk_full")

    monkeypatch.setattr(store, "add_job", full)
    server = serve(limits=limits())
    done = server.finished(server.submit(short("quick"), "ann"))
    assert (done.state, done.storage_problem.code) == ("finished", "disk_full")


# --- old runs


class Purging(Keeper):
    def __init__(self, store):
        super().__init__(store)
        self.asked = []

    def purge(self, now, keep_days):
        self.asked.append(keep_days)
        return super().purge(now, keep_days)


def test_old_runs_are_removed_at_the_start(serve, store):
    keeper = Purging(store)
    serve(keeper=keeper, keep_days=30)
    until(lambda: keeper.asked == [30])


def test_a_command_removes_nothing(serve, store):
    keeper = Purging(store)
    server = serve(keeper=keeper, heir=False)
    server.finished(server.submit(job("quick", Setup())))
    assert keeper.asked == []


def test_a_purge_that_fails_is_told_and_harms_nothing(serve, store, monkeypatch):
    def broken(*args):
        raise StoreError("database_unreadable", problem="gone")

    monkeypatch.setattr(store, "purge", broken)
    server = serve(keep_days=30)
    assert until(lambda: server.purge_problem).code == "database_unreadable"
    assert server.finished(server.submit(job("quick"))).state == "finished"
