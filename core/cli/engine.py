"""What every command needs of the engine: a queue, a store where there can be one, a job followed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from core import messages, paths
from core.cli.progress import Progress
from core.errors import CrossoverError, InputError, MeasurementError
from core.i18n import Translate
from core.records import Device, JobSpec, Note
from core.runs import admission
from core.runs.queue.job import Job
from core.runs.queue.jobs import Runner
from core.runs.queue.keeping import Keeper

_LOOK_EVERY_S = 0.5

# Failures whose cause is what was asked for: exit code 2
_ASKED_FOR = frozenset(
    [
        "unknown_model",
        "too_few_gpus",
        "bad_mlp_width",
        "unknown_dataset",
        "unknown_device",
        "batch_too_large",
        "batch_needs_two",
        "tf32_unavailable",
        "bad_synthetic",
        "bad_side",
        "data_too_large",
        "images_too_small",
        "no_features",
        "folder_missing",
        "folder_empty",
        "folder_one_class",
        "folder_classes_differ",
        "folder_broken",
    ]
)


@contextlib.contextmanager
def engine(translate: Translate, *, store: bool = True, measures: bool = True) -> Iterator[Runner]:
    """A queue of this command's own; results go to the store unless it isn't wanted or can't be had.

    `measures`: whether anything is measured on this machine."""
    keeper = Keeper(None)
    if store and find_spec("sqlalchemy") is None:
        print(translate("Results aren't stored here: SQLAlchemy isn't installed."), file=sys.stderr)
    elif store:
        from core.runs.store import Store

        keeper = Keeper(Store(paths.database_url()))
    runner = Runner(keeper, paths.datasets_dir(), heir=False, measures=measures)
    try:
        yield runner
    finally:
        runner.close()


def known_devices(runner: Runner) -> tuple[Device, ...]:
    """The devices, once the worker has told them. Raises MeasurementError if no worker can be started."""
    runner.wait_for_worker()
    if runner.devices is None:
        problem = runner.worker_problem
        assert problem is not None
        raise MeasurementError(problem.code, **problem.facts)
    return runner.devices


def follow(runner: Runner, spec: JobSpec, translate: Translate) -> Job:
    """Submit a job and show its progress until it is over. Ctrl-C cancels it and keeps what it has.

    Raises InputError where the job was refused.
    """
    job = watch(runner, spec, translate)
    for note in filter(None, (job.failure, job.storage_problem)):
        print(f"error: {messages.sentence(note.code, note.facts, translate)}", file=sys.stderr)
    return job


def watch(runner: Runner, spec: JobSpec, translate: Translate) -> Job:
    """The same without a word about what failed."""
    admission.check(spec, runner.limits)  # not after waiting
    runner.wait_until_settled()
    job_id = runner.submit(spec)
    with Progress(translate) as progress:
        while True:
            try:
                job = runner.wait(job_id, _LOOK_EVERY_S)
                assert job is not None
                if job.done:
                    break
                with runner.watching(job_id):
                    progress.show(job)
            except KeyboardInterrupt:
                runner.cancel(job_id)
    if job.failure and was_asked_for(job.failure):
        raise as_error(job.failure)
    return job


def was_asked_for(failure: Note) -> bool:
    """Whether what was asked for is the cause, and not what happened."""
    return failure.code in _ASKED_FOR


def as_error(failure: Note) -> CrossoverError:
    """A failure as the error that the command's exit code is for."""
    kind = InputError if was_asked_for(failure) else MeasurementError
    return kind(failure.code, **failure.facts)
