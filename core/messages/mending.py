"""What to do about a finding of the doctor, in words. The commands beside them are core.hardware.doctor.remedies'."""

from __future__ import annotations

from core.i18n import N_

_COMMANDS = N_(
    "Run the commands in the environment that Crossover is started from. Where none are shown, "
    "pytorch.org/get-started has them."
)
_OR_CHOOSE = N_(
    "Run the commands: they install the build that suits this GPU and its driver, and before it a newer driver "
    "where it needs one. Where none are shown, update the driver, and choose a build at pytorch.org/get-started."
)
_DRIVER = N_(
    "Install NVIDIA's driver and restart. On Debian, enable the components contrib and non-free first. Where no "
    "command is shown, nvidia.com/drivers or your system's own guide has it."
)

MEND: dict[str, str] = {
    "nvidia_unknown": N_("If there is a GPU of NVIDIA, install its driver: nvidia.com/drivers."),
    "driver_missing": _DRIVER,
    "driver_libraries_missing": _DRIVER,
    "driver_not_loaded": N_(
        "Load it. If that fails: restart; with Secure Boot on, enrol the module's key, or build the module for the running kernel by installing the driver again."
    ),
    "driver_updated": N_("Restart the machine; for a container, its host."),
    "driver_no_permission": N_(
        "Ask the administrator for access to the files /dev/nvidia*. In a container, start it with the GPU."
    ),
    "driver_sees_no_gpu": N_(
        "Restart the machine. If nothing changes, install the driver that nvidia.com/drivers names for this card; then check the card's seat and power cables."
    ),
    "driver_fails": N_("Restart the machine. If nothing changes, install the driver again."),
    "driver_hangs": N_(
        "Restart the machine; if it doesn't shut down by itself, switch it off. If it comes back, install the driver again."
    ),
    "gpu_hangs": N_(
        "Restart the machine; if it doesn't shut down by itself, switch it off. If it comes back, install the driver again."
    ),
    "driver_without_gpu": N_(
        "On a laptop it may be switched off: Ubuntu turns it on by “sudo prime-select on-demand” and a restart. "
        "An external one has to be plugged in."
    ),
    "jetson_unused": N_(
        "Install the torch that NVIDIA builds for this release of JetPack: see “PyTorch for Jetson” at docs.nvidia.com. "
        "In a container, start it with --runtime nvidia."
    ),
    "nouveau_bound": N_(
        "Install NVIDIA's driver, which turns nouveau off, and restart. On Debian, enable the components contrib and non-free first. Where no command is shown, see nvidia.com/drivers."
    ),
    "libcuda_missing": N_("Install NVIDIA's driver again, with its part for computing."),
    "readings_missing": N_(
        "Start a container with NVIDIA_DRIVER_CAPABILITIES=compute,utility; the command tries it on the host. Elsewhere, install the part of the driver that brings libnvidia-ml.so.1."
    ),
    "container_without_gpu": N_(
        "Start this container with --gpus all. In a compose file that is “gpus: all”, with Podman --device nvidia.com/gpu=all, "
        "in a pod the limit “nvidia.com/gpu: 1”. NVIDIA_VISIBLE_DEVICES must not be none or void. "
        "If Docker refuses, install the NVIDIA Container Toolkit on the host and run the commands there: they restart Docker, which stops running containers."
    ),
    "container_without_libraries": N_(
        "Start this container with NVIDIA_DRIVER_CAPABILITIES=compute,utility, by the NVIDIA Container Toolkit; the command tries it on the host. Apptainer takes --nv."
    ),
    "container_on_windows": N_(
        "If there is one, start this container with --gpus all; the command tries it, in a terminal of Windows. NVIDIA's driver belongs into Windows alone."
    ),
    "host_without_driver": N_(
        "Install NVIDIA's driver on the host, not in the container, and the NVIDIA Container Toolkit beside it."
    ),
    "wsl_without_gpu": N_(
        "Run the commands in PowerShell, on Windows; the second ends everything in WSL. “wsl --list --verbose” shows the version; “wsl --set-version NAME 2” changes it."
    ),
    "wsl_without_driver": N_(
        "Install NVIDIA's driver in Windows, from nvidia.com/drivers, and none in Linux. Then run the commands in PowerShell; the second ends everything in WSL."
    ),
    "wsl_driver_silent": N_(
        "Run the commands in PowerShell, on Windows; the second ends everything in WSL. If nothing changes, install the newest driver in Windows (nvidia.com/drivers), and none in Linux."
    ),
    "gpu_lost": N_(
        "Shut the machine down, let it cool, and start it again. If it comes back, check cooling, power supply and seat."
    ),
    "gpu_needs_reset": N_("End all programs on it and reset it, or restart the machine."),
    "torch_cpu_build": _OR_CHOOSE,
    "torch_other_build": _OR_CHOOSE,
    "driver_too_old": N_(
        "With the commands torch and driver fit again. A newer driver from nvidia.com/drivers does the same, and serves newer builds of torch."
    ),
    "gpus_hidden": N_("Unset it, and start Crossover again from the same terminal."),
    "gpus_hidden_by_mistake": N_(
        "Unset it or correct it (nvidia-smi -L lists the GPUs), and start Crossover again from the same terminal."
    ),
    "no_kernels": _OR_CHOOSE,
    "mig_without_instance": N_(
        "Make an instance with the command, or turn MIG off with “sudo nvidia-smi -mig 0”. CUDA_VISIBLE_DEVICES, where it is set, must name an instance that nvidia-smi -L lists."
    ),
    "uvm_missing": N_(
        "Load the module. In a container, start it with the GPU again, so that it gets the file."
    ),
    "fabric_manager_missing": N_(
        "Install NVIDIA's Fabric Manager of the very version of the driver, and start it; for a container, on its host."
    ),
    "cuda_unavailable": N_(
        "After sleep it often helps to load the driver's module again; else restart the machine. If nothing changes, look for the words above at discuss.pytorch.org."
    ),
    "cuda_unavailable_unexplained": N_(
        "After sleep it often helps to load the driver's module again; else restart the machine. If nothing changes, ask at discuss.pytorch.org, with this report."
    ),
    "gpu_shared": N_("See which programs these are, and measure when they are done."),
    "gpu_memory_taken": N_("See which programs these are, and end what you don't need."),
    "torch_missing": _COMMANDS,
    "torch_broken": _COMMANDS,
    "torch_hangs": N_("Check again, as a second import is faster. If it hangs once more, restart the machine."),
    "torch_died": N_(
        "Run the commands in the environment that Crossover is started from. Where none are shown, pytorch.org/get-started has them. "
        "Exit code -9 mostly means that memory ran out: then more of it helps, and no command."
    ),
    "several_torch": N_(
        "Remove them all, and install one. Run the first command until pip finds none, then the second. One that came with conda goes by “conda remove pytorch”."
    ),
    "torchvision_mismatch": _COMMANDS,
    "torchvision_broken": _COMMANDS,
    "triton_missing": _COMMANDS,
    "compiler_missing": N_(
        "Only if you want to measure torch.compile, install one. Where no command is shown, your system's guide has it, often as “build tools”. "
        "On Windows, start Crossover from the “x64 Native Tools Command Prompt” then."
    ),
    "pynvml_installed": _COMMANDS,
    "amd_gpu_unused": N_(
        "See at rocm.docs.amd.com whether this model is supported. If so, install ROCm's build; where no command is shown, see pytorch.org/get-started."
    ),
    "kfd_missing": N_(
        "Load AMD's kernel module. If the file is still missing, this GPU is too old for ROCm, or the kernel lacks that part."
    ),
    "container_without_kfd": N_(
        "Start this container with --device=/dev/kfd --device=/dev/dri --group-add video. The command tries it on the host."
    ),
    "rocm_unavailable": N_(
        "Join the groups, and log in again. If nothing changes, see at rocm.docs.amd.com whether this model is supported."
    ),
    "intel_gpu_unused": N_(
        "If it is one of these, install the build for it; where no command is shown, see pytorch.org/get-started."
    ),
    "xpu_unavailable": N_(
        "Install Intel's GPU driver (dgpu-docs.intel.com), join the group, and log in again."
    ),
    "gpus_all_hidden": N_("Unset it, and start Crossover again from the same terminal."),
    "python_under_rosetta": N_(
        "Install Python for Apple silicon (python.org, or Homebrew in /opt/homebrew), make a new environment with it, and install Crossover there."
    ),
    "torch_without_mps": _COMMANDS,
    "mps_unavailable": N_("Update macOS in System Settings."),
    "cpu_quota": N_(
        "If it is less than you meant to give: docker run --cpus, a compose file's cpus, CPUQuota of systemd, or the limits of the pod or job."
    ),
    "cpu_affinity": N_(
        "If it is less than you meant to give: the command lifts it for this terminal. A container takes --cpuset-cpus; of a batch system, ask for more cores."
    ),
    "threads_below_cores": N_("Unset it, and start Crossover again from the same terminal."),
    "threads_above_cores": N_("Unset it, and start Crossover again from the same terminal."),
    "threads_above_quota": N_(
        "Set the number of threads to the cores that it gets, and start Crossover again from the same terminal."
    ),
    "device_fails": N_(
        "Restart the machine. If nothing changes, look for the words above at discuss.pytorch.org."
    ),
    "device_wrong": N_(
        "Undo overclocking, check cooling and power supply, and test the memory. If it stays wrong, the device is broken."
    ),
    "device_taken": N_(
        "See which programs these are, and end what you don't need, or wait. If there are none, and the GPU is in an exclusive compute mode, “sudo nvidia-smi -c 0” ends that."
    ),
    "device_hangs": N_("Restart the machine. If nothing changes, install the driver again."),
}
