"""Imports point one way, what is public is documented, and nothing heavy is imported early."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import torc_frames

ROOT = Path(torc_frames.__file__).parent
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))

# Lowest first: a module imports from its own layer or from lower ones only.
LAYERS = [
    {"errors", "masked"},
    {"records", "regular"},
    {
        "frame",
        "wire",
        "settings",
        "server_settings",
        "sweep",
        "templates",
        "shell",
        "progress",
        "tables",
        "rules",
    },
    {"resources", "procfs", "signals", "machine"},
    {"dataset"},
    {"table_files"},
    {"store", "pointers", "pointer_files", "pointer_dataset"},
    {"targets", "outputs", "run_files"},
    {"pull", "edits", "advice", "job", "processes", "service"},
    {"launcher"},
    {"planning", "copying", "schedule", "refresh"},
    {"streams"},
    {"push"},
    {"plan"},
    {"runner"},
    {"mapping"},
    {"workflow"},
    {"client", "unfinished"},
    {"plots", "demo_job"},
    {"widgets"},
    {"demo"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imported(path):
    """Yield the modules of ours that a file imports, those inside functions, too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = (
                [f"{module}.{alias.name}" for alias in node.names] if module == "torc_frames" else [module]
            )
        else:
            continue
        yield from (name.split(".")[1:] for name in names if name.startswith("torc_frames."))


# The contents page, and a user's script that is shipped for the demo: they use the public names.
OUTSIDE = {"__init__.py", "demo_job.py"}


@pytest.mark.parametrize("module", [path for path in MODULES if path.name not in OUTSIDE], ids=str)
def test_no_import_points_back(module):
    home = module.parts[0].removesuffix(".py")
    for target in imported(ROOT / module):
        if target[0] in LEVEL:
            assert LEVEL[target[0]] <= LEVEL[home], f"{module} imports {'.'.join(target)}"
    if home == "frame":
        assert not any(target[0] == "store" for target in imported(ROOT / module))


def test_every_module_has_a_layer():
    homes = {path.parts[0].removesuffix(".py") for path in MODULES} - {"__init__"}
    assert homes == set(LEVEL)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_says_its_purpose_and_stays_small(module):
    source = (ROOT / module).read_text()
    assert ast.get_docstring(ast.parse(source)).splitlines()[0].endswith(".")
    assert code_lines(ast.parse(source), source) <= 350


def code_lines(tree, source):
    """Count the lines that are neither blank nor of a docstring."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = [
        node.body[0] for node in ast.walk(tree) if isinstance(node, described) and ast.get_docstring(node)
    ]
    inside = {line for doc in docs for line in range(doc.lineno, doc.end_lineno + 1)}
    return sum(bool(line.strip()) and at not in inside for at, line in enumerate(source.splitlines(), 1))


def public():
    for name in torc_frames.__all__:
        thing = getattr(torc_frames, name)
        yield name, thing
        if inspect.isclass(thing) and not issubclass(thing, BaseException):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
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
    heavy = {"pandas", "pyarrow", "numpy", "ipywidgets"}
    check = f"import sys; {code}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
