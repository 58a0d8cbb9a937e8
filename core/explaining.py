"""A watched step in words: actors, messages and causes. For pages, figures and exports."""

from __future__ import annotations

from collections.abc import Iterator

from core import messages, units
from core.analysis.anatomy import stage_seconds
from core.analysis.causes import causes, inflation
from core.analysis.flow import Bar, Flow, Message, MessageCode
from core.analysis.ladder import RungName
from core.i18n import N_, Translate
from core.records import Actor, Comparison, Note, RunResult, Stage
from core.wording import device_of, rung_words

STAGE_WORDS: dict[Stage, str] = {
    "load": N_("loading the batch"),
    "copy": N_("copying it to the device"),
    "forward": N_("the forward pass"),
    "backward": N_("the backward pass"),
    "optimiser": N_("updating the weights"),
    "copy_back": N_("copying the result back"),
}
# The lines of core.measure.marked, by what they do.
LINE_WORDS: dict[str, str] = {
    "fetch": N_("loading the batch"),
    "to_device": N_("copying it to the device"),
    "zero_grad": N_("forgetting the old gradients"),
    "forward": N_("the forward pass"),
    "loss": N_("computing the loss"),
    "backward": N_("the backward pass"),
    "update": N_("updating the weights"),
    "read_loss": N_("keeping the loss"),
    "keep": N_("keeping the classes"),
    "copy_back": N_("copying the result back"),
    "indices": N_("choosing the images"),
    "call": N_("the whole step in one call"),
}
_ACTORS: dict[Actor, str] = {
    "user": N_("You"),
    "script": N_("Python script"),
    "memory": N_("CPU memory"),
    "bus": N_("PCIe bus"),
}
_MESSAGES: dict[MessageCode, str] = {
    "begin": N_("asks for a training step"),
    "fetch": N_("asks for the next batch"),
    "batch": N_("the batch is put together: {size} in {time}"),
    "copy": N_("sends {size} to the device"),
    "arrives": N_("{size} have arrived, after {time} on the bus"),
    "stays": N_(".to(device): nothing to copy, the data is there"),
    "compute": N_("{line}: {count}"),
    "done": N_("done, {time} of computing"),
    "launch": N_("{line}: {count} put into the queue"),
    "return": N_("asks for the result, {size}"),
    "returned": N_("{size} have arrived, after {time} on the bus"),
    "ready": N_("all done; the script has waited {time}"),
    "loss": N_("the loss of this step"),
    "answers": N_("the classes of this batch"),
    "features": N_("the features of this batch"),
}


# Where only a clock was read before and after a line, and its operations weren't seen.
_BY_ITS_ENDS: dict[MessageCode, str] = {"compute": N_("{line} begins"), "done": N_("done within {time}")}


def actor_words(actor: Actor, result: RunResult, translate: Translate) -> str:
    """An actor's name: "Python script", "GPU H200", "CPU cores"."""
    if actor == "device":
        return translate("CPU cores") if result.spec.setup.device == "cpu" else device_of(result)
    return translate(_ACTORS[actor])


def message_words(message: Message, flow: Flow, translate: Translate) -> str:
    """What a message says, without who says it."""
    if not message.count and message.code in _BY_ITS_ENDS:
        return translate(_BY_ITS_ENDS[message.code]).format(
            line=line_words(message.line, flow, translate), time=units.duration(message.busy_s)
        )
    return translate(_MESSAGES[message.code]).format(
        size=units.size(message.moved_bytes),
        time=units.duration(message.busy_s),
        line=line_words(message.line, flow, translate),
        count=operations(message.count, translate),
    )


def line_words(line: int | None, flow: Flow, translate: Translate) -> str:
    """What a line of the source does."""
    label = next(
        (bar.label for bar in flow.bars if bar.actor == "script" and bar.line == line and not bar.waits), ""
    )
    return _line_words(label, translate)


def _line_words(label: str, translate: Translate) -> str:
    """An imported record may call its lines as it likes."""
    return translate(LINE_WORDS[label]) if label in LINE_WORDS else label


def operations(count: int, translate: Translate) -> str:
    return translate("1 operation") if count == 1 else translate("{n} operations").format(n=count)


def bar_words(bar: Bar, flow: Flow, translate: Translate) -> list[str]:
    """Everything that is known of a bar, line by line: what, how long, which code, how much work."""
    said = [_what(bar, flow, translate)]
    said.append(units.duration(bar.end_s - bar.start_s))
    if bar.count > 1:
        text = translate("{operations}, {time} of work")
        said.append(text.format(operations=operations(bar.count, translate), time=units.duration(bar.busy_s)))
    if bar.line is not None:
        said.append(code_line(flow, bar.line))
    if bar.issued_s is not None and bar.start_s > bar.issued_s:
        text = translate("asked for {time} before it began")
        said.append(text.format(time=units.duration(bar.start_s - bar.issued_s)))
    if bar.moved_bytes:
        said.append(translate("{size} moved").format(size=units.size(bar.moved_bytes)))
    if bar.flops:
        text = translate("{n} MFLOP, {rate} GFLOP/s")
        rate = bar.flops / bar.busy_s / 1e9 if bar.busy_s else None
        said.append(text.format(n=units.number(bar.flops / 1e6), rate=units.number(rate)))
    return said


def _what(bar: Bar, flow: Flow, translate: Translate) -> str:
    if bar.waits:
        return translate("waits for the device")
    if bar.line is None:
        return translate("work of an earlier or later step")
    if bar.actor == "script":
        return _line_words(bar.label, translate)
    if bar.actor == "memory":
        return translate("a batch is put together, image by image")
    return bar.label.removeprefix("aten::")


def code_line(flow: Flow, line: int) -> str:
    """A line of the source, without its indentation."""
    return flow.source.splitlines()[line - 1].strip()


# --- causes --------------------------------------------------------------------------------------


def explained(result: RunResult, translate: Translate) -> tuple[str, ...]:
    """Where a step's time goes and what the watched steps tell. Raises InputError for unsound ones."""
    return tuple(filter(None, (*_split(result, translate), *_causes(result, translate))))


def _split(result: RunResult, translate: Translate) -> Iterator[str]:
    """The stages by the pass that only reads clocks, the longest first."""
    stages = stage_seconds(result)
    whole = sum(stages.values())
    if whole <= 0:
        return
    parts = sorted(stages.items(), key=lambda item: item[1], reverse=True)
    part = translate("{stage} {share}")
    listed = translate(", ").join(
        part.format(stage=translate(STAGE_WORDS[stage]), share=units.percent(round(100 * seconds / whole)))
        for stage, seconds in parts
        if seconds >= whole / 100
    )
    yield translate("Where its time goes: {parts}.").format(parts=listed)


def _causes(result: RunResult, translate: Translate) -> Iterator[str]:
    for note in causes(result):
        yield messages.sentence(note.code, _with_words(note, result), translate)
    slowed = inflation(result)
    if slowed is not None:
        text = translate("Watching it made the step {ratio} as long (95 % interval {interval}).")
        yield text.format(ratio=units.ratio(slowed), interval=units.interval(slowed))


def _with_words(note: Note, result: RunResult) -> dict[str, object]:
    """A note's facts with units, and with the line of the source in place of its number."""
    facts: dict[str, object] = dict(note.facts)
    for name, value in note.facts.items():
        if name.endswith("_s") and isinstance(value, float):
            facts[name] = units.number(value) if name == "gb_per_s" else units.duration(value)
        if name.endswith("_bytes") and isinstance(value, int):
            facts[name] = units.size(value)
    if isinstance(times := note.facts.get("times"), float):
        facts["times"] = units.number(times)
    line, trace = note.facts.get("line"), result.trace
    if "line" in facts:
        facts["line"] = (
            trace.source.splitlines()[line - 1].strip() if trace and isinstance(line, int) else units.ABSENT
        )
    return facts


def rung_helps(name: RungName, gain: Comparison | None, translate: Translate) -> str:
    """What a rung should help, and did where it was tried."""
    rung = rung_words(name, translate)
    if gain is None or gain.speedup is None:
        return translate("What should help is the rung “{rung}”.").format(rung=rung)
    text = translate(
        "What should help is the rung “{rung}”: tried here, it was {ratio} as fast (95 % interval {interval})."
    )
    if gain.speedup.high < 1:
        text = translate(
            "The rung “{rung}” could have helped, but tried here it was {ratio} as fast (95 % interval "
            "{interval}): it doesn't."
        )
    return text.format(rung=rung, ratio=units.ratio(gain.speedup), interval=units.interval(gain.speedup))
