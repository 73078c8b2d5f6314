"""T7: statements at the top level that fail, print, warn and rename with hostile texts."""

"</script><script>alert(1)</script>"

import sys
import warnings

MARKUP = "</pre><script>alert(1)</script>\x1b[31m\x1b]8;;http://evil.example\x07\u202e\x00"
__doc__ = MARKUP * 100_000
__all__ = [MARKUP, 3]


def quick():
    return 7


print(MARKUP)
warnings.warn(MARKUP, stacklevel=1)
sys.stderr.write(MARKUP)
raise ValueError(MARKUP)
raise type(MARKUP.replace("\x00", ""), (Exception,), {})("\ud800")
raise SystemExit(MARKUP)
raise ValueError("\n" * 1_000_000)
raise ValueError(__file__, sys.path, sys.prefix)
__import__(MARKUP.replace("\x00", ""))
defined = {}[MARKUP]
globals()[MARKUP] = type(MARKUP.replace("\x00", ""), (), {"__module__": __name__})
globals()[MARKUP * 1000] = quick
__name__ = __qualname__ = MARKUP
__file__ = "/etc/passwd"
__spec__ = __loader__ = __package__ = __path__ = 10**5000
