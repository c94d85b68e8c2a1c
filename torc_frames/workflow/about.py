"""What a workflow is called and what it is for: a part of `Workflow`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from torc_frames.errors import RefusedError
from torc_frames.frame.description import Description
from torc_frames.frame.recorded import TAGS, tags_of
from torc_frames.frame.shown import Shown
from torc_frames.frame.values import encode_data
from torc_frames.store.base import Store
from torc_frames.store.records import WorkflowRecord
from torc_frames.workflow.fixed import Fixed
from torc_frames.workflow.overview import describe_workflow

__all__ = ["WorkflowAbout", "check_name", "checked_tags"]


def check_name(name: object) -> None:
    """Raise RefusedError unless something is the name of a workflow."""
    if not isinstance(name, str) or not name:
        raise RefusedError(f"a workflow needs a name, not {name!r}")


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Return tags, each once; RefusedError for what are none."""
    found = None if isinstance(tags, str) or not isinstance(tags, Iterable) else list(dict.fromkeys(tags))
    if found is None:
        raise RefusedError(f"tags are a list of texts, such as ['solar'], not {tags!r}")
    for tag in found:
        if not isinstance(tag, str) or not tag.strip():
            raise RefusedError(f"a tag is a text that is not empty, not {tag!r}")
    return found


class WorkflowAbout(Shown, Fixed):
    """The part of `Workflow` that says which one it is."""

    _store: Store
    key: str
    name: str
    user: str | None
    description: str | None
    tags: tuple[str, ...]

    _setters: ClassVar = {
        **{part: f"wf.update({part}=...)" for part in ("name", "description", "tags")},
        **dict.fromkeys(("parameters", "table", "user_data"), "wf.push(table)"),
        "results": "job.store(...)",
        "metadata": "client.create_workflow(..., metadata=...)",
        "project": "client.create_workflow(..., project=...)",
    }

    def _tell(self, record: WorkflowRecord) -> None:
        """Take over what a store says of the workflow."""
        vars(self).update(
            key=record.key,
            name=record.name,
            user=record.user,
            description=record.description,
            tags=tags_of(record.metadata),
        )

    def describe(self) -> Description:
        """Return what there is, at one look: it prints, and is what a notebook shows.

        That are jobs by status, what parameters and results range over, and what one may call next. Of more
        than 2,000 jobs, or 10,000 records, a database is asked for some, chosen at random, and a server for
        none but the counts. What is read is not verified, as tables are.

        Returns
        -------
        Description
            ``str()`` of it is the text.

        Raises
        ------
        NotFoundError
            If the workflow was deleted.
        UnavailableError
            If the store can't be reached; a notebook shows that instead.

        Examples
        --------
        >>> import torc_frames as tf
        >>> wf = tf.connect(tmp / "study.db").create_workflow("ridge", user="ann")
        >>> _ = wf.push(tf.grid(alpha=[0.1, 1.0, 10.0], seed=[7]), command="echo {alpha}")
        >>> print(wf.describe())
        Workflow 'ridge', key 1
        by ann
        3 jobs: 3 ready
          parameter  values
          alpha      0.1, 1, 10  3 values
        constant: seed = 7
        wf.run()  # runs 3 jobs
        """
        return describe_workflow(self._store, self.key)

    def update(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> None:
        """Change the name, the description or the tags.

        What is not given stays as it is. In an embedded store all of it is changed, or nothing; on servers
        the same call again finishes one that was interrupted.

        Parameters
        ----------
        name : str, optional
            The new name, which need not be unique.
        description : str, optional
            What it is for; an empty text takes it away.
        tags : list of str, optional
            All tags that it is to have, by which `Client.workflows` finds it; an empty list takes them away.

        Raises
        ------
        RefusedError
            For a name or tags that are none, if nothing is given, and where a store only reads (``torc.db``,
            an export, a service of late 2023); nothing is changed then.
        NotFoundError
            If the workflow was deleted.

        Examples
        --------
        >>> import torc_frames as tf
        >>> client = tf.connect(tmp / "study.db")
        >>> wf = client.create_workflow("ridge")
        >>> wf.update(name="ridge 2026", tags=["solar", "final"])
        >>> wf
        Workflow(key='1', name='ridge 2026')
        >>> client.workflows(tags=["solar"])[["name", "tags"]]
                            name            tags
        workflow_key
        1             ridge 2026  [solar, final]
        """
        if name is None and description is None and tags is None:
            raise RefusedError("nothing to update: give name=, description= or tags=")
        if name is not None:
            check_name(name)
        if description is not None and not isinstance(description, str):
            raise RefusedError(f"a description is a text, not {description!r}")
        patch = {} if tags is None else {TAGS: checked_tags(tags)}
        self._store.kept([encode_data(patch)])  # refused before anything is written
        with self._store.transaction():
            if name is not None or description is not None:
                self._store.update_workflow(self.key, name=name, description=description)
            if patch:
                self._store.merge_metadata(self.key, patch)
        self._tell(self._store.get_workflow(self.key))
