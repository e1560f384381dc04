"""Replies of STAT, LIST and STATS as Python values: numbers as int, lists as list."""

from __future__ import annotations

from typing import Any

from . import wire

Record = dict[str, Any]
"""The keys are those of shmimg-protocol(7). Numbers are int, renditions and holders are lists,
lock is the pid of the holder or None, watch is a bool. Unknown keys, of later daemons, are str."""

_NUMBERS = frozenset(
    "size offset width height full-width full-height stride generation slot orientation owner"
    " pins waiters unlinked-bytes".split()
)
_MAX = 2**64 - 1


def _value(key: str, text: str) -> Any:
    if key in _NUMBERS:
        number = wire.number(text, _MAX)
        return text if number is None else number
    if key == "watch":
        return text == "yes"
    if key == "renditions":
        return text.split(",") if text else []
    if key == "holders":
        return [int(pid) for pid in text.split(",") if wire.number(pid, _MAX) is not None]
    if key == "lock":
        return wire.number(text, _MAX)
    return text


def record(values: dict[str, str]) -> Record:
    """The record of an image."""
    return {key: _value(key, text) for key, text in values.items()}


def counters(values: dict[str, str]) -> Record:
    """The record of the daemon: each value that is a number becomes an int."""
    found = {key: wire.number(text, _MAX) for key, text in values.items()}
    return {key: values[key] if count is None else count for key, count in found.items()}
