"""Inside the jail: run a format's converter on a file of the submission. Its answer is not trusted.

The converter's source comes with the request, from a plugin, because workers cannot read the plugins' files.
"""

import os

import torch

from grader.jail.shared.messages import Convert, Converted, ConvertedFile
from grader.jail.shared.wire import clean

_FILES = 50
_NOTES = 20


def convert(root: str, request: Convert) -> tuple[Converted, list[torch.Tensor]]:
    """The files that the one in the request was converted to, or the reason for refusing it.

    The converter refuses a file with a ValueError; other exceptions are passed on.
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
    # `frombuffer` refuses an empty buffer: where all files are empty, one unused byte is sent
    return Converted(files, notes, None), [torch.frombuffer(data or bytearray(1), dtype=torch.uint8)]
