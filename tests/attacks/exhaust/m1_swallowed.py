"""M1: takes private memory in small pieces, and is not impressed by refusals."""


def quick():
    return 7


def attack():
    kept, refused = [], 0
    while refused < 100 and len(kept) < 400:
        try:
            kept.append(bytearray(b"x" * (1 << 20)))
        except MemoryError:
            refused += 1
    return ["400 MiB"] if len(kept) == 400 else []
