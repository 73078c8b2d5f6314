"""A page in a headless Chromium: what it says, what it asks for, how wide it is, and what axe finds."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
ALL = {"type": "tag", "values": RULES}
IN_THE_DARK = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""The rules to which colours matter."""
PHONE = 320
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
        self.width, self.scheme = width, scheme
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

    @contextlib.contextmanager
    def turned(self, *, width: int | None = None, scheme: str | None = None, media: str = "screen") -> Iterator[None]:
        """For a while as if it were of another width or scheme, or on paper; the page is not loaded again."""
        self._turn(width or self.width, scheme or self.scheme, media)
        try:
            yield
        finally:
            self._turn(self.width, self.scheme, "screen")

    def _turn(self, width: int, scheme: str, media: str) -> None:
        self.page.emulate_media(media=media, color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": 900})

    def widths(self) -> list[int]:
        """How wide the page is, how wide the window, and how many regions scroll by themselves."""
        return self.page.evaluate(WIDTHS)

    def violations(self, only: dict[str, Any], without_drawings: bool = False) -> list[str]:
        """What axe finds: a line for each element and rule. The page's policy stays in force: axe comes through the
        debugger, not as a script of the page."""
        from axe_playwright_python.base import AXE_SCRIPT

        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        return self.page.evaluate(FOUND, [only, without_drawings])

    def assert_quiet(self, file: Path) -> None:
        """Nothing can be executed, and since it was opened the page asked for nothing and said nothing."""
        where = f"{file.name}, {self.width} pixels, {self.scheme}"
        scripts, pwned, handlers = self.page.evaluate(STATE)
        assert (scripts, pwned, handlers) == (0, [], 0), f"{where}: something can be executed"
        assert self.asked == [file.as_uri()], f"{where}: asked for more than the page: {self.asked}"
        assert not self.said, f"{where}: {self.said}"

    def assert_fits(self, file: Path) -> None:
        """The page is no wider than the window."""
        width, room, _ = self.widths()
        assert width <= room, f"{file.name}: {width} pixels wide, {room} are there"

    def assert_accessible(self, file: Path, only: dict[str, Any], without_drawings: bool = False) -> None:
        """axe finds nothing."""
        found = self.violations(only, without_drawings)
        assert not found, f"{file.name}: {'; '.join(found)}"

    def assert_fits_paper(self, file: Path) -> None:
        """It can be printed: nothing is wider than paper or cut off."""
        with self.turned(width=PAPER, media="print"):
            width, room, cut = self.widths()
        assert (width <= room, cut) == (True, 0), f"{file.name}: wider than paper"


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
    looks = {"light": (900, "light"), "dark": (900, "dark"), "narrow": (PHONE, "light")}
    return {name: Window(browser, width, scheme) for name, (width, scheme) in looks.items()}


@pytest.fixture(scope="module")
def assert_readable(windows: dict[str, Window]) -> Callable[[Path], None]:
    """A page is what it should be in each window, and on paper.

    `quickly`: it is loaded in the wide window alone, which is turned dark and narrow; axe looks at it there, and in
    the dark at all but drawings: for many pages of one make.
    """

    def look(file: Path, quickly: bool = False) -> None:
        assert file.stat().st_size < 400_000, f"{file.name} has {file.stat().st_size} bytes"
        (_look_quickly if quickly else _look_everywhere)(windows, file)

    return look


def _look_everywhere(windows: dict[str, Window], file: Path) -> None:
    for name, window in windows.items():
        window.open(file)
        window.assert_fits(file)
        window.assert_accessible(file, IN_THE_DARK if name == "dark" else ALL)
        window.assert_quiet(file)
    windows["light"].assert_fits_paper(file)


def _look_quickly(windows: dict[str, Window], file: Path) -> None:
    window = windows["light"]
    window.open(file)
    window.assert_fits(file)
    window.assert_accessible(file, ALL)
    with window.turned(scheme="dark"):
        window.assert_accessible(file, IN_THE_DARK, without_drawings=True)
    with window.turned(width=PHONE):
        window.assert_fits(file)
    window.assert_fits_paper(file)
    window.assert_quiet(file)
