"""A snippet with the answer, for READMEs and forums. What comes from a record is text there, never Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from core import units
from core.analysis.machines import kind_elsewhere
from core.analysis.summary import summarise
from core.errors import InputError
from core.i18n import Translate
from core.records import RunResult
from core.sharing.answer import headlines
from core.sharing.bundle import Bundle
from core.sharing.command import reproduce
from core.sharing.doubts import badge
from core.wording import badge_words, origin_word, workload_words

_MARKS = re.compile(r"([\\`*_{}\[\]#~|!^$])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Forums make links and mentions of bare addresses and names: a character without width comes between.
_ADDRESSES = re.compile(r"(?<=[A-Za-z]:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
_BREAK = "\u200b"
_LINK_LETTERS = "/:?#@!$&'*+,;=%~-._"


def snippet(bundle: Bundle, translate: Translate, link: str | None = None) -> str:
    """Verdict, quality, a table of the runs, the link and the command. Raises InputError("bad_link")."""
    return "\n".join(_lines(bundle, translate, link)) + "\n"


def inert(text: str) -> str:
    """The text in one line, as it is: no mark, tag, address or name in it does anything."""
    plain = re.sub(r"[&<>]", lambda found: _HTML[found[0]], " ".join(text.split()))
    return _ADDRESSES.sub(_BREAK, _MARKS.sub(r"\\\1", plain))


def fenced(text: str, language: str = "text") -> str:
    """The text as a block of code that no backtick in it can end."""
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _lines(bundle: Bundle, translate: Translate, link: str | None) -> Iterator[str]:
    _ = translate
    first, *others = (inert(line) for line in headlines(bundle, _))
    yield f"**{first}**"
    for line in others:
        yield f"\n{line}"
    works = dict.fromkeys(workload_words(run.spec.workload, _) for run in bundle.runs)
    yield f"\n{inert(_('; ').join(works))} · {badge_words(badge(bundle), _)}\n"
    head = [
        _("Setup"),
        _("Hardware"),
        _("Speed (95 % interval)"),
        _("Epoch time"),
        _("Measured (UTC)"),
        _("Origin"),
    ]
    yield f"| {' | '.join(head)} |"
    yield "|---|---|---|---|---|---|"
    for run, name in zip(bundle.runs, bundle.names, strict=True):
        yield f"| {' | '.join(_row(run, name, _))} |"
    if any(summarise(run).projected for run in bundle.runs):
        yield "\n" + _("* projected: no epoch was timed whole").replace("*", r"\*")
    if link is not None:
        yield f"\n[{_('The result with its raw samples')}](<{address(link)}>)"
    yield "\n" + _("The same again, with Crossover:") + "\n"
    yield fenced("\n".join(reproduce(bundle.runs)), "bash")


def _row(run: RunResult, name: str, translate: Translate) -> Iterator[str]:
    summary = summarise(run)
    rate = summary.samples_per_s
    around = run.environment
    yield inert(name)
    hardware = [around.device.name] if around else []
    if kind := kind_elsewhere(run):
        hardware.append(translate("on another machine: {kind}").format(kind=kind))
    yield inert(" · ".join(hardware)) if hardware else units.ABSENT
    interval = f" ({units.number(rate.low)}–{units.number(rate.high)})" if rate else ""
    yield units.rate(rate.value if rate else None, translate) + interval
    yield units.duration(summary.epoch_shown_s) + (r" \*" if summary.projected else "")
    yield inert(run.created_at[:10])
    yield origin_word(run.origin, translate)


def address(link: str) -> str:
    """A web address that a Markdown link can hold. Raises InputError("bad_link") for any other."""
    try:
        parts = urlsplit(link)
    except ValueError as problem:
        raise InputError("bad_link", link=link[:80]) from problem
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError("bad_link", link=link[:80])
    return quote(link, safe=_LINK_LETTERS)
