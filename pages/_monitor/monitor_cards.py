"""A card for the CPU and one for each GPU: what it is doing now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import streamlit as st

from core import units
from core.hardware import cpu as processors
from core.i18n import Translate
from core.messages import sentence
from core.records import CpuNow, GpuNow, GpuProcess, Note
from core.wording import processor_words
from pages._monitor import monitor_arithmetic, monitor_words
from pages._monitor.monitor_arithmetic import Arithmetic
from pages._monitor.monitor_state import Seen
from pages._monitor.monitor_words import JOINED, Reader, celsius, clock, flow, gpu_name
from pages._shared import resources, visitor
from pages._shared.markdown import plain

_WIDTH, _NARROW = 260, 165  # pixels, at least: two narrow ones beside each other on a phone
_MOST_ABREAST = 3
_MOST_PROCESSES = 4

On = Mapping[str, Arithmetic | None]  # what is computed on each device that something is measured on


def show(seen: Seen, on: On, in_full: Collection[str], translate: Translate) -> None:
    """The CPU, and the GPUs of `in_full`, with all their readings."""
    _ = translate
    full = [gpu for gpu in seen.now.gpus if gpu.gpu.uuid in in_full]
    cells = 1 + max(1, len(full))
    with st.grid(min(_MOST_ABREAST, cells), min_column_width=_WIDTH, border=True) as grid:
        with grid.cell():
            _cpu(seen.now.cpu, on, _)
        for gpu in full:
            with grid.cell():
                _gpu(gpu, on, _)
        if not seen.now.gpus:
            with grid.cell():
                _no_gpu(seen.now.gpus_absent, _)


def show_others(seen: Seen, on: On, in_full: Collection[str], translate: Translate) -> None:
    """The other GPUs, with the most important readings: one element each, so that a refresh stays small."""
    others = [gpu for gpu in seen.now.gpus if gpu.gpu.uuid not in in_full]
    if others:
        with st.grid(min_column_width=_NARROW, border=True):
            for gpu in others:
                _briefly(gpu, on, translate)


def _cpu(cpu: CpuNow, on: On, translate: Translate) -> None:
    _ = translate
    read = Reader(cpu.absent, None, _)
    sample = cpu.sample
    _metric(
        processor(),
        _("Load, all cores"),
        read.bare("load_pct", sample.load_pct, units.percent),
        _(
            "The share of time in which the logical cores had something to run. Waiting for memory counts "
            "as busy."
        ),
    )
    lines = [
        *_computed(on, monitor_arithmetic.CPU, _),
        _memory(read, sample.memory_used_bytes, cpu.memory_bytes, _),
        _("Clock {x}").format(x=read.value("clock_hz", sample.clock_hz, clock)),
        _energy(read, cpu.energy_j, cpu.energy_counted_s, _),
    ]
    _lines(lines)


def _gpu(gpu: GpuNow, on: On, translate: Translate) -> None:
    _ = translate
    read = Reader(gpu.absent, gpu.lost, _)
    sample = gpu.sample
    _metric(
        gpu_name(gpu.gpu),
        _("Time with a kernel running"),
        read.bare("utilisation_pct", sample.utilisation_pct, units.percent),
        _(
            "NVIDIA's utilisation: the share of the last moment in which at least one kernel ran. It doesn't "
            "say how full the GPU is: one kernel on one of its many multiprocessors all the time shows 100 %. "
            "What is computed per second stands below it while something is measured."
        ),
    )
    if gpu.lost is not None:
        st.markdown(_lost(gpu.lost, _))
        return
    sent = read.value("sent_bytes_per_s", gpu.sent_bytes_per_s, flow)
    received = read.value("received_bytes_per_s", gpu.received_bytes_per_s, flow)
    lines = [
        *_computed(on, gpu.gpu.uuid, _),
        _memory(read, sample.memory_used_bytes, gpu.gpu.memory_bytes, _),
        _power(read, gpu, _),
        _("Temperature {x}").format(x=read.value("temperature_c", sample.temperature_c, celsius)),
        _("Clock {sm}, memory {memory}").format(
            sm=read.value("sm_clock_hz", sample.sm_clock_hz, clock),
            memory=read.value("memory_clock_hz", sample.memory_clock_hz, clock),
        ),
        _link(read, gpu, _),
        # a line of its own, or it breaks and makes the card jump when the numbers grow
        _("In {received}, out {sent}").format(received=received, sent=sent),
        _energy(read, gpu.energy_j, gpu.energy_counted_s, _),
        _processes(read, gpu, _),
        _held_by(read, gpu, _),  # at the end, where the sign for its sentences is
    ]
    _lines(lines, _reasons(gpu, _))


def _briefly(gpu: GpuNow, on: On, translate: Translate) -> None:
    _ = translate
    lines = [f"**{plain(gpu_name(gpu.gpu))}**"]
    if gpu.lost is not None:
        _lines([*lines, _lost(gpu.lost, _)])
        return
    read = Reader(gpu.absent, gpu.lost, _)
    sample = gpu.sample
    busy = read.value("utilisation_pct", sample.utilisation_pct, units.percent)
    lines.append(_("Kernel running {x}").format(x=busy))
    celsius_now = read.value("temperature_c", sample.temperature_c, celsius)
    lines += [
        *_computed(on, gpu.gpu.uuid, _),
        _memory(read, sample.memory_used_bytes, gpu.gpu.memory_bytes, _),
        _power(read, gpu, _),
        _("Temperature {x}").format(x=celsius_now),
        _held_by(read, gpu, _),
    ]
    _lines(lines)


def _lost(why: Note, translate: Translate) -> str:
    return f":material/error: {plain(sentence(why.code, why.facts, translate))}"


def _no_gpu(reason: str | None, translate: Translate) -> None:
    _ = translate
    why = "" if reason is None else plain(sentence(reason, {}, _))
    elsewhere = _("GPUs of other makers aren't read here.")
    st.markdown("\n\n".join(part for part in (_("**No NVIDIA GPU**"), why, elsewhere) if part))


def _memory(read: Reader, used_bytes: int | None, all_bytes: int | None, translate: Translate) -> str:
    used = read.value("memory_used_bytes", used_bytes, units.size)
    if all_bytes is None:
        return translate("Memory {used}").format(used=used)
    return translate("Memory {used} of {all}").format(used=used, all=units.size(all_bytes).replace(" ", JOINED))


def _power(read: Reader, gpu: GpuNow, translate: Translate) -> str:
    power = read.value("power_w", gpu.sample.power_w, units.watts)
    if gpu.gpu.power_limit_w is None:
        limit = f"*{read.why('power_limit_w')}*"
        return translate("Power {x}, limit {limit}").format(x=power, limit=limit)
    return translate("Power {x} of {limit}").format(x=power, limit=units.watts(gpu.gpu.power_limit_w))


def _link(read: Reader, gpu: GpuNow, translate: Translate) -> str:
    """An idle GPU's link is slow, which without the fastest beside it would look like a fault."""
    link, fastest = read.value("pcie", gpu.pcie, str), gpu.gpu.pcie
    if gpu.pcie is None or fastest in (None, gpu.pcie):
        return translate("PCIe {link}").format(link=link)
    return translate("PCIe {link}, up to {fastest}").format(link=link, fastest=fastest.replace(" ", JOINED))


def _energy(read: Reader, energy_j: float | None, counted_s: float, translate: Translate) -> str:
    """Since the monitor began, but for what couldn't be counted: a reader must know of how long."""
    x = read.value("energy_j", energy_j, units.joules)
    if energy_j is None:
        return translate("Energy {x}").format(x=x)
    return translate("Energy {x} in {time}").format(x=x, time=units.duration(round(counted_s)))


def _held_by(read: Reader, gpu: GpuNow, translate: Translate) -> str:
    what = read.value(
        "throttle_reasons",
        gpu.sample.throttle_reasons,
        lambda reasons: monitor_words.held_by(reasons, translate),
    )
    return translate("Clock held down by {what}").format(what=what)


def _reasons(gpu: GpuNow, translate: Translate) -> str | None:
    """The whole sentences, one hover or tap away."""
    said = [sentence(reason, {}, translate) for reason in gpu.sample.throttle_reasons or ()]
    return "  \n".join(plain(one) for one in said) or None


def _processes(read: Reader, gpu: GpuNow, translate: Translate) -> str:
    """This user's by name, others' by number; on a public server nobody's but for its owner."""
    _ = translate
    if gpu.processes is None and gpu.other_processes is None:
        return _("Programs {x}").format(x=f"*{read.why('processes')}*")
    own, others = gpu.processes or (), gpu.other_processes or 0
    if resources.hosting().public and not visitor.is_admin():
        return _("Programs {x}").format(x=f"**{len(own) + others}**")
    named = [_program(one, _) for one in own[:_MOST_PROCESSES]]
    if len(own) > _MOST_PROCESSES:
        named.append(_("**{n}** more of yours").format(n=len(own) - _MOST_PROCESSES))
    if others:
        named.append(_("**{n}** of others").format(n=others))
    if gpu.other_processes is None:
        named.append(_("of others {x}").format(x=f"*{read.why('other_processes')}*"))
    return _("Programs {x}").format(x=_(", ").join(named) or _("**none**"))


def _program(program: GpuProcess, translate: Translate) -> str:
    _ = translate
    name = plain(program.name)
    if program.memory_bytes is None:
        return _("**{name}** ({pid})").format(name=name, pid=program.pid)
    memory = units.size(program.memory_bytes)
    return _("**{name}** ({pid}, {memory})").format(name=name, pid=program.pid, memory=memory)


def _computed(on: On, device: str, translate: Translate) -> list[str]:
    """A line, where something is measured on this device. In st.metric's own place it would be cut short."""
    return [plain(monitor_arithmetic.words(on[device], translate))] if device in on else []


def _metric(device: str, label: str, value: str, help_text: str) -> None:
    """The device's name in the label: a title of its own would be one more message at each refresh."""
    st.metric(f"**{plain(device)}**  \n{label}", value, help=help_text)


def _lines(lines: list[str], help_text: str | None = None) -> None:
    st.markdown("  \n".join(lines), help=help_text)


@st.cache_resource(show_spinner=False)
def processor() -> str:
    """The CPU's name and cores."""
    found = processors.describe()
    return f"CPU · {processor_words(found.model, None, str)[0]}"
