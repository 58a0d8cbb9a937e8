"""What a browser can tell of a page: what went wrong in it, what it fetched, who can't use it."""

from __future__ import annotations

from importlib import resources
from typing import Any

from playwright.sync_api import Page

_AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Streamlit's own: the points of st.metric's small chart are an image without a name (the metric has one)
_EXCLUDED = ['[class*="metric_chart_"][class*="highlighted_points_marks"]']
_VIOLATIONS = """async ([excluded, tags]) => (
    await axe.run({exclude: excluded.map(selector => [selector])}, {runOnly: tags})
).violations.map(found => ({
    rule: found.id,
    where: found.nodes.map(node => [node.html.slice(0, 300), node.failureSummary]),
}))"""
_SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]
    .filter(part => part.scrollWidth > part.clientWidth)
    .map(part => [part.tagName, part.scrollWidth, part.clientWidth])"""


def problems_of(page: Page) -> list[str]:
    """A list that fills with errors of the console and of requests, and with requests to other machines."""
    found: list[str] = []
    page.on("console", lambda message: message.type == "error" and found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("requestfailed", lambda request: found.append(f"failed: {request.url}"))
    page.on("response", lambda answer: answer.status >= 400 and found.append(f"{answer.status}: {answer.url}"))
    page.on("request", lambda request: _is_own(request.url) or found.append(f"elsewhere: {request.url}"))
    return found


def violations(page: Page) -> list[Any]:
    """What axe-core finds against WCAG 2.2 A and AA, with nothing half-way between two colours."""
    page.mouse.move(0, 0)  # what the page moved under the pointer shows its hover colour
    # Streamlit dims what is drawn anew, slowly enough that nobody sees it on a live page
    page.add_style_tag(
        content="*, *::before, *::after { transition: none !important; animation: none !important; }"
        "[data-stale=true] { opacity: 1 !important; }"
    )
    page.evaluate(_AXE)
    found: list[Any] = page.evaluate(_VIOLATIONS, [_EXCLUDED, _WCAG])
    return found


def too_wide(page: Page) -> list[Any]:
    """The parts of the frame that have to be scrolled sideways."""
    found: list[Any] = page.evaluate(_SIDEWAYS)
    return found


def _is_own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:"))
