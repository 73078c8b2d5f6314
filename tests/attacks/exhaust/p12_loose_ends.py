"""P12: answers, and leaves code for the end of the process: handlers, finalizers, threads that go on."""

import atexit
import os
import threading
import time
import weakref


def quick():
    return 7


class Kept:
    pass


KEPT = Kept()


def attack():
    atexit.register(time.sleep, 60)
    weakref.finalize(KEPT, time.sleep, 60)
    threading._register_atexit(time.sleep, 60)
    threading.Thread(target=time.sleep, args=(60,), daemon=False).start()
    threading.Thread(target=lambda: exec("while True: pass"), daemon=False).start()
    return []
