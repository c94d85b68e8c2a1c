"""Column names stand for paths, one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FREE_KEYS, OBJECTS

from torc_frames.errors import RefusedError
from torc_frames.frame.flatten import RESERVED, flatten, join, reserved_name, set_path, split, unflatten


@given(OBJECTS)
def test_unflatten_is_the_inverse_of_flatten(data):
    assert unflatten(flatten(data)) == data


@given(st.lists(FREE_KEYS, min_size=1, max_size=4))
def test_split_is_the_inverse_of_join(path):
    assert split(join(path)) == tuple(path)


@given(st.text("a\\.", max_size=8))
def test_join_is_the_inverse_of_split_for_every_name_that_is_no_error(name):
    try:
        path = split(name)
    except RefusedError:
        assert (len(name) - len(name.rstrip("\\"))) % 2
        return
    assert join(path) == name


def test_dots_in_keys_are_escaped():
    assert flatten({"v1.2": {"a": 1}, "c:\\temp": 2}) == {"v1\\.2.a": 1, "c:\\temp": 2}


def test_lists_empty_objects_and_whole_objects_stay_one_value():
    data = {"a": [{"b": 1}], "c": {}, "d": {"e": {"f": 1}}}
    assert flatten(data, frozenset({("d", "e")})) == {"a": [{"b": 1}], "c": {}, "d.e": {"f": 1}}


@given(st.lists(FREE_KEYS | st.sampled_from(RESERVED), min_size=1, max_size=3), st.data())
def test_reserved_names_move_below_data_and_never_meet(path, data):
    other = data.draw(st.lists(FREE_KEYS | st.sampled_from(RESERVED), min_size=1, max_size=3))
    name, other_name = reserved_name(tuple(path)), reserved_name(tuple(other))
    assert (name == other_name) == (path == other)
    assert join(name) not in RESERVED
    assert join(name) != "data"


@pytest.mark.parametrize("flat", [{"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}, {"a": {}, "a.b": 1}])
def test_a_value_beside_its_own_parts_is_refused(flat):
    with pytest.raises(RefusedError, match="a"):
        unflatten(flat)


def test_set_path_makes_objects_where_there_is_nothing():
    data = {"a": None, "b": 1}
    set_path(data, ("a", "x", "y"), 5)
    assert data == {"a": {"x": {"y": 5}}, "b": 1}
    with pytest.raises(RefusedError, match="no object"):
        set_path(data, ("b", "x"), 1)
