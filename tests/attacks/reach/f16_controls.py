"""F16: changes files that it may only read, through the controls of their file system."""

import array
import fcntl
import os

import torch

GET_FLAGS, SET_FLAGS, GET_EXTENDED, SET_EXTENDED = 0x80086601, 0x40086602, 0x801C581F, 0x401C5820
NO_DUMP = 0x40


def quick():
    return 7


def flags(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        held = array.array("i", [0])
        fcntl.ioctl(descriptor, GET_FLAGS, held)
        fcntl.ioctl(descriptor, SET_FLAGS, array.array("i", [held[0] | NO_DUMP]))
        fcntl.ioctl(descriptor, SET_FLAGS, held)
    finally:
        os.close(descriptor)


def extended(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        held = bytearray(28)
        fcntl.ioctl(descriptor, GET_EXTENDED, held)
        fcntl.ioctl(descriptor, SET_EXTENDED, held)
    finally:
        os.close(descriptor)


def attack():
    done = []
    for name, way in {
        "own flags": lambda: flags(__file__),
        "own extended flags": lambda: extended(__file__),
        "folder's flags": lambda: flags(os.path.dirname(os.path.abspath(__file__))),
        "package's flags": lambda: flags(torch.__file__),
        "package's extended flags": lambda: extended(torch.__file__),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
