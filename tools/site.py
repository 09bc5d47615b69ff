"""The pages of docs/ as a site, by Zensical: `python -m tools.site [FOLDER]`, or build/site.

A page may link to a file of the checkout that is not among the pages (a test, an example). On the
site such a link is its text alone. Any warning fails the build.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
LINK: Final = re.compile(r"(?<!!)\[([^\]\[]*)\]\((?![a-z]+:|#)([^)\s#]*)(?:#[^)\s]*)?\)")


def on_the_site(page: Path) -> str:
    """A page's text, with the links that lead somewhere there."""

    def kept(link: re.Match[str]) -> str:
        to = (page.parent / link[2]).resolve()
        return link[0] if to.is_relative_to(DOCS) and to.is_file() else link[1]

    return LINK.sub(kept, page.read_text())


def build(folder: Path) -> None:
    """Into `folder`/site. Raises `CalledProcessError`, with Zensical's words on stderr."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder / "docs")
    for page in DOCS.rglob("*.md"):
        (folder / "docs" / page.relative_to(DOCS)).write_text(on_the_site(page))
    shutil.copy(ROOT / "tools/site.toml", folder / "zensical.toml")
    command = (sys.executable, "-m", "zensical", "build", "--strict", "--clean")
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own command


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0]) if arguments else ROOT / "build/site"
    build(folder)
    print(folder / "site/index.html")


if __name__ == "__main__":
    main(sys.argv[1:])
