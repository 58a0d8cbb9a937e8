"""Sweeps, fits, crossings, predictions and time to accuracy: what they say of themselves, and why they don't."""

from __future__ import annotations

from core.i18n import N_

CROSSOVER = {
    "too_few_points": N_(
        "A line needs at least {needed} batch sizes; measured so far: {count}. Sweep more of them."
    ),
    # core.analysis.crossover.step_fit
    "fit_impossible": N_(
        "No line describes these step times, not even roughly. Measure again while nothing else uses the device."
    ),
    "slope_negative": N_(
        "By these measurements a step gets faster the more images it takes, which can't be. Measure again while "
        "nothing else uses the device, or sweep larger batches."
    ),
    "negative_overhead": N_(
        "The fit's fixed time of a step is below 0: images get dearer in larger batches. Don't rely on it below the "
        "smallest batch that was measured."
    ),
    "step_flat": N_(
        "A step takes the same time at every batch size that was measured, so nothing can be said of larger batches."
    ),
    "fit_rough": N_(
        "The fit describes the measurements only roughly: they are off by {misfit_pct} % on average."
    ),
    # core.analysis.crossover.crossing
    "no_difference": N_("The two can't be told apart at the batch sizes that were measured."),
    "always_faster": N_("The baseline is slower at every batch size that was measured."),
    "never_faster": N_("The baseline is faster at every batch size that was measured."),
    "beyond_range": N_(
        "There is no crossing in the measured range, batches of {low} to {high} images, and what lies beyond it is "
        "too far out or too unsure to tell."
    ),
    "crossing_open_above": N_(
        "If they cross, it is at more than about {batch_size} images a batch, and how many isn't known. Sweep larger "
        "batches, or measure longer."
    ),
    "crossing_open_below": N_(
        "If they cross, it is at fewer than about {batch_size} images a batch, and how few isn't known. Sweep smaller "
        "batches, or measure longer."
    ),
    "crossing_contradicted": N_(
        "The fits cross where direct measurements say that they can't. Sweep more batch sizes around there."
    ),
    "lines_of_other_work": N_(
        "The two trained other models or other images, so where they cross means nothing."
    ),
    "fit_contradicted": N_(
        "The fits say otherwise than the direct measurements, which count: the interval is from the largest batch "
        "that one wins for sure to the smallest that the other one does."
    ),
    "crossing_from_bracket": N_(
        "The fits don't say where they cross; the interval is from the largest batch that one wins for sure to the "
        "smallest that the other one does."
    ),
    "ratio_outvoted": N_(
        "With batches of {batch_size} the direct measurement says otherwise; the crossing is that of all measurements "
        "around it."
    ),
    "crosses_more_than_once": N_(
        "They cross {count} times in the measured range; the last crossing is told, beyond which one stays faster."
    ),
    "lines_differ": N_("The two weren't measured alike, which can change speed by itself: {fields}."),
    # core.analysis.crossover.memory_fit
    "memory_unknown": N_(
        "Memory needs at least {needed} batch sizes to tell where it ends; measured so far: {count}."
    ),
    "memory_flat": N_(
        "The peak memory doesn't grow visibly with the batch size in what was measured, so where it stops fitting "
        "can't be said. Sweep larger batches."
    ),
    "memory_rough": N_(
        "The peak memory isn't proportional to the batch size: a line is off by up to {misfit_pct} %."
    ),
    # core.analysis.crossover.time_to_accuracy, and the jobs that train until an accuracy
    "accuracy_unknown": N_(
        "The accuracy on test images wasn't measured, so it isn't known when it was reached."
    ),
    "accuracy_not_reached": N_(
        "The training ended before its test accuracy had reached {target_pct:g} %; the best was {best_pct:.3g} %. "
        "Allow more epochs or more time, or choose a lower accuracy."
    ),
    "accuracy_uncertain": N_(
        "The accuracy rests on {images} test images: it is known to be from {low_pct:.3g} to {high_pct:.3g} % only "
        "(95 % interval), and {target_pct:g} % is within that. Other test images might have shown it an epoch or "
        "more earlier or later."
    ),
    "accuracy_within_epoch": N_(
        "The time was up within an epoch, and the accuracy was tested then; elsewhere it is tested after whole epochs "
        "only. Its time and images are no fair match for those."
    ),
    "accuracy_needs_training": N_("Only training reaches an accuracy; the task is {task}."),
    "bad_accuracy": N_("{value} is no accuracy to train for: it is a share above 0 and up to 1, 0.9 for 90 %."),
    "bad_mlp_width": N_(
        "There is no model {model}: the number in it goes from 1 to {most}, without leading zeros, and the one with "
        "512 hidden units is called mlp."
    ),
    # core.analysis.crossover.prediction and device_scaling
    "prediction_uncalibrated": N_(
        "Whether a prediction for {device} could be trusted isn't known: {cases} such predictions could be tested "
        "on measured runs, and at least {needed} are needed. Sweep further models, or import runs of them."
    ),
    "prediction_too_wild": N_(
        "A prediction for {device} can't be trusted: tested on {cases} measured cases, such predictions were off by "
        "a factor of up to {factor:.3g}, and more than {most:g} tells nothing."
    ),
    "prediction_without_limits": N_(
        "What {device} can do at most wasn't measured in this precision, so nothing can be predicted from or for "
        "it. A run of this setup on the Compare page measures it."
    ),
    "prediction_without_flops": N_(
        "How much arithmetic an image takes in {model} wasn't counted, so nothing can be predicted. A run of this "
        "model on the Compare page counts it."
    ),
    "prediction_without_slope": N_(
        "On {device} a further image in a batch took no measurable time, so nothing can be predicted from it. Sweep "
        "larger batches."
    ),
    "prediction_without_overhead": N_(
        "What a step on {device} costs beside its images isn't known: there are no runs of a device of its kind. "
        "Import some."
    ),
    "prediction_never_crosses": N_("They don't cross within the batch sizes that were measured here."),
    "prediction_crossing_unsure": N_(
        "Whether and where they cross within the batch sizes that were measured here is less sure than the "
        "prediction's band."
    ),
    # core.runs.sweeping.sweep
    "sweep_no_models": N_("A sweep needs a model: name at least one."),
    "sweep_no_batches": N_("A sweep needs batch sizes: write them like 16..8192 or 16,64,256."),
    "batches_not_read": N_("{text} isn't understood. Write whole numbers, like 16..8192 or 16,64,256."),
    "batches_reversed": N_("The range {low}..{high} runs backwards: write the smaller number first."),
    "sweep_twice": N_("{what} is named twice. Name it once."),
    "sweep_too_large": N_(
        "A sweep of {points} points is too large: at most {most} are measured here. Choose fewer batch sizes or models."
    ),
    "sweep_under_way": N_(
        "A sweep of yours is being measured already. Wait until it is done, or cancel it, then start another."
    ),
    "too_many_under_way": N_(
        "{most} sweeps or climbs are being measured already, the most at once here. Wait until one is done."
    ),
    "resume_needs_file": N_("Name the file to go on with: --resume needs --json FILE."),
    "resume_other_sweep": N_("{count} runs in the file are of another sweep and weren't used."),
    "one_point_no_line": N_("One batch size makes no line: nothing can be said of where the devices cross."),
    "sweep_unlike_runs": N_(
        "{count} runs that were there weren't used: they were measured on another machine or with other software."
    ),
    "memory_full_before": N_("Not tried: the memory ran out at a batch of {batch_size} already."),
    "batches_too_large": N_("Not tried: there are no more than {train_samples} training images."),
    "too_slow": N_(
        "Not tried: a step would take about {step_s:.3g} s, and measuring it about {seconds:.3g} s, too much of the "
        "time given. Give the sweep more time."
    ),
    "setup_dropped": N_("{setup} failed with {model} whatever the batch size, and wasn't tried any more."),
}
