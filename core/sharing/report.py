"""One HTML file that shows a result anywhere, without a network: what goes on the page, not how it looks.

How it looks is in report.html.j2, which escapes every text; what acts, in report.js. The page's security policy
names both scripts by their hashes, so that nothing else in it can run and nothing can be loaded.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from core import method, units
from core.analysis import timed
from core.analysis.comparability import Level, differences
from core.analysis.machines import kind_elsewhere
from core.analysis.quality import Badge, quality
from core.analysis.summary import summarise
from core.fact_sheet import Group, fact_sheet
from core.figures import charts
from core.figures.html import figure_json, plotly_js
from core.i18n import Translate
from core.records import SCHEMA_VERSION, RunResult
from core.runs.files import exchange
from core.sharing.answer import headlines, remarks
from core.sharing.bundle import Bundle
from core.sharing.command import reproduce
from core.sharing.doubts import Doubt, badge, doubts
from core.sharing.markdown import address
from core.sharing.words import words
from core.unlike_words import difference_sentence
from core.wording import badge_words, origin_word, status_word, unlike_title, workload_words

_HERE = Path(__file__).parent
_CHARTS = ("throughput", "epoch_time", "loss", "accuracy", "anatomy", "memory", "block_times", "telemetry")
_MARKS: dict[Level, str] = {"red": "‼", "amber": "!", "green": "·"}
# What could end a script element, or begin a comment in one; and what JavaScript once took for line ends
_ENDING = {letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    badge: Badge
    quality: str
    origin: str
    is_guest: bool  # not measured here: its origin is worth a second look
    rate: str
    interval: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Unlike:
    title: str
    items: tuple[tuple[Level, str, str], ...]  # how much it matters, its mark, what differs


@dataclass(frozen=True, slots=True)
class Drawn:
    key: str
    title: str
    alt: str
    height: int


@dataclass(frozen=True, slots=True)
class Samples:
    name: str
    rows: tuple[tuple[str, ...], ...]


def report(
    bundle: Bundle,
    translate: Translate,
    *,
    created_at: str,
    language: str = "en",
    link: str | None = None,
    revision: str | None = None,
) -> str:
    """The page. Raises InputError("bad_link"); for the arguments see formats.render."""
    drawn = [found for key in _CHARTS if (found := charts.chart(key, bundle.measured, translate))]
    records = exchange.document(bundle.runs, bundle.comparisons, created_at=created_at)
    first, *others = headlines(bundle, translate)
    worst = badge(bundle)
    return _template().render(
        language=language.replace("_", "-"),
        policy=_policy(plotly_js(), _script()),
        words=words(translate),
        headline=first,
        verdicts=others,
        remarks=tuple(remarks(bundle, translate)),
        work=translate("; ").join(
            dict.fromkeys(workload_words(r.spec.workload, translate) for r in bundle.runs)
        ),
        badge=worst,
        badge_words=badge_words(worst, translate),
        doubts=[(doubt.weight, _doubt(doubt, translate)) for doubt in doubts(bundle, translate)],
        cards=[_card(run, name, translate) for run, name in zip(bundle.runs, bundle.names, strict=True)],
        unlike=tuple(_unlike(bundle, translate)),
        charts=[Drawn(c.key, c.title, c.alt, int(c.figure.layout.height)) for c in drawn],
        sheets=_sheets(bundle, translate),
        samples=[
            _samples(run, name) for run, name in zip(bundle.runs, bundle.names, strict=True) if run.blocks
        ],
        method=[_emphasised(text) for text in method.sentences(translate)],
        commands=reproduce(bundle.runs),
        link=address(link) if link is not None else None,
        file=f"crossover-{re.sub(r'[^A-Za-z0-9-]', '', bundle.runs[0].job_id)[:40]}",
        written=_written(created_at, revision, translate),
        figures=_json("[" + ",".join(figure_json(chart) for chart in drawn) + "]"),
        records=_json(json.dumps(records, allow_nan=False)),
        plotly=Markup(plotly_js()),
        script=Markup(_script()),
    )


@functools.cache
def size_bytes() -> int:
    """What every report weighs: plotly.js. Its records and charts come on top."""
    return len(plotly_js().encode())


@functools.cache
def _template() -> jinja2.Template:
    surroundings = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return surroundings.get_template("report.html.j2")


@functools.cache
def _script() -> str:
    return (_HERE / "report.js").read_text(encoding="utf-8")


@functools.cache
def _policy(*scripts: str) -> str:
    """Only these scripts run, and nothing is loaded. Plotly writes styles and hands pictures over as data."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(text: str) -> Markup:
    """JSON for a script element, whatever texts are in it: outside of texts none of these letters stands."""
    return Markup(re.sub("[<>&\u2028\u2029]", lambda found: _ENDING[found[0]], text))


def _emphasised(text: str) -> Markup:
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(text))))


def _doubt(doubt: Doubt, translate: Translate) -> Markup:
    """With whose it is, unless it is everyone's."""
    if not doubt.names:
        return escape(doubt.text)
    names = translate(", ").join(doubt.names)
    return _emphasised(translate("**{name}**: {text}").format(name=names, text=doubt.text))


def _card(run: RunResult, name: str, translate: Translate) -> Card:
    _ = translate
    summary = summarise(run)
    rate, around, found = summary.samples_per_s, run.environment, quality(run).badge
    epoch = units.duration(summary.epoch_shown_s)
    facts = [
        (_("Epoch time"), _("{time} (projected)").format(time=epoch) if summary.projected else epoch),
        (_("Test accuracy"), units.percent(None if (x := summary.test_accuracy) is None else 100 * x)),
        (_("Training loss"), units.number(summary.final_loss)),
        (_("1,000 images"), units.joules(summary.energy.joules_per_1000_samples if summary.energy else None)),
        (_("Hardware"), around.device.name if around else units.ABSENT),
        (_("Machine"), kind_elsewhere(run) or units.ABSENT),
        (_("Measured (UTC)"), run.created_at[:16].replace("T", " ")),
    ]
    if run.status not in ("finished", "out_of_time"):
        facts.append((_("Status"), status_word(run.status, _)))
    return Card(
        name=name,
        badge=found,
        quality=badge_words(found, _),
        origin=origin_word(run.origin, _),
        is_guest=run.origin != "measured",
        rate=units.rate(rate.value if rate else None, _),
        interval=_("95 % interval {low}–{high}").format(
            low=units.number(rate.low), high=units.number(rate.high)
        )
        if rate
        else "",
        facts=tuple(fact for fact in facts if fact[1] != units.ABSENT),
    )


def _unlike(bundle: Bundle, translate: Translate) -> Iterator[Unlike]:
    """What differs between runs that shared no job, as those of two machines."""
    baseline, *others = bundle.measured or bundle.runs
    names = {run.id: name for run, name in zip(bundle.runs, bundle.names, strict=True)}
    for other in others:
        if other.job_id == baseline.job_id:
            continue
        found = differences(baseline, other)
        items = tuple((item.level, _MARKS[item.level], difference_sentence(item, translate)) for item in found)
        said = unlike_title(found, names[baseline.id], names[other.id], translate)
        yield Unlike(
            said, items or (("green", _MARKS["green"], translate("Nothing that is recorded differs.")),)
        )


def _sheets(bundle: Bundle, translate: Translate) -> Sequence[tuple[str, tuple[Group, ...]]]:
    return [
        (name, sheet)
        for run, name in zip(bundle.runs, bundle.names, strict=True)
        if (sheet := fact_sheet(run, translate))
    ]


def _samples(run: RunResult, name: str) -> Samples:
    """All digits that tell blocks apart; the records hold them in full."""
    rows = zip(run.blocks, timed.seconds_per_sample(run), strict=True)
    return Samples(
        name,
        tuple(
            (
                str(number),
                str(block.epoch),
                str(block.steps),
                str(block.samples),
                f"{block.start_s:.3f}",
                f"{block.duration_s:.6g}",
                f"{1000 * seconds:.6g}",
                units.ABSENT if block.loss is None else f"{block.loss:.5g}",
            )
            for number, (block, seconds) in enumerate(rows, 1)
        ),
    )


def _written(created_at: str, revision: str | None, translate: Translate) -> str:
    date = created_at[:16].replace("T", " ")
    if revision is None:
        text = translate("Written by Crossover on {date} (UTC). Format of the records: version {version}.")
        return text.format(date=date, version=SCHEMA_VERSION)
    text = translate(
        "Written by Crossover {revision} on {date} (UTC). Format of the records: version {version}."
    )
    return text.format(date=date, version=SCHEMA_VERSION, revision=revision)
