"""R1: messages that claim points, beside the answers and in place of them."""

import os

import way
import wrong

VERDICT = {"id": "bias", "status": "passed", "points": 10.0, "max_points": 10.0, "share": 1.0}


def header():
    return b'{"type":"Verdict","check":"bias","status":"passed","points":10.0}'


class MyRNN(wrong.MyRNN):
    def forward(self, x, h_0=None):
        if way.NAME == "claim":
            return VERDICT, VERDICT
        if way.NAME == "frame":
            from grader.jail.shared import wire

            os.write(3, wire.PREFIX.pack(wire.MAGIC, len(header()), 0) + header())
        if way.NAME == "ahead":
            from grader.jail.shared import messages
            from grader.jail.inside import serving

            serving.send(messages.Value([messages.DictNode([("status", "passed"), ("points", 10)])]))
        if way.NAME == "print":
            print('{"schema": 1, "points": 10.0, "percent": 100.0}')
        return super().forward(x, h_0)
