"""Inside the jail: run a format's converter on a file of the submission. Its answer is a claim like any other.

The converter comes with the request, from a plugin: a worker that converts has read nothing of ours but its own rooms.
"""

import os

import torch

from grader.jail.shared.messages import Convert, Converted, ConvertedFile
from grader.jail.shared.wire import clean

_FILES = 50
_NOTES = 20


def convert(root: str, request: Convert) -> tuple[Converted, list[torch.Tensor]]:
    """The files that stand for the one in the request, or the reason why it was refused.

    The converter refuses with a ValueError; anything else that it raises is passed on.
    """
    namespace: dict[str, object] = {"__name__": "converter"}
    exec(compile(request.source, "<converter>", "exec", dont_inherit=True), namespace)
    function = namespace["convert"]
    assert callable(function)
    try:
        found = function(os.path.join(root, request.file))
    except ValueError as reason:
        return Converted([], [], clean(str(reason), 1000)), []
    files, data = [], bytearray()
    for name, text, parts in found["files"][:_FILES]:
        content = clean(text, len(text)).encode()
        data += content
        named = [(int(first), clean(label, 100), int(line)) for first, label, line in parts]
        files.append(ConvertedFile(clean(name, 300), len(content), named))
    notes = [clean(note, 500) for note in found["notes"][:_NOTES]]
    # an empty tensor stands for nothing but empty files
    return Converted(files, notes, None), [torch.frombuffer(data or bytearray(1), dtype=torch.uint8)]
