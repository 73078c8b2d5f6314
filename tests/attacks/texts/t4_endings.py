"""T4: raises exceptions that cannot be told: what looks at them dies, or never comes back."""

import os
import types


class Text(str):
    """A text that cannot be encoded."""

    def __str__(self):
        return self

    def encode(self, *_):
        return b"\xff"


def quick():
    return 7


def cannot_be_encoded():
    class Odd(Exception):
        def __str__(self):
            return Text("<b>")

    raise Odd


def raises_for_its_class():
    class Odd(Exception):
        @property
        def __class__(self):
            raise ValueError("no class")

    raise Odd


def raises_for_its_name():
    class Meta(type):
        def __getattribute__(cls, name):
            if name == "__qualname__":
                raise ValueError("no name")
            return type.__getattribute__(cls, name)

    class Odd(Exception, metaclass=Meta):
        pass

    raise Odd


def named_by_a_number():
    raise type("Odd", (Exception,), {"__module__": 10**5000})


def raises_for_its_traceback():
    class Odd(Exception):
        @property
        def __traceback__(self):
            raise ValueError("no traceback")

    raise Odd


def raises_for_its_source():
    loader = types.SimpleNamespace(get_source=lambda name: 1 / 0)
    scope = {"__name__": "scope", "__loader__": loader}
    path = os.path.join(os.path.dirname(__file__), "unloaded.py")
    exec(compile("def raising():\n    raise ValueError('unloaded')", path, "exec"), scope)
    scope["raising"]()


def exits_when_told():
    class Odd(Exception):
        def __str__(self):
            os._exit(0)

    raise Odd


def hangs():
    class Odd(Exception):
        def __str__(self):
            while True:
                pass

    raise Odd
