"""The answer that a bundle gives, as sentences: what is said first wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterator

from core import units
from core.analysis.summary import summarise
from core.i18n import Translate
from core.messages import sentence
from core.sharing.bundle import Bundle
from core.wording import start_up_sentence, thread_sentences, verdict_sentence


def headlines(bundle: Bundle, translate: Translate) -> tuple[str, ...]:
    """The verdicts, the largest difference first; of runs that aren't compared, how fast the first is."""
    if bundle.comparisons:
        ordered = sorted(bundle.comparisons, key=lambda item: -(item.speedup.value if item.speedup else 0))
        return tuple(verdict_sentence(comparison, bundle.runs, translate) for comparison in ordered)
    for run, name in zip(bundle.runs, bundle.names, strict=True):
        rate = summarise(run).samples_per_s
        if rate is not None:
            text = translate("{label} processes {rate}")
            return (text.format(label=name, rate=units.rate(rate.value, translate)),)
    return (sentence("too_few_blocks", {}, translate),)


def remarks(bundle: Bundle, translate: Translate) -> Iterator[str]:
    """What belongs to the answer but isn't it: the start-up, other thread counts."""
    for comparison in bundle.comparisons:
        said = start_up_sentence(comparison, bundle.runs, translate)
        if said:
            yield said
    yield from thread_sentences(bundle.measured, bundle.comparisons, translate)
