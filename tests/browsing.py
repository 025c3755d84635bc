"""A real browser for tests: Debian's Chromium, steered by Playwright."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    expect,
    sync_playwright,
)

WIDTHS: Final = {"phone": 390, "tablet": 820, "wide": 1440}
HEIGHT: Final = 860
_CHROMIUM: Final = shutil.which("chromium")
# Chromium as root has no sandbox; it shall look for nothing in the network either.
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

_PATIENCE_MS: Final = 30_000
expect.set_options(timeout=_PATIENCE_MS)


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium; where it is missing the tests are skipped, and in CI they fail."""
    if _CHROMIUM is None:
        message = "the Debian package `chromium` is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_ARGUMENTS))
        yield started
        started.close()


@dataclass(frozen=True)
class Visit:
    """A page that is looked at, what it said to the console, and what it asked for."""

    page: Page
    context: BrowserContext
    complaints: list[str]
    asked: list[str]

    def ask(self, question: str) -> None:
        """Ask, and wait for what becomes of it."""
        before = self.page.locator(".turn").count()
        self.page.fill("#question", question)
        self.page.press("#question", "Enter")
        last = self.page.locator(".turn").nth(before)
        last.locator("footer, .trouble").first.wait_for()

    def view(self, name: str) -> None:
        """Go to another view by its link."""
        self.page.click(f"nav a[href='#{name}']")


@contextmanager
def visit(
    browser: Browser,
    url: str,
    *,
    width: int = WIDTHS["wide"],
    height: int = HEIGHT,
    scheme: Literal["light", "dark"] = "light",
    stored: Mapping[str, str] | None = None,
    script: str = "",
) -> Iterator[Visit]:
    """Open the page in a browser without a past; at the end nothing may have gone wrong in it.

    `stored` is put into the browser's local storage, and `script` run, before the page's own.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    for name, value in (stored or {}).items():
        context.add_init_script(
            f"localStorage.getItem({name!r}) ?? localStorage.setItem({name!r}, {value!r})"
        )
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    complaints: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.goto(url)
    yield Visit(page, context, complaints, asked)
    context.close()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page as it is now, as lines to read."""
    # A style that is in the middle of a transition has colours of its own.
    page.wait_for_timeout(200)
    found = Axe().run(page).response["violations"]
    return [
        f"{one['impact']}: {one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found
        for node in one["nodes"]
    ]


def height_of(part: Locator) -> float:
    """Return how many pixels a part of a page takes from top to bottom."""
    box = part.bounding_box()
    assert box is not None
    return box["height"]


def sideways(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    width: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width
