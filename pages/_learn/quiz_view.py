"""What came out of a quiz: each guess beside what was measured, and the reason in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.analysis import quiz
from core.analysis.quiz import Growth, Mark, Problem, Race, Shares
from core.errors import StoreError
from core.i18n import Translate
from core.messages import sentence
from core.records import Comparison, Note, RunResult
from core.wording import labels_of, verdict_sentence
from pages._learn import quiz_questions, quiz_words
from pages._learn.quiz_questions import RACES, Answers
from pages._shared import doubts, resources
from pages._shared.focus import Focus
from pages._shared.markdown import plain


def show(found: Sequence[Focus], device: str, guesses: Answers, translate: Translate) -> None:
    """`guesses`: {} where the link is someone else's, or an old one."""
    results = [_results(item, translate) for item in found]
    small, large, loop = quiz.race(results[0]), quiz.race(results[1]), quiz.shares(results[2])
    marks = _marks(small, large, loop, guesses)
    _score(marks, guesses, translate)
    grown = quiz.growth(small, large)
    for index, ((name, images), race) in enumerate(zip(RACES.items(), (small, large), strict=True)):
        with st.container(border=True):
            st.markdown(quiz_questions.race_title(index + 1, images, translate))
            _guessed_race(name, device, results[index], guesses, translate)
            _outcome(marks[index], race.problem, race.failure or found[index].problem, guesses, translate)
            _race(images, race, grown, translate)
            _evidence(found[index], results[index], race.comparison, translate)
    with st.container(border=True):
        st.markdown(quiz_questions.share_title(len(RACES) + 1, translate))
        if guesses:
            guess = quiz_words.percent(float(guesses["share"] or 0))
            st.markdown(translate("Your guess: {guess}").format(guess=guess))
        _outcome(marks[2], loop.problem, loop.failure or found[2].problem, guesses, translate)
        if loop.moving is not None:
            _share(loop, results[2][0], translate)
        _evidence(found[2], results[2], None, translate)


def _results(item: Focus, translate: Translate) -> tuple[RunResult, ...]:
    """Of a job that is over. () while another program measures it, or where it can't be read: that is told."""
    if item.job_id is None or (item.problem is not None and item.problem.code == "measured_elsewhere"):
        return ()
    try:
        return resources.results_of(item.job_id)
    except StoreError as problem:
        st.error(plain(sentence(problem.code, problem.facts, translate)), icon=":material/error:")
        return ()


def _marks(small: Race, large: Race, loop: Shares, guesses: Answers) -> list[Mark | None]:
    if not guesses:
        return [None, None, None]
    races = [
        quiz.mark_race(guesses[name], guesses[f"{name}_size"], race)  # type: ignore[arg-type]
        for name, race in zip(RACES, (small, large), strict=True)
    ]
    return [*races, quiz.mark_share(float(guesses["share"] or 0), loop)]


def _score(marks: Sequence[Mark | None], guesses: Answers, translate: Translate) -> None:
    _ = translate
    scored = [mark for mark in marks if mark is not None]
    if not guesses:
        st.markdown(_("This is what was measured. The guesses are known only to the one who made them."))
    elif not scored:
        st.markdown("#### " + _("None of your guesses could be scored"))
    else:
        text = _("You were right in {right} of {scored}")
        st.markdown("#### " + text.format(right=scored.count("right"), scored=len(scored)))


def _guessed_race(
    name: str, device: str, results: Sequence[RunResult], guesses: Answers, translate: Translate
) -> None:
    if not guesses:
        return
    around = results[-1].environment if results else None
    choices = quiz_questions.race_choices(device, around.device.name if around else device, translate)
    winner, size = choices[str(guesses[name])], guesses[f"{name}_size"]
    text = translate("Your guess: {guess}").format(guess=winner)
    if isinstance(size, int):
        times = quiz_questions.size_words(size, translate)
        text = translate("Your guess: {winner}, {times}").format(winner=winner, times=times)
    st.markdown(text)


def _outcome(
    mark: Mark | None, problem: Problem | None, failure: Note | None, guesses: Answers, translate: Translate
) -> None:
    """Right or wrong; where nothing is scored, why."""
    if mark is not None:
        icon = ":green[:material/check_circle:]" if mark == "right" else ":orange[:material/cancel:]"
        st.markdown(f"{icon} {translate(quiz_words.MARKS[mark])}")
    if problem is not None:
        said = translate(quiz_words.PROBLEMS[problem])
        if guesses:
            said = translate("Not scored: {reason}").format(reason=said)
        st.markdown(f":gray[:material/help:] {said}")
    if failure is not None:
        st.error(plain(sentence(failure.code, failure.facts, translate)), icon=":material/error:")


def _race(images: int, race: Race, grown: Growth | None, translate: Translate) -> None:
    comparison = race.comparison
    if comparison is None:
        return
    pair = (comparison.baseline, comparison.candidate)
    st.markdown(f"**{plain(verdict_sentence(comparison, pair, translate))}**")
    if race.winner is not None:
        said = [*quiz_words.of_race(images, comparison, grown, translate)]
    else:
        said = [*quiz_words.of_threads(comparison, translate)]
    if said:
        st.markdown("\n\n".join(said))


def _share(found: Shares, result: RunResult, translate: Translate) -> None:
    assert found.moving is not None
    text = translate("**Loading and copying take {share} of a step (95 % interval {low} to {high}).**")
    value, low, high = map(quiz_words.percent, (found.moving.value, found.moving.low, found.moving.high))
    st.markdown(text.format(share=value, low=low, high=high))
    st.markdown("\n\n".join(quiz_words.of_share(found, result, translate)))


def _evidence(
    item: Focus, results: Sequence[RunResult], comparison: Comparison | None, translate: Translate
) -> None:
    """Every doubt about the numbers above, and where all of them are."""
    measured = [result for result in results if result.blocks]
    if measured:
        names = [plain(name) for name in labels_of(measured, translate)]
        doubts.show(measured, names, [comparison] if comparison else [], translate)
        st.markdown(translate("[All numbers of this measurement]({link})").format(link=f"./?job={item.job_id}"))
