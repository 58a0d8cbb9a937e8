"""What to do about a finding of the doctor, in words. The commands beside them are core.hardware.doctor.remedies'."""

from __future__ import annotations

from core.i18n import N_

_COMMANDS = N_(
    "Run the commands in the environment that Crossover is started from. Where none are shown, "
    "pytorch.org/get-started has them."
)
_OR_CHOOSE = N_(
    "Install the build that this driver serves and this GPU can run, with the commands. Where none are shown, "
    "no current build suits both: update the driver, and choose a build at pytorch.org/get-started."
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
        "Shut down, check the card's seat and power cables, and start again. If nothing changes, install the driver that nvidia.com/drivers names for this card."
    ),
    "driver_fails": N_("Restart the machine. If nothing changes, install the driver again."),
    "nouveau_bound": N_(
        "Install NVIDIA's driver, which turns nouveau off, and restart. On Debian, enable the components contrib and non-free first. Where no command is shown, see nvidia.com/drivers."
    ),
    "libcuda_missing": N_("Install NVIDIA's driver again, with its part for computing."),
    "readings_missing": N_(
        "Start a container with NVIDIA_DRIVER_CAPABILITIES=compute,utility; the command tries it on the host. Elsewhere, install the part of the driver that brings libnvidia-ml.so.1."
    ),
    "container_without_gpu": N_(
        "On the host, install the NVIDIA Container Toolkit, run the commands, and start this container with --gpus all. "
        "In a compose file that is “gpus: all”, with Podman --device nvidia.com/gpu=all. NVIDIA_VISIBLE_DEVICES must not be none or void."
    ),
    "container_without_libraries": N_(
        "Start this container with NVIDIA_DRIVER_CAPABILITIES=compute,utility, by the NVIDIA Container Toolkit. The command tries it on the host."
    ),
    "host_without_driver": N_(
        "Install NVIDIA's driver on the host, not in the container, and the NVIDIA Container Toolkit beside it."
    ),
    "wsl_without_gpu": N_(
        "Run the commands in PowerShell, on Windows. “wsl --list --verbose” shows the version; “wsl --set-version NAME 2” changes it."
    ),
    "wsl_without_driver": N_(
        "Install NVIDIA's driver in Windows, from nvidia.com/drivers, and none in Linux. Then run the commands in PowerShell. The library is in /usr/lib/wsl/lib."
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
        "Make an instance with the command, or turn MIG off with “sudo nvidia-smi -mig 0”."
    ),
    "uvm_missing": N_(
        "Load the module. In a container, start it with the GPU again, so that it gets the file."
    ),
    "cuda_unavailable": N_(
        "Restart the machine: after sleep or a crash that often helps. If not, look for the words above at discuss.pytorch.org."
    ),
    "cuda_unavailable_unexplained": N_(
        "Restart the machine: after sleep or a crash that often helps. If not, ask at discuss.pytorch.org, with this report."
    ),
    "gpu_shared": N_("See which programs these are, and measure when they are done."),
    "gpu_memory_taken": N_("See which programs these are, and end what you don't need."),
    "torch_missing": _COMMANDS,
    "torch_broken": _COMMANDS,
    "torch_hangs": N_("See whether nvidia-smi answers. If it hangs too, restart the machine."),
    "torch_died": _COMMANDS,
    "several_torch": N_(
        "Remove them all, and install one. Run the first command until pip finds none, then the second."
    ),
    "torchvision_mismatch": _COMMANDS,
    "torchvision_broken": _COMMANDS,
    "triton_missing": _COMMANDS,
    "compiler_missing": N_(
        "Install one. Where no command is shown, your system's guide has it, often as “build tools”."
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
        "Give it more: docker run --cpus, a compose file's cpus, CPUQuota of systemd, or the limits of the pod or job."
    ),
    "cpu_affinity": N_(
        "Give it all: the command does so for this terminal. A container takes --cpuset-cpus, a batch system more cores for the job."
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
    "device_hangs": N_("Restart the machine. If nothing changes, install the driver again."),
}
