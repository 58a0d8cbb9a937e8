"""The report's own texts: headings, labels, buttons. Knows no result."""

from __future__ import annotations

from core.i18n import Translate


def words(translate: Translate) -> dict[str, str]:
    """By the names that report.html.j2 uses."""
    _ = translate
    return {
        "title": _("CPU vs GPU, measured"),
        "doubts": _("What to keep in mind"),
        "nothing_against": _("Nothing speaks against these numbers."),
        "setups": _("The setups"),
        "unlike": _("Not measured together"),
        "unlike_why": _(
            "These runs come from different jobs, perhaps from different machines. What follows may be part of "
            "the difference in speed."
        ),
        "charts": _("Charts"),
        "no_script": _("The charts need JavaScript. What each one shows:"),
        "save_png": _("Save this chart as PNG"),
        "save_svg": _("Save this chart as SVG"),
        "evidence": _("Evidence"),
        "surroundings": _("Hardware, software, start-up and energy"),
        "samples": _("Every timed block"),
        "block": _("Block"),
        "epoch": _("Epoch"),
        "steps": _("Steps"),
        "images": _("Images"),
        "start": _("Start (s)"),
        "duration": _("Duration (s)"),
        "per_thousand": _("Seconds per 1,000 images"),
        "loss": _("Loss"),
        "records": _("Save the records (JSON)"),
        "records_why": _("All raw samples, for Crossover's import or a script of yours."),
        "method": _("How this was measured"),
        "again": _("The same again"),
        "again_why": _("In a checkout of Crossover, without a browser:"),
        "link": _("The result with its raw samples"),
    }
