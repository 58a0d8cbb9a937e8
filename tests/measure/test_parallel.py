"""Several processes that train one setup: the same training as one worker's, and nobody is left behind."""

import errno
import os
import queue
import signal
import time
from multiprocessing.connection import Pipe
from types import SimpleNamespace

import psutil
import pytest
import torch
from torch import nn

from core.analysis.comparison import compare
from core.analysis.parity import parity
from core.errors import InputError, MeasurementError
from core.measure import job, parallel, rank_process, ranks, sharing, trainee
from core.measure.parallel import Parallel
from core.records import JobSpec, Note, Setup
from core.runs.queue.assemble import Assembly
from core.runs.queue.worker import Worker
from tests.builders import make_spec, make_workload
from tests.jobs.children import is_gone, until
from tests.measure.conftest import TINY

ONE, TWO = Setup(threads=1), Setup(threads=1, workers=2)


def results_of(events, *setups):
    """The job's runs, as the server would fold them."""
    assembly = Assembly(
        "j", JobSpec(make_workload(dataset=TINY, epochs=2), setups), "2026-11-29T12:00:00+00:00"
    )
    for event in events:
        assembly.add(event)
    return assembly.results({}, {}, None, None, "interrupted", None)


def test_two_workers_do_the_training_of_one(run_job, monkeypatch):
    block, held, pids = Parallel.block, [], set()

    def watched(self, seconds, lead_in):
        held.extend(psutil.Process(process.pid).memory_info().rss for process in self._group._processes)
        pids.update(process.pid for process in self._group._processes)
        return block(self, seconds, lead_in)

    monkeypatch.setattr(Parallel, "block", watched)
    events = run_job(ONE, TWO)
    assert events.error is None
    one, two = results_of(events, ONE, TWO)
    assert (one.status, two.status) == ("finished", "finished")
    found = parity(one, two)
    assert (found.code, found.steps) == ("same", 10)
    assert found.worst < 1e-4
    assert two.first_losses != one.first_losses, "summed in another order: else nothing was shared"
    assert compare(one, two).speedup is not None
    assert [(record.samples, record.test_samples) for record in two.epochs] == [
        (record.samples, record.test_samples) for record in one.epochs
    ]
    assert all(block.samples == 64 * block.steps for block in two.blocks)
    assert two.threads == 1
    assert two.cold_start.worker_start_s > 0.1, "its processes' own, not the warm measuring process's"
    assert two.memory.host_peak_bytes > 1.5 * max(held[:2]), "both processes' together"

    paid = two.communication
    assert (paid.backend, paid.gradient_bytes) == ("gloo", 4 * two.data.parameters)
    assert len(paid.averaged_s) == len(paid.apart_s) == len(paid.alone_s) >= sharing._TURNS[0]
    assert min(*paid.averaged_s, *paid.apart_s, *paid.alone_s) > 0
    assert one.communication is None

    assert [stage.stage for stage in two.anatomy.stages] == ["load", "forward", "backward", "optimiser"]
    assert not {child.pid for child in psutil.Process().children()} & pids, "the workers are ended with the job"


def test_a_lost_worker_ends_its_setup_and_no_other(run_job, monkeypatch):
    block, groups = Parallel.block, []

    def losing(self, seconds, lead_in):
        if self.progress.spent_s > 0 and not groups:
            groups.append(self._group)
            self._group._processes[1].kill()
        return block(self, seconds, lead_in)

    monkeypatch.setattr(Parallel, "block", losing)
    events = run_job(TWO, ONE)
    assert events.error is None
    assert events.statuses() == {0: "failed", 1: "finished"}
    (end,) = events.of("run_end", 0)
    assert end["failure"] == {"code": "parallel_worker_killed", "facts": {"worker": 2, "workers": 2}}
    assert len(events.of("block", 0)) == 1, "what it had measured is kept"
    assert all(process.returncode is not None for process in groups[0]._processes)


def test_workers_end_with_the_measuring_process_and_listen_to_nobody_outside(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    worker = Worker()
    try:
        work = make_workload(dataset=TINY, epochs=900)
        events = worker.run(JobSpec(work, (TWO,), max_seconds=60.0), tmp_path, time.perf_counter())
        next(event for event in events if event["type"] == "block")
        children = psutil.Process(worker.pid).children()
        listening = [
            socket.laddr.ip
            for child in children
            for socket in child.net_connections("all")
            if socket.status == psutil.CONN_LISTEN
        ]
        assert len(children) == 2
        assert set(listening) <= {"127.0.0.1", "::1"}
        assert listening, "Gloo's own sockets"
    finally:
        worker.kill()  # as a cancel does
    until(lambda: all(is_gone(child.pid) for child in children), "the workers to end")
    until(lambda: not list(tmp_path.glob("crossover-*")), "their folder to go")


def test_what_is_of_one_device_is_left_out_and_said():
    spec, told = make_spec(workers=2), []
    contestant = job._Contestant(0, SimpleNamespace(spec=spec), blocks=9)
    asked = JobSpec(spec.workload, (spec.setup,), trace=True, lessons=True)
    job._look_closer([contestant], asked, lambda kind, **fields: told.append(fields["note"]["code"]))
    assert told == ["lessons_of_one_worker", "trace_of_one_worker"]
    assert not job._profiled_elsewhere(contestant, asked)


# --- without processes ---------------------------------------------------------------------------


def test_shares_make_up_the_batch_of_one_worker(tiny_data):
    cpu = torch.device("cpu")
    parts = [ranks.Share(tiny_data, 64, 0, cpu, 1, slice(at, at + 16)) for at in range(0, 64, 16)]
    whole = ranks.Share(tiny_data, 64, 0, cpu, 1, slice(0, 64))
    plain = ranks.feeds.ResidentFeed(tiny_data, 64, 0, cpu, 1)
    for _ in range(12):  # into the second epoch
        batch = torch.cat([part.fetch()[0] for part in parts])
        assert torch.equal(batch, whole.fetch()[0])
        assert torch.equal(batch, plain.fetch()[0])


def test_buckets_are_filled_as_torch_fills_them():
    # seen in DistributedDataParallel's own logging data: 4022040, 6280000
    model = nn.Sequential(nn.Linear(784, 2000), nn.Linear(2000, 500), nn.Linear(500, 10))
    assert sharing.bucket_bytes(model) == [4_022_040, 6_280_000]
    assert sharing.bucket_bytes(nn.Linear(3, 2)) == [32]


@pytest.mark.parametrize(
    ("problem", "kind", "text"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), MemoryError, "CUDA out of memory."),
        (RuntimeError("[enforce fail] can't allocate memory: 9 bytes"), MemoryError, "allocate"),
        (ValueError("Expected more than 1 value per channel"), MeasurementError, "worker_batch_needs_two"),
        (InputError("images_too_small", model="cnn"), InputError, "images_too_small"),
        (torch.AcceleratorError("CUDA error: launch failure"), RuntimeError, "launch failure"),
        (torch.AcceleratorError("CUDA error: out of memory"), MemoryError, "out of memory"),
        (RuntimeError("NCCL error in: x\nLast error:\nCuda failure 2 'out of memory'"), MemoryError, "Cuda"),
    ],
)
def test_a_workers_problem_survives_the_way(problem, kind, text):
    told = ranks._told(problem)
    assert type(told) is kind
    assert text in str(told)


def test_what_cant_be_started_fails_as_a_setup_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel.tempfile, "tempdir", str(tmp_path))
    ends = []

    def piped():
        ends.extend(pair := Pipe())
        return pair

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parallel, "Pipe", piped)
    for owner, name in ((parallel.subprocess, "Popen"), (parallel.tempfile, "TemporaryDirectory")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(MeasurementError) as failure:
                parallel._Group(make_spec(workers=2))
        facts = {"worker": 1, "workers": 2, "problem": "No space left on device"}
        assert (failure.value.code, failure.value.facts) == ("parallel_worker_failed", facts)
    assert [end.closed for end in ends] == [True, True]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("OMP_PROC_BIND", "true", True),
        ("OMP_PROC_BIND", "close,spread", True),
        ("OMP_PROC_BIND", "FALSE", False),
        ("OMP_PLACES", "cores", True),
        ("GOMP_CPU_AFFINITY", "0-3", True),
        ("KMP_AFFINITY", "disabled", False),
        ("OMP_NUM_THREADS", "1", False),
    ],
)
def test_workers_arent_all_bound_to_the_first_core(name, value, bound, monkeypatch):
    for variable in parallel._BINDING:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, value)
    if not bound:
        parallel._refuse_binding()
        return
    with pytest.raises(MeasurementError) as refusal:
        parallel._Group(make_spec(workers=2))
    assert (refusal.value.code, refusal.value.facts) == ("workers_bound", {"variable": name})


def test_a_worker_whose_listener_fails_ends_instead_of_waiting_for_ever(tmp_path, monkeypatch, capsys):
    (tmp_path / "0.stderr").touch()

    def ended(code):
        raise SystemExit(code)

    def too_large():
        raise MemoryError

    monkeypatch.setattr(rank_process.os, "_exit", ended)
    with pytest.raises(SystemExit, match="4"):
        rank_process._listen(SimpleNamespace(recv_bytes=too_large), queue.Queue(), str(tmp_path))
    assert "MemoryError" in capsys.readouterr().err
    assert list(tmp_path.iterdir()), "its last words are still to be read"


def test_a_worker_hears_that_its_parent_is_gone_before_it_has_loaded_torch(tmp_path):
    (tmp_path / "rendezvous").touch()
    ours, theirs = Pipe()
    with theirs:
        code = f"""
import importlib.abc, sys, time
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            time.sleep(60)
sys.meta_path.insert(0, Slow())
from core.measure.rank_process import serve
serve({theirs.fileno()}, {str(tmp_path)!r})
"""
        command = (parallel.sys.executable, "-c", code)
        process = parallel.subprocess.Popen(command, cwd=parallel._ROOT, pass_fds=[theirs.fileno()])
    ours.close()
    assert process.wait(timeout=50) == 3
    assert not tmp_path.exists()


def test_a_worker_that_comes_when_the_folder_is_gone_doesnt_stay(tmp_path):
    code = f"""
from core.measure import ranks
ranks._OPENING_S = 1
ranks._join({str(tmp_path / "gone")!r}, "cpu", 60.0)
"""
    environment = {**os.environ, **parallel._variables(0, 2)}
    ended = parallel.subprocess.run(
        [parallel.sys.executable, "-c", code], cwd=parallel._ROOT, env=environment, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGALRM


def test_gpus_of_several_kinds_are_told_of(monkeypatch):
    names = ["H200", "H200", "T4"]
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    assert ranks._unlike(torch.device("cuda"), 2) == []
    assert ranks._unlike(torch.device("cuda:0"), 3) == [Note("unlike_gpus", {"first": "H200", "others": "T4"})]
    assert ranks._unlike(torch.device("cuda:1"), 2) == [Note("unlike_gpus", {"first": "H200", "others": "T4"})]


def rank_of(monkeypatch, number, workers, device="cpu"):
    """A worker of a group that isn't there, whose training is built by nobody."""

    def built(self, spec, data, threads, clock_origin):
        self.spec, self.device, self._notes, self.model = (
            spec,
            torch.device(spec.setup.device),
            [],
            nn.Identity(),
        )

    monkeypatch.setattr(ranks.Trainee, "__init__", built)
    monkeypatch.setattr(ranks.dist, "get_rank", lambda: number)
    monkeypatch.setattr(ranks.dist, "get_world_size", lambda: workers)
    return ranks.Rank(make_spec(device=device, workers=workers), None, 1, 0.0)


@pytest.mark.parametrize("number", [0, 1])
def test_every_worker_knows_the_gpus_of_all(number, monkeypatch):
    names = dict(enumerate(["H200", "H200", "T4"]))  # a fourth can't be asked for
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    rank = rank_of(monkeypatch, number, 2, "cuda:1")
    assert rank.device == torch.device("cuda", 1 + number)
    assert rank._notes == [Note("unlike_gpus", {"first": "H200", "others": "T4"})]


def test_a_block_lasts_from_the_first_that_begins_to_the_last_that_is_done(monkeypatch):
    """In halves, which floats hold exactly; whoever waits for news at either end waits ten."""
    now = 1000.0

    def passes(seconds):
        nonlocal now
        now += seconds

    def others_told(ends, operation):
        assert operation is ranks.dist.ReduceOp.MAX
        passes(10)
        # the other began half a second before this one, and was done a second and a half after it
        ends.copy_(torch.maximum(ends, torch.tensor([-1009.5, 1014.5], dtype=torch.float64)))

    rank = rank_of(monkeypatch, 1, 2)
    clock = SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr(ranks, "time", clock)
    monkeypatch.setattr(trainee, "time", clock)
    monkeypatch.setattr(ranks.sharing, "meet", lambda: passes(10))
    monkeypatch.setattr(ranks.dist, "all_reduce", others_told)
    assert rank._timed(lambda steps, kept: passes(steps), 3) == (1009.5, 5.0, [])
