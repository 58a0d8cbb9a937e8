"""The doctor's child processes: those that tell all, hang, crash or talk nonsense. No torch in any of them."""

import json
import os
import sys

import psutil
import pytest

from core.codec import to_plain
from core.hardware.doctor import child
from core.records import Device, Note
from tests.doctored import make_torch
from tests.jobs.children import is_gone, until

GPU = Device("cuda:0", "NVIDIA H200")


def python(code):
    return sys.executable, "-S", "-c", code


def tells(*steps, then=""):
    lines = "".join(f"print({json.dumps(json.dumps(step))}, flush=True)\n" for step in steps)
    return python(f"import sys, os, time\n{lines}{then}")


def build(**changes):
    plain = to_plain(make_torch(**changes))
    names = ("software", "built_for", "runtime", "architectures")
    return {"step": "build", **{name: plain[name] for name in names}, "import_s": 1.5}


DEVICES = {
    "step": "devices",
    "available": False,
    "problem": None,
    "devices": [{"id": "cpu", "name": "Test CPU"}],
}
HANG = "time.sleep(60)"
LIMIT_S = 0.3  # more than Python needs to start without its site packages


def test_all_steps_make_a_record():
    told = child.ask_torch(tells(build(), DEVICES, {"step": "torchvision", "torchvision_problem": None}), 30.0)
    assert told == make_torch(import_s=1.5)


def test_noise_between_the_steps_is_no_step():
    command = tells(build(), DEVICES, {"step": "torchvision", "torchvision_problem": None}, then="print('{')")
    noisy = (*command[:-1], "print('hello\\n[1]\\n{}')\n" + command[-1])
    assert child.ask_torch(noisy, 30.0) == make_torch(import_s=1.5)


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"missing": True, "problem": "No module named 'torch'"}, Note("torch_missing")),
        (
            {"missing": False, "problem": "/home/alice/torch/lib/libtorch_cuda.so: undefined symbol: nccl"},
            Note("torch_broken", {"problem": "libtorch_cuda.so: undefined symbol: nccl"}),
        ),
    ],
)
def test_a_failed_import_is_a_note_without_paths(fields, note):
    assert child.ask_torch(tells({"step": "import_failed", **fields}), 30.0) == note


def test_a_hang_before_anything_is_known():
    assert child.ask_torch(tells(then=HANG), LIMIT_S) == Note("torch_hangs", {"limit_s": LIMIT_S})


def test_a_hang_after_the_build_keeps_the_build():
    command = tells(build(built_for="cuda", runtime="13.0"), then=HANG)
    told = until(lambda: isinstance(t := child.ask_torch(command, LIMIT_S), type(make_torch())) and t)
    assert (told.built_for, told.devices, told.available) == ("cuda", (), False)
    assert (told.problem, told.silent_s) == (None, LIMIT_S)


def test_a_crash_after_the_build_says_how():
    told = child.ask_torch(tells(build(), then="sys.stderr.write('libcuda is torn\\n'); os.abort()"), 30.0)
    assert (told.problem, told.silent_s) == ("ended by SIGABRT: libcuda is torn", None)


def test_a_crash_in_torchvision_leaves_the_devices():
    told = child.ask_torch(tells(build(), DEVICES, then="sys.exit(7)"), 30.0)
    assert (told.problem, told.torchvision_problem) == (None, "ended with exit code 7")
    assert told.devices == make_torch().devices


def test_a_death_before_anything_is_known_has_last_words():
    command = tells(then="sys.stderr.write('first\\nFatal: /home/alice/x.so is torn\\n\\n'); sys.exit(9)")
    assert child.ask_torch(command, 30.0) == Note(
        "torch_died", {"exit_code": 9, "last_words": "Fatal: x.so is torn"}
    )


def test_a_build_that_makes_no_sense_is_a_death():
    assert child.ask_torch(tells({"step": "build", "built_for": "abacus"}), 30.0).code == "torch_died"


def test_a_child_that_cant_be_started_is_a_death(tmp_path):
    told = child.ask_torch((str(tmp_path / "no-python"),), 30.0)
    assert (told.code, told.facts["exit_code"]) == ("torch_died", 127)
    assert "alice" not in told.facts["last_words"]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX's")
def test_what_a_late_child_has_started_dies_with_it(tmp_path):
    note = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "helper = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{helper.pid}}')\n"
        "time.sleep(60)"
    )
    for limit_s in (0.5, 2.0, 8.0):  # until it has come so far: the machine may be busy
        assert child.ask_torch(python(code), limit_s).code == "torch_hangs"
        if note.exists() and note.read_text():
            break
    killed, helper = map(int, note.read_text().split())
    assert not psutil.pid_exists(killed), "it is a zombie"
    until(lambda: is_gone(helper), "the helper's end")


def test_a_child_may_live_as_long_as_its_parent_listens():
    """Its standard input stays open: at its end the probe would take its parent for gone."""
    code = (
        "import select, sys\nready = select.select([sys.stdin], [], [], 0.05)[0]\nsys.exit(3 if ready else 5)"
    )
    assert child.ask_torch(python(code), 30.0).facts["exit_code"] == 5


PRODUCT = {"step": "product", "seconds": 0.002, "tolerance": 1e-4}


def test_a_right_product():
    command = tells({**PRODUCT, "difference": 1e-6}, then="assert sys.argv[1] == 'cuda:0'")
    checked = child.check_device(GPU, command, 30.0)
    assert (checked.device, checked.seconds, checked.largest_difference, checked.failure) == (
        GPU,
        0.002,
        1e-6,
        None,
    )


def test_a_wrong_product():
    checked = child.check_device(GPU, tells({**PRODUCT, "difference": 0.5}), 30.0)
    assert checked.failure == Note("device_check_wrong", {"difference": 0.5, "tolerance": 1e-4})
    assert checked.largest_difference == 0.5


@pytest.mark.parametrize(
    ("command", "limit_s", "failure"),
    [
        (
            tells({"step": "failed", "problem": "CUDA error: no kernel image is available"}),
            30.0,
            Note("device_check_failed", {"problem": "CUDA error: no kernel image is available"}),
        ),
        (tells(then="os.abort()"), 30.0, Note("device_check_failed", {"problem": "ended by SIGABRT"})),
        (tells(then=HANG), LIMIT_S, Note("device_check_hangs", {"limit_s": LIMIT_S})),
    ],
)
def test_a_check_without_a_result(command, limit_s, failure):
    checked = child.check_device(GPU, command, limit_s)
    assert (checked.seconds, checked.largest_difference, checked.failure) == (None, None, failure)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            'Error loading "C:\\Users\\Alice Smith\\torch\\c10.dll" or another',
            'Error loading "c10.dll" or another',
        ),
        ("dlopen(/Users/al b/x/y.so, 0x6): @rpath/libomp.dylib", "dlopen(y.so, 0x6): @rpath/libomp.dylib"),
        ("Permission denied: '/home/alice'", "Permission denied: '…'"),
        (
            "[WinError 126] 'D:\\\\Al Ice\\\\my env\\\\c10.dll'",
            "[WinError 126] 'c10.dll'",
        ),  # as Python quotes it
        ("C:\\\\Users\\\\Al Ice\\\\c10.dll", "c10.dll"),
        ("can't load '/Volumes/Al Ice/my lib.so'", "can't load 'my lib.so'"),
        ("/nfs/users/alice is full", "/nfs… is full"),
        ("\\\\server\\alice\\c10.dll", "c10.dll"),
        ("a driver from http://www.nvidia.com/Download/index.aspx", None),
        ("3/4 of 12 GB/s", None),
    ],
)
def test_no_path_is_kept(text, kept):
    assert child.without_paths(text) == (kept or text)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"seconds": 1.0}, "device_check_failed"),
        ({"seconds": None, "difference": [], "tolerance": {}}, "device_check_failed"),
        ({"seconds": 1.0, "difference": float("nan"), "tolerance": 1e-4}, "device_check_wrong"),
        ({"seconds": 1.0, "difference": 1e-6, "tolerance": float("nan")}, "device_check_wrong"),
    ],
)
def test_a_product_that_makes_no_sense_is_no_success(step, code):
    check = child.check_device(GPU, tells({"step": "product", **step}), 30.0)
    assert check.failure.code == code


def test_whatever_a_child_says_is_cut_short():
    failed = child.check_device(GPU, tells({"step": "failed", "problem": "x" * 50_000}), 30.0).failure
    broken = child.ask_torch(tells({"step": "import_failed", "problem": "x" * 50_000}), 30.0)
    assert len(failed.facts["problem"]) == len(broken.facts["problem"]) == 400


def test_a_flood_is_read_to_a_limit_and_the_last_words_are_kept():
    flood = (
        "import sys; print('[' * 3_000_000); sys.stderr.write('x ' * 1_000_000 + chr(10) + 'the end' + chr(10))"
    )
    told = child.ask_torch(python(flood), 30.0)
    assert (told.code, told.facts["last_words"]) == ("torch_died", "the end")


def test_bytes_that_are_no_text_dont_stop_it():
    noise = "import os; os.write(1, bytes([255, 254, 10])); os.write(2, b'torn ' + bytes([255]))"
    assert child.ask_torch(python(noise), 30.0).facts["last_words"] == "torn \ufffd"


def test_nothing_that_a_child_says_steers_a_terminal():
    steering = "torn \x1b]0;owned\x07\x1b[2J\u202e"
    broken = child.ask_torch(tells({"step": "import_failed", "problem": steering}), 30.0)
    died = child.ask_torch(python(f"import os; os.write(2, {steering.encode()!r})"), 30.0)
    assert broken.facts["problem"].isprintable()
    assert died.facts["last_words"].isprintable()
