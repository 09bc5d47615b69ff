"""Countersign: a human signs off before an agent acts. This package is the core."""

from typing import Final

__version__: Final = "0.1.0"
