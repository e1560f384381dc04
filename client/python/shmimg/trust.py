"""Whose runtime folder and whose daemon a client trusts: libshmimg(3), TRUST.

A client sends open files, so it must not send them to a program of a user whom it has no reason to
trust. Sends nothing itself.
"""

from __future__ import annotations

import os
import stat

from . import wire

SYSTEM_SOCKET = "/run/shmimgd/socket"
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def _folder_fault(path: str) -> str:
    """What keeps a folder from being this user's own: a predicate, or ""."""
    try:
        # With a slash at its end, a link would be followed.
        found = os.lstat(path.rstrip("/") or "/")
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError) as error:
        return f"cannot be examined ({getattr(error, 'strerror', None) or error})"
    if stat.S_ISLNK(found.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(found.st_mode):
        return "is not a folder"
    if found.st_uid != os.geteuid():
        return f"belongs to another user (uid {found.st_uid})"
    if found.st_mode & _WRITABLE:
        return f"can be written by other users (its mode is {stat.S_IMODE(found.st_mode):04o})"
    return ""


def runtime_folder() -> tuple[str | None, str]:
    """$XDG_RUNTIME_DIR if it is this user's own; and a clause that says why it is ignored."""
    path = os.environ.get("XDG_RUNTIME_DIR", "")
    if not path:
        return None, ""
    fault = _folder_fault(path) if path.startswith("/") else "is not an absolute path"
    if fault:
        return None, f"XDG_RUNTIME_DIR={path} {fault} and is ignored"
    inner = os.path.join(path, "shmimgd")
    fault = _folder_fault(inner) if os.path.lexists(inner) else ""
    if fault:
        return None, f"XDG_RUNTIME_DIR={path} is ignored, because {inner} {fault}"
    return path, ""


def default_path() -> str:
    """The daemon's socket: $SHMIMG_SOCKET, else the user's if it exists, else the system's."""
    chosen = os.environ.get("SHMIMG_SOCKET")
    if chosen:
        return chosen
    folder = runtime_folder()[0]
    path = os.path.join(folder, "shmimgd", "socket") if folder else ""
    return path if path and os.path.exists(path) else SYSTEM_SOCKET


def _root(path: str) -> int:
    """Root as this process sees it.

    In a user namespace without root, one uid stands for root and for all other users. It counts
    as root only on the way to the system's socket.
    """
    return os.stat("/proc/sys").st_uid if path == SYSTEM_SOCKET else 0


def _was_given_folder(uid: int, path: str) -> bool:
    """Whether root or this user gave the socket's folder to the user uid."""
    whole = path if path.startswith("/") else os.path.join(os.getcwd(), path)
    makers = (0, _root(path), os.geteuid())
    parts = whole.split("/")[:-1]
    shared = False
    for count in range(1, len(parts) + 1):
        found = os.lstat("/".join(parts[:count]) or "/")
        last = count == len(parts)
        if not stat.S_ISDIR(found.st_mode):
            return False
        if last:
            mine = found.st_uid == uid and count > 1
            return mine and not shared and not found.st_mode & _WRITABLE
        shared = bool(found.st_mode & _WRITABLE)
        if found.st_uid not in makers or (shared and not found.st_mode & stat.S_ISVTX):
            return False
    return False


def _is_named(uid: int) -> bool:
    return wire.number(os.environ.get("SHMIMG_TRUST_UID"), 2**32 - 2) == uid


def is_trusted(uid: int, path: str | bytes) -> bool:
    """Whether a client may use the daemon of this user at a socket's path."""
    if uid in (os.geteuid(), 0) or _is_named(uid):
        return True
    try:
        return _was_given_folder(uid, os.fsdecode(path))
    except (OSError, ValueError):
        return False


def explain(uid: int, path: str | bytes) -> str:
    """Why the daemon of this user is not trusted, and what to do."""
    return (
        f"the daemon at {os.fsdecode(path)} runs as user {uid}, not as you or root, so nothing"
        f" was sent to it. If you trust user {uid} with your files, set SHMIMG_TRUST_UID={uid}."
    )
