"""P20: answers with objects whose methods do not come to an end, raise, or lie."""

CASE = "endless"


def quick():
    return 7


def endless(self, *_):
    while True:
        pass


def raising(self, *_):
    raise RuntimeError("a method of the answer")


class Text(str):
    __str__ = endless


class Unasked(str):
    __repr__ = __eq__ = __hash__ = __bool__ = __format__ = __len__ = __iter__ = __reduce_ex__ = endless


class Raising(list):
    __len__ = raising


class Long(list):
    def __len__(self):
        return 1 << 60


class Liar:
    __class__ = list


WAYS = {
    "endless": lambda: [Text()],
    "unasked": lambda: [Unasked()],
    "raising": Raising,
    "long": Long,
    "liar": Liar,
    "generator": lambda: (str(number) for number in iter(int, 1)),
}


def attack():
    return WAYS[CASE]()
