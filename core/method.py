"""How the time is taken, in plain words, for whoever shows a result. Knows no page and no file."""

from __future__ import annotations

from core.i18n import Translate


def sentences(translate: Translate) -> tuple[str, ...]:
    """One paragraph for each part of the method; its keyword is set in **asterisks**."""
    _ = translate
    return (
        _(
            "**Same work.** Every setup starts from the same weights and sees the same batches in the same "
            "order. The losses of the first steps are compared; if they part, no speed-up is given."
        ),
        _(
            "**Apart from the start.** Loading torch, preparing images, building the model, the first step and "
            "the warm-up are timed by themselves and are not in the headline."
        ),
        _(
            "**In turns.** The setups alternate in blocks (A B B A), never at the same time, so that heat, clock "
            "and other load hit all of them alike. Before each block a few untimed steps wake the device."
        ),
        _(
            "**Undisturbed.** The clock brackets whole blocks of steps and waits for the device at their two ends "
            "only. Measuring has a process of its own; sensors are read from outside, five times a second."
        ),
        _(
            "**With its uncertainty.** Blocks that are neighbours in time form pairs; the speed-up is the middle "
            "of their ratios, with a 95 % interval. Measuring goes on until that is narrow, or the time is up."
        ),
        _(
            "**Several workers.** Each trains on its part of the very batches that one worker would take; the loss "
            "is that of all. The clock runs from when all are ready until all are done. What averaging gradients "
            "costs comes from a separate pass."
        ),
        _("**The CPU at its best.** Its thread count is found by a short search, unless you name one."),
        _(
            "**Where a step's time goes** comes from a separate pass with a clock at each stage: looking costs "
            "time, so it is never mixed with the headline."
        ),
    )
