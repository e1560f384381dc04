"""A client that must not be harmed: it keeps images mapped, and fetches and loads them all again.

Usage: holder.py FILE... Prints "ready", and goes on until its standard input ends; then it
prints how often it has gone round. Ends with an error at the first pixel that differs.
"""

import select
import sys

import shmimg


def look_at(kept, pixels):
    for path, image in kept.items():
        assert image.array.tobytes() == pixels[path], f"what was mapped of {path} has changed"
        assert shmimg.fetch(path).array.tobytes() == pixels[path], f"{path} has changed"


def main():
    kept = {path: shmimg.load(path) for path in sys.argv[1:]}
    pixels = {path: image.array.tobytes() for path, image in kept.items()}
    rounds = 0
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        look_at(kept, pixels)
        for path in kept:
            assert shmimg.load(path).array.tobytes() == pixels[path]
        rounds += 1
    print(rounds)


main()
