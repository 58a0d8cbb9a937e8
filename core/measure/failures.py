"""What went wrong, as a code with facts; and for a full memory, what would have fitted."""

from __future__ import annotations

import gc
import traceback
from dataclasses import replace

import torch

from core.errors import CrossoverError, InputError, MeasurementError
from core.measure.data import Prepared
from core.measure.trainee import Trainee
from core.records import Note, RunSpec


class ProcessSpoilt(MeasurementError):
    """The device is in a state that only a new process can leave."""


def explain(problem: Exception, spec: RunSpec, data: Prepared, default_threads: int) -> Note:
    """The failure of a run as a message code with its facts.

    Raises InputError where the workload itself is at fault.
    """
    device, batch_size = spec.setup.device, spec.workload.batch_size
    if isinstance(problem, CrossoverError):
        return problem.note
    text = next(iter(str(problem).splitlines()), "") or type(problem).__name__
    if isinstance(problem, torch.OutOfMemoryError):
        traceback.clear_frames(problem.__traceback__)  # they hold the failed model and its activations
        fits = _largest_batch(spec, data, default_threads)
        if fits is not None:
            return Note("out_of_memory_fits", {"device": device, "batch_size": batch_size, "fits": fits})
        return Note("out_of_memory", {"device": device, "batch_size": batch_size})
    if isinstance(problem, MemoryError) or "can't allocate memory" in text:
        return Note("out_of_memory", {"device": device, "batch_size": batch_size})
    if "Expected more than 1 value per channel" in text:  # batch normalisation over a 1x1 picture
        raise InputError("batch_needs_two", model=spec.workload.model) from problem
    if is_lost(problem):
        return Note("device_failed", {"device": device, "problem": text})
    return Note("torch_failed", {"problem": text})


def is_lost(problem: Exception) -> bool:
    """Whether the device itself has failed."""
    return isinstance(problem, torch.AcceleratorError) or "CUDA error" in str(problem)


def _largest_batch(spec: RunSpec, data: Prepared, default_threads: int) -> int | None:
    """The largest half, quarter, ... of the batch size whose first step fits in the device's memory."""
    batch_size = spec.workload.batch_size // 2
    while batch_size >= 1:
        gc.collect()
        torch.accelerator.empty_cache()
        smaller = replace(spec, workload=replace(spec.workload, batch_size=batch_size))
        try:
            Trainee(smaller, data, default_threads, 0.0).try_one_step()
        except (torch.OutOfMemoryError, MeasurementError, ValueError):  # also: no room for the images
            batch_size //= 2
        else:
            return batch_size
    return None
