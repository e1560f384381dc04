"""A small command line: python3 -m shmimg. shmimgctl(1) can do more.

The exit status is that of shmimgctl: 0 done, 1 refused, 2 usage, 3 no daemon.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from . import Client, Error, Image, NoDaemon, connect
from .client import Owner
from .segment import FORMATS

SHOWN = "name segment width height stride format generation orientation cached owner slot".split()


def _text(value: Any) -> str:
    if value is None:
        return "free"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _print(record: dict[str, Any], options: argparse.Namespace) -> None:
    """Prints one object: as JSON on a line, or as lines of "key: value"."""
    if options.json:
        print(json.dumps(record), flush=True)
    else:
        print(*(f"{key}: {_text(value)}" for key, value in record.items()), sep="\n")


def _describe(image: Image) -> dict[str, Any]:
    shown = {key: getattr(image, key) for key in SHOWN}
    full = (image.full_width, image.full_height)
    if full != (image.width, image.height):
        shown["full-width"], shown["full-height"] = full
    return shown


def _list(client: Client, options: argparse.Namespace) -> int:
    for record in client.list(options.match):
        if options.json:
            _print(record, options)
        else:
            size = f"{record['width']}x{record['height']}"
            print(f"{record['name']}: {size} {record['format']}, {record['pins']} pins")
    return 0


def _load(client: Client, options: argparse.Namespace) -> int:
    status = 0
    for path in options.file:
        try:
            image = client.load(
                path,
                options.name,
                options.format,
                options.share,
                options.keep,
                options.watch,
                options.width,
                options.height,
            )
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            print(f"shmimg: {path}: {error.strerror}", file=sys.stderr)
            status = 1
        else:
            _print(_describe(image), options)
    return status


def _rendition(options: argparse.Namespace) -> tuple[Any, ...]:
    """What fetch() and stat() take."""
    box = (options.width, options.height)
    return (options.name, options.format, options.owner, *box)


def _fetch(client: Client, options: argparse.Namespace) -> int:
    _print(_describe(client.fetch(*_rendition(options))), options)
    return 0


def _stat(client: Client, options: argparse.Namespace) -> int:
    _print(client.stat(*_rendition(options)), options)
    return 0


def _stats(client: Client, options: argparse.Namespace) -> int:
    _print(client.stats(), options)
    return 0


def _watch(client: Client, options: argparse.Namespace) -> int:
    with client.watch(options.match) as events:
        for event in events:
            if options.json:
                _print(event._asdict(), options)
            else:
                print(*(each for each in event[:3] if each is not None), flush=True)
    return 0


def _owner(text: str) -> Owner:
    return "any" if text == "any" else int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m shmimg", description=__doc__)
    parser.add_argument("--socket", help="the daemon's socket")
    parser.add_argument("--timeout", type=float, help="seconds to wait for the daemon")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(run=run)
        return added

    listing = command("list", _list, "list the images you can access")
    watching = command("watch", _watch, "report when images are loaded, changed or gone")
    for each in (listing, watching):
        each.add_argument("match", nargs="?", help="a glob for the names of images")
    loading = command("load", _load, "decode files into shared memory")
    loading.add_argument("file", nargs="+")
    loading.add_argument("--name", help="name of the image (default: the file's absolute path)")
    loading.add_argument("--share", choices=("private", "group", "all"))
    loading.add_argument("--keep", choices=("cache", "pinned", "attached"))
    loading.add_argument(
        "--watch",
        action=argparse.BooleanOptionalAction,
        help="load the file again when it changes",
    )
    fetching = command("fetch", _fetch, "find an image and map it")
    describing = command("stat", _stat, "describe an image, its pins and its lock")
    for each in (fetching, describing):
        each.add_argument("name")
        each.add_argument(
            "--owner",
            type=_owner,
            metavar="UID|any",
            help="uid of the image's owner; any: yours, else one that others share",
        )
    for each in (loading, fetching, describing):
        each.add_argument("--format", choices=(*FORMATS, "native"))
        for side in ("--width", "--height"):
            each.add_argument(side, type=int, metavar="PIXELS", help="scale down to fit into it")
    command("stats", _stats, "report the daemon's counters")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if len(getattr(options, "file", ())) > 1 and options.name:
        parser.error("--name needs exactly one file")
    try:
        with connect(options.socket, options.timeout) as client:
            return options.run(client, options)
    except NoDaemon as error:
        print(f"shmimg: {error}", file=sys.stderr)
        return 3
    except Error as error:
        print(f"shmimg: {getattr(options, 'name', '') or 'daemon'}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader has closed our output; write nothing more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
