"""The doctor's findings: what was found, and what that means. By the finding's code, which is core.hardware.doctor's."""

from __future__ import annotations

from core.i18n import N_

FOUND: dict[str, str] = {
    # No way to a GPU of NVIDIA: driver_rules
    "no_nvidia_gpu": N_("There is no NVIDIA GPU in this machine."),
    "nvidia_unknown": N_(
        "NVIDIA's driver isn't installed, and whether there is an NVIDIA GPU can't be seen from here."
    ),
    "driver_missing": N_("There is an NVIDIA GPU, but no NVIDIA driver is installed."),
    "driver_libraries_missing": N_(
        "NVIDIA's kernel module is loaded, but the driver's libraries aren't installed."
    ),
    "driver_not_loaded": N_("NVIDIA's driver is installed, but its kernel module isn't loaded."),
    "driver_updated": N_("NVIDIA's driver was updated, and the old kernel module is still loaded."),
    "driver_no_permission": N_("This account may not use NVIDIA's driver."),
    "driver_sees_no_gpu": N_(
        "NVIDIA's driver runs, but it doesn't start the NVIDIA GPU that is in this machine."
    ),
    "driver_fails": N_("NVIDIA's driver is here, but doesn't answer."),
    "driver_hangs": N_("NVIDIA's driver was asked for its GPUs, and gave no answer at all: it hangs."),
    "driver_without_gpu": N_("NVIDIA's driver is installed, but no NVIDIA GPU is to be seen."),
    "jetson_unused": N_("This is an NVIDIA Jetson, and torch doesn't use its GPU."),
    "nouveau_bound": N_("The NVIDIA GPU is run by nouveau, the display driver that comes with Linux."),
    "gpu_given_to_vm": N_("The NVIDIA GPU is set aside for virtual machines (it is bound to vfio-pci)."),
    "libcuda_missing": N_("NVIDIA's driver runs, but its library for computing (libcuda.so.1) isn't found."),
    "readings_missing": N_("Torch computes on the GPU, but NVIDIA's management library (NVML) doesn't answer."),
    "container_without_gpu": N_(
        "The host has an NVIDIA GPU with its driver, but this container wasn't given it."
    ),
    "container_without_libraries": N_(
        "This container was given the GPU, but not the driver's library for computing (libcuda.so.1)."
    ),
    "container_on_windows": N_("This container runs on Windows (WSL), and was given no GPU."),
    "host_without_driver": N_("The host of this container has an NVIDIA GPU, but not NVIDIA's driver."),
    "wsl_without_gpu": N_("This WSL shows no GPU to Linux: there is no /dev/dxg."),
    "wsl_without_driver": N_("WSL can pass a GPU on, but NVIDIA's driver for Windows isn't found from here."),
    "wsl_driver_silent": N_("NVIDIA's driver for Windows is here, but doesn't answer from within WSL."),
    "wsl_readings": N_("This is WSL: the GPU is shared with Windows."),
    # A GPU that torch doesn't use, or that is held back: nvidia_rules
    "gpu_lost": N_("GPU {gpu} ({name}) doesn't answer: it may have fallen off the bus."),
    "gpu_not_permitted": N_("GPU {gpu} isn't for this account or this job."),
    "gpu_too_old": N_("{name} is too old for current builds of torch (compute capability {capability})."),
    "gpu_needs_reset": N_("GPU {gpu} ({name}) has failed and wants a reset."),
    "torch_cpu_build": N_("Torch {version} is built for the CPU only, and there is a GPU: {name}."),
    "torch_other_build": N_("Torch is built for {built_for}, but the GPU is NVIDIA's: {name}."),
    "driver_too_old": N_("Torch was built for CUDA {cuda}, and NVIDIA's driver {driver} is too old for that."),
    "gpus_hidden": N_("The variable {variable} is set to “{value}”, which hides every GPU."),
    "gpus_hidden_by_mistake": N_(
        "The variable {variable} is set to “{value}”, and “{entry}” in it names no GPU: only {shown} of {total} GPUs are seen."
    ),
    "gpus_partly_hidden": N_(
        "The variable {variable} is set to “{value}”, which shows {shown} of {total} GPUs to programs."
    ),
    "no_kernels": N_("This build of torch holds no code for {name} ({capability}); it has: {architectures}."),
    "mig_without_instance": N_("The GPU is in MIG mode, but no MIG instance can be used."),
    "uvm_missing": N_("The device file /dev/nvidia-uvm is missing, which every CUDA program opens."),
    "fabric_manager_missing": N_(
        "The GPUs are linked by NVSwitch, and the service that sets it up isn't running."
    ),
    "cuda_unavailable": N_("Driver and build fit, yet torch can't begin with CUDA. It says: {problem}"),
    "cuda_unavailable_unexplained": N_("Driver and build fit, yet torch sees no GPU, and doesn't say why."),
    "gpu_shared": N_("Other programs are computing on GPU {gpu} ({name}): {count}."),
    "gpu_memory_taken": N_("{pct} % of the memory of GPU {gpu} ({name}) is taken by other programs."),
    "gpu_hangs": N_("Torch was asked to begin with the GPU, and gave no answer within {limit_s:g} s."),
    "mig_enabled": N_("GPU {gpu} ({name}) is divided into instances (MIG)."),
    "gpu_virtual": N_("GPU {gpu} ({name}) is a virtual one (vGPU): a share of a real GPU."),
    # torch and what belongs to it: torch_rules
    "torch_missing": N_("Torch isn't installed for this Python."),
    "torch_broken": N_("Torch is installed but can't be imported: {problem}"),
    "torch_hangs": N_("Torch didn't answer within {limit_s:g} s after it was asked for."),
    "torch_died": N_(
        "The process that imported torch ended (exit code {exit_code}). It said at last: {last_words}"
    ),
    "several_torch": N_("Python finds more than one torch: {versions}. The first one is imported."),
    "torchvision_mismatch": N_(
        "Torchvision {torchvision} belongs to torch {asked}, but torch {torch} is installed."
    ),
    "torchvision_broken": N_("Torchvision can't be imported: {problem}"),
    "torchvision_build_differs": N_("Torch is built for {torch}, and torchvision for {torchvision}."),
    "triton_missing": N_("Triton isn't installed, which torch.compile uses on this GPU."),
    "compiler_missing": N_("There is no C++ compiler, which torch.compile needs."),
    "pynvml_installed": N_("The package pynvml is installed in a release that nvidia-ml-py has replaced."),
    # GPUs of AMD, Intel and Apple: vendor_rules
    "amd_gpu_unused": N_("There is an AMD GPU, and torch isn't built for it."),
    "amd_gpu_beside": N_("There is also an AMD GPU, which this torch doesn't use."),
    "rocm_without_gpu": N_("Torch is built for AMD GPUs (ROCm), and there is none."),
    "kfd_missing": N_("Torch is built for AMD GPUs (ROCm), but the device file /dev/kfd is missing."),
    "container_without_kfd": N_(
        "Torch is built for AMD GPUs (ROCm), but this container wasn't given /dev/kfd."
    ),
    "rocm_unavailable": N_("Torch is built for AMD GPUs (ROCm) but can't begin with one. It says: {problem}"),
    "intel_gpu_unused": N_("There is an Intel GPU, and torch isn't built for it."),
    "xpu_without_gpu": N_("Torch is built for Intel GPUs (XPU), and there is none."),
    "xpu_unavailable": N_("Torch is built for Intel GPUs (XPU) but can't begin with one. It says: {problem}"),
    "gpus_all_hidden": N_("The variable {variable} is set to “{value}”, which hides every GPU from torch."),
    "mac_with_intel": N_("This Mac has an Intel processor."),
    "python_under_rosetta": N_(
        "This Mac has an Apple chip, but this Python is built for Intel (it runs under Rosetta)."
    ),
    "torch_without_mps": N_(
        "This Mac has an Apple chip, but this torch is built without MPS, Apple's GPU interface."
    ),
    "mps_unavailable": N_("Torch can't begin with the GPU of the Apple chip (MPS). It says: {problem}"),
    # The processor: cpu_rules
    "cpu_quota": N_("This process may use the time of {quota:g} cores, of {cores} that it sees."),
    "cpu_affinity": N_("This process may run on {usable} of {logical} logical cores only."),
    "threads_below_cores": N_("The variable {variable} is set to {threads}, and {cores} cores can be used."),
    "threads_above_cores": N_(
        "The variable {variable} is set to {threads}, and only {cores} threads can run at once."
    ),
    "threads_above_quota": N_(
        "Torch starts {threads} threads, and this process gets the time of {quota:g} cores."
    ),
    # Computed on each device
    "device_fails": N_("A matrix product on {device} ({name}) failed: {problem}"),
    "device_wrong": N_(
        "A matrix product on {device} ({name}) is wrong: it is off by {difference:.1e}, allowed is {tolerance:.1e}."
    ),
    "device_taken": N_("Other programs have taken {device} ({name}). A matrix product on it failed: {problem}"),
    "device_hangs": N_("A matrix product on {device} ({name}) didn't end within {limit_s:g} s."),
    "gpu_ready": N_("{name} ({device}) works: a matrix product on it agrees with the CPU's."),
    "torch_for_cpu": N_("Torch {version} is built for the CPU only."),
    "cuda_without_gpu": N_("Torch is built for GPUs of NVIDIA (CUDA), and there is none."),
    "no_gpu_cpu_ready": N_("The CPU works ({name}): a matrix product on it is right."),
    # What a check says by itself, where its device stands beside it
    "device_check_failed": N_("The matrix product failed: {problem}"),
    "device_check_wrong": N_("The matrix product is off by {difference:.1e}, and {tolerance:.1e} is allowed."),
    "device_check_hangs": N_("The matrix product didn't end within {limit_s:g} s."),
}

_NO_GPU = N_("Torch can't use the GPU: everything runs on the CPU.")
_CPU_DOES = N_("Everything runs on the CPU, which is enough to learn and to measure with.")
_SLOWER = N_(
    "Training on the CPU is slower here than this processor could be, so a GPU looks better than it is."
)
_NO_TORCH = N_("Nothing can be trained or measured here.")

MEANS: dict[str, str] = {
    "no_nvidia_gpu": _CPU_DOES,
    "nvidia_unknown": _CPU_DOES,
    "driver_missing": _NO_GPU,
    "driver_libraries_missing": _NO_GPU,
    "driver_not_loaded": _NO_GPU,
    "driver_updated": N_(
        "Libraries and kernel module must be of one version: until then torch can't use the GPU."
    ),
    "driver_no_permission": _NO_GPU,
    "driver_sees_no_gpu": N_(
        "The GPU lacks power, is too old or too new for this driver, or is broken. Torch can't use it."
    ),
    "driver_fails": _NO_GPU,
    "driver_hangs": N_("Torch can't use the GPU, and programs that ask for it wait forever."),
    "driver_without_gpu": _CPU_DOES,
    "jetson_unused": N_(
        "Its GPU is part of the processor and needs a torch that is built for it: everything runs on the CPU."
    ),
    "nouveau_bound": N_("Nouveau draws the screen but can't run CUDA, so torch can't use the GPU."),
    "gpu_given_to_vm": N_("Programs on this host can't use it. In the virtual machine that gets it, they can."),
    "libcuda_missing": _NO_GPU,
    "readings_missing": N_("Runs are right, but without the GPU's power, temperature, clock and load."),
    "container_without_gpu": N_("Inside the container torch can't use the GPU: everything runs on the CPU."),
    "container_without_libraries": N_(
        "Inside the container torch can't use the GPU: everything runs on the CPU."
    ),
    "container_on_windows": N_(
        "If this PC has an NVIDIA GPU, programs in this container can't use it: everything runs on the CPU."
    ),
    "host_without_driver": N_(
        "A container uses the driver of its host: without one, no container can use the GPU."
    ),
    "wsl_without_gpu": N_(
        "If this PC has a GPU, Linux programs can't use it. WSL 1 never shows one; WSL 2 does."
    ),
    "wsl_without_driver": N_(
        "If this PC has an NVIDIA GPU, Linux programs can't use it: they use the driver of Windows."
    ),
    "wsl_driver_silent": N_("Linux programs can't use the GPU: everything runs on the CPU."),
    "wsl_readings": N_(
        "Some readings aren't given under WSL, such as the programs on the GPU, and Windows takes its share of it."
    ),
    "gpu_lost": N_(
        "Nothing can be computed on it until the machine is restarted. Heat or too little power are the usual causes."
    ),
    "gpu_not_permitted": N_(
        "Nothing is wrong with that: an administrator or a batch system shares out the GPUs."
    ),
    "gpu_too_old": N_("Nothing mends that: on this GPU nothing can be trained here. The CPU can do it."),
    "gpu_needs_reset": N_("Nothing can be computed on it before that."),
    "torch_cpu_build": N_(
        "This torch holds no code for any GPU: torch.cuda.is_available() is False whatever else is done."
    ),
    "torch_other_build": N_("This torch holds no code for GPUs of NVIDIA: everything runs on the CPU."),
    "driver_too_old": N_("CUDA {cuda} needs driver {needed} or newer. Until then torch can't use the GPU."),
    "gpus_hidden": N_("CUDA shows programs only what this variable names, so torch sees no GPU."),
    "gpus_hidden_by_mistake": N_(
        "CUDA reads the list up to the first entry it doesn't know: that one and all after it are hidden."
    ),
    "gpus_partly_hidden": N_(
        "Torch numbers what it sees from 0, so cuda:0 needn't be the GPU that nvidia-smi calls 0."
    ),
    "no_kernels": N_(
        "Torch sees the GPU but can't compute on it: “no kernel image is available” is how it says so."
    ),
    "mig_without_instance": N_("In MIG mode CUDA sees instances only, not the GPU itself. Torch sees none."),
    "uvm_missing": _NO_GPU,
    "fabric_manager_missing": N_("Until it runs, CUDA can't begin on any of them: everything runs on the CPU."),
    "cuda_unavailable": _NO_GPU,
    "cuda_unavailable_unexplained": _NO_GPU,
    "gpu_shared": N_(
        "They take their share of it while you measure: runs get slower, and differ from each other."
    ),
    "gpu_memory_taken": N_("The largest batches don't fit, and who holds the memory may compute too."),
    "gpu_hangs": N_("Torch can't use the GPU, and programs that ask for it wait forever."),
    "mig_enabled": N_(
        "Torch gets one instance, a part of the cores and of the memory. NVML's readings are of the whole GPU, or missing."
    ),
    "gpu_virtual": N_(
        "Others may be using the same GPU, its speed may be capped, and power and clock often aren't given."
    ),
    "torch_missing": _NO_TORCH,
    "torch_broken": _NO_TORCH,
    "torch_hangs": N_(
        "Nothing can be measured here. The usual causes: a driver that no longer answers, or a very slow disk."
    ),
    "torch_died": _NO_TORCH,
    "several_torch": N_(
        "Which one is used depends on the order of the path: another shell may give other results."
    ),
    "torchvision_mismatch": N_(
        "Torchvision calls into torch's compiled parts, and these fit one release only: it fails, or worse, works by chance."
    ),
    "torchvision_broken": N_("Crossover takes its models from torchvision: nothing can be trained here."),
    "torchvision_build_differs": N_(
        "Crossover works around it. In other programs, torchvision's own operators may be missing on one device."
    ),
    "triton_missing": N_(
        "Training works, but torch.compile fails on the GPU, so setups with it can't be measured."
    ),
    "compiler_missing": N_("Training works, but torch.compile fails, so setups with it can't be measured."),
    "pynvml_installed": N_(
        "Both bring a module called pynvml, and whichever came last wins: the GPU's readings may be missing."
    ),
    "amd_gpu_unused": N_(
        "If ROCm supports this model, training can run on it. Now everything runs on the CPU."
    ),
    "amd_gpu_beside": N_(
        "Nothing is wrong with that: many processors have a small one for the screen, which ROCm doesn't support."
    ),
    "rocm_without_gpu": _CPU_DOES,
    "kfd_missing": N_("ROCm reaches the GPU by that file. Without it everything runs on the CPU."),
    "container_without_kfd": N_("ROCm reaches the GPU by that file. Without it everything runs on the CPU."),
    "rocm_unavailable": N_(
        "Everything runs on the CPU. The usual cause: this account isn't in the groups render and video."
    ),
    "intel_gpu_unused": N_(
        "Arc GPUs and those in Core Ultra processors can train; older ones in processors can't. Now everything runs on the CPU."
    ),
    "xpu_without_gpu": _CPU_DOES,
    "xpu_unavailable": N_(
        "Everything runs on the CPU. On Linux the usual causes are Intel's compute runtime, and the group render."
    ),
    "gpus_all_hidden": _NO_GPU,
    "mac_with_intel": N_("Everything runs on the CPU: torch has no builds for these Macs since release 2.3."),
    "python_under_rosetta": N_(
        "An Intel Python can't reach Apple's GPU, finds no current torch, and every instruction is translated."
    ),
    "torch_without_mps": N_("Everything runs on the CPU, though Apple's GPU could be used."),
    "mps_unavailable": N_(
        "Everything runs on the CPU. The usual cause is a macOS older than this torch asks for."
    ),
    "cpu_quota": _SLOWER,
    "cpu_affinity": _SLOWER,
    "threads_below_cores": _SLOWER,
    "threads_above_cores": N_(
        "The threads take turns and wait for each other: training on the CPU is slower, often by a lot."
    ),
    "threads_above_quota": N_(
        "The threads take turns and wait for each other: training on the CPU is slower, often by a lot."
    ),
    "device_fails": N_("Nothing can be measured on {device} as it is."),
    "device_wrong": N_("Don't trust what {device} computes: its results aren't merely rounded otherwise."),
    "device_taken": N_("Nothing can be measured on {device} until they give it back."),
    "device_hangs": N_("Nothing can be measured on {device} as it is: whoever computes on it waits forever."),
    "gpu_ready": N_("Training can run on it."),
    "torch_for_cpu": N_("That is the right build for a machine without a GPU that torch can use."),
    "cuda_without_gpu": N_("It computes on the CPU like any other build; it only takes more room on the disk."),
    "no_gpu_cpu_ready": N_("Training can run on it. Recorded runs show what a GPU would do."),
}
