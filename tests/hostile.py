"""Files that must be refused, made from a seed. Each is truly wrong; none needs the reader to be told so.

The document that they are made from is a true one with invented numbers (tests/documents.py).
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from core.records import SCHEMA_VERSION
from core.runs.files import exchange
from core.runs.files.untrusted import DEEPEST, MOST_FIELDS, MOST_VALUES, SIZE_LIMIT_BYTES
from core.runs.files.vetting import LONGEST_TEXT, MOST_ITEMS
from tests.documents import Path, at, put, raw_places, true_document

TEXTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("http://x")',
    "+cmd|' /C calc'!A0",
    "../../../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "%s%s%s%n",
    "{0.__class__.__mro__}",
    "${jndi:ldap://x/a}",
    "'; DROP TABLE runs; --",
    "a\u0000b",
    "\x1b[2J\x1b[31m",
    "abc\u202etxt.exe",
    "\ud800",
    "[link](javascript:alert(1))",
    " ",
    "",
)
_WRONG: dict[type, tuple[Any, ...]] = {
    str: (7, 1.5, True, [], {"wrong": 1}, ["text"]),
    int: ("7", [7], {"wrong": 7}, True),  # a float may be written without a point
    float: ("0.5", [0.5], {"wrong": 0.5}, True),
    bool: ("yes", 1, [True], {"wrong": True}),
    type(None): ({"wrong": 1}, [[{}]]),
    list: (7, "text", {"wrong": 1}, True),
    dict: (7, "text", [1], True),
}


def hostile_files(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` files, each kind in turn; names tell the kind. The same seed gives the same files."""
    chance, text = random.Random(seed), json.dumps(true_document())
    kinds = tuple(_KINDS)
    for i in range(count):
        kind = kinds[i % len(kinds)]
        data = json.loads(text)
        made = _KINDS[kind](chance, data)
        yield f"{i:03d}-{kind}.json", made if isinstance(made, bytes) else json.dumps(made).encode()


def _unsigned(data: dict[str, Any]) -> dict[str, Any]:
    """Without the hash, which would refuse any change before it is looked at."""
    del data["content_hash"]
    return data


def _truncated(chance: random.Random, data: dict[str, Any]) -> bytes:
    content = json.dumps(data).encode()
    return content[: chance.randrange(1, len(content) - 1)]


def _flipped(chance: random.Random, data: dict[str, Any]) -> bytes:
    """The highest bit of some bytes: no UTF-8 afterwards."""
    content = bytearray(json.dumps(data).encode())
    for _ in range(chance.randrange(1, 5)):
        content[chance.randrange(len(content))] |= 0x80
    return bytes(content)


def _altered(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """A possible value that isn't the one that was hashed."""
    run = chance.choice(data["runs"])
    block = chance.choice(run["blocks"])
    block["loss"] += chance.choice((1e-9, 0.1, -0.1))
    return data


def _wrong_hash(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    right = data["content_hash"]
    wrong = (
        "",
        None,
        7,
        [right],
        right.upper(),
        right[:-1],
        right.removeprefix("sha256:"),
        "md5:abc",
        {"h": right},
    )
    data["content_hash"] = chance.choice(wrong)
    return data


def _wrong_type(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    path = chance.choice([path for path in raw_places(data) if "facts" not in path])
    put(data, path, chance.choice(_WRONG[type(at(data, path))]))
    return _unsigned(data)


def _missing(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    run = chance.randrange(len(data["runs"]))
    around = ("environment", "machine", "cpu")
    places: tuple[Path, ...] = (
        ("id",), ("job_id",), ("spec",), ("status",), ("created_at",), ("spec", "workload"), ("spec", "setup"),
        ("blocks", 3, "epoch"), ("blocks", 0, "duration_s"), ("epochs", 0, "test_samples"),
        (*around, "model"), (*around, "isa"), ("environment", "device", "name"), ("telemetry", "interval_s"),
        ("trace", "source"), ("trace", "steps", 0, "spans", 0, "actor"), ("limits", "rates", 0, "work"),
        ("data", "shape"), ("cold_start", "data_s"), ("anatomy", "clock"),
    )  # fmt: skip
    *holder, name = chance.choice(places)
    del at(data["runs"][run], tuple(holder))[name]
    return _unsigned(data)


def _unknown(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    objects = [path for path in raw_places(data) if type(at(data, path)) is dict and path[-1] != "facts"]
    name = chance.choice(("speed", "__class__", "x", "Id", *TEXTS, "k" * 100_000))
    at(data, chance.choice(objects))[name] = 1
    return _unsigned(data)


def _twice(chance: random.Random, data: dict[str, Any]) -> bytes:
    text = json.dumps(data)
    found = chance.choice(list(re.finditer(r'\{"(\w+)": ', text)))
    return (text[: found.start() + 1] + f'"{found[1]}": 0, ' + text[found.start() + 1 :]).encode()


def _number(chance: random.Random, data: dict[str, Any]) -> bytes:
    """Numbers that no float or database holds, as text: Python wouldn't write them."""
    numbers = [path for path in raw_places(data) if type(at(data, path)) is float]
    put(data, chance.choice(numbers), "@")
    bad = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e300", "-1e-300", "9" * 25, "1" * 100_000,
           "-" + "7" * 5_000, "0x10", "01", "1_000", ".5", "1e", "+1", "--1")  # fmt: skip
    return json.dumps(_unsigned(data)).replace('"@"', chance.choice(bad)).encode()


def _whole(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers beyond what is possible."""
    paths: tuple[Path, ...] = (
        ("spec", "workload", "batch_size"), ("spec", "workload", "epochs"), ("spec", "workload", "seed"),
        ("data", "train_samples"), ("blocks", 1, "steps"), ("blocks", 2, "samples"), ("epochs", 0, "epoch"),
    )  # fmt: skip
    run = chance.choice(data["runs"])
    put(run, chance.choice(paths), chance.choice((-1, 2**63, 10**23, -(2**63) - 1)))
    return _unsigned(data)


def _deep(chance: random.Random, data: dict[str, Any]) -> bytes:
    depth = chance.choice((DEEPEST + 1, 100, 995, 10_000, 200_000))
    opening, closing = chance.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
    nested = opening * depth + "1" + closing * depth
    where = chance.randrange(3)
    if where == 0:
        return nested.encode()
    if where == 1:
        return (opening * depth).encode()
    data["more"] = "@"
    return json.dumps(data).replace('"@"', nested).encode()


def _crowded(chance: random.Random, data: dict[str, Any]) -> bytes:
    many = chance.choice((MOST_FIELDS + 1, 50_000, 1_000_000))
    fields = "{" + ",".join(f'"k{i}":0' for i in range(many)) + "}"
    if chance.random() < 0.3:
        return fields.encode()
    chance.choice(data["runs"])["notes"] = [{"code": "resized", "facts": "@"}]
    return json.dumps(data).replace('"@"', fields).encode()


def _long(chance: random.Random, data: dict[str, Any]) -> bytes | dict[str, Any]:
    run = chance.choice(data["runs"])
    kind = chance.randrange(6)
    if kind == 0:
        return b"[" + b"0," * (MOST_VALUES + 1) + b"0]"
    if kind == 1:
        return json.dumps(data).encode() + b" " * SIZE_LIMIT_BYTES
    if kind == 2:
        run["first_losses"] = [2.3] * (MOST_ITEMS + 1)
    elif kind == 3:
        small = {key: run[key] for key in ("job_id", "spec", "status", "created_at")}
        data["runs"] = [{**small, "id": f"run-{i}"} for i in range(exchange.MOST_RUNS + 1)]
    else:
        paths: tuple[Path, ...] = (
            ("id",), ("created_at",), ("environment", "device", "name"), ("trace", "source"),
            ("spec", "workload", "model"), ("trace", "steps", 1, "spans", 2, "label"),
        )  # fmt: skip
        put(run, chance.choice(paths), "x" * chance.choice((LONGEST_TEXT + 1, 1_000_000)))
    return _unsigned(data)


def _text(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """What acts in a browser, a table, a path or a terminal, where only names and codes of ours may stand."""
    run = chance.choice(data["runs"])
    paths: tuple[Path, ...] = (
        ("id",), ("job_id",), ("created_at",), ("status",), ("spec", "workload", "model"),
        ("spec", "workload", "dataset"), ("spec", "workload", "task"), ("spec", "setup", "device"),
        ("spec", "setup", "precision"), ("anatomy", "clock"), ("origin",),
        ("environment", "machine", "gpus_absent"), ("trace", "steps", 0, "moment"),
    )  # fmt: skip
    text = chance.choice(TEXTS)
    if chance.random() < 0.2:
        run["notes"] = [{"code": text, "facts": {}}]
    elif chance.random() < 0.2:
        run["notes"] = [{"code": "resized", "facts": {"side": 32, text: 1}}]
    else:
        put(run, chance.choice(paths), text)
    return _unsigned(data)


def _acting(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """Control characters, halves of characters and turned writing, where any text may stand."""
    run = chance.choice(data["runs"])
    paths: tuple[Path, ...] = (
        ("environment", "device", "name"), ("environment", "machine", "cpu", "model"),
        ("environment", "software", "blas"), ("trace", "source"), ("trace", "steps", 1, "spans", 2, "label"),
    )  # fmt: skip
    put(run, chance.choice(paths), "a" + chance.choice("\0\x07\x1b\r\x7f\x9b\ud800\udfff\u202e\u2066") + "b")
    return _unsigned(data)


def _impossible(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    run = chance.choice(data["runs"])
    blocks, cold, trace = run["blocks"], run["cold_start"], run["trace"]
    i = chance.randrange(len(blocks) - 1)
    wrong: tuple[Callable[[], Any], ...] = (
        lambda: blocks[i].update(duration_s=-blocks[i]["duration_s"]),
        lambda: blocks[i].update(duration_s=0.0),
        lambda: blocks[i + 1].update(start_s=blocks[i]["start_s"]),
        lambda: blocks.reverse(),
        lambda: blocks.append(dict(blocks[-1])),
        lambda: blocks[i].update(samples=blocks[i]["samples"] + 1),
        lambda: cold.update(chance.choice([{name: -0.1} for name in ("data_s", "build_s", "first_step_s")])),
        lambda: run["epochs"].append(dict(run["epochs"][0])),
        lambda: run["epochs"][0].update(test_accuracy=1.01),
        lambda: run["telemetry"]["cpu"][0].update(load_pct=-1.0),
        lambda: trace["steps"][1]["spans"][0].update(end_s=-1.0),
        lambda: trace["steps"][1]["spans"][0].update(line=1_000),
        lambda: trace["watched_s"].append(0.0),
        lambda: run["limits"]["rates"][0].update(seconds=[-0.1]),
    )
    chance.choice(wrong)()
    return _unsigned(data)


def _same_id(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    data["runs"][1]["id"] = data["runs"][0]["id"]
    return _unsigned(data)


def _version(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    if chance.random() < 0.5:
        wrong = (0, -1, SCHEMA_VERSION + 1, 10**12, "4", True, None, 4.5, [4], {"v": 4})
        return {**data, "schema_version": chance.choice(wrong)}
    chance.choice(data["runs"])["schema_version"] = chance.choice(
        (0, -1, SCHEMA_VERSION + 1, 10**12, "4", True)
    )
    return _unsigned(data)


def _time(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    wrong = ("2026-11-22", "2026-11-22T18:30:00", "2026-11-22T18:30:00+08:00", "2026-11-22T18:30:00Z",
             "20261122T183000+00:00", "2026-W47-7T18:30:00+00:00", "2026-02-30T18:30:00+00:00",
             "2026-11-22T25:30:00+00:00", "2026-11-22 18:30:00+00:00", "now",
             "\u0662\u0660\u0662\u0666-11-22T18:30:00+00:00")  # fmt: skip
    chance.choice(data["runs"])["created_at"] = chance.choice(wrong)
    return _unsigned(data)


def _facts(chance: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """Notes whose sentence can't be said, and facts in facts."""
    nested: Any = {"facts": {}}
    for _ in range(20):
        nested = {"facts": nested}
    notes = (
        {"code": "resized", "facts": nested},
        {"code": "resized", "facts": {"side": [32]}},
        {"code": "resized", "facts": {}},
        {"code": "resized", "facts": None},
        {"code": "stopped_by_interval", "facts": {"target_pct": "three"}},
        {"code": "stopped_by_interval", "facts": {"target_pct": None}},
        {"code": "no_such_code", "facts": {}},
        {"code": "resized"},
        {"facts": {}},
        "resized",
    )
    run = chance.choice(data["runs"])
    if chance.random() < 0.5:
        run["failure"] = chance.choice(notes)
    else:
        run["notes"] = [chance.choice(notes)]
    return _unsigned(data)


def _encoded(chance: random.Random, data: dict[str, Any]) -> bytes:
    text = json.dumps(data)
    latin = text.replace("Test CPU", "Test CPU é", 1)
    made = (
        text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32"), text.encode("utf-8-sig"),
        json.dumps(json.loads(latin), ensure_ascii=False).encode("latin-1"), text.encode("utf-7") + b"\xff",
        b"\0" + text.encode(), text.encode() + b"\0", text.encode("cp037"),
    )  # fmt: skip
    return chance.choice(made)


def _packed(chance: random.Random, data: dict[str, Any]) -> bytes:
    content = json.dumps(data).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../runs.json", b"0" * 10_000_000)
    made = (gzip.compress(content, mtime=0), gzip.compress(b"0" * 10_000_000, mtime=0), archive.getvalue(),
            pickle.dumps(data), chance.randbytes(chance.randrange(1, 5_000)) + b"\xff")  # fmt: skip
    return chance.choice(made)


def _other(chance: random.Random, data: dict[str, Any]) -> bytes:
    run = json.dumps(data["runs"][0]).encode()
    none = json.dumps({**data, "runs": []}).encode()
    made = (b"", b" \n\t", b"null", b"true", b"42", b'"runs"', b"[]", b"{}", b"[" + run + b"]", run,
            run + b"\n" + run, json.dumps(data).encode() * 2, b"<!doctype html><script>alert(1)</script>",
            b"id,speed\n1,2\n", b"__import__('os').system('true')", none, b'{"schema_version": 4}',
            b'{"schema_version": 4, "runs": {}}', b'{"schema_version": 4, "runs": [null]}',
            b"{'schema_version': 4, 'runs': []}", b'{"schema_version": 4, "runs": [],}', b"// x\n{}",
            b'{"schema_version": 4, "runs": [[]]}', b'"' + b'\\"' * 1_000_000, b"{" * 30 + b'"')  # fmt: skip
    return chance.choice(made)


_KINDS: dict[str, Callable[[random.Random, dict[str, Any]], bytes | dict[str, Any]]] = {
    "truncated": _truncated, "flipped": _flipped, "altered": _altered, "wrong-hash": _wrong_hash,
    "wrong-type": _wrong_type, "missing": _missing, "unknown": _unknown, "twice": _twice, "number": _number,
    "whole": _whole, "deep": _deep, "crowded": _crowded, "long": _long, "text": _text, "acting": _acting,
    "impossible": _impossible, "same-id": _same_id, "version": _version, "time": _time, "facts": _facts,
    "encoded": _encoded, "packed": _packed, "other": _other,
}  # fmt: skip
