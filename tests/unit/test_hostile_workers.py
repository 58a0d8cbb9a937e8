"""Runs of several workers from outside: refused by name, or told of and drawn without a crash."""

import copy
import json

import pytest

from core.analysis.crossover.scaling import one_or_several, scalings
from core.errors import InputError
from core.figures.crossover import one_or_several as bars
from core.figures.crossover import scaling, scaling_efficiency
from core.i18n import english
from core.runs.files import exchange
from core.scaling_words import communication_sentence, line_words, scaling_sentence, told
from tests.documents import at, put, raw_places
from tests.workers import make_strong, make_workers_result

_WHOLE = (-1, 0, 3, 2**31, 2**63 - 1, 2**80)
_TIMES = (-1.0, 5e-324, 1e-9, 1e9, 1e300)
_LISTS = ([], [0.1], [0.1, 0.2, 0.3], [1e-9, 1e9] * 5, [0.1] * 400, "x", None)


def document():
    runs = make_strong({1: 0.8, 2: 0.4}, waiting=0.1, blocks=4)
    runs += [make_workers_result(1, 0.3, job="job-one", threads=4, blocks=4)]
    return json.loads(json.dumps(exchange.document(runs, created_at="2026-11-29T10:00:00+00:00")))


def changes():
    """A path and what is put there: every number of what only several workers have."""
    for path in raw_places(document()):
        names = path[2:]
        if names[:1] == ("communication",) and path[1] == 1 and names[-1] not in range(1, 9):
            yield from ((path, value) for value in (*_WHOLE, *_TIMES, *_LISTS, "mpi", {}))
        elif names in (("spec", "setup", "workers"), ("spec", "workload", "batch_size"), ("threads",)):
            yield from ((path, value) for value in (*_WHOLE, 1.5, "2", None))


def use(runs):
    lines, pairs = scalings(runs), one_or_several(runs, runs)
    for line in lines:
        assert line_words(line, english)
        assert scaling_sentence(line, english)
        communication_sentence(told(line), english)
        assert all(point.serial_share is None or point.serial_share.high > 0 for point in line.points)
    for name, module, found in (
        ("scaling", scaling, lines),
        ("scaling_efficiency", scaling_efficiency, lines),
        ("one_or_several", bars, pairs),
    ):
        data = getattr(module, f"{name}_data")(found)
        assert getattr(module, f"{name}_title")(data, english)
        assert getattr(module, f"{name}_alt")(data, english)
        getattr(module, f"{name}_figure")(found, english).to_json()


def test_whatever_is_said_of_workers_is_refused_or_used():
    true, used, refused = document(), 0, 0
    del true["content_hash"]
    for path, value in changes():
        changed = copy.deepcopy(true)
        put(changed, path, value)
        try:
            runs = exchange.read_document(changed)
        except InputError:
            refused += 1
            continue
        use(runs)
        used += 1
    assert used > 20
    assert refused > 50


def test_times_of_which_no_ratio_can_be_formed_are_refused():
    true = document()
    del true["content_hash"]
    for name, value in (("averaged_s", [1e300] * 5), ("apart_s", [1e-300] * 5), ("alone_s", [1e10] * 3)):
        changed = copy.deepcopy(true)
        assert at(changed, ("runs", 1, "communication", name))
        put(changed, ("runs", 1, "communication", name), value)
        with pytest.raises(InputError) as refusal:
            exchange.read_document(changed)
        assert refusal.value.facts["where"].endswith(f"communication.{name}[0]")
