"""The built-in executor ends its processes in the middle of a task, and prints nothing about it."""

import subprocess
import sys

STOPPED = """
import time
from grader.batch.local_executor import LocalExecutor

if __name__ == "__main__":
    executors = [LocalExecutor(2) for _ in range(3)]
    futures = [executor.submit(time.sleep, 60) for executor in executors for _ in range(2)]
    while not all(len(executor._all) == 2 and all(slot._processes for slot in executor._all) for executor in executors):
        time.sleep(0.01)
    for executor in executors:
        executor.shutdown(wait=False, cancel_futures=True)
"""


def test_processes_that_are_ended_leave_no_traceback(tmp_path):
    """However threads of a pool and of the executor meet while Python exits."""
    program = tmp_path / "stopped.py"
    program.write_text(STOPPED)
    for _ in range(10):
        done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=50)
        assert (done.returncode, done.stderr) == (0, "")
