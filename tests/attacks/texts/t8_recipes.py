"""T8: recipes whose keys and values are hostile."""

import sys
from collections import OrderedDict

import torch

MARKUP = "</pre><script>alert(1)</script>\x1b[31m\x1b]8;;http://evil.example\x07\u202e\n\nTotal: 7 of 7 points"


class Key:
    recipe = {MARKUP: 1}


class LongKey:
    recipe = {"<b>" * 100_000: 1}


class KeyOfTheHost:
    recipe = {torch.__file__: 1}


class KeyThatIsANumber:
    recipe = {10**5000: 1}


class Value:
    recipe = {"optimizer": MARKUP}


class LongValue:
    recipe = {"schedule": ["<b>" * 10_000] * 10}


class ValueOfTheHost:
    recipe = {"schedule": [torch.__file__, sys.prefix, __file__]}


class LargeNumber:
    recipe = {"lr": 10**5000}


class NoNumber:
    recipe = {"lr": float("nan")}


class Infinite:
    recipe = {"clip_norm": float("inf")}


class Tensor:
    recipe = {"optimizer": torch.zeros(100, 100)}


class TensorOfOne:
    recipe = {"lr": torch.tensor(0.01)}


class Typed:
    recipe = {"steps": type(MARKUP, (), {})()}


class Subclass:
    recipe = OrderedDict({MARKUP: MARKUP})


class Text:
    recipe = MARKUP


class Deep:
    recipe = [[[[[[MARKUP]]]]]]


class Meta(type):
    @property
    def recipe(cls):
        raise ValueError(MARKUP)


class Raises(metaclass=Meta):
    pass
