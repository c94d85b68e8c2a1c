"""JSON by the letter of RFC 8259: what is JSON is kept as it is, what is none is refused, in every store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pyarrow as pa
from stores import STORES

from tests.trust.fault import Fault, Place
from torc_frames.errors import RefusedError, TorcFramesError
from torc_frames.files.exports import json_columns
from torc_frames.files.tables import read_table
from torc_frames.frame.encode import encode_frame
from torc_frames.frame.exact import is_same
from torc_frames.frame.flatten import RESERVED, unflatten
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.workflow.client import Client

# By the grammar of RFC 8259, sections 2 to 8: values, white space, objects, arrays, numbers, strings.
VALID = [
    *("null", "true", "false", "0", "-0", "7", "-12", "9007199254740993", "-9223372036854775808"),
    *(
        "18446744073709551616",
        "0.5",
        "-0.5",
        "0.0",
        "-0.0",
        "1e2",
        "1E+2",
        "1e-2",
        "1.5e300",
        "5e-324",
        "1e0",
    ),
    *('""', '"a"', '" "', r'"\""', r'"\\"', r'"\/"', r'"\b\f\n\r\t"', r'"\u0000"', r'"\u001f"', r'"\u00e9"'),
    *(
        r'"\ud83d\ude00"',
        '"é"',
        '"😀"',
        '"\u2028\u2029"',
        '"\x7f"',
        '"null"',
        '"2020-01-01"',
        '"=1+1"',
        '"NaN"',
    ),
    *(
        "[]",
        "[null]",
        "[1,2,3]",
        '[1,"a",null,true,[],{}]',
        "[[[[[]]]]]",
        "[0.5,1]",
        "[9007199254740993,0.5]",
    ),
    *(
        "{}",
        '{"a":1}',
        '{"":0}',
        '{"a":{"b":{"c":[]}}}',
        '{"a.b":1,"a":{"b":2}}',
        r'{"\u0061":1}',
        '{"a":null}',
    ),
    *('{"é":"é"}', '{"__proto__":1}', '{"rev":1,"data":2,"job_key":3}', '{"a":[{"b":1},{"b":null},{}]}'),
    *(" 1 ", "\t[\n1\r,\t2 ]\n", '{ "a" : 1 , "b" : 2 }'),
]
NO_JSON = [
    *("", " ", "nul", "True", "NULL", "None", "NaN", "Infinity", "-Infinity", "nan", "undefined", "1 2"),
    *("01", "-01", "+1", ".5", "1.", "1.e1", "1e", "1e+", "--1", "-", "0x1F", "1_000", "1,5", "1a"),
    *(
        '"',
        '"a',
        "'a'",
        r'"\x41"',
        r'"\u12"',
        r'"\u12g4"',
        r'"\a"',
        '"a\nb"',
        '"a\tb"',
        '"\x00"',
        '"\x1f"',
        '"\\',
    ),
    *(
        "[",
        "]",
        "[1",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1}",
        "[1]]",
        "{",
        "}",
        "{1:2}",
        "{a:1}",
        "{'a':1}",
    ),
    *(
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{,"a":1}',
        '{"a":1 "b":2}',
        '{"a":1}}',
        '{"a":1]',
        '{"a"::1}',
        "{null:1}",
    ),
    *("/* */1", "1 // one", "# 1", "\ufeff1", "\u00a01", "[1]\x00", "\x0c1", "1;"),
]


LONE_SURROGATES = [r'"\ud800"', r'"\udc00\ud800"', r'{"\udfff":1}']
"""JSON by its grammar, and no Unicode: what is made of them differs, but never an error that is not ours."""


def _kept(store_name: str) -> Callable[[Place], int]:
    """Return what keeps every value in a store, as a record and as a parameter, or has it refused."""

    def attempt(place: Place) -> int:
        kind = STORES[store_name]
        servers = {
            "torc_server": lambda: place.servers.torc,
            "first_service": lambda: place.servers.first_service,
        }
        with closing(kind.make(place.folder, servers[kind.server]() if kind.server else None)) as store:
            wf = Client(store).create_workflow("texts")
            values = [{"x": json.loads(text)} for text in VALID]
            place.random.shuffle(values)
            kept = {}
            for value in values:
                try:
                    (key,) = wf.add_user_data(None, value)
                except RefusedError:
                    assert not kind.keeps_all_json, value
                    continue
                kept[key] = value
            for key, value in kept.items():
                _same(wf.get_user_data(key).data, value)
            frame = wf.user_data().set_index("record_key")
            arrow = pa.table(wf.stream())
            assert len(frame) == arrow.num_rows == len(kept)
            wf.delete_user_data(*kept)
        return len(VALID)

    return attempt


def _same(found: Any, value: Any) -> None:
    assert is_same(_in_order(found), _in_order(value)), (value, found)


def _in_order(value: Any) -> Any:
    """Return a value with the keys of its objects sorted; torc-server sorts them."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


def _read_from_the_file(place: Place) -> int:
    """Read what others have written into the file: JSON as it is, all else by its key."""
    texts = [*VALID, *NO_JSON, *LONE_SURROGATES]
    place.random.shuffle(texts)
    with closing(SQLiteStore(place.folder / "texts.db")) as store:
        wf = Client(store).create_workflow("texts")
        (key,) = wf.add_user_data(None, {"x": 0})
        for text in texts:
            with closing(sqlite3.connect(store.path)) as database, database:
                database.execute("UPDATE user_data SET data = ?", (f'{{"x":{text}}}',))
            for read in (lambda: wf.get_user_data(key).data, lambda: _cells(wf), lambda: _streamed(wf)):
                try:
                    found = read()
                except TorcFramesError:
                    assert text not in VALID, text
                    continue
                assert text not in NO_JSON, text
                if isinstance(found, dict) and text in VALID:
                    _same(found, {"x": json.loads(text)})
    return len(texts)


def _cells(wf: Any) -> Any:
    """Return a record as the frame has it."""
    columns = {name: cells for name, cells in json_columns(wf.user_data()).items() if name not in RESERVED}
    data = unflatten({name: cells[0] for name, cells in columns.items()})
    return data if data else None


def _streamed(wf: Any) -> None:
    pa.table(wf.stream())


def _pushed_from_a_file(place: Place) -> int:
    """Read tables that are files: of JSON, and of what is none."""
    for suffix, frame in ((".json", '[{"x":%s}]'), (".jsonl", '{"x":%s}')):
        path = place.folder / f"table{suffix}"
        for text in (*VALID, *NO_JSON, *LONE_SURROGATES):
            path.write_text(frame % text, encoding="utf-8", newline="")
            try:
                table = read_table(path)
                encode_frame(table)
            except RefusedError:
                assert text not in VALID or "\n" in text, text
                continue
            assert text not in NO_JSON, text
            if text in VALID and list(table) == ["x"]:
                _same(json_columns(table)["x"][0], json.loads(text))
    return 2 * len([*VALID, *NO_JSON, *LONE_SURROGATES])


FAULTS = [
    Fault(f"every kind of JSON is kept as it is, or refused: {where}", where, 1, 20, _kept(name))
    for name, where in (("sqlite", "embedded"), ("torc-server", "torc-server"), ("service", "serve"))
] + [
    Fault("texts that are JSON or none stand in the file", "embedded", 1, 20, _read_from_the_file),
    Fault("texts that are JSON or none are pushed as a file", "files", 1, 20, _pushed_from_a_file),
]
