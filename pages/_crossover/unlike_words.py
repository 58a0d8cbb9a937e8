"""In what two lines weren't measured alike, in words. Knows not how that was found."""

from __future__ import annotations

from core.i18n import N_, Translate
from core.messages import sentence
from core.records import Note

# what isn't here is a name of its own, as torch and numpy are
_FIELDS = {
    "machine": N_("the machine"),
    "model": N_("the model"),
    "data_path": N_("the way of the images to the device"),
    "cpu.model": N_("the CPU"),
    "cpu.physical_cores": N_("the number of cores"),
    "cpu.usable_cores": N_("the cores that may be used"),
    "cpu.quota_cores": N_("the container's share of the CPU"),
    "cpu.max_clock_hz": N_("the CPU's highest clock"),
    "cpu.governor": N_("the CPU's governor"),
    "cpu.turbo": N_("the CPU's turbo"),
    "cpu_capability": N_("the CPU's instructions"),
    "blas": N_("the library for matrices"),
    "gpu.name": N_("the GPU"),
    "gpu.memory_bytes": N_("the GPU's memory"),
    "gpu.pcie": N_("the GPU's PCIe link"),
    "gpu.power_limit_w": N_("the GPU's power limit"),
    "name": N_("the device"),
    "virtual": N_("the virtual machine"),
    "on_battery": N_("battery or mains"),
    "variables": N_("the environment's variables"),
    "os": N_("the operating system"),
    "kernel": N_("the kernel"),
    "driver": N_("the driver"),
    "git_revision": N_("Crossover's revision"),
    "python": "Python",
    "torch": "torch",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
}


def doubt(note: Note, translate: Translate) -> str:
    """A doubt's sentence, with words for the fields of the records that it names."""
    fields = note.facts.get("fields")
    if note.code != "lines_differ" or not isinstance(fields, str):
        return sentence(note.code, note.facts, translate)
    words = [translate(_FIELDS[name]) if name in _FIELDS else name for name in fields.split(", ")]
    return sentence(note.code, {"fields": translate(", ").join(words)}, translate)
