"""M1: takes private memory until there is none."""


def quick():
    return 7


def attack():
    return [bytearray(50 << 20) for _ in range(100)]
