"""The article's lines tried one by one, each beside how it should be written. Apart from the timed blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.records import LessonTrial

if TYPE_CHECKING:
    from core.measure.trainee import Trainee


def try_all(trainee: Trainee, max_seconds: float) -> tuple[LessonTrial, ...]:
    """Every lesson on the trainee's device; `max_seconds`: the time that its setup was timed for."""
    return ()
