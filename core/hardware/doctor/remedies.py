"""The exact commands that mend a finding on this platform. No text from outside ever gets into one."""

from __future__ import annotations

from core.hardware.doctor.facts import Facts, Platform, Remedy
from core.hardware.doctor.versions import BUILDS, TORCH, TORCHVISION, Build, covers, major, suitable, too_old

DOCTOR = "python -m core doctor"
DRIVER = "nvidia-smi"

_REBOOT = {"linux": ("sudo reboot",), "windows": ("shutdown /r /t 0",), "macos": ("sudo shutdown -r now",)}
_RPM_FUSION = " ".join(
    f"https://mirrors.rpmfusion.org/{part}/fedora/rpmfusion-{part}-release-$(rpm -E %fedora).noarch.rpm"
    for part in ("free", "nonfree")
)
# Ubuntu's "NVIDIA drivers installation", Debian's wiki NvidiaGraphicsDrivers, RPM Fusion's Howto/NVIDIA and the
# Arch wiki's NVIDIA. openSUSE's packages change their names with the release: nothing to be typed as it stands.
_INSTALL_DRIVER = {
    "ubuntu": ("sudo apt update", "sudo apt install ubuntu-drivers-common", "sudo ubuntu-drivers install"),
    "debian": ("sudo apt update", "sudo apt install linux-headers-$(uname -r) nvidia-driver"),
    "fedora": (
        f"sudo dnf install {_RPM_FUSION}",
        "sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda",
        "sudo akmods --force",
    ),
    "arch": ("sudo pacman -Syu nvidia-open nvidia-utils",),
}
_INSTALL_VENV = dict.fromkeys(("ubuntu", "debian"), ("sudo apt update", "sudo apt install python3-venv"))
_INSTALL_COMPILER = {
    "ubuntu": ("sudo apt update", "sudo apt install g++"),
    "debian": ("sudo apt update", "sudo apt install g++"),
    "fedora": ("sudo dnf install gcc-c++",),
    "arch": ("sudo pacman -S --needed gcc",),
    "rhel": ("sudo dnf install gcc-c++",),
    "opensuse": ("sudo zypper install gcc-c++",),
    "suse": ("sudo zypper install gcc-c++",),
}
_BUILD_TOOLS = (
    "winget install --id Microsoft.VisualStudio.2022.BuildTools --override "
    '"--quiet --wait --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"'
)
_ON_HOST = (
    "sudo nvidia-ctk runtime configure --runtime=docker",
    "sudo systemctl restart docker",
)


def in_words(check: str | None = DOCTOR) -> Remedy:
    """It takes more than a command."""
    return Remedy((), check)


def with_python(remedy: Remedy, platform: Platform) -> Remedy:
    """With the Python that was examined in place of "python", and with what pip needs there to begin."""
    commands, check, command = remedy.commands, remedy.check, platform.command
    if any(text.startswith("python -m pip ") for text in commands):
        if platform.pip == "absent":  # as uv makes its environments
            commands = ("python -m ensurepip", *commands)
        elif platform.pip == "managed":
            return _in_new_environment(remedy, platform)
    return Remedy(
        tuple(_typed(text, command) for text in commands), None if check is None else _typed(check, command)
    )


def _in_new_environment(remedy: Remedy, platform: Platform) -> Remedy:
    """Beside the system's own Python, where nothing has to be uninstalled. What is installed first, stays."""
    command = ".venv/bin/python"
    kept = [text for text in remedy.commands if not text.startswith("python -m pip uninstall ")]
    last = max(place for place, text in enumerate(kept, 1) if text.startswith("python -m pip "))
    kept.insert(last, "python -m pip install -r requirements.txt")
    begin = (*_without_sudo(_INSTALL_VENV.get(_distribution(platform), ()), platform), "python -m venv .venv")
    commands = (*(_typed(text, platform.command) for text in begin), *(_typed(text, command) for text in kept))
    return Remedy(commands, _typed(remedy.check or DOCTOR, command))


def _typed(text: str, command: str) -> str:
    return f"{command} {text.removeprefix('python ')}" if text.startswith("python ") else text


def _without_sudo(commands: tuple[str, ...], platform: Platform) -> tuple[str, ...]:
    """In a container, where one is root, and sudo is missing."""
    if platform.within != "container":
        return commands
    return tuple(command.removeprefix("sudo ") for command in commands)


def restart(platform: Platform, check: str = DOCTOR) -> Remedy:
    if platform.within == "wsl":
        return Remedy(("wsl.exe --shutdown",), check)
    return Remedy(() if platform.within == "container" else _REBOOT.get(platform.family, ()), check)


def install_driver(platform: Platform, check: str = DRIVER) -> Remedy:
    """From the distribution; on Windows and where no command is known, in words."""
    commands = _INSTALL_DRIVER.get(_distribution(platform), ())
    if platform.within == "container" or not commands:
        return in_words(check)
    return Remedy((*commands, *_REBOOT["linux"]), check)


def load_module(platform: Platform, module: str = "nvidia") -> Remedy:
    if platform.family != "linux" or platform.within == "container":
        return in_words(DRIVER)
    return Remedy((f"sudo modprobe {module}",), DRIVER if module == "nvidia" else DOCTOR)


def begin_anew(platform: Platform) -> Remedy:
    """After sleep the module for computing may have to be loaded again; that it is in use does no harm."""
    again = restart(platform)
    if platform.family != "linux" or platform.within in ("container", "wsl"):
        return again
    return Remedy(("sudo modprobe -r nvidia-uvm", "sudo modprobe nvidia-uvm", *again.commands), DOCTOR)


def start_fabric_manager(platform: Platform) -> Remedy:
    if platform.within == "container":
        return in_words()
    return Remedy(("sudo systemctl enable --now nvidia-fabricmanager",), DOCTOR)


def update_wsl() -> Remedy:
    """In Windows, not in WSL."""
    return Remedy(("wsl --update", "wsl --shutdown"), DRIVER)


def gpu_into_container(capabilities: bool = False, toolkit: bool = True, check: str = DRIVER) -> Remedy:
    """On the host, with the NVIDIA Container Toolkit; Docker Desktop brings its own."""
    extra = " -e NVIDIA_DRIVER_CAPABILITIES=compute,utility" if capabilities else ""
    trial = f"docker run --rm --gpus all{extra} ubuntu nvidia-smi"
    return Remedy((trial,) if capabilities or not toolkit else (*_ON_HOST, trial), check)


def kfd_into_container() -> Remedy:
    trial = "docker run --rm --device=/dev/kfd --device=/dev/dri --group-add video rocm/rocm-terminal rocminfo"
    return Remedy((trial,), DOCTOR)


def install_torch(facts: Facts) -> Remedy:
    """The pair that Crossover is tested with, for the hardware that is here."""
    platform = facts.platform
    if platform.family == "macos":
        return pair(None) if platform.architecture == "arm64" else in_words()
    if platform.family == "other" or platform.tegra:
        return in_words()
    if facts.gpus and all(too_old(platform, gpu.capability) for gpu in facts.gpus):
        return pair("cpu")
    nvidia = bool(facts.gpus) or any(device.vendor == "nvidia" for device in facts.pci or ())
    return for_nvidia(facts) if nvidia else pair("cpu")


def for_nvidia(facts: Facts) -> Remedy:
    """The build that this driver serves and these GPUs can run, or one with a newer driver; else in words."""
    if build := suitable(facts):
        return pair(build.index)
    build, driver = suitable(facts, whatever_driver=True), install_driver(facts.platform, DOCTOR)
    if build is None or not driver.commands:
        return in_words()
    if _is_here(build, facts):
        return driver
    *commands, reboot = driver.commands
    return Remedy((*commands, *pair(build.index).commands, reboot), DOCTOR)


def _is_here(build: Build, facts: Facts) -> bool:
    """Whether torch is of this CUDA already, and holds what the GPUs need."""
    torch = facts.torch
    if torch is None or torch.built_for != "cuda" or major(torch.runtime) != build.major:
        return False
    return all(covers(torch.architectures, gpu.capability) for gpu in facts.gpus if gpu.capability)


def for_other(backend: str, platform: Platform) -> Remedy:
    """ROCm's build is for Linux on x86_64 only; XPU's for Windows too."""
    if platform.architecture not in ("x86_64", "AMD64"):
        return in_words()
    if backend == "rocm":
        return pair("rocm7.2") if platform.family == "linux" else in_words()
    return pair("xpu") if platform.family in ("linux", "windows") else in_words()


def pair(index: str | None) -> Remedy:
    """Both uninstalled first: pip takes 2.13.0+cpu for 2.13.0 and would leave it in place."""
    install = f"python -m pip install torch=={TORCH} torchvision=={TORCHVISION}"
    if index is not None:
        install += f" --index-url https://download.pytorch.org/whl/{index}"
    return Remedy(("python -m pip uninstall -y torch torchvision", install), DOCTOR)


def same_pair(facts: Facts) -> Remedy:
    """Both afresh, in the build that torch is of now."""
    torch, platform = facts.torch, facts.platform
    if platform.tegra:
        return in_words()
    if torch is None:
        return install_torch(facts)
    if torch.built_for == "cpu":
        return pair("cpu" if platform.family in ("linux", "windows") else None)
    if torch.built_for == "cuda":
        return for_nvidia(facts) if facts.gpus else pair(BUILDS[0].index)
    return pair(None) if torch.built_for == "mps" else for_other(torch.built_for, platform)


def reset_gpu(index: int) -> Remedy:
    return Remedy((f"sudo nvidia-smi --gpu-reset -i {index}",), DRIVER)


def make_mig_instance() -> Remedy:
    """One that takes the whole GPU, on each GPU that is in MIG mode."""
    return Remedy(("sudo nvidia-smi mig -cgi 0 -C",), "nvidia-smi -L")


def list_processes() -> Remedy:
    """Which to end is for their owners to say."""
    return Remedy(("nvidia-smi",), DOCTOR)


def join_groups(groups: str, platform: Platform) -> Remedy:
    """The device files of AMD's and Intel's GPUs belong to groups."""
    if platform.family != "linux" or platform.within == "container":
        return in_words()
    return Remedy((f"sudo usermod -aG {groups} $USER",), DOCTOR)


def only_nvidia_ml_py() -> Remedy:
    """Uninstalling pynvml may take the module of the same name along: hence afresh."""
    return Remedy(
        ("python -m pip uninstall -y pynvml", "python -m pip install --force-reinstall nvidia-ml-py"), DOCTOR
    )


def install_compiler(platform: Platform) -> Remedy:
    if platform.family == "macos":
        return Remedy(("xcode-select --install",), "c++ --version")
    if platform.family == "windows":
        return Remedy((_BUILD_TOOLS,), DOCTOR)
    commands = _INSTALL_COMPILER.get(_distribution(platform), ())
    return Remedy(_without_sudo(commands, platform), "g++ --version")


def unset(variable: str, platform: Platform) -> Remedy:
    """`variable` is a name of ours, never one that was read."""
    return Remedy(
        (f"Remove-Item Env:{variable}" if platform.family == "windows" else f"unset {variable}",), DOCTOR
    )


def set_threads(threads: int, platform: Platform) -> Remedy:
    windows = platform.family == "windows"
    return Remedy(
        (f"$Env:OMP_NUM_THREADS = {threads}" if windows else f"export OMP_NUM_THREADS={threads}",), DOCTOR
    )


def all_cores(logical: int, platform: Platform) -> Remedy:
    """For this shell and what it starts; a container or a batch system has to give them."""
    if platform.family != "linux" or platform.within == "container":
        return in_words()
    return Remedy((f"taskset -cp 0-{logical - 1} $$",), DOCTOR)


def _distribution(platform: Platform) -> str:
    return (platform.distribution or "") if platform.family == "linux" else ""
