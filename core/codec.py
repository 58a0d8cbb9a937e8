"""Records to plain JSON values and back, checking every type on the way in."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from typing import Any, TypeVar

from core.errors import InputError

T = TypeVar("T")
_SCALARS = frozenset((str, int, float, bool))


def to_plain(value: Any) -> Any:
    """A record, or a container of them, as dicts, lists, numbers, text and None."""
    if value is None or type(value) in _SCALARS:  # nearly every value: a run holds thousands of numbers
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _field_names(type(value))}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return value


def from_plain(kind: type[T], data: Any, where: str = "") -> T:
    """The record of type `kind` held in plain `data`.

    Raises InputError("malformed_record", where=..., problem=...) for an unknown field, a missing
    one, a wrong type or a number that isn't finite.
    """
    return typing.cast(T, _read(kind, data, where or kind.__name__))


@functools.cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(kind))


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _bad(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)


def _read(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _read_record(typing.cast(type, kind), data, where)
    if origin in (typing.Union, types.UnionType):
        return _read_union(typing.get_args(kind), data, where)
    if origin is typing.Literal:
        if data not in typing.get_args(kind):
            raise _bad(where, f"not one of {', '.join(map(str, typing.get_args(kind)))}")
        return data
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), data, where)
    if origin is dict:
        if not isinstance(data, dict):
            raise _bad(where, "not an object")
        of_key, of_value = typing.get_args(kind)
        return {_read(of_key, k, where): _read(of_value, v, f"{where}.{k}") for k, v in data.items()}
    return _read_scalar(kind, data, where)


def _read_record(kind: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise _bad(where, "not an object")
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise _bad(where, f"unknown field {unknown[0][:80]!r}")
    values = {}
    for item in dataclasses.fields(kind):
        if item.name in data:
            values[item.name] = _read(hints[item.name], data[item.name], f"{where}.{item.name}")
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise _bad(where, f"missing field {item.name!r}")
    return kind(**values)


def _read_union(options: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1:  # keeps the precise message of the only candidate
        return _read(rest[0], data, where)
    for option in rest:
        if option in (str, int, float, bool) and type(data) is option:
            return _read(option, data, where)
    raise _bad(where, f"a {type(data).__name__} isn't allowed here")


def _read_tuple(of: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise _bad(where, "not a list")
    if len(of) == 2 and of[1] is Ellipsis:
        return tuple(_read(of[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if len(of) != len(data):
        raise _bad(where, f"needs {len(of)} items, has {len(data)}")
    return tuple(
        _read(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(of, data, strict=True))
    )


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    # bool is an int to Python, so types are compared exactly
    if kind is float and type(data) in (int, float):
        try:
            number = float(data)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise _bad(where, "not a finite number")
        return number + 0.0  # -0.0 is 0.0
    if kind in (str, int, bool) and type(data) is kind:
        if kind is int and abs(data) >= 2**63:  # neither a float nor a database holds it
            raise _bad(where, "too large a number")
        return data
    raise _bad(where, f"needs {getattr(kind, '__name__', kind)}, has {type(data).__name__}")
