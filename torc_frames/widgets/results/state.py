"""What the page of the explorer is told of an exploration: plain values, all of them finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from torc_frames.frame.tabulation.configurations import metrics, standing
from torc_frames.widgets.app.stills import scatter
from torc_frames.widgets.results.asked import ranked
from torc_frames.widgets.results.axes import floats
from torc_frames.widgets.results.model import can_group, functions, meaning
from torc_frames.widgets.results.profiles import steps
from torc_frames.widgets.results.session import Exploration
from torc_frames.widgets.results.shown import ShownSource
from torc_frames.widgets.table.cells import texts

__all__ = ["axes", "picture", "standing_now", "state"]

_MOST_KEYS = 20_000
_MOST_NAMED = 5
_INT32 = 2**31


def state(exploration: Exploration, source: ShownSource, rows: int) -> dict[str, Any]:
    """Return all that a page shows; `rows` is another number for other rows."""
    summary, asked, query = exploration.summary, exploration.asked, exploration.query
    first, goal = exploration.first, exploration.goal
    return {
        "title": exploration.workflow.name,
        "rows": rows,
        "jobs": summary.jobs,
        "statuses": [[name, count, name in asked.statuses] for name, count in summary.statuses.items()],
        "bare": [summary.without_results, asked.without_results],
        "stale": [summary.stale, asked.stale],
        "filters": list(asked.filters),
        "goal": goal and {"name": goal.name, "mode": goal.mode},
        "metrics": [name for name in metrics(exploration.frame) if name in ranked(exploration.frame)],
        "profiles": _profiles(exploration),
        "order": list(exploration.arrangement.order),
        "hidden": sorted(exploration.arrangement.hidden.intersection(exploration.arrangement.order)),
        "groups": list(query.groups),
        "aggregates": [[one.column, one.function] for one in query.aggregates],
        "able": {str(name): list(functions(values)) for name, values in exploration.frame.items()},
        "groupable": [str(name) for name, values in exploration.frame.items() if can_group(values)],
        "drawable": exploration.drawable,
        "first": {"x": first.x, "y": first.y, "columns": list(first.columns)},
        "ended": "end_time" if "end_time" in exploration.drawable else None,
        "code": exploration.code,
        **standing_now(exploration, source),
    }


def standing_now(exploration: Exploration, source: ShownSource) -> dict[str, Any]:
    """Return what a brush changes."""
    best, goal = exploration.best, exploration.goal
    made: dict[str, Any] = {"told": source.status, "best": None}
    if best is not None and goal is not None:
        row = exploration.chosen.iloc[[best]]
        params = [name for name in row.columns if str(name).startswith("params.")][:_MOST_NAMED]
        named = [[str(name), texts(row[name])[0]] for name in (goal.name, *params)]
        at = source.row_at(best)
        at = -1 if at is None else at
        made["best"] = {"place": best, "row": at, "key": str(row.index[0]), "cells": named}
    return made


def _profiles(exploration: Exploration) -> dict[str, dict[str, Any]]:
    """Return the headings of the columns that are shown, by name."""
    frame, kept, narrowed = exploration.frame, exploration.kept, exploration.narrowed
    listed = exploration.arrangement.shown if not exploration.query.groups else ()
    colored = ranked(frame).intersection(metrics(frame))
    made = {}
    for name in listed:
        profile = exploration.profile(name)
        told: dict[str, Any] = {"missing": profile.missing, "bins": profile.counts()}
        if kept is not None:
            told["now"] = profile.counts(kept)
        if profile.least:
            told["range"] = [profile.least, profile.most]
        if profile.labels is not None:
            told["labels"] = [str(label)[:100] for label in profile.labels]
        if profile.log:
            told["log"] = True
        if name in narrowed:
            told["narrowed"] = [narrowed[name].low, narrowed[name].high]
        if name in colored and (found := steps(floats(exploration.chosen[name]))):
            told["steps"] = found
        made[name] = told
    return made


def axes(exploration: Exploration, names: list[str]) -> tuple[dict[str, Any], list[bytes]]:
    """Return columns of `Exploration.chosen` as a message and its buffers."""
    made = [exploration.axes[name] for name in names]
    kept = exploration.kept
    told = [
        {"name": one.name, "labels": one.labels and list(one.labels), "log": one.log, "time": one.time}
        for one in made
    ]
    buffers = [(one.values if kept is None else one.values[kept]).tobytes() for one in made]
    keys = exploration.chosen.index
    try:
        numbers = pd.to_numeric(keys.to_series()).to_numpy()
        is_small = numbers.dtype.kind == "i" and (numbers >= 0).all() and (numbers < _INT32).all()
    except (ValueError, OverflowError):
        is_small = False
    if is_small:
        return {"axes": told}, [*buffers, numbers.astype(np.int32).tobytes()]
    return {"axes": told, "keys": [str(key) for key in keys[:_MOST_KEYS]]}, buffers


def picture(exploration: Exploration) -> str:
    """Return a still picture of the objective against a parameter, as HTML; empty where there is none."""
    goal, x, rows = exploration.goal, exploration.first.x, exploration.chosen
    if goal is None or x is None or meaning(rows[x]) != "number":
        return ""
    across, down = floats(rows[x]), floats(rows[goal.name])
    known = np.flatnonzero(standing(rows).counted & np.isfinite(across) & np.isfinite(down))
    least = goal.mode == "min"
    order = known[np.argsort(down[known] if least else -down[known], kind="stable")]
    return scatter(across[order].tolist(), down[order].tolist(), (x, goal.name), least=least)
