"""Make `docs/report.png`, the picture of the README: a real report, of a layer that reads time backwards.

    python docs/picture.py

Needs Chromium, and what the tests need.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
MISTAKE = ROOT / "solutions" / "my_rnn" / "reversed-time" / "my_rnn.py"
WIDTH = 820


def report(folder: Path) -> Path:
    """Grade the mistake as a student called ada; the file of the report."""
    submission = folder / "ada"
    submission.mkdir()
    shutil.copy(MISTAKE, submission)
    command = [sys.executable, "-m", "grader", "submit", submission, "--exercise", "my_rnn", "--seed", "1"]
    subprocess.run([*command, "--output", folder / "out"], cwd=ROOT, check=True, capture_output=True)
    return folder / "out" / "ada.html"


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light")
        page.goto(report(Path(folder)).as_uri())
        end = page.locator(".conditions").bounding_box()["y"]  # what comes then is the same on every page
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": end - 20}
        page.screenshot(path=ROOT / "docs" / "report.png", full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    main()
