"""P19: does not come to an end when an object is forgotten."""


def quick():
    return 7


class Forgotten(list):
    def __del__(self):
        while True:
            pass


def attack():
    return Forgotten()
