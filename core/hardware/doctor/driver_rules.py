"""Why NVIDIA's driver doesn't give a GPU: the first cause in the chain, as all else follows from it. Pure."""

from __future__ import annotations

import re

from core.hardware.doctor import remedies
from core.hardware.doctor.facts import Facts, Finding


def cause(facts: Facts) -> Finding | None:
    """What stands between this process and NVIDIA's GPUs; None: the driver shows some, or torch works.

    Of the severity "info": there is no GPU of NVIDIA, which is nobody's fault.
    """
    if facts.platform.family == "macos":
        return None
    answers = facts.driver.problem is None and bool(facts.gpus)
    if facts.platform.tegra and not answers:
        return None if cuda_works(facts) else Finding("jetson_unused", "error", {}, remedies.in_words())
    if cuda_works(facts):
        return None if answers else _without_readings(facts)
    if facts.driver.problem == "nvml_hangs":
        return Finding("driver_hangs", "error", {}, remedies.restart(facts.platform, remedies.DRIVER))
    if facts.platform.within == "wsl":
        return _in_wsl(facts, answers)
    if facts.platform.within == "container" and (found := _in_container(facts, answers)):
        return found
    return _without_libcuda(facts) if answers else _silent(facts)


def cuda_works(facts: Facts) -> bool:
    torch = facts.torch
    return torch is not None and torch.built_for == "cuda" and torch.available


def on_bus(facts: Facts) -> bool:
    return any(device.vendor == "nvidia" for device in facts.pci or ())


def driver_alone(facts: Facts) -> bool:
    """The driver is installed and no GPU is on the bus: it may be switched off, or unplugged."""
    installed = facts.driver.kernel_module or facts.driver.problem == "nvml_driver_not_loaded"
    return bool(installed) and facts.pci is not None and not on_bus(facts)


def _bound(facts: Facts) -> set[str | None]:
    return {device.driver for device in facts.pci or () if device.vendor == "nvidia"}


def _lacks_libcuda(facts: Facts) -> bool:
    """Whoever didn't find the library that NVML itself is in has looked in the wrong places."""
    found = facts.driver.libraries
    if found is None or (facts.driver.problem is None and "libnvidia-ml.so.1" not in found):
        return False
    return "libcuda.so.1" not in found


def _without_readings(facts: Facts) -> Finding:
    if facts.platform.within == "container":
        return Finding("readings_missing", "warning", {}, remedies.gpu_into_container(capabilities=True))
    return Finding("readings_missing", "warning", {}, remedies.in_words(remedies.DRIVER))


def _in_wsl(facts: Facts, answers: bool) -> Finding | None:
    """Most PCs whose Windows has no driver of NVIDIA have no GPU of NVIDIA either."""
    if "dxg" not in facts.device_nodes:
        return Finding("wsl_without_gpu", "warning", {}, remedies.update_wsl())
    if answers and not _lacks_libcuda(facts):
        return None
    if answers or facts.driver.libraries:
        return Finding("wsl_driver_silent", "error", {}, remedies.update_wsl())
    return Finding("wsl_without_driver", "info", {}, remedies.update_wsl())


def _in_container(facts: Facts, answers: bool) -> Finding | None:
    """The kernel and its /sys are the host's; device files and libraries are the container's own."""
    if any(re.fullmatch(r"nvidia[0-9]+", node) for node in facts.device_nodes):
        if _lacks_libcuda(facts):
            remedy = remedies.gpu_into_container(capabilities=True, check=remedies.DOCTOR)
            return Finding("container_without_libraries", "error", {}, remedy)
        return None
    if answers:
        return None
    if facts.driver.kernel_module or "nvidia" in _bound(facts):
        return Finding("container_without_gpu", "error", {}, remedies.gpu_into_container())
    if on_bus(facts):
        return Finding("host_without_driver", "error", {}, remedies.in_words(remedies.DRIVER))
    if not facts.platform.wsl:
        return None
    if "dxg" in facts.device_nodes:
        return _in_wsl(facts, answers)
    return Finding("container_on_windows", "info", {}, remedies.gpu_into_container(toolkit=False))


def _without_libcuda(facts: Facts) -> Finding | None:
    if facts.platform.family == "linux" and _lacks_libcuda(facts):
        return Finding("libcuda_missing", "error", {}, remedies.install_driver(facts.platform, remedies.DOCTOR))
    return None


def _silent(facts: Facts) -> Finding:
    platform, driver = facts.platform, facts.driver
    if driver.problem == "nvml_version_mismatch":
        return Finding("driver_updated", "error", {}, remedies.restart(platform, remedies.DRIVER))
    if "nouveau" in _bound(facts):
        return Finding("nouveau_bound", "error", {}, remedies.install_driver(platform))
    if _bound(facts) == {"vfio-pci"}:
        return Finding("gpu_given_to_vm", "info")
    if facts.pci is not None and not on_bus(facts):
        if driver_alone(facts):
            return Finding("driver_without_gpu", "info", {}, remedies.in_words(remedies.DRIVER))
        return Finding("no_nvidia_gpu", "info")
    match driver.problem:
        case "nvml_no_driver":
            return _not_installed(facts)
        case "nvml_driver_not_loaded":
            return Finding("driver_not_loaded", "error", {}, remedies.load_module(platform))
        case "nvml_no_permission":
            return Finding("driver_no_permission", "error", {}, remedies.in_words(remedies.DRIVER))
        case None | "nvml_no_gpu":
            return Finding("driver_sees_no_gpu", "error", {}, remedies.restart(platform, remedies.DRIVER))
    return Finding("driver_fails", "error", {}, remedies.restart(platform, remedies.DRIVER))


def _not_installed(facts: Facts) -> Finding:
    if facts.driver.kernel_module:
        return Finding("driver_libraries_missing", "error", {}, remedies.install_driver(facts.platform))
    if on_bus(facts):
        return Finding("driver_missing", "error", {}, remedies.install_driver(facts.platform))
    return Finding("nvidia_unknown", "info", {}, remedies.in_words(remedies.DRIVER))  # no bus to be seen
