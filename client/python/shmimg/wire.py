"""Lines of shmimg-protocol(7): builds and parses them.

Knows the grammar, but no command. Does no input or output.
"""

from __future__ import annotations

import re

from .errors import InvalidArgument, ProtocolError

LINE_MAX = 16384  # bytes, including the newline
FIELDS_MAX = 64
NAME_MAX = 4095  # bytes of UTF-8

_VERB = re.compile(rb"[A-Z]+")
_FIELD = re.compile(rb"([a-z][a-z0-9-]*)=((?:[!-$&-~]|%(?!00)[0-9A-Fa-f]{2})*)")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_NOT_PLAIN = re.compile(rb"[^!-$&-~]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[0-9]{1,20}")


def encode(value: str | bytes | int) -> bytes:
    """Percent-encodes a value: everything except printable ASCII, and '%' itself."""
    if isinstance(value, int):
        value = str(value)
    if isinstance(value, str):
        try:
            value = value.encode()
        except UnicodeEncodeError:
            raise InvalidArgument(f"{value!r} is not UTF-8") from None
    if b"\0" in value:
        raise InvalidArgument("a value must not hold a NUL")
    return _NOT_PLAIN.sub(lambda hit: b"%%%02X" % hit[0][0], value)


def line(verb: str, **values: str | bytes | int | None) -> bytes:
    """One request with its newline, without the values that are None."""
    parts = [verb.encode()]
    parts += [b"%s=%s" % (key.encode(), encode(value)) for key, value in values.items()
              if value is not None]
    whole = b" ".join(parts) + b"\n"
    if len(whole) > LINE_MAX:
        raise InvalidArgument("the request is longer than 16384 bytes; use shorter values")
    return whole


def add(text: bytes, **values: str | int) -> bytes:
    """A request of line(), with more values."""
    more = b"".join(b" %s=%s" % (key.encode(), encode(value)) for key, value in values.items())
    whole = text[:-1] + more + b"\n"
    if len(whole) > LINE_MAX:
        raise InvalidArgument("the request is longer than 16384 bytes; use shorter values")
    return whole


def parse(text: bytes) -> tuple[str, dict[str, str]]:
    """A line without its newline, as its verb and {key: decoded value}."""
    verb, *fields = text.split(b" ")
    if not _VERB.fullmatch(verb) or len(fields) > FIELDS_MAX:
        raise ProtocolError("the program that answers is not shmimgd")
    values: dict[str, str] = {}
    for field in fields:
        match = _FIELD.fullmatch(field)
        if not match or match[1].decode() in values:
            raise ProtocolError("the daemon's reply is malformed")
        raw = _ESCAPE.sub(lambda hit: bytes([int(hit[1], 16)]), match[2])
        # The protocol requires UTF-8 in names and messages.
        try:
            values[match[1].decode()] = raw.decode()
        except UnicodeDecodeError:
            raise ProtocolError("the daemon's reply is not UTF-8") from None
    return verb.decode(), values


def number(text: str | None, maximum: int) -> int | None:
    """A decimal number from 0 to maximum; None if the text is not one."""
    if text is None or not _NUMBER.fullmatch(text) or int(text) > maximum:
        return None
    return int(text)


def check_name(name: str) -> str:
    """Returns the name if it is valid; else raises InvalidArgument."""
    if not isinstance(name, str):
        raise TypeError(f"a name must be str, not {type(name).__name__}")
    if not name:
        raise InvalidArgument("a name must not be empty")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidArgument("a name must be UTF-8") from None
    if length > NAME_MAX:
        raise InvalidArgument(f"a name has at most {NAME_MAX} bytes")
    if _CONTROL.search(name):
        raise InvalidArgument("a name must not hold control characters")
    return name
