"""Scaling in words: what more workers gain, and what holds them up. Knows not how that was found."""

from __future__ import annotations

import statistics

from core import messages, units
from core.analysis.crossover.scaling import OVERSUBSCRIBED, OneOrSeveral, Scaling, ScalingPoint
from core.i18n import Translate
from core.records import Backend, Estimate, RunResult
from core.wording import device_of, origin_word, processor_words

BACKENDS: dict[Backend, str] = {"gloo": "Gloo", "nccl": "NCCL"}
_WHOLE = 7  # digits: a batch size is told in full


def workers_words(count: int, translate: Translate) -> str:
    """ "1 worker", "4 workers"."""
    return translate("1 worker") if count == 1 else translate("{n} workers").format(n=count)


def line_words(scaling: Scaling, translate: Translate) -> str:
    """What stays the same along the line: "batch 512 shared out (strong scaling)"."""
    text = translate("batch {batch} for each worker (weak scaling)")
    if scaling.kind == "strong":
        text = translate("batch {batch} shared out (strong scaling)")
    return text.format(batch=units.number(scaling.batch_size, _WHOLE))


def told(scaling: Scaling) -> ScalingPoint:
    """The point that the finding is about: of the most workers, of those with a speed-up if there are any, and
    with a core for each thread if there are any of these."""
    several = [point for point in scaling.points if point.workers > 1] or list(scaling.points)
    known = [point for point in several if point.speedup is not None] or several
    return ([point for point in known if not _oversubscribed(point)] or known)[-1]


def _oversubscribed(point: ScalingPoint) -> bool:
    return any(note.code == OVERSUBSCRIBED for note in point.doubts)


def scaling_sentence(scaling: Scaling, translate: Translate) -> str:
    """The finding: how much faster the most workers are, and how much of each step waits for gradients."""
    point = told(scaling)
    count = workers_words(point.workers, translate)
    if point.workers == 1:
        return translate("Only one worker was measured: there is nothing to set it against.")
    if point.speedup is None:
        reason = messages.sentence(point.reason.code, point.reason.facts, translate) if point.reason else ""
        return translate("No speed-up is given for {workers}: {reason}").format(workers=count, reason=reason)
    text = (_strong_text if scaling.kind == "strong" else _weak_text)(point.speedup, translate)
    said = text.format(
        workers=count,
        batch=units.number(scaling.batch_size, _WHOLE),
        ratio=units.ratio(point.speedup),
        interval=units.interval(point.speedup),
        efficiency=units.share(point.efficiency),
    )
    return _waiting(said, point.waiting_share, translate)


def _strong_text(speedup: Estimate, translate: Translate) -> str:
    if speedup.high < 1:
        return translate("{workers} are slower than one: {ratio} as fast ({interval})")
    if speedup.low <= 1:
        return translate("{workers} aren't surely faster than one: {ratio} as fast ({interval})")
    return translate("{workers}: {ratio} as fast as one ({interval}), {efficiency} efficient")


def _weak_text(speedup: Estimate, translate: Translate) -> str:
    if speedup.high < 1:
        return translate(
            "{workers}, each with its own batch of {batch}, are slower than one: {ratio} the images per second "
            "({interval})"
        )
    if speedup.low <= 1:
        return translate(
            "{workers}, each with its own batch of {batch}, aren't surely faster than one: {ratio} the images "
            "per second ({interval})"
        )
    return translate(
        "{workers}, each with its own batch of {batch}: {ratio} the images per second of one ({interval}), "
        "{efficiency} efficient"
    )


def _waiting(said: str, share: Estimate | None, translate: Translate) -> str:
    """The finding with what of a step waits; where that may be nothing, with the most that it can be."""
    if share is None:
        return said
    if share.low <= 0:
        text = translate("{finding}; up to {share} of each step waits for the gradients")
        return text.format(finding=said, share=units.share(_most(share)))
    text = translate("{finding}; {share} of each step waits for the gradients ({interval})")
    return text.format(finding=said, share=units.share(share), interval=units.share_interval(share))


def _most(share: Estimate | None) -> Estimate | None:
    """The largest that it can be, with as many digits as it carries."""
    return None if share is None else Estimate(share.high, share.low, share.high)


def communication_sentence(point: ScalingPoint, translate: Translate) -> str | None:
    """What averaging the gradients costs with this many workers; None where it wasn't measured."""
    found = point.run.communication
    if found is None or point.workers == 1:
        return None
    alone = statistics.median(found.alone_s) if found.alone_s else None
    text = translate(
        "{workers}, batch {batch}: {share} of each step waits for averaged gradients ({interval}). Each step "
        "averages {size} of gradients by {backend}; with nothing else to do that takes {alone}."
    )
    share = point.waiting_share
    if share is None:
        text = translate(
            "{workers}, batch {batch}: each step averages {size} of gradients by {backend}; with nothing else "
            "to do that takes {alone}. How much of a step waits for it couldn't be told from noise."
        )
    elif share.low <= 0:
        text = translate(
            "{workers}, batch {batch}: up to {most} of each step waits for averaged gradients. Each step "
            "averages {size} of gradients by {backend}; with nothing else to do that takes {alone}."
        )
    return text.format(
        workers=workers_words(point.workers, translate),
        batch=units.number(point.batch_size, _WHOLE),
        share=units.share(share),
        interval=units.share_interval(share),
        most=units.share(_most(share)),
        size=units.size(found.gradient_bytes),
        backend=BACKENDS[found.backend],
        alone=units.duration(alone),
    )


def one_or_several_names(pair: OneOrSeveral, translate: Translate) -> tuple[str, str]:
    """ "CPU · 2 threads" and "CPU · 1 thread each · 2 workers"."""
    return run_words(pair.one, translate), run_words(pair.several, translate)


def run_words(run: RunResult, translate: Translate) -> str:
    """What a run was executed by: "CPU · 1 thread each · 2 workers", "2 × GPU H200 · recorded"."""
    workers, threads = run.spec.setup.workers, run.spec.setup.threads or run.threads
    parts = [device_of(run)]
    if run.spec.setup.device != "cpu":
        parts = [f"{workers} × {parts[0]}" if workers > 1 else parts[0]]
    else:
        if run.origin != "measured" and run.environment is not None:  # one CPU of many
            parts = processor_words(run.environment.device.name, None, translate)
        parts += [_threads(threads, workers, translate)] if threads else []
        parts += [workers_words(workers, translate)] if workers > 1 else []
    if run.spec.setup.precision != "fp32":
        parts.append(run.spec.setup.precision)
    if run.origin != "measured":
        parts.append(origin_word(run.origin, translate))
    return " · ".join(parts)


def _threads(threads: int, workers: int, translate: Translate) -> str:
    if workers > 1:
        text = translate("1 thread each") if threads == 1 else translate("{n} threads each")
    else:
        text = translate("1 thread") if threads == 1 else translate("{n} threads")
    return text.format(n=threads)
