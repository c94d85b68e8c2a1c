"""Copying a workflow into another store."""
