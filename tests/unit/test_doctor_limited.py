"""A driver that never answers keeps one thread, and nobody else."""

import threading

import pytest

from core.hardware.doctor.limited import within

SOON_S, LATE_S = 0.02, 20.0


def test_an_answer_is_handed_on_and_so_is_what_was_raised():
    assert within(LATE_S, lambda: 7, 0) == 7

    def fail():
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        within(LATE_S, fail, None)


def test_whoever_waits_too_long_goes_on_and_the_next_starts_no_second_thread():
    begun, may_end, ended, asked = threading.Event(), threading.Event(), threading.Event(), []

    def hang():
        asked.append(1)
        begun.set()
        may_end.wait(LATE_S)
        ended.set()

    assert within(SOON_S, hang, "silent") == "silent"
    assert begun.wait(LATE_S)
    assert within(SOON_S, hang, "silent") == "silent"
    assert asked == [1]
    may_end.set()
    assert ended.wait(LATE_S)
    assert within(LATE_S, lambda: "back", "silent") == "back"
