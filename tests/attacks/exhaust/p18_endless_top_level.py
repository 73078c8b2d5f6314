"""P18: does not come to an end at its top level."""


def quick():
    return 7


def attack():
    return []


while True:
    pass
