"""What a reader must know about a run, and why a reading is missing."""

from __future__ import annotations

from core.i18n import N_

NOTES: dict[str, str] = {
    "diverged": N_(
        "The training diverged in epoch {epoch}: its loss is no longer a number. Lower the learning rate."
    ),
    "resized": N_("The images are enlarged to {side}x{side} pixels, the smallest this model takes."),
    "untrained_weights": N_("The model has random weights: its speed is right, its answers are guesses."),
    "taught_before": N_(
        "The model was trained for {steps} steps before the clock started, so that its answers count."
    ),
    "stopped_by_interval": N_("Measuring ended when the speed-up's interval was within ±{target_pct:g} %."),
    "stopped_by_time": N_(
        "The time was up before the speed-up's interval was known to be within ±{target_pct:g} %."
    ),
    "limits_too_slow": N_(
        "The device's limits weren't measured, as one step takes too long for the time given. Give the run more time."
    ),
    "trace_failed": N_("A single step couldn't be watched ({problem}). The run itself is unaffected."),
    "trace_too_slow": N_(
        "No single step was watched, as one takes too long for the time given. Give the run more time."
    ),
    "limits_failed": N_("The device's limits couldn't be measured ({problem}). The run itself is unaffected."),
    "lessons_failed": N_(
        "The article's lines couldn't be tried one by one ({problem}). The run itself is unaffected."
    ),
    "threads_not_searched": N_(
        "The best thread count wasn't searched, as one step takes too long for the time given; {threads} were used."
    ),
    "images_skipped": N_("{count} files couldn't be read as images and were left out, {example} for one."),
    "data_not_cached": N_(
        "The prepared images couldn't be kept on disk ({problem}): they are prepared afresh for each worker."
    ),
    "sw_power_cap": N_("The GPU lowered its clock to stay within its power limit."),
    "hw_slowdown": N_("The GPU's hardware at least halved its clock: too hot, or too little power."),
    "sw_thermal": N_("The driver lowered the GPU's clock because it is hot. Check the cooling."),
    "hw_thermal": N_("The GPU's hardware lowered its clock because it is too hot. Check the cooling."),
    "hw_power_brake": N_("The power supply told the GPU to slow down."),
    "sync_boost": N_("The GPU keeps its clock down to match the other GPUs in its group."),
    "applications_clocks": N_("Someone set the GPU's clock to a fixed value (nvidia-smi -rac undoes it)."),
    "display_clock": N_("The GPU's clock is bound to its display settings."),
    "board_limit": N_("A limit of the GPU's board holds its clock down."),
    "reliability": N_("A reliability policy of the driver holds the GPU's clock down."),
    "unknown_limit": N_(
        "The driver holds the GPU's clock down for a reason that Crossover doesn't know: nvidia-smi -q -d "
        "PERFORMANCE names it."
    ),
    # core.analysis.bottleneck
    "bound_by_data": N_("The device waits for data: loading the next batch takes {pct} % of each step."),
    "bound_by_copies": N_("The device waits for copies from and to the host: {pct} % of each step."),
    "bound_by_launches": N_(
        "The device waits for launches: {pct} % of each step goes into starting one small operation after the other, "
        "about {launch_us:.1f} µs each; its arithmetic alone would take {products_pct} %."
    ),
    "bound_by_arithmetic": N_(
        "The device is busy with arithmetic: its matrix products and convolutions alone take {pct} % of each step."
    ),
    "bound_by_memory": N_(
        "The device waits for its memory: {pct} % of each step goes into operations that move numbers and compute "
        "little; its arithmetic alone would take {products_pct} %."
    ),
    "bound_by_overhead": N_(
        "The processor is busy with the many small operations around the arithmetic, and with Python: they take "
        "{pct} % of each step; the arithmetic alone would take {products_pct} %."
    ),
    "amdahl_ceiling": N_(
        "An infinitely fast device would make this at most {ceiling:.1f} times as fast: loading and copying take "
        "{pct} % of each step."
    ),
    "rung_would_help": N_("What should help is the rung {rung}."),
    "rung_did_not_help": N_(
        "The rung {rung} could have helped, but tried here it was {times:.2f} times as fast: it doesn't."
    ),
    # core.analysis.causes
    "device_busy": N_(
        "The GPU worked {pct} % of the step, on {count} operations: it is the device that sets the pace."
    ),
    "device_waits_for_python": N_(
        "The GPU worked {pct} % of the step, on {count} operations: it waits for Python, which starts them one by one."
    ),
    "device_waits_for_loading": N_(
        "The GPU worked {pct} % of the step: it waits for the next batch, which takes {loading_s} to put together."
    ),
    "device_waits_for_copies": N_(
        "The GPU worked {pct} % of the step: it waits for the batch to come over the bus."
    ),
    "transfer_bound": N_(
        "Copies over the bus take {pct} % of the step: {moved_bytes} in {copied_s}, {gb_per_s} GB/s."
    ),
    "script_ahead": N_(
        "The script ran ahead: what it asked for began up to {ahead_s} later. Asking doesn't wait for the answer."
    ),
    "script_waits": N_("The script stood still for {waited_s} of this step, until the device was done."),
    "device_not_watched": N_(
        "The profiler of torch doesn't see what this kind of device does, so only the script's side is drawn."
    ),
    "cpu_operations": N_(
        "On the CPU the script waits for each operation: {count} of them take {pct} % of the watched step, Python and "
        "what lies between them {rest_pct} %."
    ),
    "to_device_on_cpu": N_(
        "The call .to(device) cost {took_s}: the batch is in the CPU's memory already, so nothing is copied."
    ),
    "cold_step": N_(
        "The very first step took {cold_s}, {times} times as long as a later one; {line_s} of it passed at the line "
        "“{line}”."
    ),
    "rung_helped": N_("What should help is the rung {rung}: tried here, it was {times:.2f} times as fast."),
}

ABSENT: dict[str, str] = {
    "energy_no_sensor": N_("No sensor of this device gave energy or power during the run."),
    "energy_not_covered": N_("The sensor's readings don't cover all timed blocks, so no energy is given."),
    "energy_few_readings": N_(
        "The sensor gave too few distinct readings during the timed blocks. A longer run gives an energy."
    ),
    "energy_counter_reset": N_("The energy counter ran backwards during the run, so no energy is given."),
    "idle_not_measured": N_(
        "What the device draws at rest wasn't measured, so the energy isn't split into idle and work."
    ),
    "idle_above_load": N_(
        "The device drew more at rest before the run than during it, so no energy above idle is given. Let the "
        "machine come to rest and run again."
    ),
    "cpu_clock_hidden": N_("The processor's clock isn't visible here (usual in virtual machines)."),
    "cpu_load_hidden": N_("The processor's load isn't visible here (usual in sandboxes)."),
    "rapl_absent": N_("This processor's energy counter isn't visible here (usual in virtual machines)."),
    "rapl_no_permission": N_(
        "Only the administrator may read the processor's energy counter, because it can leak secrets on a "
        "shared machine. On your own: sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"
    ),
    "worker_gone": N_("The measuring process has ended, so there is nothing to read of it."),
    "nvml_no_driver": N_("No NVIDIA driver is installed, or it isn't visible from here."),
    "nvml_driver_not_loaded": N_(
        "NVIDIA's driver is installed but not running. Restart the machine, or load the module nvidia."
    ),
    "nvml_version_mismatch": N_(
        "NVIDIA's driver was updated while the old one is still running. Restart the machine."
    ),
    "nvml_no_gpu": N_("NVIDIA's driver runs but sees no GPU."),
    "nvml_no_permission": N_("This account may not read it from NVIDIA's driver."),
    "nvml_not_supported": N_("This GPU or its driver doesn't offer this reading."),
    "nvml_gpu_lost": N_("The GPU no longer answers: it fell off the bus. Restart the machine."),
    "nvml_reset_required": N_("The GPU has failed and needs a reset before it answers again."),
    "nvml_closed": N_(
        "The dashboard's connection to NVIDIA's driver was closed. If it doesn't come back, restart the dashboard."
    ),
    "nvml_gpu_not_found": N_("NVIDIA's driver doesn't show the GPU that was used (MIG slices aren't read)."),
    "nvml_failed": N_("NVIDIA's driver couldn't give this reading."),
    "sampler_hangs": N_("A driver stopped answering during the run: what came after that wasn't read."),
}
