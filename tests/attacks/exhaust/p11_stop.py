"""P11: stops itself, so that nothing in it goes on. The first process of a namespace cannot."""

import signal


def quick():
    return 7


def attack():
    signal.raise_signal(signal.SIGSTOP)
    return []
