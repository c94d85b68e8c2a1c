"""Where a value may stand in a command of the shell, so that it is one word there and nothing else."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from torc_frames.errors import RefusedError

__all__ = ["HOLE", "as_word", "read_command"]

HOLE = "\0"
"""What stands for a value in a command: the one character that no command can have."""

_WAY = (
    "give it a variable, as in VALUE={column} sh -c '… \"$VALUE\" …', or have the job read "
    "torc_frames.current_job().parameters"
)
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# What the shell puts in for variables and commands: only such as surely end where they seem to.
_EXPANDED = (
    rf"\$(?:{_NAME}|[0-9@*\#?$!-])"
    rf"|\$\{{(?:[0-9@*\#?$!-]|\#?{_NAME}(?:(?::?[-+=?]|%%?|\#\#?)[^'\"\\`${{}}\[\]\0]*)?)\}}"
    r"|\$\((?![^)]*\bcase\b)[^()'\"`\\\#<{}\0]*\)"
)
_TOKENS = re.compile(
    rf"""(?>(?P<hole>\0)
    |(?P<blank>[ \t]+)
    |(?P<continued>\\\n)
    |(?P<escaped>\\[^\0])
    |(?P<single>'[^'\0]*')
    |(?P<double>"(?>[^"\\`$\0]|\\[^\0]|{_EXPANDED}|\$(?![(\[{{A-Za-z0-9_\\]))*+")
    |(?P<expanded>{_EXPANDED})
    |(?P<redirected>(?:&>>?|[<>]&|>>|>\||<>|[<>](?!<))(?!\())
    |(?P<operator>\(\(|;;&|;[;&]|&&|\|[|&]|[;&|()\n])
    |(?P<comment>\#[^\n\0]*)
    |(?P<plain>[^\0\\'"`$<>]|\$(?=[ \t\n;&|)]|\Z)|\\\Z))""",
    re.VERBOSE | re.DOTALL,
)
_HARMLESS = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")
_ASSIGNED = re.compile(rf"{_NAME}\+?=")
_FILE_NUMBER = re.compile(rf"[0-9]+|\{{{_NAME}\}}")
# What the shell computes with when it is assigned to, and what it expands as if it were a command.
_COMPUTED = re.compile(
    r"(?<![\w$-])(?:(RANDOM|SRANDOM|SECONDS|OPTIND|HISTCMD|LINENO|PS[0-4]|BASH_ENV|ENV|PROMPT_COMMAND)\+?="
    r"|(?:for|select)\s+(RANDOM|SRANDOM|SECONDS|OPTIND|HISTCMD|LINENO)\b)"
)
_BEFORE_COMMANDS = {
    *("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "in"),
    *("!", "{", "}", "time", "command", "builtin", "exec"),
}
_EVALUATING = {
    *("eval", "let", "declare", "typeset", "local", "alias", "trap", "function", "coproc", "[["),
    *("bind", "fc", "history"),
}
_TAKING_NAMES = {
    *("read", "mapfile", "readarray", "unset", "getopts", "wait", "compgen", "complete"),
    *("for", "select"),
}
_ELSEWHERE = {"ssh", "rsh", "su", "watch"}
_SHELLS = {
    *("sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "pwsh"),
    *("flock", "runuser", "script"),  # they have a shell run what comes after -c
}
_OPTION_C = re.compile(r"-[A-Za-z]*c[A-Za-z]*|--command")
_SPLITTING = re.compile(r"-[A-Za-z0]*S.*|--split-string.*", re.DOTALL)


@dataclass(slots=True)
class _Word:
    """A word: what is written, that without quotes, and what of it stands in none."""

    is_name: bool
    """Whether it stands where the name of a command may."""

    target: str = ""
    """The redirection whose target it is."""

    written: str = ""
    text: str = ""
    bare: str = ""
    holes: list[int] = field(default_factory=list)


def as_word(value: str, quoted: bool) -> str:
    """Return a value as the shell reads it: in quotes if it needs them, or has to have them.

    Examples
    --------
    >>> [as_word("1", False), as_word("a b", False), as_word("1", True)]
    ['1', "'a b'", "'1'"]
    """
    found = shlex.quote(value)
    return f"'{found}'" if quoted and found == value else found


def read_command(what: str, text: str, names: Sequence[str]) -> list[bool]:
    """Return for each value of a command whether to quote it whatever it is.

    Parameters
    ----------
    what : str
        The command as messages show it.
    text : str
        The command, with `HOLE` where values stand.
    names : sequence of str
        What the values are called, in their order; at least one.

    Raises
    ------
    RefusedError
        Where the shell (bash or dash) would run a value, compute with it or change it, and where it is not
        certain that it would not. What other programs make of their arguments can't be seen.

    Examples
    --------
    >>> read_command("run", f"run --alpha {HOLE} > out/{HOLE}.txt", ["alpha", "alpha"])
    [False, False]
    >>> read_command("run", f"X={HOLE} run $HOME/{HOLE}", ["x", "y"])
    [False, True]
    >>> read_command("run", f'run "{HOLE}"', ["x"])
    Traceback (most recent call last):
    ...
    torc_frames.errors.RefusedError: run: {x} stands in quotes; leave them out, values are quoted
    """
    reader = _ShellReader(what, names)
    reader.read(text)
    return reader.quoted


class _ShellReader:
    """Reads a command from its first character to its last."""

    def __init__(self, what: str, names: Sequence[str]) -> None:
        self.quoted = [True] * len(names)
        self._what, self._names = what, names
        self._next = 0
        self._words: list[_Word] = []
        self._word: _Word | None = None
        self._is_name = True
        self._target = ""
        self._ended_by = ""

    def read(self, text: str) -> None:
        """Read all of it."""
        if computed := _COMPUTED.search(text):
            raise self._refused(
                f"is in a command that sets {computed[1] or computed[2]}: the shell computes it"
            )
        at, before = 0, "blank"
        while at < len(text):
            match = _TOKENS.match(text, at)
            kind = match.lastgroup if match else None
            in_word = before not in ("blank", "operator", "redirected", "newline")
            if match is None or kind is None or (kind == "continued" and before not in ("blank", "newline")):
                raise self._refused(_why_not(text, at))
            found, at = match[0], match.end()
            if kind == "comment" and in_word:
                kind, found, at = "plain", "#", match.start() + 1
            if kind == "comment" and text[at : at + 1] == HOLE:
                raise self._refused("stands in a comment")
            if kind not in ("continued", "comment"):
                self._take(kind, found)
                before = "newline" if found == "\n" else kind
        self._end_command()

    def _refused(self, why: str, hole: int | None = None) -> RefusedError:
        name = self._names[min(self._next if hole is None else hole, len(self._names) - 1)]
        return RefusedError(f"{self._what}: {{{name}}} {why}")

    def _take(self, kind: str, found: str) -> None:
        if kind == "blank":
            self._end_word()
        elif kind == "operator":
            if found == "((":
                raise self._refused(f"is in a command with ((, where the shell computes; {_WAY}")
            self._end_command()
        elif kind == "redirected":
            self._redirect(found)
        else:
            self._add(kind, found)

    def _redirect(self, found: str) -> None:
        word = self._word
        if word is not None and _FILE_NUMBER.fullmatch(word.written):
            self._word = None
        elif word is not None and word.holes:
            word.bare += ">"  # no harmless one: digits before it would be a file's number
        self._end_word()
        self._target = found

    def _add(self, kind: str, found: str) -> None:
        """Add to the word."""
        if self._word is None:
            if self._ended_by and not self._target:
                raise self._refused(
                    f"is in a command with words after {self._ended_by} FILE: put them before"
                )
            self._word = _Word(self._is_name and not self._target, self._target)
            self._target = ""
        word = self._word
        word.written += found
        word.bare += found if kind in ("plain", "hole") else "$" if kind == "expanded" else "'"
        word.text += {"single": found[1:-1], "double": found[1:-1], "escaped": found[1:]}.get(kind, found)
        if kind == "hole":
            word.holes.append(self._next)
            self._next += 1

    def _end_word(self) -> None:
        word, self._word = self._word, None
        if word is None:
            return
        if word.holes:
            self._check_word(word)
        if word.target:
            self._ended_by = word.target if word.target.startswith("&>") else self._ended_by
            return
        self._words.append(word)
        after_name = bool(_ASSIGNED.match(word.written)) or word.written in _BEFORE_COMMANDS
        of_command = word.text.startswith("-") and bool(self._words[:-1])  # `command -p`
        in_case = word.written == "in" and self._words[0].written == "case"
        self._is_name = in_case or (word.is_name and (after_name or of_command))

    def _check_word(self, word: _Word) -> None:
        """Refuse words of which the shell may make several, or compute with; note which to quote."""
        before = word.bare.partition(HOLE)[0]
        if "[" in word.bare.rpartition(HOLE)[0]:
            raise self._refused(
                f"stands after [ in a word, where the shell may compute; {_WAY}", word.holes[0]
            )
        if "{" in word.bare:
            raise self._refused(
                f"is in a word with braces, of which the shell makes several; {_WAY}", word.holes[0]
            )
        if "&" in word.target and word.target.endswith("&"):
            raise self._refused("stands after & of a redirection: write > {column} 2>&1", word.holes[0])
        harmless = _HARMLESS.fullmatch(word.bare.replace(HOLE, ""))
        named = word.is_name and not _ASSIGNED.match(before)
        for hole in word.holes:
            self.quoted[hole] = named or not harmless

    def _end_command(self) -> None:
        """Refuse values for commands that read more into their arguments than texts."""
        self._end_word()
        # An empty variable is no word at all: what comes after it stands in its place.
        words = [word for word in self._words if set(word.bare) != {"$"}]
        self._words, self._is_name, self._target, self._ended_by = [], True, "", ""
        while words and (words[0].written in _BEFORE_COMMANDS or _ASSIGNED.match(words[0].written)):
            words = words[1:]
            while words and words[0].text.startswith("-"):
                words = words[1:]
        if not words:
            return
        name = os.path.basename(words[0].text)
        if name in _EVALUATING:
            raise self._refused(f"is in a command with {name}, where the shell may run or compute it; {_WAY}")
        why = _why_not_there(name, words)
        if why is not None:
            raise self._refused(why, next(word for word in words if word.holes).holes[0])


def _why_not_there(name: str, words: Sequence[_Word]) -> str | None:
    """Say why a command can't have the values that it has; None if it can."""
    filled = [word for word in words[1:] if word.holes]
    if not filled:
        return None
    pairs = list(itertools.pairwise(words))
    if name in _TAKING_NAMES and (name not in ("for", "select") or words[1].holes):
        return f"stands for a name of the shell's in {name}; {_WAY}"
    if name in ("export", "readonly") and not all(_ASSIGNED.match(word.written) for word in filled):
        return f"stands for a name of the shell's: write {name} NAME={{column}}"
    if name in _ELSEWHERE:
        return f"goes through {name}, by which another shell reads it again; {_WAY}"
    if name == "printf" and (words[1].holes or words[1].text == "-v"):
        return "stands where printf has options: write printf '%s' {column}"
    if name in ("test", "[") and any(
        word.holes and (before.holes or before.text in ("-v", "-R")) for before, word in pairs
    ):
        return f"stands where {name} may compute with it: compare it by ="
    if any(script.holes for script in _scripts(words)):
        return f"is in a text that another shell runs; {_WAY}"
    return None


def _scripts(words: Sequence[_Word]) -> list[_Word]:
    """Return the texts that other shells are to run: what comes after their -c, or after env -S."""
    found: list[_Word] = []
    for at, word in enumerate(words):
        if os.path.basename(word.text) == "env":
            split = [place for place in range(at, len(words)) if _SPLITTING.fullmatch(words[place].text)]
            found += words[split[0] : split[0] + 2] if split else []
        if os.path.basename(word.text) in _SHELLS:
            options = [place for place in range(at, len(words)) if _OPTION_C.fullmatch(words[place].text)]
            rest = words[options[0] + 1 :] if options else []
            found += [one for one in rest if not one.text.startswith("-")][:1]
    return found


def _why_not(text: str, at: int) -> str:
    """Say what is in the way of telling where values stand."""
    rest = text[at:]
    if rest.startswith("\\" + HOLE):
        return "stands after a backslash; leave that out, values are quoted"
    if rest.startswith("\\"):
        return "is in a command whose line goes on in the next one: put a blank before the backslash"
    if rest.startswith("$" + HOLE):
        return "stands after $: leave that out, or write ${{name}} for a variable of the shell"
    if rest.startswith("`"):
        return "is in a command with backquotes, in which quotes don't hold: write $(…) for them"
    if rest.startswith(("<<", "<(", ">(")):
        return f"is in a command with {rest[:2]}, in which quotes don't hold; {_WAY}"
    if rest.startswith("$"):
        return f"is in a command with {rest[:2]}…, in which quotes may not hold; {_WAY}"
    if HOLE in rest.rpartition(rest[0])[0]:
        return "stands in quotes; leave them out, values are quoted"
    return f"is in a command with quotes that don't end, or hold too much to be certain of; {_WAY}"
