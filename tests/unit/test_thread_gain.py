"""The best thread count against one thread and torch's own: from the trials, with an interval or not at all."""

import dataclasses

import pytest

from core.analysis.comparison import compare
from core.analysis.thread_gain import against_fewer_threads, thread_gains
from core.i18n import english
from core.records import ThreadTrial
from core.wording import thread_sentences
from tests.builders import make_environment, make_gpu_result, make_result, make_setup, make_software, make_spec

TRIALS = (
    ThreadTrial(1, (4.0, 4.1, 3.9, 4.0, 4.0)),
    ThreadTrial(4, (1.0, 1.01, 0.99, 1.0, 1.0)),
    ThreadTrial(8, (2.0, 2.02, 1.98, 2.0, 2.0)),
)


def searched(threads=4, trials=TRIALS, default=8, **changes):
    around = make_environment(software=make_software(default_threads=default))
    return make_result(threads=threads, thread_trials=trials, environment=around, **changes)


def test_the_best_count_is_told_against_one_thread_and_torchs_own():
    one, own = thread_gains(searched())
    assert (one.threads, one.default, own.threads, own.default) == (1, False, 8, True)
    assert (one.ratio.value, own.ratio.value) == (pytest.approx(4), pytest.approx(2))
    assert one.ratio.low <= 4 <= one.ratio.high


@pytest.mark.parametrize(
    ("run", "counts"),
    [
        (make_result(), []),  # no search
        (searched(threads=1), [8]),
        (searched(default=4), [1]),  # torch's own was the best
        (searched(default=1), [1]),
        (searched(default=16), [1]),  # never tried
        (searched(trials=(ThreadTrial(1, (4.0,)), *TRIALS[1:])), [8]),  # one trial has no interval
        (searched(threads=2), []),  # not among those that were tried
        (dataclasses.replace(searched(), environment=None), [1]),
        (dataclasses.replace(searched(), threads=None), []),
    ],
)
def test_only_what_was_tried_and_isnt_the_best_itself(run, counts):
    assert [gain.threads for gain in thread_gains(run)] == counts


@pytest.mark.parametrize("swapped", [False, True])
def test_the_speed_up_against_fewer_threads_is_the_product(swapped):
    pair = searched(), make_gpu_result()
    found = against_fewer_threads(compare(*(reversed(pair) if swapped else pair)))
    plain = compare(*pair).speedup
    assert [gain.threads for gain, _ in found] == [1, 8]
    for gain, ratio in found:
        assert ratio.value == pytest.approx(plain.value * gain.ratio.value)
        assert ratio.low == pytest.approx(plain.low * gain.ratio.low)
        assert ratio.low < ratio.value < ratio.high


def test_without_an_accelerator_or_a_speed_up_there_is_no_product():
    other = searched(id="run-other", job_id="job-2", spec=make_spec(data_path="loader"))
    assert against_fewer_threads(compare(searched(), other)) == ()
    assert against_fewer_threads(compare(searched(), make_gpu_result(status="failed"))) == ()


def test_it_is_said_beside_the_verdict():
    cpu, gpu = searched(), make_gpu_result()
    first, second = thread_sentences((cpu, gpu), (compare(cpu, gpu),), english)
    assert first.startswith("Against 1 thread of the CPU, GPU Test GPU would be 16")
    assert second.startswith("Against torch's own 8 threads of the CPU, GPU Test GPU would be 8")


def test_where_only_cpus_are_compared_the_gain_itself_is_said():
    [first, second] = thread_sentences((searched(),), (), english)
    assert first.startswith("In the search, 4 threads gave 4")
    assert "the speed of 1 thread (95 % interval" in first
    assert "the speed of torch's own 8 threads" in second


def test_a_count_that_has_a_verdict_of_its_own_isnt_told_twice():
    cpu = searched(default=4)
    one = make_result(
        id="run-one", job_id="job-2", threads=1, spec=dataclasses.replace(cpu.spec, setup=make_setup(threads=1))
    )
    assert list(thread_sentences((cpu, one), (compare(cpu, one),), english)) == []
