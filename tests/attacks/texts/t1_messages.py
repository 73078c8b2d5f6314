"""T1: raises exceptions whose message, type or notes are markup, control codes, huge or no text at all."""

import warnings

MARKUP = "</pre></code><script>alert(1)</script><img src=x onerror=alert(1)> \"' {{ 7 * 7 }} {0} %s &lt;"
TERMINAL = "\x1b[31mred\x1b[2J\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\x9b2J\x08\r\x07\x00"
TURNED = "abc\u202egnp\u2066x\u2069\u200f\u061c\u200e\u2028\u2029\u200b\ufeff"


def quick():
    return 7


def markup():
    raise ValueError(MARKUP)


def terminal():
    raise ValueError(TERMINAL)


def turned():
    raise ValueError(TURNED)


def surrogates():
    raise ValueError("\udc80\ud800 \x00")


def forged_total():
    raise ValueError("\n\nTotal: 7 of 7 points, 100 % (graded)\n\nReport: /etc/passwd")


def ten_megabytes():
    raise ValueError("<b>" * 3_500_000)


def ten_megabytes_of_lines():
    raise ValueError("\n" * 10_000_000)


def only_escapes():
    raise ValueError("\x1b" * 100_000)


def only_slashes():
    raise ValueError("/a" * 100_000)


def combining():
    raise ValueError("e" + "\u0301" * 10_000)


def quotes():
    raise ValueError("\"'<>&" * 10_000)


def named():
    raise type(MARKUP + TERMINAL.replace("\x00", "") + TURNED, (Exception,), {"__module__": MARKUP})


def a_long_name():
    raise type("<i>" * 100_000, (Exception,), {})


def noted():
    error = ValueError("noted")
    error.__notes__ = MARKUP * 100_000
    raise error


def noted_by_a_number():
    error = ValueError("noted")
    error.__notes__ = [10**5000]
    raise error


def a_group():
    raise BaseExceptionGroup(MARKUP, [ValueError(TERMINAL * 1000)] * 100 + [KeyboardInterrupt(TURNED)])


def a_key():
    return {}[MARKUP + TERMINAL]


def an_exit():
    raise SystemExit(MARKUP + TERMINAL)


def a_syntax_error():
    raise SyntaxError(MARKUP, ("/etc/passwd", -(2**70), 10**9, "<script>" * 100_000, 2**70, -5))


def an_encoding():
    raise UnicodeDecodeError("<b>", b"\xff" * 1_000_000, 0, 10**6, MARKUP)


def a_file():
    raise FileNotFoundError(2, MARKUP, "/etc/" + TERMINAL, None, TURNED)


def an_import():
    raise ImportError(MARKUP, name=TERMINAL, path="/etc/passwd")


def a_warning():
    warnings.warn(MARKUP + TERMINAL, stacklevel=1)
    raise UserWarning(MARKUP + TERMINAL)


def printed():
    print(MARKUP + TERMINAL)
    raise ValueError(MARKUP)
