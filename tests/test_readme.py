"""Every block of the README runs, twice in a row in one folder, and the second time changes nothing."""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ipywidgets import Widget
from places import REPOSITORY
from servers import TorcServer, need_binary, wipe
from services import Service

import torc_frames as tf

README = REPOSITORY / "README.md"
SERVER, SERVICE = "http://localhost:8080/torc-service/v1", "http://localhost:8529/_db/workflows/torc-service"


class Block(NamedTuple):
    """A block of code, and the line above it."""

    language: str
    code: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    for found in re.finditer(r"^```(python|sh)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)


BLOCKS = list(blocks(README.read_text()))
PYTHON = [block for block in BLOCKS if block.language == "python"]
IN_JOB = next(block.code for block in PYTHON if "current_job()" in block.code)
FUNCTION = next(block.code for block in PYTHON if "def fit(" in block.code).partition("table =")[0]

# Of many jobs only some import pandas, which takes long.
SCRIPT = f"""
import sys
import torc_frames as tf

if sys.argv[1:]:
    tf.current_job().store(accuracy=0.97)
else:
    import pandas as pd
    df = pd.DataFrame({{"epoch": [1, 2], "loss": [0.4, 0.3]}})
    {"    ".join(IN_JOB.splitlines(keepends=True))}
"""


def run(block: Block, urls: dict[str, str], names: dict[str, Any]) -> None:
    """Run a block as a notebook does: what stands in a line by itself is shown."""
    code = block.code
    for there, here in urls.items():
        code = code.replace(there, here)
    names["show"] = repr
    tree = ast.parse("\n" * block.line + code, str(README))
    for line in tree.body:
        if isinstance(line, ast.Expr):
            line.value = ast.Call(ast.Name("show", ast.Load()), [line.value], [])
    exec(compile(ast.fix_missing_locations(tree), str(README), "exec"), names)


def state(client: tf.Client) -> dict[str, list[str]]:
    """Return all that is in a store but revs and times; of copies, which have new keys, what was copied."""
    found = {}
    for key, row in client.workflows().iterrows():
        wf = client.workflow(str(key))
        if row["name"].endswith("2026"):
            found[row["name"]] = [wf.parameters().to_csv(index=False), wf.results().to_csv(index=False)]
            continue
        frames = [wf.parameters(), wf.results(), wf.table(), wf.links(), wf.dependencies()]
        frames += [wf.jobs(usecols=["command", "run_id", "return_code"]), wf.user_data().drop(columns="rev")]
        found[row["name"]] = [row.drop(["created"]).to_json(), *(frame.to_csv() for frame in frames)]
    return found


@pytest.fixture
def folder(clean_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with what the blocks take for given."""
    (clean_folder / "run.py").write_text(SCRIPT)
    (clean_folder / "train.py").write_text(FUNCTION)
    for name in ("data.csv", "model.bin"):
        (clean_folder / name).write_text("1")
    monkeypatch.syspath_prepend(clean_folder)
    monkeypatch.setenv("PATH", f"{need_binary('torc').parent}{os.pathsep}{os.environ['PATH']}")
    return clean_folder


def test_every_block_runs_twice_and_gives_the_same(folder: Path, torc_server: TorcServer) -> None:
    wipe(torc_server)
    served = next(line for line in _commands() if line[:2] == ["torc-frames", "serve"])
    with Service(folder, *served[3:], database=served[2]) as service:
        urls = {SERVER: torc_server.url, SERVICE: service.url}
        states = []
        for _ in range(2):
            names: dict[str, Any] = {}
            exec("import duckdb, polars, pyarrow, train, pandas as pd, torc_frames as tf", names)
            for block in PYTHON:
                if block.code != IN_JOB:
                    if SERVER in block.code:  # torc takes long for each job
                        names["params"] = tf.grid(alpha=[0.1])
                    run(block, urls, names)
            Widget.close_all()
            states.append([state(tf.connect(url)) for url in ("study.db", "torc_frames.db", torc_server.url)])
    assert states[0] == states[1]
    by_name = [sorted(each) for each in states[0]]
    server = ["kernel-classifier 2026", "ridge"]
    assert by_name == [["kernel-classifier"], ["ridge", "sobol"], server]
    ridge = tf.connect().workflow(name="ridge")
    assert len(ridge.jobs()) == 6
    assert ridge.results()["loss"].tolist() == [0.31] * 6
    assert tf.connect(torc_server.url).workflow(name="ridge").results()["loss"].tolist() == [0.31]


def _commands() -> list[list[str]]:
    """Return the commands of the README's blocks of shell."""
    lines = [line for block in BLOCKS if block.language == "sh" for line in block.code.splitlines()]
    return [shlex.split(part, comments=True) for line in lines for part in line.split("&&")]


def test_the_blocks_of_shell_are_known() -> None:
    """What is installed, and the demo and the tests, `.ci/run` runs word for word."""
    others = [" ".join(words) for words in _commands() if words[:2] != ["pip", "install"]]
    serving = ["torc-frames ui study.db", "torc-frames serve study.db --form first"]
    assert others == ["torc-frames demo", "pytest", *serving]
