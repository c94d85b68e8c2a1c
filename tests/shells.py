"""Real shells, and what is given to them: pieces of commands, and values that would be more than words."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from torc_frames.workflow.push.templates import fill

__all__ = ["PIECES", "SHELLS", "VALUES", "filled", "run"]

SHELLS = [shell for shell in ("bash", "dash") if shutil.which(shell)]
ATTACK = "a[$(touch HIT)]"
VALUES = [
    "$(touch HIT)",
    "`touch HIT`",
    "; touch HIT #",
    "'; touch HIT; '",
    '"; touch HIT; "',
    "\n touch HIT\n",
    "x\nEOF\ntouch HIT\nEOF\n",
    ATTACK,
    f"{ATTACK}=1",
    "\\",
    "a\\",
    "\\'; touch HIT; \\'",
    "-x",
    "-v",
    "",
    " ",
    "\t",
    "*",
    "~",
    "~root",
    "!!",
    "b,c",
    "..",
    "1..3",
    "2",
    "if",
    "esac",
    "A=1",
    "A",
    "x; y",
    "a && touch HIT",
    "| touch HIT",
    "> HIT",
    "\u00e9\u4e2d",
    "\x01\x7f\x81",
    "&",
    "}",
    "{a,b}",
    "#",
    "$HOME",
    "${HOME}",
    ")",
    "'",
    '"',
    "1",
    "/dev/null",
]


PIECES = [
    *("{x}", "{y}", "{x}", " {x} "),
    *(
        "show ",
        " ",
        "a",
        "b=",
        "=",
        "'q'",
        '"d"',
        "'",
        '"',
        "\\",
        "\\ ",
        "$",
        "$V",
        "${{V}}",
        "$(",
        ")",
        "(",
        "`",
    ),
    *(
        "#",
        " #",
        "\n",
        "\\\n",
        ";",
        ";;",
        "&",
        "&&",
        "|",
        ">",
        ">&",
        "<",
        "<<",
        "<<E\n",
        "\nE\n",
        "<(",
        "2>",
        "~",
    ),
    *(
        "[",
        "]",
        "[ ",
        " ]",
        "[[ ",
        " ]]",
        "((",
        "))",
        "{{",
        "}}",
        "{{ ",
        "; }}",
        ",",
        "..",
        "!",
        "*",
        "?",
        "$((",
        "$[",
    ),
    *(
        "if ",
        "then ",
        "fi",
        "case ",
        " in ",
        "esac",
        "do ",
        "done",
        "for v",
        "eval ",
        "bash -c ",
        "read ",
        "test -v ",
    ),
    *(
        "A",
        "V=",
        "export ",
        "function ",
        "f() ",
        "2",
        "1",
        "-",
        "printf ",
        "command ",
        "exec ",
        "declare ",
        "\t",
        "\u00e9",
    ),
]


def filled(template: str, values: list[str]) -> str:
    """Return a command with values for {x}, {y} and {z}."""
    cells = {name: [value] for name, value in zip("xyz", values, strict=False)}
    return fill("command", template, cells, [0], quoted=True)[0]


def run(shell: str, commands: list[str], folder: Path) -> list[list[list[str]]]:
    """Run commands, each in a subshell, in a folder of their own.

    Returns of each command the words that `show` got, a list for each time it was called.
    """
    where, shown = folder / "where", folder / "shown"
    where.mkdir(exist_ok=True)
    (where / "HIT").unlink(missing_ok=True)
    shown.unlink(missing_ok=True)
    each = """show() { printf "%s\\0" "$#" "$@" >> "$SHOWN"; }
    for c; do (eval "$c"); printf "end\\0" >> "$SHOWN"; done"""
    subprocess.run(
        [shell, "-c", each, "sh", *commands],
        cwd=where,
        env=os.environ | {"SHOWN": str(shown)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    assert not (where / "HIT").exists(), commands
    words = iter(shown.read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1])
    found: list[list[list[str]]] = [[]]
    for count in words:
        if count == "end":
            found.append([])
        else:
            found[-1].append([next(words) for _ in range(int(count))])
    return found[:-1]
