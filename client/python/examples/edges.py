#!/usr/bin/env python3
"""Draws the edges in a picture. Usage: edges.py PICTURE RESULT.png"""

import sys

import numpy
import shmimg
from PIL import Image


def edges(pixels):
    """How much each pixel differs from the one below and the one to the right."""
    grey = pixels.astype(numpy.int16)
    down = abs(numpy.diff(grey, axis=0))[:, :-1]
    right = abs(numpy.diff(grey, axis=1))[:-1]
    return numpy.minimum(down + right, 255).astype(numpy.uint8)


picture, result = sys.argv[1:]
image = shmimg.load(picture, format="GRAY8")
Image.fromarray(edges(image.array)).save(result)
print(f"{image.width}x{image.height}, {'from memory' if image.cached else 'decoded'}")
