"""What the fields of records are called, in which two runs can differ (core.analysis.comparability)."""

from __future__ import annotations

from core.i18n import N_, Translate

# What is in neither of these is a name already, as torch and numpy are
FIELDS = {
    "schema_version": N_("the record's format"),
    "machine": N_("the machine"),
    "workload": N_("the workload"),
    "model": N_("the model"),
    "dataset": N_("the data set"),
    "batch_size": N_("the batch size"),
    "epochs": N_("the number of epochs"),
    "learning_rate": N_("the learning rate"),
    "seed": N_("the seed"),
    "task": N_("the task"),
    "data.train_samples": N_("the number of training images"),
    "data.test_samples": N_("the number of test images"),
    "data.classes": N_("the number of classes"),
    "data.shape": N_("the images' shape"),
    "data.input_shape": N_("the shape that the model takes"),
    "data.parameters": N_("the number of the model's weights"),
    "data.fingerprint": N_("the images' checksum"),
    "device": N_("the device"),
    "precision": N_("the precision"),
    "threads": N_("the number of threads"),
    "workers": N_("the number of workers"),
    "data_path": N_("the way of the images to the device"),
    "fused": N_("the fused optimiser"),
    "channels_last": N_("channels last"),
    "flush_denormals": N_("denormals counted as 0"),
    "products": N_("the library for products"),
    "keep_pages": N_("memory kept"),
    "bind_threads": N_("threads bound"),
    "step": N_("the kind of step"),
    "steps_per_call": N_("the steps of a call"),
    "cpp_calls": N_("called from C++"),
    "pinned": N_("pinned memory"),
    "synchronous": N_("waiting at each step"),
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
}
_NAMES = {"python": "Python", "cuda": "CUDA", "cudnn": "cuDNN"}  # stay as they are written
# Facts that list such fields, each with what else is said of it: by the code of their sentence
_LISTS = {
    "lines_differ": "fields",
    "not_comparable": "fields",
    "unlike_conditions": "differing",
    "unlike_software": "differing",
}


def field_words(field: str, translate: Translate) -> str:
    """A field of a record, as core.analysis.comparability names it."""
    return translate(FIELDS[field]) if field in FIELDS else _NAMES.get(field, field)


def in_words(code: str, facts: dict[str, object], translate: Translate) -> dict[str, object]:
    """The facts of a sentence, with words for the fields that they name."""
    listed = facts.get(_LISTS.get(code, ""))
    if not isinstance(listed, str):
        return facts
    parts = (item.partition(" ") for item in listed.split(", "))
    said = (f"{field_words(field, translate)}{space}{more}" for field, space, more in parts)
    return {**facts, _LISTS[code]: translate(", ").join(said)}
