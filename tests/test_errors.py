"""The tree of errors: it is drawn on top of its module as it is, and each of them travels."""

import inspect
import pickle

import pytest

from torc_frames import errors

BASES = (errors.TorcFramesError, errors.TorcFramesWarning)
CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, BASES)]


def drawn(one, lead="", rest=""):
    """Yield a line for a class, which names its bases of Python's, and one for each below it."""
    others = [base.__name__ for base in one.__bases__ if base not in (*CLASSES, Exception, UserWarning)]
    yield f"{lead}{one.__name__}{' (' + ', '.join(others) + ')' if others else ''}"
    below = [found for found in one.__subclasses__() if found in CLASSES]
    for at, found in enumerate(below, 1):
        last = at == len(below)
        yield from drawn(found, rest + ("└── " if last else "├── "), rest + ("    " if last else "│   "))


def test_the_tree_in_the_docstring_is_that_of_the_classes():
    assert "\n".join(line for base in BASES for line in drawn(base)) in errors.__doc__


def test_the_tree_has_all_that_are_public():
    named = {name for name in errors.__all__ if name.endswith(("Error", "Warning"))}
    assert named <= {one.__name__ for one in CLASSES}


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_every_one_comes_through_a_pickle(one):
    known = {
        errors.NotFoundError: ("job", ["1", "2"], "study.db"),
        errors.UnreadableRecordError: ("1", "why"),
    }
    error = one(*known.get(one, (["one", "other"],) if one is errors.PointerError else ("why",)))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is one
    assert str(again) == str(error)
