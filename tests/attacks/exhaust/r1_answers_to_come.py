"""R1: sends its answer, and those of the questions to come as well; what it would say then is wrong."""

import os

from grader.jail.shared import messages, wire

CASE = "verdicts"
ASKED = []


def quick():
    ASKED.append(1)
    return 7 if len(ASKED) == 1 else 8


FORGED = {
    "verdicts": ["passed", "passed"],
    "answers": [messages.ListNode([]), 7],
}


def attack():
    during, after = FORGED[CASE]
    for answers in ([during], [], [after]):
        os.write(3, wire.encode(messages.Value(answers), []))
    return []
