"""What the doctor says while it looks, the steps of its checklist, and how a finding is put into words.

The findings' own texts are core.messages.findings' and core.messages.mending's.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n import N_, Translate, english
from core.messages.findings import MEANS
from core.messages.mending import MEND

# What an examination is doing, what stops it, and what ticks a step of the checklist or stands in its way.
CHECKUP: dict[str, str] = {
    "doctor_looking": N_("Looking at the hardware, the driver and the installed packages."),
    "doctor_waiting": N_("Waiting until no measurement runs on this machine: looking closer would disturb it."),
    "doctor_torch": N_("Asking torch what it sees, in a process of its own."),
    "doctor_product": N_("Computing a matrix product on {device}."),
    "doctor_too_soon": N_("This machine was examined a moment ago. It can be examined again in {seconds} s."),
    "doctor_failed": N_("The examination broke off: {problem}."),
    "package_missing": N_(
        "The package {name} isn't installed here. Install what Crossover needs: "
        "python -m pip install -r requirements.txt."
    ),
    "step_no_nvidia": N_("No NVIDIA GPU is to be seen here, so its driver isn't needed."),
    "step_driver_of_jetson": N_("On a Jetson the driver comes with the system."),
    "nvml_hangs": N_("NVIDIA's driver gave no answer at all: it hangs."),
    "step_driver_silent": N_("The driver doesn't answer."),
    "step_driver_answers": N_("Driver {version} answers."),
    "step_driver_serves": N_("Driver {version} answers and serves CUDA up to {cuda}."),
    "step_no_torch": N_("Torch can't be used here yet."),
    "step_torch_here": N_("Torch {version} is installed and can be imported."),
    "step_pair_broken": N_("Torchvision can't be imported: {problem}"),
    "step_no_torchvision": N_("Torchvision isn't installed."),
    "step_pair_differs": N_("Torchvision {torchvision} belongs to another torch than {torch}."),
    "step_pair_fits": N_("Torchvision {torchvision} can be imported beside torch {torch}."),
    "step_no_gpu": N_("No GPU that torch could use is to be seen here."),
    "step_cpu_build": N_("Torch {version} is built for the CPU only."),
    "step_other_build": N_("Torch {version} holds no code for this GPU."),
    "step_gpu_build": N_("Torch is built for {built}."),
    "step_sees_gpu": N_("Torch sees {names}."),
    "step_sees_none": N_("Torch sees no GPU: torch.cuda.is_available() is False."),
    "step_nothing_moved": N_("No product was computed on a GPU."),
    "step_moved": N_("A product was computed on {devices}, and agrees with the CPU's."),
}

# The article's steps, put right, by the step's code.
STEPS: dict[str, str] = {
    "step_driver": N_("Install NVIDIA's driver. Neither the CUDA toolkit nor `nvcc` is needed"),
    "step_torch": N_("Install torch"),
    "step_pair": N_("Install the torchvision that belongs to it, best both in one command"),
    "step_build": N_("Take the build of torch that is for the GPU"),
    "step_sees": N_("Check that torch sees the GPU"),
    "step_moves": N_("Move data and model to it with `.to(device)`, and compute there"),
}


def means(code: str, facts: Mapping[str, object], translate: Translate = english) -> str:
    """What a finding means for whoever wants to train here."""
    return translate(MEANS[code]).format(**facts)


def mend(code: str, facts: Mapping[str, object], translate: Translate = english) -> str:
    """What to do about it, beside the commands; "" where nothing is to be mended."""
    return translate(MEND[code]).format(**facts) if code in MEND else ""
