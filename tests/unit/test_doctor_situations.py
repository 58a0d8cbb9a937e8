"""What the doctor says of machines as people have them: each a whole machine, each with all that is said."""

import pytest

from core.hardware.doctor.checklist import checklist
from core.hardware.doctor.diagnose import diagnose
from core.messages import sentence
from core.messages.doctor import means, mend
from tests.situations import situations

# "!" is an error, "~" a warning; the others are for information
SAID = {
    "Ubuntu desktop, CPU wheel": "torch_cpu_build!",
    "fresh Ubuntu, nouveau": "nouveau_bound!",
    "kernel updated, DKMS module missing": "driver_not_loaded!",
    "driver 470 and a K80": "gpu_too_old no_gpu_cpu_ready",
    "K80, CPU wheel": "gpu_too_old torch_for_cpu no_gpu_cpu_ready",
    "GTX 1080, cu130 wheel": "no_kernels!",
    "GTX 1080, driver 470, cu130 wheel": "driver_too_old!",
    "RTX 5090, cu124 wheel, driver 580": "no_kernels!",
    "RTX 5090, cu124 wheel, driver 570": "no_kernels!",
    "Docker without --gpus": "container_without_gpu!",
    "Docker, capabilities=graphics": "container_without_libraries!",
    "pod without a GPU": "container_without_gpu! cpu_quota",
    "Docker Desktop on Windows without --gpus": "container_on_windows torch_for_cpu no_gpu_cpu_ready",
    "Docker Desktop on Windows, NVIDIA's driver missing": "wsl_without_driver torch_for_cpu no_gpu_cpu_ready",
    "Apptainer without --nv": "container_without_libraries!",
    "WSL 2, sound": "wsl_readings gpu_ready",
    "WSL 2, Windows without NVIDIA's driver": "wsl_without_driver torch_for_cpu no_gpu_cpu_ready",
    "WSL 2, driver silent": "wsl_driver_silent!",
    "WSL 1": "wsl_without_gpu~ torch_for_cpu no_gpu_cpu_ready",
    "Colab": "gpu_ready",
    "MIG instance in a container": "mig_enabled gpu_ready",
    "one GPU of two in MIG mode, no instance": "cuda_unavailable! mig_enabled",
    "vGPU": "gpu_virtual gpu_ready",
    "Jetson, PyPI's torch": "jetson_unused!",
    "Jetson, NVIDIA's torch": "gpu_ready",
    "Jetson, torch missing": "jetson_unused!",
    "laptop with Optimus": "gpu_ready",
    "laptop, prime-select intel": "driver_without_gpu no_gpu_cpu_ready",
    "laptop, AMD processor, NVIDIA without driver": "driver_missing! amd_gpu_beside",
    "Windows 11, CPU wheel": "torch_cpu_build! compiler_missing",
    "Windows 11, no driver": "nvidia_unknown torch_for_cpu no_gpu_cpu_ready",
    "M2 Mac": "gpu_ready",
    "Intel Mac": "mac_with_intel torch_for_cpu no_gpu_cpu_ready",
    "RX 7900, CUDA wheel": "amd_gpu_unused~ no_nvidia_gpu cuda_without_gpu no_gpu_cpu_ready",
    "Ryzen's own GPU, CPU wheel": "no_nvidia_gpu amd_gpu_beside torch_for_cpu no_gpu_cpu_ready",
    "ROCm container without /dev/kfd": "container_without_kfd! no_nvidia_gpu",
    "Intel Arc, CPU wheel": "no_nvidia_gpu intel_gpu_unused no_gpu_cpu_ready",
    "torch of conda and of pip": "several_torch~ no_nvidia_gpu torch_for_cpu no_gpu_cpu_ready",
    "nightly": "gpu_ready",
    "Slurm job, GPUs 2 and 3 of 8, 4 CPUs": "gpus_partly_hidden cpu_affinity gpu_ready",
    "Slurm job whose NVML shows its own GPUs only": "gpu_ready",
    "one GPU of two is lost": "gpu_lost! gpu_ready",
    "one GPU of two isn't ours": "gpu_not_permitted gpu_ready",
    "eight GPUs, no Fabric Manager": "fabric_manager_missing!",
    "screen uses 1.5 of 6 GiB": "gpu_ready",
    "a stranger's job uses 70 of 80 GiB": "gpu_memory_taken~ gpu_ready",
    "a stranger's job uses all of 80 GiB": "device_taken! gpu_memory_taken~",
    "a stranger has the GPU to himself": "device_taken! gpu_shared~",
    "a driver that hangs torch, and answers NVML": "gpu_hangs!",
    "a stranger computes in little memory": "gpu_shared~ gpu_ready",
    "quota of half a core": "threads_above_quota~ no_nvidia_gpu cpu_quota torch_for_cpu no_gpu_cpu_ready",
    "CI container with two CPUs": ("no_nvidia_gpu compiler_missing cpu_quota torch_for_cpu no_gpu_cpu_ready"),
    "OMP_NUM_THREADS=1": "threads_below_cores~ no_nvidia_gpu torch_for_cpu no_gpu_cpu_ready",
    "import of torch hangs": "torch_hangs!",
    "NVML hangs": "driver_hangs!",
    "NixOS, libraries in a place of their own": "gpu_ready",
    "Void Linux without driver": "driver_missing!",
}
_MARKS = {"error": "!", "warning": "~", "info": ""}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_of(name):
    findings = diagnose(situations()[name])
    assert " ".join(f"{item.code}{_MARKS[item.severity]}" for item in findings) == SAID[name]
    for item in findings:
        words = (
            sentence(item.code, item.facts),
            means(item.code, item.facts),
            mend(item.code, item.facts),
        )
        assert not any("{" in text or "None" in text for text in words)


def test_every_situation_is_told():
    assert set(SAID) == set(situations())


@pytest.mark.parametrize(
    "name", ["RTX 5090, cu124 wheel, driver 580", "RX 7900, CUDA wheel", "driver 470 and a K80"]
)
def test_no_step_is_ticked_for_a_build_that_isnt_for_this_gpu(name):
    states = {step.code: step.state for step in checklist(situations()[name])}
    assert (states["step_build"], states["step_moves"] == "done") == ("open", False)


@pytest.mark.parametrize("name", SAID)
def test_nothing_destroys_and_a_restart_comes_last(name):
    for item in diagnose(situations()[name]):
        commands = item.remedy.commands if item.remedy else ()
        restarts = [place for place, text in enumerate(commands) if "reboot" in text or "shutdown" in text]
        assert restarts in ([], [len(commands) - 1])
        assert not any(word in text for text in commands for word in (" rm ", "mkfs", "purge", "kill"))
