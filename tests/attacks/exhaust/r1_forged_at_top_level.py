"""R1: sends, as it is loaded, every kind of frame that is none of its own to send."""

import os

from grader.jail.shared import wire


def quick():
    return 7


def attack():
    return []


def send(name, rest=""):
    header = f'{{"type":"{name}"{rest}}}'.encode()
    os.write(3, wire.PREFIX.pack(wire.MAGIC, len(header), 0) + header)


send("Verdict", ',"status":"passed","points":7')
send("Points", ',"points":7')
send("Seed", ',"value":1')
send("Load", ',"module":"task","names":[],"skip":[],"scripts":null')
send("Build", ',"name":"x","arguments":[],"dtype":"float32"')
send("Call", ',"name":"quick","arguments":[]')
send("Apply", ',"model":0,"method":"x","arguments":[]')
send("Changes", ',"model":0,"arguments":[]')
send("Vjp", ',"model":0,"arguments":[],"cotangents":[]')
send("Parameters", ',"model":0')
send("Assign", ',"model":0,"values":{"type":"DictNode","items":[]}')
send("Predict", ',"model":0,"method":"x","arguments":[],"batch_size":1')
send("Attribute", ',"name":"x","attribute":"x"')
send("Weights", ',"model":0')
send("LoadWeights", ',"model":0,"values":{"type":"TensorNode","index":0}')
send("Train", ',"arguments":[],"batch_size":1')
send("FindLine", ',"name":"x","identifiers":[]')
send("Unpack", ',"file":"x","max_entries":1,"max_bytes":1,"max_ratio":1,"max_depth":1')
send("Probe", ',"outside":"/","inside":"/"')
send("TryDevice")
send("ListNode", ',"items":[]')
send("OpaqueNode", ',"type_name":"x"')
send("Failure", ',"place":{"type":"Place","file":"x","line":1},"defines":[],"error":""')
send("Ready", ',"error":null,"level":"full"')
