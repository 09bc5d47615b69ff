"""What axe-core finds wrong with a page, and what scrolls sideways or is too small to press."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final, Literal

from playwright.async_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS: Final = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""The rules of axe's that look at colours; the others find the same in light and dark."""
VIOLATIONS: Final = ["violations"]
"""What is put together of the rest is left out, which takes most of a run:
https://github.com/dequelabs/axe-core/blob/develop/doc/API.md (Options Parameter, resultTypes)."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SMALL = """() => [...document.querySelectorAll('a, button, summary, input, select, textarea')]
  .filter(it => it.checkVisibility() && it.type !== 'hidden' && !it.classList.contains('skip'))
  .map(it => [it.textContent.trim() || it.name, it.getBoundingClientRect(), it])
  .map(([name, box, it]) => [name, ['checkbox', 'radio'].includes(it.type)
    ? it.closest('label').getBoundingClientRect() : box, it])
  .filter(([, box, it]) => box.height < 44 && !it.closest('.row') && !it.closest('p:not(.crumb)'))
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


async def faults(
    page: Page, axe: str, name: str, *, wide: int = 1280, rules: Sequence[str] = RULES
) -> list[str]:
    """What axe finds wrong with the page that is open, light and dark, at 320 px and `wide`; and
    whether it scrolls sideways. The page's context has `bypass_csp`, to inject axe."""
    await page.emulate_media(reduced_motion="reduce")
    await page.evaluate(axe)
    found: list[str] = []
    for scheme, width in product(SCHEMES, (320, wide)):
        here = f"{name}, {scheme} at {width}"
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 720})
        asked = {"runOnly": COLOURS if scheme == "dark" else rules, "resultTypes": VIOLATIONS}
        said = await page.evaluate("asked => axe.run(asked)", asked)
        for fault in said["violations"]:
            found += [f"{here}: {fault['id']}: {node['html'][:120]}" for node in fault["nodes"]]
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{here}: scrolls sideways")
        if rules == RULES:
            found += [f"{here}: small: {it}" for it in await page.evaluate(SMALL)]
    return found
