"""C1: computes in many threads at once, to get more time than it has."""

import threading


def quick():
    return 7


def spin():
    while True:
        pass


def attack():
    threads = [threading.Thread(target=spin) for _ in range(8)]
    for thread in threads:
        thread.start()
    threads[0].join()
