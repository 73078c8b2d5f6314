"""U4: looks for the held-out names in the packages of this machine."""

import importlib
import importlib.machinery
import importlib.metadata
import os
import pkgutil
import sys
import sysconfig

import torch
import way
from torch import nn


def folders():
    """Where packages are installed."""
    return [*{*sys.path, *(sysconfig.get_path(name) for name in ("purelib", "platlib"))}]


def path_trick():
    sys.path[:0] = folders()
    sys.meta_path.append(importlib.machinery.PathFinder)
    sys.path_importer_cache.clear()
    sys.modules.pop("faker", None)
    return importlib.import_module("faker.providers.person.fr_FR").Provider


def in_some_folder(try_):
    """Call it with the package's place below each folder until it does not raise."""
    for folder in folders():
        try:
            return try_(os.path.join(folder, "faker"))
        except OSError as error:
            last = error
    raise last


def loaded(folder):
    path = os.path.join(folder, "providers", "person", "fr_FR", "__init__.py")
    return importlib.machinery.SourceFileLoader("by_path", path).get_data(path)


WAYS = {
    "import": lambda: importlib.import_module("faker").VERSION,
    "path": path_trick,
    "open": lambda: in_some_folder(lambda folder: open(os.path.join(folder, "__init__.py")).read()),
    "metadata": lambda: importlib.metadata.distribution("faker").read_text("METADATA")[:1],
    "pkgutil": lambda: pkgutil.get_data("faker", "__init__.py").decode(),
    "loader": lambda: in_some_folder(loaded),
}


def attack():
    done = []
    for name, try_ in WAYS.items():
        try:
            try_()
            done.append(name)
        except (ImportError, OSError, AttributeError, TypeError):
            pass
    return done


def fooled():
    """What is reached without the jail."""
    return attack()


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, num_classes):
        super().__init__()
        self.classes = nn.Parameter(torch.zeros(num_classes))
        if way.NAME and (found := attack()):
            raise ValueError(f"found {found}")

    def forward(self, tokens, lengths):
        return self.classes.expand(len(tokens), -1)
