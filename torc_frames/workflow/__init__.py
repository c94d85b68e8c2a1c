"""A workflow of a store as tables: pulled, pushed, run, copied."""
