"""A crossing in words: from which batch size on who is faster. Knows neither how it was found nor who asks."""

from __future__ import annotations

from core import messages, units
from core.analysis.crossover.crossing import Crossing
from core.analysis.crossover.step_fit import StepFit
from core.i18n import Translate
from core.records import Note


def crossing_sentence(crossing: Crossing, baseline_name: str, candidate_name: str, translate: Translate) -> str:
    """The answer in one sentence: where they cross, who is always faster, or why neither can be said."""
    names, reason = _names(crossing, baseline_name, candidate_name), crossing.reason
    if names is not None and crossing.batch_size is not None:
        return _crossed(crossing, *names, translate)
    if names is not None:
        return _always(crossing, *names, translate)
    if reason is None or reason.code == "no_difference":
        text = translate(
            "Neither {candidate} nor {baseline} is reliably faster over the batch sizes that were measured."
        )
        return text.format(candidate=candidate_name, baseline=baseline_name)
    text = translate("It can't be said where {candidate} and {baseline} cross: {reason}")
    told = messages.sentence(reason.code, reason.facts, translate)
    return text.format(candidate=candidate_name, baseline=baseline_name, reason=told)


def confirmation_sentence(
    crossing: Crossing, baseline_name: str, candidate_name: str, translate: Translate
) -> str | None:
    """What was measured directly on both sides of the crossing; None where that has nothing to add."""
    names = _names(crossing, baseline_name, candidate_name)
    if crossing.batch_size is None or names is None or crossing.extrapolated:
        return None
    faster, slower = names
    below, above = crossing.bracket.below, crossing.bracket.above
    if crossing.confirmed and below is not None and above is not None:
        text = translate(
            "Measured directly: with batches of {below} {slower} is surely faster, with batches of {above} "
            "{faster} is."
        )
        return text.format(
            below=units.number(below, _WHOLE), above=units.number(above, _WHOLE), faster=faster, slower=slower
        )
    if crossing.confirmed is False:
        return None  # a doubt of the crossing says so
    return translate("It isn't confirmed by direct measurements on both of its sides yet.")


def fit_sentence(fit: StepFit | Note, name: str, translate: Translate) -> str:
    """How long a setup's step takes by its batch size, in words; or why that can't be said."""
    if isinstance(fit, Note):
        told = messages.sentence(fit.code, fit.facts, translate)
        return translate("{name}: {reason}").format(name=name, reason=told)
    first, last = fit.regimes[0], fit.regimes[-1]
    facts = {
        "name": name,
        "overhead": units.duration(first.overhead_s),
        "each": units.duration(first.per_sample_s),
        "more": units.duration(last.per_sample_s),
        "knot": images(last.low),
    }
    if len(fit.regimes) == 1:
        said = translate("{name}: a step takes {overhead} and {each} more for each image.").format(**facts)
    else:
        text = translate(
            "{name}: a step takes {overhead} and {each} more for each image up to {knot}, and {more} for each "
            "beyond."
        )
        said = text.format(**facts)
    if fit.misfit is None:
        return said
    off = translate("What was measured is {misfit} off that on average.")
    return f"{said} {off.format(misfit=units.percent(100 * fit.misfit))}"


def images(batch_size: float) -> str:
    """A batch size that was worked out: in whole images, or to two digits where it is small."""
    return f"{batch_size:,.0f}" if round(batch_size) >= 10 else units.number(batch_size, 2)


_WHOLE = 7  # digits: a batch size is told in full


def _names(crossing: Crossing, baseline: str, candidate: str) -> tuple[str, str] | None:
    """Who is faster beyond the crossing, and who isn't."""
    if crossing.faster_above is None:
        return None
    return (candidate, baseline) if crossing.faster_above == "candidate" else (baseline, candidate)


def _crossed(crossing: Crossing, faster: str, slower: str, translate: Translate) -> str:
    found = crossing.batch_size
    assert found is not None
    text = (
        translate(
            "Extrapolated: if both lines go straight on beyond what was measured, {faster} is faster from a "
            "batch size of about {value} on ({low} to {high}), and {slower} below."
        )
        if crossing.extrapolated
        else translate(
            "From a batch size of {value} on (95 % interval {low} to {high}), {faster} is faster; below, "
            "{slower} is."
        )
    )
    value, low, high = (images(edge) for edge in (found.value, found.low, found.high))
    return text.format(value=value, low=low, high=high, faster=faster, slower=slower)


def _always(crossing: Crossing, faster: str, slower: str, translate: Translate) -> str:
    fits = [fit for fit in crossing.fits if isinstance(fit, StepFit)]
    if len(fits) == 2:
        low, high = max(fit.batches[0] for fit in fits), min(fit.batches[-1] for fit in fits)
        text = translate(
            "{faster} is faster than {slower} at every batch size that was measured ({low} to {high})."
        )
        said = text.format(
            faster=faster, slower=slower, low=units.number(low, _WHOLE), high=units.number(high, _WHOLE)
        )
    else:
        text = translate("{faster} is faster than {slower} at every batch size that was measured.")
        said = text.format(faster=faster, slower=slower)
    reason = crossing.reason
    if reason is None or reason.code != "beyond_range":  # the others say the same
        return said
    return f"{said} {messages.sentence(reason.code, reason.facts, translate)}"
