"""What torch is and can do here, told step by step, for a parent that kills whoever takes too long.

    probe torch            import, build, devices, torchvision; or import_failed
    probe product DEVICE   product, or failed

JSON lines on standard output; standard input at its end means that the parent is gone. Judges nothing.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from core.codec import to_plain

Tell = Callable[..., None]

_LONGEST_S = 300  # a hang that holds the interpreter lock can't notice that the parent is gone
_LONGEST_TEXT = 400


def main(arguments: list[str]) -> int:
    """Answer one question and end."""
    out, parent = _claim_stdout(), _claim_stdin()
    faulthandler.dump_traceback_later(_LONGEST_S, exit=True)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()

    def tell(step: str, **fields: Any) -> None:
        out.write(json.dumps({"step": step, **fields}, allow_nan=False) + "\n")
        out.flush()

    match arguments:
        case ["torch"]:
            _torch(tell)
        case ["product", device]:
            _product(device, tell)
        case _:
            return 2
    return 0


def _torch(tell: Tell) -> None:
    try:
        started = time.perf_counter()
        import torch

        tell("import", version=torch.__version__)
        build = _build(time.perf_counter() - started)
    except Exception as problem:  # noqa: BLE001 - whatever a broken install raises is the answer
        missing = isinstance(problem, ModuleNotFoundError) and problem.name == "torch"
        tell("import_failed", missing=missing, problem=_last_line(problem))
        return
    tell("build", **build)
    tell("devices", **_devices(build["built_for"]))
    tell("torchvision", torchvision_problem=_torchvision_problem())


def _build(import_s: float) -> dict[str, Any]:
    import torch

    from core.measure import devices

    runtimes = {
        "rocm": torch.version.hip,
        "cuda": torch.version.cuda,
        "xpu": getattr(torch.version, "xpu", None),
        "mps": "" if torch.backends.mps.is_built() else None,
        "cpu": "",
    }
    built_for = next(name for name, version in runtimes.items() if version is not None)
    return {
        "software": to_plain(devices.software()),
        "built_for": built_for,
        "runtime": runtimes[built_for] or None,
        "architectures": _architectures(torch),
        "import_s": import_s,
    }


def _architectures(torch: Any) -> list[str]:
    """torch.cuda.get_arch_list() says none of them where there is no GPU (pytorch/pytorch#169414)."""
    flags = next(
        (
            getattr(torch._C, name)
            for name in ("_cuda_getArchFlags", "_xpu_getArchFlags")
            if hasattr(torch._C, name)
        ),
        None,
    )
    return (flags() or "").split() if flags else []


def _devices(built_for: str) -> dict[str, Any]:
    """What there is to compute on, once the accelerator was asked to begin: is_available() hides the reason."""
    import torch

    from core.measure import devices

    found: dict[str, Any] = {"available": False, "problem": None, "devices": []}
    try:
        if built_for in ("cuda", "rocm"):
            torch.cuda.init()
        elif built_for == "xpu":
            torch.xpu.init()
        elif built_for == "mps":
            torch.zeros(1, device="mps")
    except Exception as problem:  # noqa: BLE001 - it is the answer
        found["problem"] = _first_line(problem)
    try:
        found["devices"] = to_plain(devices.available())
        found["available"] = torch.accelerator.is_available()  # not, where it then can't say what there is
    except Exception as problem:  # noqa: BLE001 - likewise
        found["problem"] = found["problem"] or _first_line(problem)
    return found


def _torchvision_problem() -> str | None:
    try:
        from core.measure.vision import torchvision

        torchvision()
    except Exception as problem:  # noqa: BLE001 - likewise
        return _last_line(problem)
    return None


def _product(device: str, tell: Tell) -> None:
    try:
        from core.measure import device_check

        seconds, difference = device_check.product(device)
    except Exception as problem:  # noqa: BLE001 - likewise
        tell("failed", problem=_first_line(problem))
    else:
        tell("product", seconds=seconds, difference=difference, tolerance=device_check.TOLERANCE)


def _first_line(problem: Exception) -> str:
    """A driver's error says first what it is, then what to try."""
    return _lines(problem)[0][:_LONGEST_TEXT]


def _last_line(problem: Exception) -> str:
    """An import's says last what was missing in the end."""
    return _lines(problem)[-1][:_LONGEST_TEXT]


def _lines(problem: Exception) -> list[str]:
    return [line.strip() for line in str(problem).splitlines() if line.strip()] or [type(problem).__name__]


def _claim_stdout() -> io.TextIOBase:
    """The real standard output for steps alone; whatever a library prints goes to standard error."""
    steps = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return steps


def _claim_stdin() -> int:
    """The real standard input for the parent alone. Returns its descriptor.

    On Windows whatever looks at a pipe waits for whoever reads from it, and numpy's OpenBLAS looks at standard
    input while it is loaded (numpy/numpy#24290).
    """
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return parent


def _end_with_parent(parent: int) -> None:
    while os.read(parent, 1):
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
