"""This project's best setup for a case. It must not know how a setup is carried out."""

from __future__ import annotations

from benchmarks.pairing import BrokenError
from benchmarks.peers.process import GoneError, Process

_TRIAL_S = 0.2
_HELPED = "device=cpu,fused=true,flush_denormals=true,keep_pages=true"
_LINEAR = ("device=cpu", _HELPED, f"{_HELPED},products=onednn", f"{_HELPED},products=mkl_fast")
_CONVOLUTIONS = ("device=cpu", f"{_HELPED},channels_last=true")


def best_setup(model: str, batch: int, precision: str, ours: Process) -> str:
    """The fastest of a short list of setups, as text. `ours`: a process in which they can be tried.

    Raises BrokenError where none of them starts.
    """
    rates: dict[str, float] = {}
    problem = None
    for candidate in _LINEAR if model == "mlp" else _CONVOLUTIONS:
        setup = f"{candidate},precision={precision}"
        try:
            ours.prepare(model, batch, setup)
            rates[setup] = ours.rate(_TRIAL_S)
        except GoneError as error:
            problem = error
    if not rates:
        raise BrokenError(f"no setup of ours can train {model} at batch {batch}: {problem}")
    return max(rates, key=lambda setup: rates[setup])
