"""A real GPU through NVML: every reading is plausible."""

import pytest

from core.hardware import nvml

GPUS, REASON = nvml.gpus()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not GPUS, reason=f"no GPU: {REASON}")]


def test_a_real_sample_is_plausible():
    gpu = GPUS[0]
    assert gpu.name
    assert gpu.uuid.startswith("GPU-")
    assert nvml.same_gpu(gpu.uuid.removeprefix("GPU-"), gpu.uuid)
    assert nvml.driver_version().split(".")[0].isdigit()
    ranges = {
        "utilisation_pct": (0, 100),
        "memory_used_bytes": (0, gpu.memory_bytes or 2**40),
        "power_w": (1, 1.5 * (gpu.power_limit_w or 1500)),
        "temperature_c": (1, 120),
        "sm_clock_hz": (50e6, 5e9),
        "memory_clock_hz": (50e6, 20e9),
        "energy_j": (1, 1e12),
    }
    reader = nvml.GpuReader(gpu.uuid)
    first, second = reader.sample(0.0), reader.sample(0.1)
    absent = {item.reading.removeprefix("gpu.") for item in reader.absent}
    for name, (low, high) in ranges.items():
        value = getattr(second, name)
        assert (value is None) == (name in absent), name
        assert value is None or low <= value <= high, (name, value)
    assert "throttle_reasons" in absent or set(second.throttle_reasons) <= set(nvml.THROTTLE_REASONS.values())
    assert "energy_j" in absent or second.energy_j >= first.energy_j
