"""Editors in a browser without a notebook: their widgets, over a WebSocket."""
