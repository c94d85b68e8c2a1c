"""``python -m tests.tables``: run the code of docs/tables.md, and draw its table, as pdflatex sets it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
PICTURE = PAGE.with_name("table.png")
GET_TEX = (
    "apt-get install --no-install-recommends texlive-latex-base texlive-latex-recommended texlive-science "
    "poppler-utils"
)
_PREAMBLE = (
    r"\documentclass{{article}}\usepackage[{}]{{geometry}}\usepackage{{booktabs}}{}\pagestyle{{empty}}"
)
_OF_THE_PICTURE = "paperwidth=17cm,paperheight=6.8cm,margin=3mm"


def has_tex() -> bool:
    """Return whether tables can be set, and read again."""
    if not all(map(shutil.which, ("pdflatex", "pdftotext", "kpsewhich"))):
        return False
    return not subprocess.run(["kpsewhich", "booktabs.sty", "siunitx.sty"], capture_output=True).returncode


def made(folder: Path) -> dict[str, Any]:
    """Run the code of the page in a folder; return its names."""
    names: dict[str, Any] = {}
    before = Path.cwd()
    os.chdir(folder)
    try:
        for code in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
            with threadpool_limits(1):  # else the threads of each matrix are in the way of the others
                exec(code, names)
    finally:
        os.chdir(before)
    return names


def compiled(tables: str, folder: Path, paper: str = "margin=1cm", packages: str = "") -> Path:
    """Set tables by pdflatex; an error of LaTeX, and a line that is too long, raises with its log."""
    document = rf"{_PREAMBLE.format(paper, packages)}\begin{{document}}{tables}\end{{document}}"
    (folder / "tables.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "tables.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise ValueError(done.stdout[-3000:])
    return folder / "tables.pdf"


def main() -> None:
    """Draw docs/table.png."""
    with tempfile.TemporaryDirectory() as name:
        pdf = compiled(made(Path(name))["table"].to_latex(), Path(name), _OF_THE_PICTURE)
        command = ["pdftoppm", "-png", "-singlefile", "-r", "150", str(pdf), str(PICTURE.with_suffix(""))]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
