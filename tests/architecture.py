"""``python -m tests.architecture``: draw the imports of the package into docs/architecture.md.

`tests/test_layout.py` asks the same graph whether it is as it should be.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
ROOT = REPOSITORY / "torc_frames"
PAGE = REPOSITORY / "docs" / "architecture.md"
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py") if "node_modules" not in path.parts)

# The contents page, and a user's script that is shipped for the demo: they use the public names.
OUTSIDE = {"torc_frames", "torc_frames.cli.demo_job"}

_BEGIN, _END = "```mermaid\n", "```\n"


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(["torc_frames", *path.with_suffix("").parts]).removesuffix(".__init__")


NAMES = {name_of(path) for path in MODULES}


@dataclass(frozen=True)
class Module:
    """What is in a file."""

    purpose: str
    """The first line of its docstring."""

    imports: set[str]
    """The modules of ours that it imports: inside functions and for type checkers, too."""

    classes: list[str]
    lines: int
    """How many there are that are neither blank nor of a docstring."""


_DESCRIBED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def read(path: Path) -> Module:
    """Return what is in a file of the package, which is parsed this once."""
    source = (ROOT / path).read_text()
    tree = ast.parse(source)
    imports: set[str] = set()
    classes, described = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            imports |= inside & NAMES or {str(node.module)}
        elif isinstance(node, _DESCRIBED):
            if isinstance(node, ast.ClassDef):
                classes.append(node.name)
            if ast.get_docstring(node, clean=False):
                described |= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    lines = sum(bool(line.strip()) and at not in described for at, line in enumerate(source.splitlines(), 1))
    purpose = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Module(purpose, imports & NAMES - {name_of(path)}, classes, lines)


READ = {path: read(path) for path in MODULES}
IMPORTS = {name_of(path): module.imports for path, module in READ.items()}


def entry(name: str, folder: str) -> str | None:
    """Return the entry of a folder that a module is in, None if it is not below that."""
    inside = name.removeprefix(f"{folder}.")
    return inside.partition(".")[0] if inside != name else None


def entries(folder: str) -> dict[str, set[str]]:
    """Return, by entry of a folder, the others that it imports."""
    found: dict[str, set[str]] = {}
    for name in sorted(IMPORTS.keys() - OUTSIDE):
        if (home := entry(name, folder)) is not None:
            targets = (entry(target, folder) for target in IMPORTS[name] - OUTSIDE)
            found.setdefault(home, set()).update(each for each in targets if each not in (None, home))
    return found


def floors_of(below: Mapping[str, set[str]]) -> dict[str, int]:
    """Return on which floor each entry is: 1 for what imports no other."""
    floors: dict[str, int] = {}
    for name in TopologicalSorter(below).static_order():
        floors[name] = 1 + max((floors[target] for target in below[name]), default=0)
    return floors


def picture() -> str:
    """Return the entries as a flow chart; an arrow that follows from others is left out."""
    below = entries("torc_frames")
    floors = floors_of(below)
    reached: dict[str, set[str]] = {}
    for name in TopologicalSorter(below).static_order():
        reached[name] = below[name].union(*(reached[target] for target in below[name]))
    lines = ["flowchart TD"]
    for floor in range(max(floors.values()), 0, -1):
        lines.append(f'    subgraph floor{floor}[" "]')
        lines += [f"        {name}" for name in sorted(floors) if floors[name] == floor]
        lines.append("    end")
    for name in sorted(below):
        around = set().union(*(reached[target] for target in below[name]))
        lines += [f"    {name} --> {target}" for target in sorted(below[name] - around)]
    return "\n".join(lines) + "\n"


def drawn(page: str) -> str:
    """Return a page with the picture as it is now."""
    before, rest = page.split(_BEGIN)
    return before + _BEGIN + picture() + _END + rest.partition(_END)[2]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
