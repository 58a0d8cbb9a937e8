"""Workers as the measuring process sees them: whose answer counts, who is lost, and what is told of it."""

from multiprocessing.connection import Pipe
from types import SimpleNamespace

import pytest

from core.errors import InputError, MeasurementError
from core.measure import devices, parallel, ranks
from core.measure.apart import receive, send
from core.records import Device, Setup
from tests.builders import make_spec


def group_of(count):
    """A group without processes, and its workers' ends of the lines."""
    group = object.__new__(parallel._Group)
    pairs = [Pipe() for _ in range(count)]
    group._spec, group._workers, group._failure = make_spec(workers=count, batch_size=96), count, None
    group._lines, group._processes = [ours for ours, _ in pairs], []
    group._folder = SimpleNamespace(cleanup=lambda: None)
    return group, [theirs for _, theirs in pairs]


def test_the_first_workers_answer_stands_for_all():
    group, workers = group_of(3)
    for number, line in enumerate(workers):
        send(line, ("answer", number, f"state {number}"))
    assert group.ask("block", 0.1) == (0, "state 0")
    assert [receive(line) for line in workers] == 3 * [("block", (0.1,))]


def test_one_that_hangs_ends_them_all(monkeypatch):
    monkeypatch.setattr(parallel, "_PATIENCE_S", 0.01)
    group, workers = group_of(2)
    send(workers[0], ("answer", None, None))
    for _ in range(2):  # whatever is asked afterwards
        with pytest.raises(MeasurementError) as failure:
            group.ask("end_epoch", 1.0)
        assert (failure.value.code, failure.value.facts["workers"]) == ("parallel_worker_hangs", 2)
    assert all(line.closed for line in group._lines)


def test_a_workers_last_words_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "_GRACE_S", 0.01)
    (tmp_path / "1.stderr").write_text("Traceback\nbus error\n")
    (tmp_path / "0.stderr").touch()
    group, workers = group_of(2)
    group._folder.name = str(tmp_path)
    group._processes = [SimpleNamespace(wait=lambda: 7, kill=lambda: None)] * 2
    workers[1].close()
    with pytest.raises(MeasurementError) as failure:
        group.ask("block", 1.0, 0.0)
    facts = {"worker": 2, "workers": 2, "exit_code": 7, "last_words": "Traceback\nbus error"}
    assert (failure.value.code, failure.value.facts) == ("parallel_worker_died", facts)
    assert group._death(0).code == "parallel_worker_ended"
    said = (
        "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9) ran for 180023 milliseconds"
    )
    (tmp_path / "0.stderr").write_text(said + "\nframe #0: somewhere" * 100)
    assert group._death(0).code == "parallel_worker_hangs", "it waited for the other"


def group_after(**problems):
    group, _ = group_of(3)
    return group._explained({int(rank[1:]): problem for rank, problem in problems.items()})


def test_a_cause_is_told_before_what_follows_from_it():
    lost = RuntimeError("Connection closed by peer [127.0.0.1]:1\nat line 4")
    full = group_after(r0=lost, r2=MemoryError("no"))
    assert (full.code, full.facts) == ("out_of_memory", {"device": "cpu", "batch_size": 96})
    known = MeasurementError("resident_too_large", needed_gib=3, free_gib=2)
    assert group_after(r0=lost, r1=known) is known
    alone = group_after(r1=lost)
    facts = {"worker": 2, "workers": 3, "problem": "Connection closed by peer [127.0.0.1]:1"}
    assert (alone.code, alone.facts) == ("parallel_worker_failed", facts)
    # a small /dev/shm, as containers have it: the first line would say the same of any error
    shm = "Error while creating shared memory segment /dev/shm/nccl-x (size 9637888)"
    first = "NCCL error in: NCCLUtils.cpp:77, unhandled system error (run with NCCL_DEBUG=INFO for details)"
    nccl = group_after(r0=RuntimeError(f"{first}\nncclSystemError: System call failed\nLast error:\n{shm}\n"))
    assert (nccl.code, nccl.facts["problem"]) == ("parallel_worker_failed", shm)
    assert group_after(r0=RuntimeError("Timed out waiting 9ms for recv")).code == "parallel_worker_hangs"
    assert group_after().code == "parallel_worker_hangs"


def test_each_worker_needs_a_gpu_of_its_own():
    gpus = (Device("cpu", "CPU"), *(Device(f"cuda:{index}", "GPU", capability="9.0") for index in range(3)))
    assert devices.check(Setup("cuda:1", workers=2), gpus).id == "cuda:1"
    assert devices.check(Setup("cpu", workers=9), gpus).id == "cpu"
    with pytest.raises(InputError) as refusal:
        devices.check(Setup("cuda:1", workers=4), gpus)
    assert (refusal.value.code, refusal.value.facts["found"]) == ("too_few_gpus", 2)
    assert ranks._for_rank(make_spec(device="cuda:1", workers=2), 1).setup.device == "cuda:2"


def test_sockets_are_bound_to_the_loopback_interface(monkeypatch):
    monkeypatch.setattr(parallel.sys, "platform", "linux")
    told = parallel._variables(1, 4)
    assert (told["RANK"], told["LOCAL_RANK"], told["WORLD_SIZE"]) == ("1", "1", "4")
    assert told["GLOO_SOCKET_IFNAME"] == told["NCCL_SOCKET_IFNAME"] == "lo"
