"""What is said of other machines, of a cluster, and of several devices in one job."""

from __future__ import annotations

from core.i18n import N_

ELSEWHERE: dict[str, str] = {
    "cluster_extra_missing": N_(
        "Measuring on other machines needs Ray, which isn't installed here. Install it with "
        "`pip install -r requirements-cluster.txt` and start Crossover again."
    ),
    # several workers in one job: core.analysis.crossover.scaling, core.runs.scaling
    "scaling_without_one": N_(
        "There is no run of one worker on this machine with the same work and threads, so there is no speed-up to give. "
        "Measure one worker, too."
    ),
    "scaling_one_failed": N_(
        "The run of one worker has no times to rely on, so there is no speed-up to give. Measure it again."
    ),
    "workers_oversubscribed": N_(
        "{workers} workers ask for {wanted} threads and there are {cores} cores: they wait for each other, and this says "
        "little about more cores. Use fewer workers, or fewer threads for each."
    ),
    "scaling_jobs_apart": N_(
        "A batch each makes the work unequal, so it was measured in another job than one worker: heat, clock and other "
        "load may differ between them, which the interval doesn't hold."
    ),
    "waiting_unknown": N_(
        "How long a step waits for gradients couldn't be told: too little of it was timed, or something disturbed it. "
        "Measure it again."
    ),
    "scaling_fewer_failed": N_("It wasn't tried, as {workers} workers failed already."),
    "no_scaling_here": N_(
        "On this server workers can't be scaled, as they would take the machine from others. Run Crossover on your own "
        "machine to do that."
    ),
    "scaling_workers": N_(
        "The numbers of workers must begin with 1 and rise, such as 1,2,4; these can't be used: {workers}. One worker is "
        "what the others are compared with."
    ),
    "workers_not_read": N_("The numbers of workers can't be read from {text}. Write 1,2,4."),
    "scaling_one_device": N_(
        "Here is room for one worker only on {device}, so there is nothing to scale over: each needs cores, or an equal "
        "GPU, of its own. Name --workers to try more all the same."
    ),
    # core.runs.sweeping: a sweep over equal machines
    "sweep_machine_lost": N_(
        "A machine was lost while it measured {model} with batches of {batch_size}. That point is open again; "
        "machines that go on: {machines}."
    ),
    "sweep_machine_busy": N_(
        "A machine wasn't free in time for {model} with batches of {batch_size} and isn't used any more. That point "
        "is open again; machines that go on: {machines}."
    ),
    "sweep_machine_unfit": N_(
        "A machine couldn't measure {model} with batches of {batch_size} and isn't used any more. That point is open "
        "again; machines that go on: {machines}."
    ),
    "sweep_no_machine": N_(
        "None of the cluster's machines ({count}) can measure this sweep, which needs {devices} on one machine."
    ),
    "sweep_node_busy": N_("Somebody else is using it; `--wait SECONDS` would wait for it."),
    "sweep_node_other_kind": N_("It isn't of the kind {kind}."),
    "sweep_node_lacks": N_("It has no {devices}."),
    "sweep_node_unknown": N_("It hasn't said what machine it is, so nobody knows whether it is equal."),
    "sweep_node_differs": N_("It isn't equal to the machines that are used: {fields}."),
    # data-parallel workers: core.runs.admission, core.measure.parallel, core.analysis
    "too_few_gpus": N_(
        "{wanted} workers need {wanted} GPUs from {device} on, and there are {found}. Choose fewer workers."
    ),
    "batch_not_shared": N_(
        "A batch of {batch_size} can't be shared out evenly among {workers} workers. Choose a batch size that "
        "{workers} divides."
    ),
    "workers_need_training": N_("Several workers can only train: task={task} has no gradients to average."),
    "workers_need_plain_steps": N_(
        "Several workers go with step=eager only: gradients are averaged between the operations of a plain step."
    ),
    "workers_need_resident": N_(
        "Several workers go with data_path=resident only: each takes its part of a batch from images that it holds."
    ),
    "workers_device": N_("Several workers go on the CPU and on NVIDIA GPUs only."),
    "workers_without_options": N_(
        "Several workers don't go with products, keep_pages, bind_threads, pinned or synchronous. Leave these out."
    ),
    "sweep_of_one_worker": N_(
        "A sweep goes over batch sizes that can't all be shared out evenly, so it measures one worker. More workers are "
        "measured by `python -m core scale` and on the Crossover page."
    ),
    "workers_not_on_windows": N_("Several workers can't be started on Windows. Use Linux, WSL included."),
    "workers_bound": N_(
        "{variable} binds threads to cores, and would bind all workers to the same one. Unset it and start Crossover "
        "again."
    ),
    "unlike_gpus": N_(
        "The workers' GPUs aren't of one kind: the first is {first}, others are {others}. The slowest sets the pace of "
        "all, and what more of one kind would gain isn't told."
    ),
    "parallel_worker_died": N_(
        "Worker {worker} of {workers} ended by itself (exit code {exit_code}), and the others were ended with it. Its "
        "last words: {last_words}"
    ),
    "parallel_worker_ended": N_(
        "Worker {worker} of {workers} ended by itself (exit code {exit_code}), and the others were ended with it."
    ),
    "parallel_worker_killed": N_(
        "The system ended worker {worker} of {workers}, most likely because memory ran out, and the others were ended "
        "with it. Choose fewer workers, or a smaller batch or model."
    ),
    "parallel_worker_hangs": N_(
        "For {seconds:.0f} seconds one of {workers} workers didn't answer the others, so all were ended. See whether the "
        "machine has run out of memory, or whether a GPU hangs (nvidia-smi)."
    ),
    "parallel_worker_failed": N_(
        "Worker {worker} of {workers} failed ({problem}), and the others were ended with it."
    ),
    "worker_batch_needs_two": N_(
        "This model normalises over a batch, and each worker's part of it holds one image only. Choose fewer workers or "
        "a larger batch."
    ),
    "threads_shared_out": N_(
        "Each of the {workers} workers had an equal share of the cores: {threads} threads. No better number was "
        "searched."
    ),
    "batch_norm_per_worker": N_(
        "Batch normalisation takes mean and variance of what is in one place: each of the {workers} workers normalised "
        "its own part of a batch, as DistributedDataParallel does. The losses may part from one worker's for that."
    ),
    "parity_lost_batch_norm": N_(
        "The losses part because each worker normalises its own part of a batch (batch normalisation), so the training "
        "isn't quite the same and no speed-up is given. Use a model without it, or compare runs of as many workers."
    ),
    "first_gpu_only": N_(
        "Sensors were read of the first of the {workers} GPUs only: what slowed another one down would go unseen."
    ),
    "energy_several_gpus": N_(
        "Only the first GPU's energy was read, and several were at work, so no energy is given."
    ),
    "communication_failed": N_(
        "What the workers pay for averaging gradients couldn't be measured ({problem}). The run itself is unaffected."
    ),
    "limits_of_one_device": N_(
        "The limits of a device are measured with one worker only, so nothing is said of how near these came to them."
    ),
    "lessons_of_one_worker": N_("The article's lines are tried with one worker only, so not in this run."),
    "trace_of_one_worker": N_("Single steps are watched with one worker only, so not in this run."),
    # other machines on the Compare page: core.runs.elsewhere.connections, pages
    "kind_not_there": N_(
        "No machine of the kind {kind} can be reached now. Look again under Other machines, or leave it out."
    ),
    "look_stopped": N_(
        "Looking for other machines ended through a fault in Crossover; the server's log tells which. Look again."
    ),
    # a cluster and its nodes: core.cluster, core.runs.elsewhere.cluster
    "bad_cluster_address": N_(
        "This is no address of a cluster: “{address}”. Write auto, HOST:PORT (Ray's own port, 6379 unless changed) or "
        "ray://HOST:PORT (its client port, 10001 unless changed)."
    ),
    "cluster_unreachable": N_(
        "Nothing answers at {address} ({problem}). Check the address, that the cluster runs (`ray status` on its head) "
        "and that no firewall is between."
    ),
    "cluster_not_ray": N_(
        "Something listens at {address}, but it doesn't answer as a Ray cluster does. HOST:PORT wants the port that "
        "`ray start --head` names; the client port is written ray://HOST:PORT."
    ),
    "cluster_not_here": N_(
        "No Ray cluster runs on this machine, so “auto” finds none. Start one with `ray start --head`, or give an address."
    ),
    "cluster_from_outside": N_(
        "The cluster answers, but this machine isn't one of its nodes. From outside use its client port: "
        "ray://{host}:10001."
    ),
    "cluster_no_entry": N_(
        "The cluster at {address} answers, but didn't let this machine in. If this machine isn't one of its nodes, use its "
        "client port: ray://HOST:10001."
    ),
    "cluster_versions_differ": N_(
        "The cluster runs Ray {theirs_ray} on Python {theirs_python}, and here it is Ray {ours_ray} on Python "
        "{ours_python}. They work together only with the same release of Ray and the same Python up to the second "
        "number: install the cluster's here, or these there."
    ),
    "cluster_lost": N_(
        "The cluster's head no longer answers, so its jobs were ended. What had been measured until then is kept. When it "
        "runs again, connect again."
    ),
    "cluster_silent": N_(
        "The cluster didn't say within {seconds:.0f} seconds what machines it has. Look again, or see `ray status` on its "
        "head."
    ),
    "cluster_confused": N_("Ray couldn't say what machines the cluster has. Its last words: {last_words}"),
    "cluster_left": N_("The connection to the cluster was closed, and its jobs ended with it."),
    "cluster_driver_died": N_(
        "The process that speaks with the cluster ended by itself, and its jobs with it. What had been measured until then "
        "is kept. Connect again. Its last words: {last_words}"
    ),
    "cluster_driver_late": N_(
        "Within {seconds:.0f} seconds nothing was heard of {address}: its name can't be looked up, or this machine is too "
        "busy to start the process that speaks with the cluster. Check the address, and connect again."
    ),
    "cluster_driver_hangs": N_(
        "For {seconds:.0f} seconds nothing came from the process that speaks with the cluster, so it was ended, and its jobs "
        "with it. What had been measured until then is kept. Connect again."
    ),
    "target_gone": N_(
        "The machine ({kind}) is no longer part of the cluster, so nothing was measured there. Look for machines again."
    ),
    "target_busy": N_(
        "The machine ({kind}) was still reserved by somebody else after {seconds} seconds, so nothing was measured there. "
        "Wait longer, or try again later."
    ),
    "target_too_small": N_(
        "The machine ({kind}) offers {count} GPUs, and the job needs {needed}. Choose fewer workers or another machine."
    ),
    "node_lost": N_(
        "The machine ({kind}) was lost while it measured. What had been measured until then is kept. See whether it still "
        "runs (`ray status` on the head), and run again."
    ),
    "node_process_lost": N_(
        "The measuring process on the machine ({kind}) was ended from outside, most likely because memory ran out. What had "
        "been measured until then is kept. Its last words: {last_words}"
    ),
    "node_left_alone": N_(
        "The machine ({kind}) ended the measurement, because for {seconds:.0f} seconds nothing was heard there from this one: "
        "it was suspended, overloaded or without a network. What had been measured until then is kept. Run again."
    ),
    "node_broken": N_("The machine couldn't begin to measure. The end of what it said: {last_words}"),
    "node_silent": N_(
        "The machine didn't answer within {seconds:.0f} seconds. See whether Ray's processes still run there."
    ),
    "node_other_version": N_(
        "The machine runs another version of Crossover than this one, so their numbers can't be compared. Remove the "
        "installation there: Ray brings the code of this one."
    ),
    "node_packages_missing": N_(
        "Packages are missing in the Python of Ray's processes on the machine. Install them there with `pip install "
        "{packages}`, in the releases that requirements.txt names."
    ),
    "gpu_not_there": N_(
        "The machine is labelled {label}, but NVIDIA's driver shows no GPU there, and through a cluster only NVIDIA's GPUs "
        "are measured. Mend the driver, or take the label away."
    ),
    "gpu_not_offered": N_(
        "The machine is labelled {label} but offers no GPU to the cluster. Start Ray there with --num-gpus."
    ),
    "kind_not_as_labelled": N_(
        "The machine is labelled {label}, but its driver shows another GPU: {found}. The label names the kind here; correct it."
    ),
    "through_ray": N_("Measured on another machine of the kind {kind}, through Ray {ray}."),
    # jobs on other machines: core.runs.queue.away, core.runs.queue.jobs, core.cli.elsewhere
    "cluster_not_public": N_(
        "This server is open to strangers and doesn't measure on other machines. Run Crossover on your own machine to "
        "use a cluster."
    ),
    "too_many_away": N_(
        "{most} measurements are under way on other machines, and there can't be more. Wait until one of them is over."
    ),
    "told_nonsense": N_(
        "What the machine of the kind {kind} told can't be understood ({problem}), so the measurement was ended. Make "
        "sure that Crossover is the same there and here."
    ),
    "results_missing": N_(
        "The other machine ended without results; only what it told until then is kept. Measure again."
    ),
    "unknown_kind": N_("No machine of this cluster is of the kind {kind}. Its kinds: {available}."),
    "kind_not_named": N_("Say what to measure on: --every-device, or --kind and one of {available}."),
    "cluster_not_named": N_("{option} is about the machines of a cluster: name it with --cluster ADDRESS."),
    "cluster_empty": N_(
        "This cluster has no machine that measures. Start a Ray node that offers its processors."
    ),
    "target_unfit": N_("A machine of the kind {kind} can't measure, and it hasn't said why."),
    "kind_without_setup": N_("None of the setups that were asked for can be measured on {kind}."),
    "ray_low_priority": N_(
        "Ray runs its processes at a lower priority, which couldn't be undone: other programs of that machine came first. "
        "With RAY_worker_niceness=0 set before `ray start` they don't."
    ),
}
