"""Trainees on tiny data, and the plain training that each of them must equal."""

import time

import torch

from core.measure import devices, feeds, loops, models
from core.measure.trainee import Trainee
from tests.builders import make_spec

CPU = torch.device("cpu")
BATCH, STEPS = 64, 10  # of the 640 images


def make(data, default_threads=1, **changes):
    return Trainee(
        make_spec(**{"epochs": 2, "threads": 1, **changes}), data, default_threads, time.perf_counter()
    )


def warm(data, **changes):
    made = make(data, **changes)
    made.warm_up(20.0, None, 0.0)
    return made


def losses_of_a_plain_training(data, steps, seed=0, rate=0.01):
    model, _ = models.build("mlp", data.shape, 10, seed)
    feed = feeds.LoaderFeed(data, BATCH, seed, CPU, 1)
    kept = []
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    loops.train(model, feed, optimiser, devices.autocast(CPU, "fp32"))(steps, kept)
    return torch.stack(kept).tolist(), model.state_dict()


def run_epochs(made, count, seconds=0.0):
    """Blocks of about `seconds` until `count` epochs are closed: blocks, losses told, epoch records."""
    blocks, losses, records = [], [], []
    while len(records) < count:
        block, told = made.block(seconds, lead_in=0.0)
        blocks.append(block)
        losses += told
        if made.epoch_complete:
            records.append(made.end_epoch(60.0))
    return blocks, losses, records
