"""T3: raises from frames that are not what they say: other files, other names, other lines, lines made up."""

import linecache
import os
import sys
import types

HERE = os.path.dirname(__file__)
MARKUP = "<script>alert(1)</script>\x1b[31m\u202e"


def quick():
    return 7


def forge(**changes):
    def raising():
        raise ValueError("forged")

    raising.__code__ = raising.__code__.replace(**changes)
    raising()


def passwords():
    linecache.getline("/etc/passwd", 1)
    forge(co_filename="/etc/passwd", co_firstlineno=1)


def passwords_from_here():
    forge(co_filename=HERE + "/../../../../../../../etc/passwd", co_firstlineno=1)


def the_grader():
    forge(co_filename=sys.modules["grader.jail.inside.worker"].__file__, co_firstlineno=1)


def the_library():
    forge(co_filename=os.__file__, co_firstlineno=1)


def the_memory():
    forge(co_filename=HERE + "/../../../../../../../proc/self/environ", co_firstlineno=1)


def a_folder():
    forge(co_filename=HERE + "/.")


def markup():
    forge(co_filename=f"{HERE}/{MARKUP}\n.py", co_name=MARKUP, co_qualname=MARKUP)


def long_names():
    forge(co_filename=HERE + "/" + "<b>" * 100_000, co_name="<i>" * 100_000)


def a_late_line():
    forge(co_firstlineno=2**31 - 100)


def made_up_lines():
    linecache.cache[HERE + "/made_up.py"] = (1, None, [MARKUP * 10_000 + "\n"] * 10_000, HERE + "/made_up.py")
    forge(co_filename=HERE + "/made_up.py")


def loaded_lines():
    loader = types.SimpleNamespace(get_source=lambda name: MARKUP * 100_000)
    scope = {"__name__": "scope", "__loader__": loader}
    exec(compile("def raising():\n    raise ValueError('loaded')", HERE + "/loaded.py", "exec"), scope)
    scope["raising"]()


def many_frames():
    frame = sys._getframe()
    chain = None
    for _ in range(50_000):
        chain = types.TracebackType(chain, frame, 0, 1)
    raise ValueError("many").with_traceback(chain)


def a_negative_line():
    """Without a table of lines, the number is taken from the traceback."""

    def raising():
        raise ValueError("negative")

    raising.__code__ = raising.__code__.replace(co_linetable=b"\xff" * 20)
    try:
        raising()
    except ValueError as error:
        frame = error.__traceback__.tb_next.tb_frame
        raise error.with_traceback(types.TracebackType(None, frame, 0, -5)) from None
