"""What each chapter of the article was measured to do: tables and findings, one device beside the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core import units
from core.analysis import lessons
from core.analysis.anatomy import stage_seconds
from core.analysis.comparison import compare
from core.article import ChapterName
from core.hardware import environment, toolkit
from core.i18n import N_, Translate
from core.messages import sentence
from core.records import Comparison, Estimate, LessonName, LessonTrial, RunResult, Stage
from core.wording import labels_of, verdict_between
from pages._learn import learn_runs
from pages._shared import resources
from pages._shared.markdown import plain


@dataclass(frozen=True)
class Measured:
    """The runs that are quoted, one for each device, by their names (Markdown); and all runs."""

    quoted: Mapping[str, RunResult]
    runs: Sequence[RunResult]


def of(runs: Sequence[RunResult], translate: Translate) -> Measured:
    quoted = learn_runs.one_for_each_device(runs)
    names = [plain(name) for name in labels_of(quoted, translate)]
    return Measured(dict(zip(names, quoted, strict=True)), runs)


def show(chapter: ChapterName, measured: Measured, busy: bool, translate: Translate) -> None:
    """The chapter's numbers, or that there are none yet."""
    content = _CONTENTS.get(chapter)
    if content is None:
        return
    _ = translate
    with st.container(border=True):
        head = _("This machine") if chapter == "check" else _("Measured")
        st.markdown(f"**{head}**")
        if content is not _check and not measured.quoted:
            st.caption(_("Being measured") if busy else _("Not measured yet: press **Run the article**."))
            return
        content(measured, translate)


# --- this machine ----------------------------------------------------------------------------------


def _check(measured: Measured, translate: Translate) -> None:
    _ = translate
    machine, devices = environment.machine(), resources.runner().devices
    yes, no = _("yes"), _("no")
    driver = machine.driver or sentence(machine.gpus_absent or "nvml_no_driver", {}, _)
    facts = [(_("NVIDIA driver"), driver), (_("`nvcc` found"), yes if toolkit.has_compiler() else no)]
    if devices is not None:
        usable = any(device.id.startswith("cuda") for device in devices)
        names = _(", ").join(f"{device.name} ({device.id})" for device in devices)
        facts += [("`torch.cuda.is_available()`", str(usable)), (_("PyTorch computes on"), names)]
        if toolkit.has_compiler() and not usable:
            _finding(
                _("`nvcc` answers here, yet there is no GPU that PyTorch could use: ask PyTorch, not `nvcc`.")
            )
    _table([_("Asked"), _("Answer")], [[label, plain(value)] for label, value in facts])


def _install(measured: Measured, translate: Translate) -> None:
    _ = translate
    rows: dict[str, list[str]] = {
        name: [] for name in ("Python", "torch", "torchvision", _("CUDA in the wheel"))
    }
    for run in measured.quoted.values():
        software = run.environment.software if run.environment else None
        told = (
            (software.python, software.torch, software.torchvision or units.ABSENT, software.cuda or _("none"))
            if software
            else (units.ABSENT,) * 4
        )
        for row, value in zip(rows.values(), told, strict=True):
            row.append(plain(value))
    _by_device(measured, rows)


# --- data and model --------------------------------------------------------------------------------


_REBUILT = {
    "tensor": N_("`torch.tensor` on a tensor"),
    "as_tensor": N_("`torch.as_tensor` on a tensor"),
    "list": N_("`torch.tensor` on nested lists"),
}


def _data(measured: Measured, translate: Translate) -> None:
    """On the host, whatever the device: one run tells."""
    _ = translate
    name, run = next(iter(measured.quoted.items()))
    rows = []
    for variant in _REBUILT:
        tried = lessons.trial(run, "rebuild", variant)
        images = units.number(tried.samples) if tried else units.ABSENT
        rows.append([_(_REBUILT[variant]), images, _time(lessons.seconds(tried))])
    _table([name, _("Images"), _("Time")], rows)
    tensor, kept = (lessons.trial(run, "rebuild", variant) for variant in ("tensor", "as_tensor"))
    ratio = lessons.times_as_long(tensor, kept)
    if tensor and ratio:
        text = _(
            "The copy of {size} takes {ratio} as long as taking the tensor as it is (95 % interval {interval})."
        )
        _finding(_of_ratio(text, ratio, size=units.size(tensor.moved_bytes)))
    ratio = lessons.times_as_long(lessons.trial(run, "rebuild", "list"), tensor)
    if ratio:
        text = _(
            "From nested lists, an image takes {ratio} as long as from a tensor (95 % interval {interval})."
        )
        _finding(_of_ratio(text, ratio))


def _model(measured: Measured, translate: Translate) -> None:
    _ = translate
    tried = [lessons.trial(run, "model_to_device", "model") for run in measured.quoted.values()]
    parameters = [
        units.number(run.data.parameters if run.data else None, 12) for run in measured.quoted.values()
    ]
    rows = {
        _("Parameters"): parameters,
        _("Moved"): [units.size(item.moved_bytes if item else None) for item in tried],
        "`model.to(device)`": [_time(lessons.seconds(item)) for item in tried],
    }
    _by_device(measured, rows)
    if any(run.spec.setup.device == "cpu" for run in measured.quoted.values()):
        st.caption(_("On the CPU nothing moves: the model is there already."))


# --- the loop --------------------------------------------------------------------------------------

_STAGES: dict[Stage, str] = {
    "load": N_("Load a batch"),
    "copy": N_("Copy it to the device"),
    "forward": N_("Forward pass and loss"),
    "backward": N_("Backward pass"),
    "optimiser": N_("`optimizer.step()`"),
}


def _optimiser(measured: Measured, translate: Translate) -> None:
    stages = [stage_seconds(run) for run in measured.quoted.values()]
    rows = {}
    for stage in _STAGES:
        times = [found.get(stage) for found in stages]
        if any(time is not None for time in times):
            rows[translate(_STAGES[stage])] = [
                units.duration(time)
                + (
                    f" · {units.percent(round(100 * time / sum(found.values()), 1))}"
                    if time is not None
                    else ""
                )
                for time, found in zip(times, stages, strict=True)
            ]
    _by_device(measured, rows)
    st.caption(
        translate(
            "The median of each part of one step of the loop below, from a pass with a clock at each part."
        )
    )


def _loop(measured: Measured, translate: Translate) -> None:
    _ = translate
    st.markdown(_("The images, to the device in each batch or once:"))
    tried = [_pair(run, "to_device", "each_batch", "once") for run in measured.quoted.values()]
    rows = {
        _("Each batch of an epoch"): [_time(lessons.seconds(each)) for each, _once in tried],
        _("All images once"): [_time(lessons.seconds(once)) for _each, once in tried],
        _("Moved"): [units.size(once.moved_bytes if once else None) for _each, once in tried],
    }
    _by_device(measured, rows)
    if any(run.spec.setup.device == "cpu" for run in measured.quoted.values()):
        st.caption(_("On the CPU nothing is copied: the time is that of asking for it."))
    for (each, once), (name, run) in zip(tried, measured.quoted.items(), strict=True):
        if run.spec.setup.device != "cpu":
            text = _(
                "{device}: batch by batch it takes {ratio} as long (95 % interval {interval}), in every epoch "
                "anew."
            )
            _compared(lessons.times_as_long(each, once), text, name, translate)
    for name, comparison in comparisons(measured).items():
        _finding(verdict_between(comparison, *loops_of(name, translate), translate))
    st.markdown(_("The loss with and without `zero_grad()`, from the same weights on the same batches:"))
    for name, run in measured.quoted.items():
        _losses(name, run, translate)


_LOOPS = (N_("{device} with the article's loop"), N_("{device} with images moved once and taken by index"))


def loops_of(device: str, translate: Translate) -> tuple[str, str]:
    """What the two loops are called: the article's, and the one that moves all images once."""
    article, once = translate(_LOOPS[0]), translate(_LOOPS[1])
    return article.format(device=device), once.format(device=device)


def comparisons(measured: Measured) -> dict[str, Comparison]:
    """By device: what moving all images once makes of the training; on the CPU it only saves the DataLoader."""
    found = {}
    for name, run in measured.quoted.items():
        once = learn_runs.beside_resident(run, measured.runs)
        if once is not None and run.spec.setup.data_path == "loader":
            found[name] = compare(run, once)
    return found


def _losses(name: str, run: RunResult, translate: Translate) -> None:
    _ = translate
    found = lessons.adding_up(run)
    if found is None:
        st.caption(
            _("{device}: not measured, as one step takes too long for the time given.").format(device=name)
        )
        return
    clean, piled = _pair(run, "zero_grad", "with", "without")
    with st.container(horizontal=True, gap="medium"):
        for label, tried, last in (
            (_("{device}, with"), clean, found.with_loss),
            (_("{device}, without"), piled, found.without_loss),
        ):
            assert tried is not None
            series = [round(loss, 4) for loss in tried.losses]
            st.metric(label.format(device=name), units.number(last), chart_data=series, width=220)
    facts = {"device": name, "step": found.step, "parted": found.parted_at, "diverged": found.diverged_at}
    if found.diverged_at is not None:
        text = _("{device}: without it the loss is no longer a number from step {diverged} on.")
    elif found.parted_at is None:
        text = _("{device}: after {step} steps both losses are still the same.")
    elif found.without_loss < found.with_loss:
        text = _(
            "{device}: the losses part at step {parted}. After {step} steps the one without is lower: with "
            "this learning rate the growing steps still help. It is another training all the same."
        )
    else:
        text = _("{device}: the losses part at step {parted}. After {step} steps the one without is higher.")
    st.caption(text.format(**facts))


def _timing(measured: Measured, translate: Translate) -> None:
    _ = translate
    tried = [_pair(run, "synchronise", "unsynchronised", "synchronised") for run in measured.quoted.values()]
    rows = {
        _("Clock stopped at once"): [_time(lessons.seconds(early)) for early, _late in tried],
        _("Clock stopped when the device is done"): [_time(lessons.seconds(late)) for _early, late in tried],
    }
    _by_device(measured, rows)
    steps = {
        str(late.samples // run.spec.workload.batch_size)
        for (_early, late), run in zip(tried, measured.quoted.values(), strict=True)
        if late and late.samples
    }
    if steps:
        counts = _(", ").join(sorted(steps))
        st.caption(_("Forward and backward passes between the two readings: {steps}.").format(steps=counts))
    text = _("{device}: the work took {ratio} as long as the hasty clock says (95 % interval {interval}).")
    for (early, late), name in zip(tried, measured.quoted, strict=True):
        _compared(lessons.times_as_long(late, early), text, name, translate)


# --- how it is drawn -------------------------------------------------------------------------------

_CONTENTS: dict[ChapterName, Callable[[Measured, Translate], None]] = {
    "check": _check,
    "install": _install,
    "data": _data,
    "model": _model,
    "optimiser": _optimiser,
    "loop": _loop,
    "timing": _timing,
}


def _pair(
    run: RunResult, lesson: LessonName, one: str, other: str
) -> tuple[LessonTrial | None, LessonTrial | None]:
    return lessons.trial(run, lesson, one), lessons.trial(run, lesson, other)


def _time(estimate: Estimate | None) -> str:
    return units.duration(estimate.value if estimate else None)


def _of_ratio(text: str, ratio: Estimate, **facts: str) -> str:
    return text.format(ratio=units.ratio(ratio), interval=units.interval(ratio), **facts)


def _compared(ratio: Estimate | None, text: str, device: str, translate: Translate) -> None:
    """The finding `text`, or that there is nothing to find."""
    if ratio and lessons.no_difference(ratio):
        text = translate("{device}: no reliable difference (ratio {interval}, 95 % interval).")
    if ratio:
        _finding(_of_ratio(text, ratio, device=device))


def _finding(text: str) -> None:
    st.markdown(f":material/arrow_right: {text}")


def _by_device(measured: Measured, rows: Mapping[str, Sequence[str]]) -> None:
    _table(["", *measured.quoted], [[label, *cells] for label, cells in rows.items()])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [head, ["---"] * len(head), *rows]
    st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))
