"""The built-in executor of a batch: a process per slot on this machine.

A process that dies loses only its own task and is replaced; a plain `ProcessPoolExecutor` would lose all tasks.
"""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any


class LocalExecutor(Executor):
    """Runs each task in one of `jobs` processes, which are reused."""

    def __init__(self, jobs: int):
        self._threads = ThreadPoolExecutor(jobs)
        self._idle: queue.LifoQueue[ProcessPoolExecutor | None] = queue.LifoQueue()
        self._all: list[ProcessPoolExecutor] = []
        self._closing = threading.Lock()
        for _ in range(jobs):
            self._idle.put(None)  # started on its first task

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """As for any executor. The future raises `BrokenExecutor` if the process died."""
        return self._threads.submit(self._run, function, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures`, even in the middle of a task."""
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        if cancel_futures:
            for process in [found for slot in self._all for found in (slot._processes or {}).values()]:
                process.terminate()
        self._threads.shutdown(wait=wait)
        for slot in self._all:
            # waits for a terminated process, too: a pool that is closing while Python exits prints a traceback
            self._close(slot, wait=wait or cancel_futures)

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        slot = self._idle.get()
        try:
            slot = slot or self._start()
            return slot.submit(function, *args, **kwargs).result()
        except BrokenProcessPool:
            if slot is not None:
                self._close(slot, wait=True)
            slot = None
            raise
        finally:
            self._idle.put(slot)

    def _close(self, slot: ProcessPoolExecutor, *, wait: bool) -> None:
        with self._closing:  # two threads that close a pool at once would close its pipe twice
            slot.shutdown(wait=wait, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        # a fork would copy the locks of torch's threads
        context = multiprocessing.get_context("spawn")
        slot = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
        self._all.append(slot)
        return slot


def _begin() -> None:
    """In a new process: exit when the batch does, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exit when the parent does. The kernel's parent-death signal would fire when the thread that started us ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
