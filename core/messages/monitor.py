"""What the monitor has to say: why a reading is missing, and what happened while it looked."""

from __future__ import annotations

from core.i18n import N_

MONITOR: dict[str, str] = {
    # why a reading is missing
    "not_read_yet": N_("It wasn't read yet: it comes in a few seconds."),
    "gpus_not_read_yet": N_("The GPUs haven't answered yet."),
    "memory_hidden": N_("The machine's memory isn't visible here (usual in sandboxes)."),
    "processes_not_asked": N_("Not asked while something is measured, as the question would disturb it."),
    "processes_of_host": N_(
        "In a container this can't be told: the driver numbers processes as the host does, and the container "
        "numbers them otherwise."
    ),
    "processes_hidden": N_("This system doesn't tell whose programs they are."),
    "pcie_not_asked": N_(
        "Not asked while something is measured: this GPU has no counter for it, and the driver's other answer "
        "would disturb the measurement."
    ),
    "pcie_counter_jumped": N_(
        "The counter of bytes jumped, or was read too late: no rate is given for this moment."
    ),
    # why a GPU doesn't answer at all; core.hardware.nvml has more
    "gpu_reading_blocks": N_(
        "NVIDIA's driver hasn't answered for {seconds} s. The other readings go on; this one comes back when it does."
    ),
    # what happened
    "monitor_gpu_lost": N_(
        "GPU {index} ({name}) no longer answers. It shows here again when it does; one that was reset or plugged "
        "in anew may need a restart of the dashboard."
    ),
    "monitor_gpu_back": N_("GPU {index} ({name}) answers again."),
    "monitor_gpus_unheard": N_("GPUs that NVIDIA's driver counts but that don't answer: {count}."),
    "monitor_gpu_new": N_("GPU {index} ({name}) appeared."),
    "monitor_driver_gone": N_(
        "NVIDIA's driver no longer answers: it was updated, unloaded or closed. Restart the dashboard, and if that "
        "doesn't help, the machine."
    ),
    "monitor_driver_back": N_("NVIDIA's driver answers again."),
    "monitor_gpus_block": N_("NVIDIA's driver takes long to answer: the GPUs' readings wait for it."),
    "monitor_gpus_answer": N_("NVIDIA's driver answers again, after {seconds} s."),
    "monitor_counter_jumped": N_(
        "The energy counter of GPU {index} ({name}) jumped. What it counted just then is left out of its energy."
    ),
    "monitor_cpu_counter_jumped": N_(
        "The processor's energy counter jumped. What it counted just then is left out of its energy."
    ),
    "monitor_slept": N_("The machine slept, or its clock was set: the history begins anew."),
    "monitor_cpu_energy_gap": N_(
        "Nobody looked for {seconds} s, in which the processor's energy counter may have gone round. What it counted "
        "meanwhile is left out of its energy."
    ),
}
