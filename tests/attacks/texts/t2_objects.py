"""T2: raises exceptions that lie, raise or answer something odd when they are looked at."""


class Text(str):
    """A text that lies about itself where it can."""

    def __str__(self):
        return self

    def __len__(self):
        return 0

    def __contains__(self, part):
        return False

    def replace(self, *_):
        return self


def quick():
    return 7


def raises():
    class Odd(Exception):
        def __str__(self):
            raise ValueError("<b>no</b>")

    raise Odd


def raises_an_exit():
    class Odd(Exception):
        def __str__(self):
            raise SystemExit(0)

    raise Odd


def is_no_text():
    class Odd(Exception):
        def __str__(self):
            return 3

    raise Odd


def is_bytes():
    class Odd(Exception):
        def __str__(self):
            return b"<b>"

    raise Odd


def calls_itself():
    class Odd(Exception):
        def __str__(self):
            return str(self)

    raise Odd


def has_a_repr_that_raises():
    class Odd:
        def __repr__(self):
            raise KeyboardInterrupt

    raise ValueError(Odd())


def lies_about_its_class():
    class Odd(Exception):
        __class__ = int

    raise Odd("<b>")


def lies_about_its_name():
    class Odd(Exception):
        pass

    Odd.__name__ = Odd.__qualname__ = Text("<b>\x1b[31m")
    Odd.__module__ = Text("</p>\u202e")
    raise Odd("<b>")


def has_a_long_name():
    class Meta(type):
        def __getattribute__(cls, name):
            return "<b>" * 10_000_000 if name == "__qualname__" else type.__getattribute__(cls, name)

    class Odd(Exception, metaclass=Meta):
        pass

    raise Odd


def goes_in_circles():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    one.__context__, two.__context__ = two, one
    raise one


def has_a_long_past():
    error = first = ValueError("first")
    for _ in range(10_000):
        error.__cause__ = error.__context__ = ValueError("<b>")
        error = error.__cause__
    raise first


def nests_groups():
    error = ValueError("inside")
    for _ in range(500):
        error = ExceptionGroup("<b>", [error])
    raise error


def is_deep():
    return is_deep()
