"""P21: does not come to an end while a class is made."""


def quick():
    return 7


def attack():
    return []


class Endless(type):
    def __new__(kind, *_):
        while True:
            pass


class Made(metaclass=Endless):
    pass
