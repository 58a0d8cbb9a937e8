"""What was asked for and can't be done, or failed: InputError, MeasurementError and StoreError."""

from __future__ import annotations

from core.i18n import N_

ERRORS = {
    "malformed_record": N_("This record can't be read: {where}: {problem}."),
    "not_comparable": N_("These runs did different work ({fields}): compare runs of the same workload."),
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
    "bad_run_name": N_("A name is one line of at most {limit} characters."),
    "bad_tags": N_("A run has at most {most} tags, each one line of at most {limit} characters."),
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
    "file_changed": N_(
        "The runs in this file aren't those that were exported: its content hash differs. It was altered or damaged on "
        "its way. Export it again."
    ),
    "import_conflict": N_(
        "The file {name} wasn't imported: its run {run} is here already, with other content. Nothing of the file was added."
    ),
    "import_needs_store": N_(
        "Imported runs are kept in a database, which needs the Python package SQLAlchemy. Install it, or only look at "
        "the file with --dry-run."
    ),
    "unfit_recording": N_("The file {name} can't be a recording: {problem}."),
    "no_runs_in_file": N_("The file {name} holds no runs. Choose a file that Crossover exported."),
    "unknown_ending": N_(
        "The ending of {name} doesn't say what to write. Use one of {endings}, or say it with --format."
    ),
    "nothing_watched": N_(
        "No step of these runs was watched, so there is no trace. Measure them with --trace FILE."
    ),
    "report_needs": N_("An HTML report needs these packages, which aren't installed here: {packages}."),
    "bad_link": N_("{link} isn't a web address. A link begins with https:// or http://."),
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
    "queue_full": N_(
        "The queue is full, with {waiting} waiting. A place will be free in about {minutes} min: press Run again then."
    ),
    "visitor_busy": N_(
        "A measurement of yours isn't over yet, and each visitor has one at a time. It takes about {minutes} min more: "
        "come back then, or cancel it."
    ),
    "network_busy": N_(
        "{most} measurements from your network are waiting or running already. Come back in about {minutes} min."
    ),
    "visitor_hour_spent": N_(
        "Your share of this hour is used up: {jobs} measurements, or {seconds:g} seconds of measuring. Come back in "
        "{minutes} min. On a machine of your own there is no limit."
    ),
    "hour_spent": N_(
        "All visitors together have used this hour up. Come back in {minutes} min. On a machine of your own there is "
        "no limit."
    ),
    "only_offered_models": N_(
        "This public server measures {available}, not {model}. On a machine of your own any torchvision classifier can be "
        "measured."
    ),
    "only_offered_data": N_(
        "This public server measures digits and synthetic images, not {dataset}. Downloads and folders are for a machine "
        "of your own."
    ),
    "only_small_images": N_(
        "{dataset} is too much for this public server, or isn't understood. Random images may have up to {channels} "
        "channels, {side} pixels a side and {mib} MiB together, with their number told: synthetic:3x32x32,images=2048."
    ),
    "only_plain_setups": N_(
        "This public server doesn't compile, and starts no further processes: choose resident images or the DataLoader, "
        "step by step. The other rungs are for a machine of your own."
    ),
    "no_climbs_here": N_(
        "Climbing the ladder takes minutes and a compiler, so it is for a machine of your own. What was recorded is shown "
        "here."
    ),
    "too_long_together": N_(
        "The setups would take {seconds:g} seconds together, and {most:g} are allowed here. Choose fewer of them, or a lower "
        "time limit."
    ),
    "took_too_long": N_(
        "This was ended after {seconds:g} seconds, the most that a measurement may take here. Choose a smaller batch or model."
    ),
    "not_yours": N_("Only who started a measurement can cancel it."),
    "wrong_key": N_("This isn't the admin key."),
    "too_many_tries": N_("Too many wrong keys. Try again in {seconds} seconds."),
    "bad_variable": N_(
        "The variable {name} can't have this value. Allowed: {allowed}. Set it, then start again."
    ),
    "guest_too_many": N_(
        "You can look at {most} imported runs at a time here. Remove some of them, or start Crossover on a machine of your own."
    ),
    "guest_too_large": N_(
        "The files that you import here may have {mib} MiB together. Remove some of the runs, or start Crossover on a "
        "machine of your own."
    ),
    "setups_count": N_("A job compares 1 to {most} setups, not {count}."),
    "setups_equal": N_("Two of the setups are the same. Change one of them, or remove it."),
    "bad_choice": N_("{name} can't be {value}. Choose one of: {choices}."),
    "bad_setup": N_(
        "The setup {text} isn't understood: {problem}. Write it like device=cpu,threads=2,precision=fp32."
    ),
    "only_on_cpu": N_(
        "These are options of the CPU: products, keep_pages, bind_threads, flush_denormals, cpp_calls. Leave them out for a GPU."
    ),
    "only_on_cuda": N_(
        "A graph of the whole step needs an NVIDIA GPU (cuda:0). Choose step=eager or compiled."
    ),
    "needs_resident": N_(
        "A step that is compiled or replayed as a whole takes its batches by index: it needs data_path=resident."
    ),
    "pinned_needs_cuda_loader": N_(
        "Page-locked memory is for batches from a loader to an NVIDIA GPU: it needs device=cuda:0 and data_path=loader."
    ),
    "synchronous_is_eager": N_(
        "The loss can be read at each step only where steps are taken one by one. Choose step=eager."
    ),
    "calls_need_whole_step": N_(
        "Several steps in a call need a step that is compiled or a graph. Add step=compiled, or leave steps_per_call out."
    ),
    "cpp_calls_need_compiled": N_(
        "Only a compiled step can be called from C++. Add step=compiled, or leave cpp_calls out."
    ),
    "only_training": N_(
        "A compiled step, a graph or a loss that is read at each step is there for training only. Leave step and synchronous out for {task}."
    ),
    "compile_failed": N_("This step can't be compiled: {problem}."),
    "no_compiler": N_(
        "A C++ compiler is missing, which compiling for the CPU needs ({problem}). On Debian it is in the package g++."
    ),
    "no_shim_compiler": N_(
        "MKL's fast kernels are switched on by a small library that needs a C compiler, and there is none. On Debian it "
        "is in the package gcc."
    ),
    "step_long_enough": N_(
        "A step takes {step_ms:.1f} ms: calling it with less effort would hardly show. It is tried below {limit_ms:g} ms."
    ),
    "not_compiled": N_("Calling a compiled step with less effort is tried where compiling it was the fastest."),
    "cores_are_virtual": N_(
        "This is a virtual machine: its cores are no fixed cores of the processor, so binding threads to them gains nothing."
    ),
    "mkl_absent": N_("This build of torch doesn't use MKL ({blas}), so it has no other path to take."),
    "onednn_absent": N_("This build of torch comes without oneDNN."),
    "no_convolutions": N_("This model has no convolutions, so the order of the channels changes nothing."),
    "precision_unavailable": N_("This device can't compute in {precision}, or only by imitating it slowly."),
    "not_reached": N_("The time was up before this could be measured. Give it more time."),
    "mkl_already_fast": N_(
        "MKL takes its fast path on this processor by itself, so there is nothing to switch on."
    ),
    "shim_failed": N_("The library that switches MKL's fast path on couldn't be compiled: {problem}."),
    "apart_died": N_(
        "The process that this setup needs ended by itself (exit code {exit_code}), most likely for lack of memory."
    ),
    "onednn_is_eager_fp32": N_(
        "With products=onednn only precision=fp32 and step=eager go: in bf16 torch uses oneDNN by itself, and a compiled step has its own."
    ),
    "nothing_measured": N_("Nothing could be measured on this device."),
    "linux_only": N_("This option works on Linux only."),
    "not_positive": N_("{name} must be above 0, not {value}."),
    "not_whole": N_("{name} must be a whole number, not {value}."),
    "out_of_range": N_("{name} must be from {low} to {high}, not {value}."),
    "unknown_job": N_(
        "There is no measurement {job} here. It may have been made on another machine, or deleted."
    ),
    "still_measured": N_("A run that is still being measured can't be deleted. Cancel the measurement first."),
    "unknown_run": N_(
        "There is no run {run} here. It may have been deleted, or kept on another machine: import its file to see it."
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
