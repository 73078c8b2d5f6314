"""A page in a headless Chromium: what it says, what it asks for, how wide it is, and what axe finds."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
PAPER = 672
"""CSS pixels between the margins of A4, as the style sets them."""
FOUND = """([only, but]) => axe.run(
    {exclude: but ? [["svg"]] : []}, {runOnly: only, resultTypes: ["violations"]}
).then(found =>
    found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 300)}
    ${node.failureSummary}`)))"""
WIDTHS = """() => {
    const root = document.documentElement, regions = [...document.querySelectorAll(".matrix, .samples")];
    return [root.scrollWidth, root.clientWidth, regions.filter(r => r.scrollWidth > r.clientWidth).length];
}"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach(details => { details.open = true; })"
STATE = """() => [document.scripts.length, Object.keys(window).filter(name => name.startsWith("pwned")),
    [...document.querySelectorAll("*")].filter(e => [...e.attributes].some(a => /^on/i.test(a.name))).length]"""


class Window:
    """One page after another in one window, with notes of what should not happen: words on the console, requests for
    anything but the page, dialogs, other windows."""

    def __init__(self, browser: Any, width: int, scheme: str):
        self.page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("popup", lambda page: self.asked.append(f"popup: {page.url}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, file: Path) -> None:
        """Go there, with everything unfolded."""
        self.said.clear()
        self.asked.clear()
        self.page.goto(file.as_uri())
        self.page.evaluate(OPEN_ALL)

    def widths(self) -> list[int]:
        """How wide the page is, how wide the window, and how many regions scroll by themselves."""
        return self.page.evaluate(WIDTHS)

    def violations(self, only: dict[str, Any], without_drawings: bool) -> list[str]:
        """What axe finds: a line for each element and rule. The page's policy stays in force: axe comes through the
        debugger, not as a script of the page."""
        from axe_playwright_python.base import AXE_SCRIPT

        self.page.evaluate(AXE_SCRIPT)
        return self.page.evaluate(FOUND, [only, without_drawings])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium for the tests of one file."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def windows(browser: Any) -> dict[str, Window]:
    """A wide window, a wide one in the dark, and a phone."""
    looks = {"light": (900, "light"), "dark": (900, "dark"), "narrow": (320, "light")}
    return {name: Window(browser, width, scheme) for name, (width, scheme) in looks.items()}


@pytest.fixture(scope="module")
def assert_readable(windows: dict[str, Window]) -> Callable[[Path], None]:
    """A page is what it should be in each window, and on paper.

    `quickly`: axe looks at the wide window alone, and in the dark at all but drawings: for many pages of one make.
    """

    def look(file: Path, quickly: bool = False) -> None:
        for name, window in windows.items():
            window.open(file)
            scripts, pwned, handlers = window.page.evaluate(STATE)
            assert (scripts, pwned, handlers) == (0, [], 0), f"{file.name}, {name}: something can be executed"
            width, room, _ = window.widths()
            assert width <= room, f"{file.name}, {name}: {width} pixels wide, {room} are there"
            only = {"type": "tag", "values": RULES}
            if name == "dark":
                only = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
            found = [] if quickly and name == "narrow" else window.violations(only, quickly and name == "dark")
            assert not found, f"{file.name}, {name}: {'; '.join(found)}"
            assert window.asked == [file.as_uri()], f"{file.name}, {name}: asked for more than the page: {window.asked}"
            assert not window.said, f"{file.name}, {name}: {window.said}"
        window = windows["light"]
        window.page.emulate_media(media="print")
        window.page.set_viewport_size({"width": PAPER, "height": 900})
        width, room, cut = window.widths()
        window.page.emulate_media(media="screen")
        window.page.set_viewport_size({"width": 900, "height": 900})
        assert (width <= room, cut) == (True, 0), f"{file.name}: wider than paper"
        assert file.stat().st_size < 400_000, f"{file.name} has {file.stat().st_size} bytes"

    return look
