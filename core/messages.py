"""Every code that worker, records, store and analysis can speak, with its sentence.

A sentence says what happened, what it means and what to do next. `{names}` are filled from the
code's facts. A code without a sentence is a bug, and `tests/unit/test_messages.py` looks for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n import N_, Translate, english

ERRORS = {
    "malformed_record": N_("This record can't be read: {where}: {problem}."),
    "not_comparable": N_("These runs did different work ({fields} differ): compare runs of the same workload."),
    "same_run": N_("A run can't be compared with itself: choose another one."),
    "database_driver_missing": N_(
        "The database needs the Python package {driver}, which isn't installed. Install it, or unset "
        "DATABASE_URL to keep results in a file."
    ),
    "database_newer": N_(
        "The stored results were written by a newer Crossover (format {found}; this one knows up to {known}). "
        "Nothing was changed. Update Crossover, or choose another folder with CROSSOVER_DATA_DIR."
    ),
    "database_unreadable": N_(
        "The stored results can't be read: {problem}. Check DATABASE_URL or CROSSOVER_DATA_DIR; a damaged file "
        "can be moved away, and a new one is then started."
    ),
    "database_write_failed": N_(
        "The result couldn't be stored: {problem}. What was stored before is untouched."
    ),
    "disk_full": N_(
        "The result couldn't be stored because the disk is full. What was stored before is untouched. "
        "Free some space and run again."
    ),
    "stored_run_malformed": N_(
        "The stored run {run} can't be read: {problem}. Others aren't affected; delete this one or measure "
        "it again."
    ),
    "stored_job_malformed": N_("The stored job {job} can't be read: {problem}."),
    "schema_unreadable": N_(
        "The run {run} is in format {found}, and this Crossover reads formats 1 to {known}. Update Crossover, or "
        "measure it again."
    ),
    "document_newer": N_(
        "This file was written by a newer Crossover (format {found}; this one knows up to {known}). "
        "Update Crossover to read it."
    ),
    "file_not_read": N_("The file {name} can't be read: {problem}."),
    "file_too_large": N_(
        "The file {name} wasn't read: it is larger than {limit_mib} MiB, so it can't be an export of a few runs."
    ),
    "file_not_json": N_("The file {name} isn't valid JSON: {problem}. Choose a file that Crossover exported."),
    "no_runs_in_file": N_("The file {name} holds no runs. Choose a file that Crossover exported."),
    "file_not_written": N_("The file {name} couldn't be written: {problem}. Nothing was left half-written."),
    "recorded_twice": N_("This recording was left out because another file holds the same run ({run})."),
    "unknown_device": N_("There is no device {device} here. Available: {available}."),
    "tf32_unavailable": N_(
        "TF32 is a mode of NVIDIA GPUs from the Ampere generation on; {device} has none. Choose fp32 or bf16."
    ),
    "bad_device": N_("{device} isn't a device name. Use cpu, cuda:0, mps or xpu:0."),
    "unknown_model": N_("There is no model {model}. Near it: {near}. Any torchvision classifier can be named."),
    "bad_model_name": N_("{model} isn't a model name: it may hold small letters, digits and _ only."),
    "unknown_dataset": N_("There is no data set {dataset}. Available: {available}."),
    "bad_synthetic": N_(
        "{dataset} isn't understood. Write it like synthetic:3x224x224,classes=10,images=5000."
    ),
    "data_too_large": N_(
        "The images need {needed_gib} GiB and {free_gib} GiB of memory are free. Use fewer or smaller images."
    ),
    "download_failed": N_(
        "{dataset} couldn't be downloaded ({problem}). Check the network, or put its files into the folder "
        "datasets/downloads of the data folder; digits needs no download."
    ),
    "bad_side": N_("Images can be {low} to {high} pixels wide, not {side}."),
    "folder_missing": N_(
        "There is no folder {path}. Give the path of a folder with one sub-folder for each class."
    ),
    "folder_empty": N_(
        "No images were found in {path}. It needs one sub-folder for each class, with images in it."
    ),
    "folder_one_class": N_("The folder has one class only ({found}). A classifier needs at least two."),
    "folder_classes_differ": N_("In {path} the training and the test folder don't have the same classes."),
    "folder_broken": N_(
        "{broken} of {total} files can't be read as images, {example} for one. Mend or remove them first."
    ),
    "images_too_small": N_(
        "{model} can't take images of {height}x{width} pixels. Use larger ones or another model."
    ),
    "no_features": N_("{model} has no last linear layer to take the features before. Choose another model."),
    "resident_too_large": N_(
        "The images need {needed_gib} GiB and the device has {free_gib} GiB free. Choose the data path loader."
    ),
    "batch_too_large": N_(
        "A batch of {batch_size} is more than the {train_samples} training images. Choose a smaller batch."
    ),
    "batch_needs_two": N_(
        "{model} normalises over the batch and can't train on one image: use a batch of 2 or more."
    ),
    "out_of_memory": N_(
        "{device} ran out of memory with a batch of {batch_size}. Choose a smaller batch or model."
    ),
    "out_of_memory_fits": N_(
        "{device} ran out of memory with a batch of {batch_size}; a batch of {fits} fits. Choose that or less."
    ),
    "device_failed": N_(
        "{device} failed or vanished during the run ({problem}). Check it with nvidia-smi, then run again."
    ),
    "torch_failed": N_("PyTorch couldn't do this: {problem}"),
    "worker_killed": N_(
        "The system ended the measuring process, most likely because memory ran out. Choose a smaller batch, "
        "model or data set. What was measured until then is kept."
    ),
    "worker_died": N_(
        "The measuring process ended by itself (exit code {exit_code}). Its last words: {last_words}"
    ),
    "worker_too_late": N_(
        "The measuring process wasn't ready after {limit_s:.0f} seconds and was ended. A hanging GPU driver is the "
        "usual cause: check it with nvidia-smi, or restart the machine."
    ),
    "worker_not_started": N_("The measuring process couldn't be started: {problem}"),
    "server_stopped": N_("The server stopped while this was being measured. Run it again."),
    "queue_full": N_("{waiting} jobs are waiting already. Try again when some are done."),
    "setups_count": N_("A job compares 1 to {most} setups, not {count}."),
    "setups_equal": N_("Two of the setups are the same. Change one of them, or remove it."),
    "bad_choice": N_("{name} can't be {value}. Choose one of: {choices}."),
    "bad_setup": N_(
        "The setup {text} isn't understood: {problem}. Write it like device=cpu,threads=2,precision=fp32."
    ),
    "only_on_cpu": N_(
        "products, keep_pages, bind_threads and flush_denormals are options of the CPU. Leave them out for a GPU."
    ),
    "only_on_cuda": N_(
        "A graph of the whole step needs an NVIDIA GPU (cuda:0). Choose step=eager or compiled."
    ),
    "needs_resident": N_(
        "A step that is compiled or replayed as a whole takes its batches by index: it needs data_path=resident."
    ),
    "calls_need_whole_step": N_(
        "Several steps in a call need a step that is compiled or a graph. Add step=compiled, or leave steps_per_call out."
    ),
    "only_training": N_("A compiled step or a graph is there for training only. Choose step=eager for {task}."),
    "compile_failed": N_("torch.compile couldn't take this step: {problem}"),
    "no_compiler": N_(
        "torch.compile for the CPU needs a C++ compiler and there is none ({problem}). On Debian: sudo apt install g++"
    ),
    "no_shim_compiler": N_(
        "MKL's fast kernels are switched on by a small library that needs a C compiler, and there is none. On Debian: "
        "sudo apt install gcc"
    ),
    "mkl_absent": N_("This build of torch doesn't use MKL ({blas}), so it has no other path to take."),
    "onednn_absent": N_("This build of torch comes without oneDNN."),
    "no_convolutions": N_("This model has no convolutions, so the order of the channels changes nothing."),
    "precision_unavailable": N_("This device can't compute in {precision}, or only by imitating it slowly."),
    "not_reached": N_("The time was up before this could be measured. Give it more time."),
    "mkl_already_fast": N_(
        "MKL takes its fast path on this processor by itself, so there is nothing to switch on."
    ),
    "shim_failed": N_("The library that switches MKL's fast path on couldn't be compiled: {problem}"),
    "apart_died": N_(
        "The process that this setup needs ended by itself (exit code {exit_code}), most likely for lack of memory."
    ),
    "onednn_is_eager_fp32": N_(
        "products=onednn is for fp32 and step=eager: in bf16 torch uses oneDNN by itself, and a compiled step has its own."
    ),
    "nothing_measured": N_("Nothing could be measured on this device."),
    "linux_only": N_("This option works on Linux only."),
    "not_positive": N_("{name} must be above 0, not {value}."),
    "not_whole": N_("{name} must be a whole number, not {value}."),
    "out_of_range": N_("{name} must be from {low} to {high}, not {value}."),
    "unknown_job": N_(
        "There is no measurement {job} here. It may have been made on another machine, or deleted."
    ),
    "measured_elsewhere": N_(
        "Another program is measuring this just now. Reload the page to see how far it is."
    ),
    "queue_stopped": N_(
        "The queue has stopped because of a fault in Crossover. Restart the server; its log says more."
    ),
    "lock_failed": N_(
        "The lock that keeps measurements apart can't be used: {problem}. Check the temporary folder."
    ),
    "folder_missing_out": N_("There is no folder {path}. Make it first, or name another."),
    "recording_without_hardware": N_(
        "Nothing was recorded: no run got far enough to say on which hardware it was measured."
    ),
}

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
    "nvml_gpu_not_found": N_("NVIDIA's driver doesn't show the GPU that was used (MIG slices aren't read)."),
    "nvml_failed": N_("NVIDIA's driver couldn't give this reading."),
}

CAVEATS: dict[str, str] = {
    "too_few_blocks": N_(
        "Too few blocks were timed for a firm interval. Give the run more time, or the job fewer setups."
    ),
    "noisy": N_(
        "The middle half of the block times spreads over {pct} % of their median: something else was using the "
        "machine, or its clock was changing. Close other programs and run again."
    ),
    "drifting": N_(
        "Between the first and the last third of the run the time per image changed by {pct:+d} %: the machine "
        "was heating up, or its load was changing. Let it settle and run longer."
    ),
    "projected_epoch": N_(
        "Only {pct} % of an epoch was timed; the time of a whole epoch is projected from the median rate."
    ),
    "partial_run": N_(
        "This run ended before its work was done: its numbers rest on what was measured until then."
    ),
    "run_failed": N_(
        "One of the two runs failed, so there is no speed-up to give. See why in that run's details."
    ),
    "recorded": N_("Recorded on {date} on {name}: nothing of it was measured on this machine."),
    "imported": N_(
        "Imported from a file ({date}, {name}): nobody here has seen it being measured. Run it again to be sure."
    ),
    "throttled": N_(
        "In {pct} % of the readings the GPU was holding its clock down for power or heat ({reasons}). Check its "
        "cooling and power limit; a longer run shows the speed it can keep up."
    ),
    "clock_low": N_(
        "For half of the run the clock stood at {mhz} MHz or less, {pct} % of the {highest_mhz} MHz it can reach: heat, "
        "a power limit, a power-saving mode or too little work holds it down. Check these before judging the device."
    ),
    "foreign_process": N_(
        "Other programs were computing on this GPU ({count} of them) and took their share of it. End them "
        "(nvidia-smi lists them) and run again."
    ),
    "battery": N_("The machine ran on battery, and most machines then save power. Plug it in and run again."),
    "counters_missing": N_(
        "This ran inside a virtual machine or container ({virtual}), which hides {readings}: a lowered clock would go "
        "unseen. Run on the machine itself to rule that out."
    ),
    "machine_busy": N_(
        "Other programs used {pct} % of the machine while this was timed. Close them and run again."
    ),
    "cpu_restricted": N_(
        "The processor has {physical} physical cores, but this run could use only {cores} ({cause}): it is slower "
        "here than the processor can be."
    ),
    "cpu_not_best": N_(
        "This ran on {threads} threads, and the search found that to be {pct} % slower than {best}: it isn't the CPU's "
        "best. Leave the number of threads open, or choose {best}."
    ),
    "bf16_slow_on_cpu": N_(
        "This processor has no bfloat16 instructions and imitates them, which is slow. Compare with fp32 too."
    ),
    "library_slow": N_(
        "Torch's default library does matrix products here at {pct} % of the speed that {library} reaches on this "
        "processor, so the CPU is slower in this run than it can be. Add products={library}, or let the Optimise page or "
        "python -m core optimise find its best."
    ),
    "energy_estimated": N_(
        "The energy is integrated from power readings, as this device has no energy counter: take it as an estimate."
    ),
    "energy_coarse": N_(
        "The energy sensor gave {readings} readings for each timed stretch, so idle power between the stretches is "
        "mixed in. A job with this setup alone gives a firmer number."
    ),
    "parity_lost_precision": N_(
        "The losses part by more than the lower precision explains: the work wasn't the same, so no speed-up is "
        "given. Use the same precision on both sides, or lower the learning rate."
    ),
    "parity_lost_non_determinism": N_(
        "The losses part although both sides compute in the same precision: something in the work differs from run "
        "to run, so no speed-up is given. Lower the learning rate, and use the same software on both sides."
    ),
    "parity_lost_divergence": N_(
        "A loss is no longer a finite number: the training diverged, so no speed-up is given. Lower the learning rate."
    ),
    "parity_lost_different_data": N_(
        "The two runs had different images or models under the same name, so no speed-up is given. Measure both "
        "with the same files and the same software."
    ),
    "parity_lost_accuracy": N_(
        "The first losses agree, but the final accuracies are further apart than chance allows: the work wasn't the "
        "same to its end, so no speed-up is given. Lower the learning rate, or use the same precision."
    ),
    "separate_jobs": N_(
        "The two runs didn't take turns in one job, so heat, clock and other load may differ between them. Run "
        "them in one job to cancel that."
    ),
    "no_interval_target": N_(
        "The time was up when the speed-up was known to ±{pct:g} %, not to the ±{target_pct:g} % that was asked for. "
        "Give the job more time, or close other programs."
    ),
    "unlike_environment": N_("The two runs come from different machines: {baseline} and {candidate}."),
    "unlike_conditions": N_(
        "The two runs had the same hardware under different conditions ({differing}), which change speed by "
        "themselves. Run both in one job."
    ),
    "unlike_software": N_("The two runs used different software ({differing}), which changes speed by itself."),
}

# In what two runs differ: core.analysis.comparability.
DIFFERENCES: dict[str, str] = {
    "other_work": N_("{field}: {a} and {b}. This is different work, and no ratio of these two means anything."),
    "other_data": N_(
        "{field}: {a} and {b}. The images or the model differ, and no ratio of these two means anything."
    ),
    "other_format": N_(
        "{field}: {a} and {b}. This Crossover can't read one of these formats. Update it to compare them."
    ),
    "other_setup": N_("{field}: {a} and {b}. This is what is compared."),
    "other_hardware": N_("{field}: {a} and {b}. Different hardware is compared along with the setups."),
    "other_conditions": N_("{field}: {a} and {b}. The conditions differ, which can change speed by itself."),
    "other_software": N_("{field}: {a} and {b}. The software differs, which can change speed by itself."),
    "unknown_environment": N_(
        "{field}: {a} and {b}. Where one was measured isn't known, so it can't be judged."
    ),
}

ALL = {**ERRORS, **NOTES, **ABSENT, **CAVEATS, **DIFFERENCES}


def sentence(code: str, facts: Mapping[str, object] | None = None, translate: Translate = english) -> str:
    """The sentence for a code, filled with its facts. Raises KeyError for a code that has none."""
    return translate(ALL[code]).format(**(facts or {}))
