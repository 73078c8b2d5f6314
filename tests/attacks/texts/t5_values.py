"""T5: returns things whose names, keys and texts are hostile."""

import numpy
import torch

MARKUP = "</pre><script>alert(1)</script>\x1b[31m\x1b]8;;http://evil.example\x07\u202e\x00"


class Text(str):
    """A text that lies about itself where it can."""

    def __str__(self):
        return self

    def __len__(self):
        return 0

    def encode(self, *_):
        return str.encode("<i>lied</i>")


class Pretends:
    """Says that it is something else, and answers like it."""

    def __init__(self, kind):
        self.kind = kind

    @property
    def __class__(self):
        return self.kind

    def __str__(self):
        return MARKUP

    def __repr__(self):
        raise ValueError("no repr")


def quick():
    return 7


def text():
    return MARKUP * 10


def a_long_text():
    return MARKUP * 10_000


def a_text_that_lies():
    return Text(MARKUP)


def surrogates():
    return ["\ud800\udc80", "\udfff"]


def keys():
    return {MARKUP: {"\ud800": MARKUP, "<b>" * 100_000: 1}}


def keys_that_are_no_texts():
    return {(MARKUP,): 1, 10**5000: 2, None: 3}


def a_dict_that_lies():
    class Odd(dict):
        def __len__(self):
            return 1

        def __iter__(self):
            return iter(["a"])

        def items(self):
            return [(MARKUP, MARKUP)]

    return Odd(a=1)


def numbers():
    return 10**5000, -(10**5000), float("nan"), float("-inf"), -0.0, 1e308, 5e-324, 2**63


def a_type():
    return type(MARKUP.replace("\x00", ""), (), {"__module__": MARKUP, "__repr__": lambda self: MARKUP})()


def a_type_that_lies():
    class Odd:
        pass

    Odd.__name__ = Odd.__qualname__ = Odd.__module__ = Text(MARKUP.replace("\x00", ""))
    return Odd()


def a_long_type():
    return type("<i>" * 1_000_000, (), {})()


def a_pretended_text():
    return Pretends(str)


def a_pretended_none():
    return Pretends(type(None))


def a_pretended_function():
    return Pretends(type(quick))


def an_array():
    return numpy.array([MARKUP], dtype=object), numpy.array([MARKUP])


def a_tensor():
    class Odd(torch.Tensor):
        def __repr__(self):
            return MARKUP

    Odd.__name__ = Odd.__qualname__ = MARKUP.replace("\x00", "")
    return torch.zeros(2).as_subclass(Odd)


def deep():
    return [[[[[[[[MARKUP]]]]]]]]


def around_itself():
    around = []
    around.append(around)
    return around


def a_class():
    return Pretends


def a_module():
    return torch


def not_implemented():
    return NotImplemented


def an_exception():
    return ValueError(MARKUP)
