"""Whatever is done to a sheet, and in whatever order: undo takes it back, redo does it again, dtypes stay."""

import json

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from strategies import examples

from torc_frames.errors import RefusedError
from torc_frames.frame.rules import Rule
from torc_frames.widgets.parameters.conditions import Condition
from torc_frames.widgets.parameters.filling import Linspace, Logspace, Repeated, StepSeries
from torc_frames.widgets.parameters.model import Sheet
from torc_frames.widgets.table.clipboard import write_cells
from torc_frames.widgets.table.finding import Search
from torc_frames.widgets.table.source import Block, EditableSource


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return pd.Series(array, dtype=object)


def frame():
    columns = {
        "int": pd.Series([1, -2, 3, 4], dtype="int64"),
        "Int": pd.Series([1, None, 3, 2**60], dtype="Int64"),
        "model.lr": pd.Series([0.1, np.nan, 1e-9, 5.0]),
        "bool": pd.Series([True, False, True, True]),
        "text": pd.Series(["a", "", None, '""'], dtype=pd.StringDtype(na_value=np.nan)),
        "plain text": objects(["b", "1", None, "b"]),
        "when": pd.Series(pd.to_datetime(["2026-01-01 00:00", None, "2026-07-01 12:00", "2026-01-01 00:00"])),
        "zoned": pd.Series(
            pd.to_datetime(["2026-10-25 00:30", None, "2026-10-25 01:30", "2026-01-01 00:00"], utc=True)
        ),
        "kind": pd.Series(pd.Categorical(["x", None, "y", "x"], categories=["y", "x"])),
        "nested": objects([{"a": [1]}, None, [True, 1, 1.0], "1"]),
    }
    made = pd.DataFrame(columns)
    made["zoned"] = made["zoned"].dt.tz_convert("Europe/Berlin")
    made.index = pd.Index([str(key) for key in (7, 8, 9, 10)], dtype="str", name="job_key")
    made.attrs["torc"] = {"url": "study.db", "workflow_key": "1", "kind": "parameters", "rev": 5}
    return made


RULES = {
    "Int": Rule(min=2),
    "model.lr": Rule(above=0, required=True),
    "plain text": Rule(unique=True),
    "text": Rule(choices=["a", "b", ""]),
}


def table_rule(rows):
    return rows["int"] != 3 if "int" in rows else {}


TEXTS = st.sampled_from(
    [
        *("", "1", "-3", "2.5", "1e400", "abc", "true", '""', "x", "y", "a\tb", "a\nb", "1,5", "null"),
        *("2026-03-29", "2026-10-25 02:30", "2026-01-01 00:00:00+01:00", "9007199254740993"),
        *('{"a": 1}', "[1", '"1"'),
    ]
)
DTYPES = st.sampled_from(
    [
        *("int64", "Int64", "float64", "bool", "boolean", "str", "string", "category", "json", "int8"),
        *("uint8", "float32", "datetime64[us]", "datetime64[us, UTC]", "timedelta64[s]"),
    ]
)
NAMES = st.sampled_from(["int", "Int", "model.lr", "text", "kind", "nested", "new", "other", "zoned", "when"])
FORMULAS = st.sampled_from(
    [
        *("row", "row * 2 + 1", "model.lr / 2", "coalesce(Int, 1)", "'run-' + str(row)", "1 / row", "text"),
        *("Int ** 9", "where(row > 1, 1, None)", "`plain text`", "open('x')", "int > 0"),
    ]
)
SERIES = st.sampled_from(
    [StepSeries(1), StepSeries(0.1, 0.1), Linspace(0, 1), Logspace(1, 100), Repeated(["a", 1, None])]
)
CONDITIONS = st.sampled_from(
    [
        Condition(None, "contains", "1"),
        Condition("Int", "range", low="2"),
        Condition("kind", "choices", choices=("x", "")),
        Condition("text", "missing", negated=True),
        Condition(None, "changed"),
        Condition(None, "invalid"),
        Condition(None, "new", negated=True),
        Condition("job_key", "equals", "8"),
    ]
)


def value_key(value):
    """A text by which values of any dtype can be compared, kinds of missing ones included."""
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return f"{type(value).__name__} {value!r}"


def whole(sheet):
    """All there is in a sheet, whatever of it is shown."""
    value, problems = sheet.value, sheet.problems
    own = sheet._state.own
    return {
        "columns": sheet.columns,
        "texts": [column.texts(own) for column in sheet._state.columns],
        "value": [[value_key(cell) for cell in value[name].tolist()] for name in value.columns],
        "index": [value_key(key) for key in value.index],
        "dtypes": [str(dtype) for dtype in value.dtypes],
        "attrs": value.attrs,
        "problems": [[value_key(cell) for cell in problems[name].tolist()] for name in problems.columns],
        "counts": sheet.counts,
        "deleted": sheet.deleted_keys,
        "dropped": sheet.dropped_columns,
        "dirty": sheet.is_dirty,
    }


def seen(sheet):
    """All there is to see of a sheet."""
    shown = {"order": sheet.order, "conditions": sheet.conditions, "rows": sheet.rows(0, len(sheet))}
    return {**whole(sheet), **shown}


class Steps_(RuleBasedStateMachine):  # noqa: N801
    @initialize(keyed=st.booleans(), rules=st.booleans())
    def start(self, keyed, rules):
        base = frame() if keyed else frame().reset_index(drop=True)
        self.base = base.copy()
        self.sheet = Sheet(base, rules=RULES if rules else None, table_rule=table_rule if rules else None)
        self.rules = {"rules": RULES if rules else None, "table_rule": table_rule if rules else None}
        self.arranged = 0
        self.states = [(0, self.look())]
        self.told = []
        self.sheet.on_change(self.told.append)

    def look(self):
        return seen(self.sheet)

    def check_state(self):
        """What there is, is what there was; and so it is seen, unless it was sorted or filtered since."""
        arranged, state = self.states[len(self.sheet._history._done)]
        if arranged == self.arranged:
            assert self.look() == state
        now = whole(self.sheet)
        assert now == {name: state[name] for name in now}

    def arrange(self, function, *arguments):
        """Sort or filter: that is no step, and changes nothing but what is seen."""
        before, history = self.look(), self.sheet._history
        steps = len(history._done), len(history._undone)
        try:
            function(*arguments)
        except RefusedError:
            assert self.look() == before
        assert (len(history._done), len(history._undone)) == steps
        now = whole(self.sheet)
        assert now == {name: before[name] for name in now}
        self.arranged += self.look() != before

    def do(self, function, *arguments):
        """Do one thing: it is one step, or refused with nothing changed."""
        before = self.look()
        steps = len(self.sheet._history._done)
        self.told.clear()
        try:
            function(*arguments)
        except RefusedError:
            assert self.look() == before
            assert len(self.sheet._history._done) == steps
            return
        if len(self.sheet._history._done) == steps:
            assert self.look() == before
            assert self.told == []
            return
        assert len(self.sheet._history._done) == steps + 1
        assert len(self.told) == 1
        del self.states[steps + 1 :]
        self.states.append((self.arranged, self.look()))
        self.check_told(before)

    def check_told(self, before):
        """Rows that nobody was told of are as they were."""
        (change,) = self.told
        if change.rows is not None and not change.columns:
            after = self.states[-1][1]["rows"]
            for at, (old, new) in enumerate(zip(before["rows"], after, strict=True)):
                assert old == new or change.rows[0] <= at < change.rows[1]

    def block(self, data):
        rows, columns = len(self.sheet), len(self.sheet.columns)
        top = data.draw(st.integers(0, rows))
        left = data.draw(st.integers(0, columns - 1))
        return Block(top, left, top + data.draw(st.integers(1, 3)), left + data.draw(st.integers(1, 4)))

    @rule(data=st.data(), switched=st.booleans(), down=st.booleans(), far=st.integers(-3, 3))
    def fill(self, data, switched, down, far):
        block = self.block(data)
        if down:
            begin = max(0, block.top + far) if far < 0 else block.bottom
            target = block._replace(top=begin, bottom=begin + abs(far) + 1)
        else:
            begin = max(0, block.left + far) if far < 0 else block.right
            target = block._replace(left=begin, right=begin + abs(far) + 1)
        self.do(self.sheet.fill, block, target, switched)

    @rule(data=st.data(), texts=st.lists(TEXTS, min_size=1, max_size=3))
    def set_texts(self, data, texts):
        cells = [
            (
                data.draw(st.integers(0, len(self.sheet))),
                data.draw(st.integers(0, len(self.sheet.columns))),
                text,
            )
            for text in texts
        ]
        self.do(self.sheet.set_texts, cells)

    @rule(data=st.data(), text=TEXTS)
    def set_one(self, data, text):
        if len(self.sheet) and len(self.sheet.columns) > 1:
            row = data.draw(st.integers(0, len(self.sheet) - 1))
            self.do(
                self.sheet.set_texts, [(row, data.draw(st.integers(1, len(self.sheet.columns) - 1)), text)]
            )

    @rule(data=st.data(), cells=st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=3))
    def paste(self, data, cells):
        self.do(self.sheet.paste, self.block(data), write_cells(cells))

    @rule(data=st.data())
    def paste_what_was_copied(self, data):
        block = self.block(data)
        self.do(self.sheet.paste, self.block(data), self.sheet.text(block))

    @rule(data=st.data())
    def paste_it_where_it_was(self, data):
        if len(self.sheet.columns) > 1:
            block = self.block(data)._replace(left=1 if self.sheet.columns[0].read_only else 0)
            if block.top < len(self.sheet) and block.left < block.right:
                before = self.sheet.rows(0, len(self.sheet))
                block = block._replace(
                    bottom=min(block.bottom, len(before)), right=min(block.right, len(self.sheet.columns))
                )
                self.do(self.sheet.paste, block, self.sheet.text(block))
                after = self.sheet.rows(0, len(self.sheet))
                assert [row.texts for row in after] == [row.texts for row in before]

    @rule(data=st.data())
    def clear(self, data):
        self.do(self.sheet.clear, self.block(data))

    @rule(data=st.data())
    def insert(self, data):
        at, count = data.draw(st.integers(0, len(self.sheet))), data.draw(st.integers(1, 2))
        self.do(self.sheet.insert_rows, at, count)

    @rule(data=st.data())
    def duplicate(self, data):
        start = data.draw(st.integers(0, len(self.sheet)))
        self.do(self.sheet.duplicate_rows, start, start + data.draw(st.integers(0, 2)))

    @rule(data=st.data())
    def delete(self, data):
        start = data.draw(st.integers(0, len(self.sheet)))
        self.do(self.sheet.delete_rows, start, start + data.draw(st.integers(0, 2)))

    @rule(data=st.data())
    def restore_rows(self, data):
        start = data.draw(st.integers(0, len(self.sheet)))
        self.do(self.sheet.restore_rows, start, start + data.draw(st.integers(0, 3)))

    @rule(names=st.lists(st.sampled_from(["int", "text", "kind", "nested"]), unique=True))
    def append(self, names):
        self.do(self.sheet.append, frame()[names].iloc[:2])

    @rule(name=NAMES, dtype=DTYPES, default=TEXTS, at=st.none() | st.integers(0, 3))
    def add_column(self, name, dtype, default, at):
        self.do(self.sheet.add_column, name, dtype, default, at)

    @rule(old=NAMES, new=NAMES)
    def rename(self, old, new):
        self.do(self.sheet.rename_column, old, new)

    @rule(name=NAMES)
    def drop(self, name):
        self.do(self.sheet.drop_column, name)

    @rule(name=NAMES, dtype=DTYPES)
    def retype(self, name, dtype):
        self.do(self.sheet.retype_column, name, dtype)

    @rule(formula=FORMULAS, name=NAMES)
    def fill_formula(self, formula, name):
        self.do(self.sheet.fill_formula, formula, name)

    @rule(data=st.data(), series=SERIES)
    def fill_series(self, data, series):
        where = data.draw(NAMES) if data.draw(st.booleans()) else self.block(data)
        self.do(self.sheet.fill_series, series, where)

    @rule(
        pattern=st.sampled_from(["a", "1", "[0-9]+", "^$", "."]),
        by=TEXTS,
        name=st.none() | NAMES,
        re=st.booleans(),
    )
    def replace(self, pattern, by, name, re):
        self.do(self.sheet.replace, Search(pattern, regex=re), by, name)

    @rule(data=st.data(), ascending=st.sampled_from([True, False, None]))
    def sort(self, data, ascending):
        self.arrange(self.sheet.sort, data.draw(st.integers(0, len(self.sheet.columns) - 1)), ascending)

    @rule(conditions=st.lists(CONDITIONS, max_size=2))
    def filter(self, conditions):
        self.arrange(self.sheet.filter, *conditions)

    @rule(times=st.integers(1, 4))
    def undo_and_redo(self, times):
        for _ in range(times):
            self.sheet.undo()
            self.check_state()
        for _ in range(times):
            self.sheet.redo()
            self.check_state()

    @rule(times=st.integers(1, 3))
    def undo(self, times):
        for _ in range(times):
            self.sheet.undo()
        self.check_state()

    @precondition(lambda self: self.sheet.can_redo)
    @rule()
    def redo(self):
        self.sheet.redo()
        self.check_state()

    @rule()
    def keep_and_restore(self):
        kept = json.loads(json.dumps(self.sheet.state()))
        other = Sheet.restore(self.base, kept, **self.rules)
        assert other.lost == []
        assert whole(other) == whole(self.sheet)
        assert other.is_dirty == self.sheet.is_dirty
        again = Sheet.restore(self.base, other.state(), **self.rules)
        assert again.state() == other.state()

    @rule()
    def rebase_on_the_same_frame(self):
        other = Sheet.restore(self.base, self.sheet.state(), **self.rules)
        other.rebase(self.base)
        assert whole(other) == whole(self.sheet)

    @invariant()
    def dtypes_are_those_of_the_columns(self):
        if hasattr(self, "sheet"):
            value = self.sheet.value
            shown = [column for column in self.sheet.columns if column.name != "job_key"]
            assert [str(dtype) for dtype in value.dtypes] == [column.dtype for column in shown]
            assert list(value.columns) == [column.name for column in shown]
            pd.testing.assert_frame_equal(
                self.sheet.base.reset_index(drop=True), self.base.reset_index(drop=True)
            )
            assert len(value) == len(self.sheet._state.complete())

    def teardown(self):
        if not hasattr(self, "sheet"):
            return
        last = whole(self.sheet)
        count = len(self.sheet._history._done)
        self.check_state()
        while self.sheet.can_undo:
            self.sheet.undo()
        self.check_state()
        for _ in range(count):
            self.sheet.redo()
        self.check_state()
        assert whole(self.sheet) == last


Steps_.TestCase.settings = settings(stateful_step_count=25, max_examples=examples(12))
TestEverythingIsUndone = Steps_.TestCase


def test_a_sheet_is_what_a_grid_asks_for():
    assert isinstance(Sheet(frame()), EditableSource)
