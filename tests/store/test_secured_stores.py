"""Servers behind a password and behind TLS: a call of each kind, and what users do with them.

What is stored depends on neither; all of the contract is tried on a plain server.
"""

import pandas as pd
import pyarrow as pa
import pytest
import test_store_contract as contract
from pandas.testing import assert_frame_equal
from stores import on_secured_stores

import torc_frames as tf
from torc_frames.widgets.records.widget import RecordEditor

pytestmark = on_secured_stores
workflow, small_pages = contract.workflow, contract.small_pages


class TestContract:
    """As much of `test_store_contract.py` as sends each kind of request, from many threads, too."""

    test_a_workflow_reads_back = contract.TestStore.test_a_workflow_reads_back_as_it_was_added
    test_deleting_a_workflow = contract.TestStore.test_deleting_a_workflow_deletes_all_of_it_and_no_other
    test_metadata = contract.TestStore.test_metadata_is_merged_at_the_top_level
    test_jobs = contract.TestStore.test_jobs_read_back_in_order
    test_records_and_links = contract.TestStore.test_jobs_have_their_records_and_links
    test_dependencies = contract.TestStore.test_dependencies_read_back_ordered_by_the_waiting_job
    test_deleting_jobs = contract.TestStore.test_deleting_jobs_deletes_what_only_they_have
    test_deleting_records = contract.TestStore.test_deleting_records_deletes_their_links
    test_updates = contract.TestStore.test_an_update_of_a_changed_record_is_a_conflict
    test_a_moment = contract.TestStore.test_a_snapshot_shows_one_moment_or_says_that_it_does_not
    test_many_threads = contract.TestStore.test_writes_from_many_threads_are_all_kept
    test_a_closed_store = contract.TestStore.test_a_closed_store_opens_again


@pytest.fixture
def client(store, store_server):
    found = {name: getattr(store_server, name) for name in ("username", "password", "ca_cert")}
    client = tf.connect(store.url, **{name: str(value) for name, value in found.items() if value is not None})
    yield client
    client.close()


def test_a_table_is_pushed_edited_refreshed_and_pulled(client):
    wf = client.create_workflow("study")
    df = pd.DataFrame({"a": [0.5, 1.5], "when": pd.date_range("2026", periods=2), "l": [[1], None]})
    pushed = wf.push(df, command="echo {a}", resources={"memory": "2g"})
    assert_frame_equal(pushed.reset_index(drop=True), df, check_freq=False)
    assert_frame_equal(wf.parameters(), pushed, check_freq=False)
    pulled, edited = wf.parameters(), wf.parameters()
    edited.loc[edited.index[0], "a"] = 9.5
    wf.push(edited, command="echo {a}")
    assert wf.refresh(pulled).updated == [edited.index[0]]
    wf.job(edited.index[1]).store(loss=0.25)
    table = wf.table(job_columns=["command"])
    assert table["command"].tolist() == ["echo 9.5", "echo 1.5"]
    assert table["results.loss"].isna().tolist() == [True, False]
    assert pa.table(wf.stream("parameters"))["a"].to_pylist() == [9.5, 1.5]


def test_what_another_client_changed_since_the_pull_is_a_conflict(client, reader):
    wf = client.create_workflow("conflict")
    mine = wf.push(tf.grid(a=[1, 2]))
    (key, _) = wf.user_data()["record_key"]
    reader.update_user_data(wf.key, [key], [b'{"a":5}'])
    mine["a"] = [10, 20]
    with pytest.raises(tf.ConflictError, match="a of job"):
        wf.push(mine)
    assert wf.parameters()["a"].tolist() == [5, 2]
    wf.push(mine, on_conflict="ours")
    assert wf.parameters()["a"].tolist() == [10, 20]


def test_workflows_are_of_who_signed_in(client, store_server):
    user = store_server.username or "ada"
    client.create_workflow("second", user=user)
    assert client.workflows()["user"].tolist() == [user]


def test_a_record_is_edited(client):
    wf = client.create_workflow("forms")
    (key,) = wf.add_user_data(wf.add_job("one"), {"a": 1, "b": [0.5]})
    editor = RecordEditor(wf, key)
    form = editor.session.form
    form.set_text(form.find("b", 0), "3.5")
    editor.save()
    assert wf.get_user_data(key).data == {"a": 1, "b": [3.5]}
