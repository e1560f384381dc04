"""Answers of STAT, LIST and STATS as Python has them: numbers as int, lists as list."""

from __future__ import annotations

from typing import Any

from . import wire

Record = dict[str, Any]
"""Keys as in shmimg-protocol(7). Numbers are int, renditions and holders lists, lock the pid
of the holder or None, watch a bool. Keys of later daemons are there as str."""

_NUMBERS = frozenset(
    "size offset width height full-width full-height stride generation slot orientation owner"
    " pins waiters unlinked-bytes".split()
)
_MOST = 2**64 - 1


def _value(key: str, text: str) -> Any:
    if key in _NUMBERS:
        number = wire.number(text, _MOST)
        return text if number is None else number
    if key == "watch":
        return text == "yes"
    if key == "renditions":
        return text.split(",") if text else []
    if key == "holders":
        return [int(pid) for pid in text.split(",") if wire.number(pid, _MOST) is not None]
    if key == "lock":
        return wire.number(text, _MOST)
    return text


def record(values: dict[str, str]) -> Record:
    """What describes an image."""
    return {key: _value(key, text) for key, text in values.items()}


def counters(values: dict[str, str]) -> Record:
    """What describes the daemon: all that looks like a number is one."""
    found = {key: wire.number(text, _MOST) for key, text in values.items()}
    return {key: values[key] if count is None else count for key, count in found.items()}
