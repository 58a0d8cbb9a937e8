"""The three questions of the quiz and their answers, as plain choices that a session can keep."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.analysis import quiz
from core.i18n import Translate
from core.records import Device
from pages._shared.markdown import plain

# By the names in RACES the winner, as core.analysis.quiz calls it; with _size its lead, a place in quiz.SIZES
# (None for no lead); "share" in per cent. None, or a share of 0: not answered.
Answers = Mapping[str, str | int | None]
RACES = {"small": quiz.SMALL, "large": quiz.LARGE}


def show(device: Device, translate: Translate) -> Answers:
    """Draw the questions; what has been answered so far."""
    answers: dict[str, str | int | None] = {}
    for number, (name, images) in enumerate(RACES.items(), 1):
        with st.container(border=True):
            answers |= _race(number, name, images, device, translate)
    with st.container(border=True):
        answers["share"] = st.slider(
            share_title(len(RACES) + 1, translate), 0, 100, step=5, format="%d %%", key="quiz_share"
        )
        text = translate("Move the slider to your guess; up to {points} points off counts as right.")
        st.caption(text.format(points=quiz.POINTS))
    return answers


def unanswered(answers: Answers) -> list[int]:
    """The numbers of the questions that are open."""
    races = [
        number
        for number, name in enumerate(RACES, 1)
        if answers[name] is None or (answers[name] != "even" and answers[f"{name}_size"] is None)
    ]
    # a slider always has a value: at its end it hasn't been moved
    return races if answers["share"] else [*races, len(RACES) + 1]


def _race(number: int, name: str, images: int, device: Device, translate: Translate) -> Answers:
    choices = race_choices(device.id, device.name, translate)
    sizes = {place: size_words(place, translate) for place in range(len(quiz.SIZES))}
    winner = st.radio(
        race_title(number, images, translate),
        list(choices),
        format_func=choices.__getitem__,
        index=None,
        key=f"quiz_{name}",
    )
    size = st.radio(
        translate("By about how much?"),
        list(sizes),
        format_func=sizes.__getitem__,
        index=None,
        horizontal=True,
        disabled=winner in (None, "even"),
        key=f"quiz_{name}_size",
    )
    return {name: winner, f"{name}_size": None if winner == "even" else size}


def race_title(number: int, images: int, translate: Translate) -> str:
    text = translate("**{number}. With {images:,} images in a batch, what trains faster?**")
    return text.format(number=number, images=images)


def share_title(number: int, translate: Translate) -> str:
    text = translate(
        "**{number}. In the article's loop, with {images} images in a batch, how much of a step goes into "
        "loading and copying them?**"
    )
    return text.format(number=number, images=quiz.LOOP)


def race_choices(device: str, name: str, translate: Translate) -> dict[str, str]:
    """The answers to what trains faster; Markdown. `name`: of the device, as a person knows it."""
    _ = translate
    alone = device == "cpu"
    return {
        "baseline": _("One thread of the CPU") if alone else _("The CPU"),
        "candidate": _("The CPU's best number of threads") if alone else plain(name),
        "even": _("No real difference (less than {times:g}×)").format(times=quiz.EVEN),
    }


def size_words(place: int, translate: Translate) -> str:
    """A range of quiz.SIZES."""
    low, high = quiz.SIZES[place]
    if place == 0:
        return translate("less than {high:g}×").format(high=high)
    if place == len(quiz.SIZES) - 1:
        return translate("more than {low:g}×").format(low=low)
    return translate("{low:g}× to {high:g}×").format(low=low, high=high)
