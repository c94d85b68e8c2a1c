"""Patterns of jobs' names and commands, read back: the inverse of templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

import pandas as pd

from torc_frames.errors import RefusedError, shorten
from torc_frames.frame.numerals import as_number
from torc_frames.frame.texts import typed

__all__ = ["JobPattern", "PatternRead"]

_PART = re.compile(r"\{\{|\}\}|\$\{[^{}]*\}|\{(?P<column>\w[\w.-]*)(?::(?P<spec>[^{}\s]*))?\}")
_SPEC = re.compile(r"(?P<sign>[-+]?)(?P<width>[0-9]*)(?P<digits>\.[0-9]{1,3})?(?P<kind>[deEfFgG]?)")
_NUMBERS = {
    "d": re.compile(r" *[-+]?[0-9]+"),
    "f": re.compile(r" *[-+]?[0-9]+(\.[0-9]+)?"),
    "g": re.compile(r" *[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"),
}
_PADDED = re.compile(r"^ *(?:\+|(-)|)0*(?=[0-9])")
_GAPS = re.compile(r"[\s\"'\\;|&<>()]+")
_KEYS = ("job_key", "job_name")
_SHOWN = 3
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Hole:
    """What stands for a value: its column, and of a number the format, and what one looks like in it."""

    column: str
    spec: str = ""
    number: re.Pattern[str] | None = None

    def shown(self, text: str) -> str:
        """Return a value as it stands in this hole."""
        number = as_number(text)
        try:
            return format(number, self.spec) if self.spec and number is not None else text
        except ValueError:  # a float where the format is of integers
            return text

    def holds(self, text: str, value: str) -> bool:
        """Return whether a text in this hole is a value, maybe rounded."""
        return text in (value, self.shown(value)) or (bool(self.spec) and _plain(text) == value)


@dataclass(frozen=True, slots=True)
class Word:
    """Holes between literal texts, of which there is one more."""

    literals: tuple[str, ...]
    holes: tuple[Hole, ...]

    def read(self, text: str) -> tuple[int, tuple[str, ...]] | None:
        """Return in how many ways a text is this word (2 are many), and one of them; None if it is not.

        A number takes all digits that there are. It takes time as long as the text, for each hole.
        """
        if not text.startswith(self.literals[0]):
            return None
        ways: Ways = {len(self.literals[0]): (1, ())}
        for place, (hole, after) in enumerate(zip(self.holes, self.literals[1:], strict=True), 1):
            is_last = place == len(self.holes)
            step = _texts if hole.number is None else _numbers
            ways = step(text, ways, hole, after, is_last)
        count, spans = ways.get(len(text), (0, ()))
        return (count, tuple(text[start:end] for start, end in spans)) if count else None

    def shown(self, values: Mapping[str, str]) -> str | None:
        """Return the word with values in it, None if one is missing."""
        if not values.keys() >= {hole.column for hole in self.holes}:
            return None
        filled = [hole.shown(values[hole.column]) for hole in self.holes]
        return "".join(part for pair in zip_longest(self.literals, filled, fillvalue="") for part in pair)


Spans = tuple[tuple[int, int], ...]
Ways = dict[int, tuple[int, Spans]]
"""By where the next part begins: in how many ways one gets there, and where holes are on one of them."""


def _texts(text: str, ways: Ways, hole: Hole, after: str, is_last: bool) -> Ways:
    reached: Ways = {}
    starts = iter(ways.items())
    start = next(starts, None)
    count, begin, spans = 0, 0, ()  # type: int, int, Spans
    for end in _ends(text, after, is_last):
        while start is not None and start[0] < end:
            begin, (more, spans) = start
            count += more
            start = next(starts, None)
        if count:
            reached[end + len(after)] = (min(count, 2), (*spans, (begin, end)))
    return reached


def _numbers(text: str, ways: Ways, hole: Hole, after: str, is_last: bool) -> Ways:
    reached: Ways = {}
    assert hole.number is not None
    for start, (count, spans) in ways.items():
        found = hole.number.match(text, start)
        if found and text.startswith(after, found.end()):
            end = found.end() + len(after)
            before = reached.get(end, (0, ()))[0]
            reached[end] = (min(before + count, 2), (*spans, found.span()))
    return reached


def _ends(text: str, after: str, is_last: bool) -> Iterator[int]:
    """Yield where a literal stands; the last one stands at the end."""
    if is_last:
        if text.endswith(after):
            yield len(text) - len(after)
        return
    at = text.find(after)
    while at >= 0:
        yield at
        at = text.find(after, at + 1)


@dataclass(frozen=True, slots=True)
class PatternRead:
    """What patterns say of jobs.

    Attributes
    ----------
    columns : dict of str to Series
        The values by column and job, missing where a job does not say it.
    told : list of str
        What to tell of jobs that say nothing, or not one thing.
    """

    columns: dict[str, pd.Series]
    told: list[str]


class JobPattern:
    """A pattern of names, of commands, or of both.

    Parameters
    ----------
    name : str, optional
        A template as torc's specifications and `Workflow.push` have them: ``train_lr{lr:.4f}_bs{bs}``.
    command : str, optional
        The same of a command, or of some words of it, one after the other.

    Raises
    ------
    RefusedError
        For what can't be read in one way.

    Examples
    --------
    >>> pattern = JobPattern("train_lr{lr}_{model}", "--seed={seed:03d}")
    >>> read = pattern.read(["train_lr0.1_svd", "train_lr1_cg"], ["fit --seed=007", "fit --seed=008"])
    >>> {name: column.tolist() for name, column in read.columns.items()}
    {'lr': [0.1, 1.0], 'model': ['svd', 'cg'], 'seed': [7, 8]}
    """

    def __init__(self, name: str | None = None, command: str | None = None) -> None:
        self.name = None if name is None else _word("pattern", name, name)
        words = () if command is None else tuple(_words(command))
        self.command = [_word("command_pattern", command or "", word) for word in words]
        self._texts = (name, command)
        holes = [hole for word in (self.name, *self.command) if word for hole in word.holes]
        self.columns = list(dict.fromkeys(hole.column for hole in holes))
        for what, text, found in (("pattern", name, [self.name]), ("command_pattern", command, self.command)):
            if text is not None and not any(word and word.holes for word in found):
                raise RefusedError(
                    f"{what}={text!r} names no column: write {{lr}} where the value of lr stands"
                )
        if reserved := [column for column in self.columns if column in _KEYS]:
            raise RefusedError(f"a pattern's column can't be named {shorten(reserved)}, which names jobs")

    def read(self, names: Sequence[str], commands: Sequence[str]) -> PatternRead:
        """Return what the names and commands of jobs say, in the dtype that all texts of a column have.

        Raises
        ------
        RefusedError
            If that is nothing, with some of them.
        """
        rows: list[Mapping[str, str]] = []
        problems: list[tuple[str, str]] = []
        for name, command in zip(names, commands, strict=True):
            values, problem = self._row(name, command)
            rows.append(values)
            if problem:
                problems.append((name, problem))
        if rows and not any(rows):
            raise RefusedError(self._nothing(names, commands, problems))
        texts = {column: [row.get(column) for row in rows] for column in self.columns}
        return PatternRead(
            {column: typed(found) for column, found in texts.items()}, _told(problems, len(rows))
        )

    def _row(self, name: str, command: str) -> tuple[Mapping[str, str], str]:
        """Return the texts of one job by column, and what there is to say of it, "" for nothing."""
        named = _read([self.name], [name]) if self.name else None
        windows = list(self._windows(command)) if self.command else []
        if not named and not windows:
            return {}, _UNLIKE
        found = [_joined([*(named or []), *window]) for window in windows or [[]]]
        values = found[0] if all(one == found[0] for one in found) else _SEVERAL
        if isinstance(values, str):
            return {}, values
        return values, _PARTLY if self.name and self.command and not (named and windows) else ""

    def _windows(self, command: str) -> Iterator[list[WordRead]]:
        """Yield the words of a command that are those of the pattern, as they are read."""
        words, width = _words(command), len(self.command)
        for start in range(len(words) - width + 1):
            if read := _read(self.command, words[start : start + width]):
                yield read

    def _nothing(
        self, names: Sequence[str], commands: Sequence[str], problems: Sequence[tuple[str, str]]
    ) -> str:
        pairs = zip(("name", "command"), self._texts, (names, commands), strict=True)
        told = [
            f"no job's {what} is read by {text!r}; they are such as "
            f"{', '.join(_cut(one) for one in dict.fromkeys(found[:_SHOWN]))}"
            for what, text, found in pairs
            if text is not None
        ]
        reasons = sorted({reason for _, reason in problems} - {_UNLIKE})
        return "; ".join([*told, *reasons])


_UNLIKE = "are not of the pattern"
_PARTLY = "are of one of the patterns only"
_SEVERAL = "can be read in several ways: a longer pattern, or one of the command, says which"


WordRead = tuple[Word, str, int, tuple[str, ...]]
"""A word, a text that is one, in how many ways, and what stands in its holes."""


def _read(words: Sequence[Word], texts: Sequence[str]) -> list[WordRead] | None:
    """Return how words are read in as many texts, None if one is another."""
    read: list[WordRead] = []
    for word, text in zip(words, texts, strict=True):
        found = word.read(text)
        if found is None:
            return None
        read.append((word, text, *found))
    return read


def _joined(parts: Sequence[WordRead]) -> Mapping[str, str] | str:
    """Return the values of words by column, each once; or why there is not one of each."""
    found: dict[str, list[tuple[Hole, str]]] = {}
    for word, _, count, texts in parts:
        if count == 1:
            for hole, value in zip(word.holes, texts, strict=True):
                found.setdefault(hole.column, []).append((hole, value))
    values = {column: _value(places) for column, places in found.items()}
    for column, places in found.items():
        if not all(hole.holds(text, values[column]) for hole, text in places):
            return f"have different values for {column}"
    # What can be read in several ways alone is known by what the other words say.
    known = all(word.shown(values) == text for word, text, count, _ in parts if count > 1)
    return values if known else _SEVERAL


def _value(places: Sequence[tuple[Hole, str]]) -> str:
    """Return the text that is the least rounded."""
    hole, text = max(places, key=lambda place: (not place[0].spec, len(place[1])))
    return _plain(text) if hole.spec else text


def _plain(text: str) -> str:
    """Return the text of a number without what it was padded with."""
    return _PADDED.sub(r"\1", text)


def _told(problems: Sequence[tuple[str, str]], of: int) -> list[str]:
    jobs: dict[str, list[str]] = {}
    for name, reason in problems:
        jobs.setdefault(reason, []).append(name)
    return [
        f"{len(found)} of {of} jobs {reason}: {shorten(map(_cut, found))}" for reason, found in jobs.items()
    ]


def _cut(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}\u2026")


def _words(command: str) -> list[str]:
    """Return what stands between blanks, quotes and other signs of the shell."""
    return [word for word in _GAPS.split(command) if word]


@lru_cache(maxsize=256)
def _word(what: str, pattern: str, word: str) -> Word:
    literals, end = [""], 0
    holes: list[Hole] = []
    for part in _PART.finditer(word):
        literals[-1] += word[end : part.start()]
        end = part.end()
        if part["column"] is None:
            literals[-1] += part[0][0] if part[0] in ("{{", "}}") else part[0]
            continue
        if holes and not literals[-1]:
            raise RefusedError(
                f"{what}={pattern!r}: nothing stands between {{{holes[-1].column}}} and {part[0]}, so that "
                "nobody can tell where one ends"
            )
        holes.append(_hole(what, pattern, part["column"], part["spec"] or ""))
        literals.append("")
    literals[-1] += word[end:]
    for hole, after in zip(holes, literals[1:], strict=True):
        if hole.number is not None and after[:1].isdigit():
            raise RefusedError(f"{what}={pattern!r}: a digit stands after the number {hole.column}")
    return Word(tuple(literals), tuple(holes))


def _hole(what: str, pattern: str, column: str, spec: str) -> Hole:
    kind = _SPEC.fullmatch(spec)
    if kind is None:
        raise RefusedError(
            f"{what}={pattern!r}: {spec!r} is no format that can be read; write such as :03d, :.4f or :.2e"
        )
    return Hole(column, spec, _NUMBERS.get(kind["kind"].lower(), _NUMBERS["g"]) if spec else None)
