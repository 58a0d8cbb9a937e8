"""Doubts about a number, and in what two runs differ (core.analysis.caveats, core.analysis.comparability)."""

from __future__ import annotations

from core.i18n import N_

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
    "separate_machines": N_(
        "These two were measured on different machines or at different times, so they couldn't take turns: heat, clock "
        "and other load of each place and time are in the ratio, and its interval doesn't cover them. Before you rely on "
        "a small difference, measure both again and see how far the ratio moves."
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
