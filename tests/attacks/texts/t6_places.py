"""T6: says where it is: files, folders, the search path, the environment, the command it was started by."""

import os
import sys
import tempfile
import traceback

import torch


def quick():
    return 7


def own_file():
    raise ValueError(__file__, repr(sys.modules[__name__]), os.path.realpath(__file__))


def library_file():
    raise ValueError(torch.__file__, repr(torch), os.__file__)


def grader_files():
    raise ValueError([m.__file__ for name, m in sys.modules.items() if name.partition(".")[0] == "grader"])


def search_path():
    raise ValueError(sys.path, sys.path_importer_cache.keys())


def prefixes():
    raise ValueError(sys.prefix, sys.base_prefix, sys.exec_prefix, sys.executable)


def arguments():
    raise ValueError(sys.argv, sys.orig_argv, sys.flags)


def environment():
    raise ValueError(dict(os.environ), os.getcwd(), os.path.expanduser("~"), tempfile.gettempdir())


def a_traceback():
    try:
        torch.zeros(1).view(7)
        tempfile.TemporaryFile(dir="/nothing")
    except (RuntimeError, OSError):
        raise ValueError(traceback.format_exc()) from None


def a_missing_file():
    open(os.path.join(os.path.dirname(__file__), "data.csv"))


def a_missing_name():
    from torch.nn import nothing  # noqa: F401  (the message names torch's file)


def returned():
    return {__file__: [torch.__file__, sys.prefix, os.getcwd()], "path": sys.path, torch.__file__: None}


def a_type():
    return type(torch.__file__, (), {"__module__": __file__})()


def cut_in_the_middle():
    raise ValueError(" ".join([sys.prefix] * 1000))


def cut_in_the_middle_of_its_own_name():
    raise ValueError(" ".join([__file__] * 1000))
