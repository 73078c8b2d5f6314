"""P8: starts threads until none can be started; it stops at 200, for the machine's sake."""

import threading


def quick():
    return 7


def attack():
    threading.stack_size(64 << 10)
    end = threading.Event()
    started = 0
    try:
        for _ in range(200):
            threading.Thread(target=end.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    end.set()
    return ["200 threads"] if started == 200 else []
