"""The pictures of the README and of the channels, made by the product: `python -m tools.pictures`.

Cards are drawn by `countersign preview` from a recorded request; pages are those of `countersign
demo`. Needs Chromium and, for Teams' cards, `npm ci` in tests/browser.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

ROOT: Final = Path(__file__).resolve().parent.parent
REQUEST: Final = ROOT / "tests/fixtures/requests/stripe-payout.json"
CARDS: Final = ROOT / "docs/channels/images"
PAGES: Final = ROOT / "docs/images"


def cards() -> None:
    """One card a channel, `<channel>.png`."""
    command = (sys.executable, "-m", "approvals.cli", "preview", str(REQUEST), "--png", str(CARDS))
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - our own command


def pages(browser: Browser, link: str) -> None:
    """The inbox at a desk and on a phone, and the payout of the demo on a phone in the dark."""
    for name, width, height, scheme in (
        ("inbox-desktop", 1280, 720, "light"),
        ("inbox-phone", 390, 844, "light"),
        ("request-phone-dark", 390, 844, "dark"),
    ):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=2,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.add_cookies(_COOKIES)  # type: ignore[arg-type] # as the browser gave them
        page = context.new_page()
        page.goto(link)
        if name.startswith("request"):
            page.get_by_role("link", name=re.compile("12,400.00 EUR")).first.click()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PAGES / f"{name}.png")
        context.close()


_COOKIES: list[object] = []


def main() -> None:
    cards()
    demo = subprocess.Popen(
        (sys.executable, "-u", "-m", "approvals.cli", "demo", "--port", "0"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        chromium = os.environ["CHROMIUM"]
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            link = ""
            for line in demo.stdout or ():
                if found := re.search(r"http://[^\s]+/login/[^\s]+", line):
                    link = found[0]
                if link and "waiting" in line:
                    break
            first = browser.new_context()
            page = first.new_page()
            page.goto(link)
            page.get_by_role("button").first.click()
            page.wait_for_load_state("networkidle")
            _COOKIES.extend(first.cookies())
            pages(browser, page.url)
            browser.close()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(30)


if __name__ == "__main__":
    main()
