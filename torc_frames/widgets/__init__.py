"""Editors and viewers for notebooks, on ipywidgets."""
