"""The tables and generators of other folders can be imported by name."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in ("engine", "gates", "graph", "nn", "optim"):
    sys.path.insert(0, str(TESTS / folder))
