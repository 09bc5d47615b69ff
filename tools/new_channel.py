"""Writes the folder of a new channel: `make new-channel NAME=relay`.

docs/adding-a-channel.md goes on. What it writes draws cards already. Everything that depends on
the platform raises `NotImplementedError` and says what to write, so that the contract's tests fail
with those words.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from adapters import CHANNELS

ROOT: Final = Path(__file__).resolve().parent.parent
FORMS: Final = Path(__file__).resolve().parent / "channel"
FILES: Final = {
    "__init__.txt": "adapters/{name}/__init__.py",
    "adapter.txt": "adapters/{name}/adapter.py",
    "settings.txt": "adapters/{name}/settings.py",
    "setup.txt": "adapters/{name}/setup.py",
    "preview.txt": "adapters/{name}/preview.py",
    "template.txt": "card_templates/{name}.json.j2",
    "peer.txt": "tests/peers/{name}.py",
    "test.txt": "tests/channels/{name}/test_{name}.py",
    "fixtures.txt": "tests/fixtures/{name}/README.md",
    "docs.txt": "docs/channels/{name}.md",
}
"""Form -> where it goes. In a form `NAME` stands for the name, `TITLE` for the class, `UPPER` for
variables of the environment."""
TABLE: Final = "adapters/__init__.py"


def write(name: str, root: Path = ROOT) -> list[str]:
    """Make the files and the line of the table; what was written. Raises `ValueError`."""
    if not re.fullmatch("[a-z](_?[a-z0-9]){0,30}", name):
        raise ValueError("NAME is small letters and digits, like mattermost or google_chat")
    made = {root / to.format(name=name): FORMS / form for form, to in FILES.items()}
    if name in (*CHANNELS, "kit", "web") or any(path.exists() for path in made):
        raise ValueError(f"there is something called {name} already; nothing was written")
    title = "".join(word.capitalize() for word in name.split("_"))
    words = {"NAME": name, "TITLE": title, "UPPER": name.upper()}
    for path, form in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = form.read_text()
        for word, instead in words.items():
            text = text.replace(word, instead)
        path.write_text(text)
    table = root / TABLE
    lines = table.read_text().splitlines(keepends=True)
    known = [at for at, line in enumerate(lines) if line.startswith('        Folder("')]
    before = next((at for at in known if lines[at] > f'        Folder("{name}"'), known[-1] + 1)
    lines.insert(before, f'        Folder("{name}", "{title}"),\n')
    table.write_text("".join(lines))
    return [*(str(path.relative_to(root)) for path in made), f"{TABLE} (one line)"]


def main(words: list[str]) -> int:
    """`python -m tools.new_channel NAME`"""
    try:
        (name,) = words
        written = write(name)
    except ValueError as error:
        print(f"make new-channel NAME=…: {error}", file=sys.stderr)
        return 1
    print("\n".join(written))
    print(f"Now: make test PYTEST='tests/channels -k {name}'.")
    print("docs/adding-a-channel.md says what comes when.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
