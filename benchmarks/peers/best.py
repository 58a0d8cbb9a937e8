"""This project's best setup for a case. It must not know how a setup is carried out."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pairing import BrokenError
from benchmarks.peers.process import GoneError, Process
from core.hardware.system import cpuinfo

_TRIAL_S = 0.2
# As core.analysis.ladder stacks them. MKL's fast path has to be switched on on other makers' processors only.
_TUNED = "device=cpu,flush_denormals=true,fused=true"
_APART = f"{_TUNED},keep_pages=true"
_COMPILED = "step=compiled"
_SHORT = "step=compiled,steps_per_call=8,cpp_calls=true"
_MKL = "" if cpuinfo(Path("/")).get("vendor_id") == "GenuineIntel" else ",products=mkl_fast"
_LINEAR = {
    "fp32": (_TUNED, f"{_APART}{_MKL}", f"{_APART}{_MKL},{_COMPILED}", f"{_APART}{_MKL},{_SHORT}"),
    "bf16": (f"{_APART},precision=bf16", f"{_APART},precision=bf16,{_SHORT}"),
}
_CONVOLUTIONS = (_TUNED, f"{_APART},channels_last=true", f"{_APART},channels_last=true,{_COMPILED}")


def best_setup(model: str, batch: int, precision: str, ours: Process) -> str:
    """The fastest of a short list of setups, as text. `ours`: a process in which they can be tried.

    Raises BrokenError where none of them starts.
    """
    rates: dict[str, float] = {}
    problem = None
    for setup in _LINEAR[precision] if model == "mlp" else _CONVOLUTIONS:
        try:
            ours.prepare(model, batch, setup)
            rates[setup] = ours.rate(_TRIAL_S)
        except GoneError as error:
            problem = error
    if not rates:
        raise BrokenError(f"no setup of ours can train {model} at batch {batch}: {problem}")
    return max(rates, key=lambda setup: rates[setup])
