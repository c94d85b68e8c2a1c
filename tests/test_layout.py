"""Imports point one way, what is public is documented, and nothing heavy is imported early."""

import importlib
import inspect
import re
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest
from architecture import IMPORTS, MODULES, PAGE, READ, ROOT, drawn, entries, entry, floors_of

import torc_frames

ENTRIES = 12
FLOORS = 7


def test_no_file_is_in_a_circle():
    TopologicalSorter(IMPORTS).prepare()  # CycleError names the files


@pytest.mark.parametrize("folder", sorted({name.rpartition(".")[0] for name in IMPORTS} - {""}))
def test_the_entries_of_a_folder_import_one_way(folder):
    TopologicalSorter(entries(folder)).prepare()


def test_there_are_few_entries_and_floors():
    floors = floors_of(entries("torc_frames"))
    assert len({*floors, "__init__"}) <= ENTRIES
    assert max(floors.values()) <= FLOORS


def test_the_picture_is_of_the_code_as_it_is():
    assert PAGE.read_text() == drawn(PAGE.read_text()), "python -m tests.architecture draws it anew"


def reached_from(names):
    """Return modules and all that they import."""
    reached, waiting = set(), list(names)
    while waiting:
        reached.add(name := waiting.pop())
        waiting += IMPORTS[name] - reached
    return reached


def test_frames_know_no_store():
    reached = reached_from(name for name in IMPORTS if name.startswith("torc_frames.frame"))
    assert {entry(name, "torc_frames") for name in reached} == {"frame", "errors"}


def test_models_and_sessions_of_widgets_know_no_widgets():
    of_pages = {
        ".".join(["torc_frames", *path.with_suffix("").parts])
        for path in MODULES
        if re.search(r"^(from|import) (ipywidgets|anywidget)", (ROOT / path).read_text(), re.MULTILINE)
    }
    for name in IMPORTS:
        if re.fullmatch(r"torc_frames\.widgets\.\w+\.(model|session)", name):
            assert reached_from([name]) & of_pages == set(), name


def test_no_class_name_stands_twice():
    homes = {}
    for path, module in READ.items():
        for name in module.classes:
            homes.setdefault(name, []).append(str(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_says_its_purpose_and_stays_small(module):
    assert READ[module].purpose.endswith(".")
    assert READ[module].lines <= 350


def public():
    for name in torc_frames.__all__:
        thing = getattr(torc_frames, name)
        yield name, thing
        if inspect.isclass(thing) and not issubclass(thing, BaseException):
            for part in thing.__mro__:
                if not part.__module__.startswith("torc_frames"):
                    continue
                for member, value in vars(part).items():
                    if member[0] != "_" and (inspect.isfunction(value) or isinstance(value, property)):
                        yield f"{name}.{member}", value


@pytest.mark.parametrize(("name", "thing"), list(public()), ids=[name for name, _ in public()])
def test_every_public_name_is_documented(name, thing):
    doc = inspect.getdoc(thing)
    assert doc
    assert doc.splitlines()[0].rstrip().endswith((".", ":"))
    if inspect.isfunction(thing):
        parameters = [p for p in inspect.signature(thing).parameters if p not in ("self", "cls")]
        if "Parameters\n" in doc:
            for parameter in parameters:
                assert parameter in doc, f"{name}: parameter {parameter} is not described"


def test_every_public_name_is_in_the_readme():
    readme = (ROOT.parent / "README.md").read_text()
    functions = [name for name in torc_frames.__all__ if not name.endswith(("Error", "Warning"))]
    assert [name for name in functions if name not in readme] == []


def test_all_is_sorted_and_true():
    assert torc_frames.__all__ == sorted(torc_frames.__all__)
    for path in MODULES:
        name = ".".join(["torc_frames", *path.with_suffix("").parts]).removesuffix(".__init__")
        module = importlib.import_module(name) if path.name != "__main__.py" else None
        assert all(hasattr(module, public_name) for public_name in getattr(module, "__all__", ()))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = torc_frames.nothing
    assert set(torc_frames.__all__) <= set(dir(torc_frames))


@pytest.mark.parametrize(
    "code",
    [
        "import torc_frames",
        "from torc_frames import current_job, Job, Pointer",
        "import torc_frames, torc_frames.store.sqlite.store, torc_frames.workflow.run.runner",
        "from torc_frames.store.legacy import store; store.check(store.Form.LATER, [b'{}'])",
        "import torc_frames.workflow.run.call, torc_frames.workflow.run.workers",
        "from torc_frames.store.v1 import store; store.v1.kept([b'{\"a\":0.12345678901234567}'])",
    ],
)
def test_jobs_do_without_pandas(code):
    heavy = {"pandas", "pyarrow", "numpy", "ipywidgets", "anywidget"}
    check = f"import sys; {code}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
