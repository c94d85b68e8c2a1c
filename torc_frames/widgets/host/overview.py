"""The workflows of a store, as a page lists them."""

from __future__ import annotations

import re
from typing import Any

from torc_frames.workflow.client import Client

__all__ = ["overview"]

_BEFORE_STATUSES = "jobs"
_PASSWORD = re.compile("//[^/@]*@")


def overview(client: Client) -> dict[str, Any]:
    """Return the store and its workflows, the newest first, as JSON can say it.

    Examples
    --------
    >>> import torc_frames as tf
    >>> client = tf.connect(tmp / "study.db")
    >>> _ = client.create_workflow("ridge").push(tf.grid(alpha=[0.1, 1.0]))
    >>> [workflow] = overview(client)["workflows"]
    >>> workflow["key"], workflow["name"], workflow["jobs"], workflow["statuses"]
    ('1', 'ridge', 2, {'ready': 2})
    """
    frame = client.workflows()
    names = list(frame.columns)
    counted = names[names.index(_BEFORE_STATUSES) + 1 :]
    workflows = [
        {
            "key": key,
            "name": row["name"],
            "description": _text(row["description"]),
            "user": _text(row["user"]),
            "tags": list(row["tags"]),
            "created": row["created"].isoformat() if row["created"] == row["created"] else "",
            "archived": bool(row["archived"]),
            "jobs": int(row["jobs"]),
            "statuses": {status: int(row[status]) for status in counted if row[status]},
        }
        for key, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    return {"store": _PASSWORD.sub("//", client.url), "workflows": workflows[::-1]}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
