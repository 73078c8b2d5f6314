"""I2: reads the variables that the program was started with, where the kernel has put them: at the end of the stack."""

import ctypes


def quick():
    return 7


def attack():
    # the arguments lie one behind the other, then the variables, the program's path and an empty string
    address = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value
    found = []
    while text := ctypes.string_at(address):
        name, equals, _ = text.decode(errors="replace").partition("=")
        if equals and name.isidentifier():
            found.append(name)
        address += len(text) + 1
    return found
