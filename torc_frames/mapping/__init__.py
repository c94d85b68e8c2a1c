"""A Python function over a table, on an executor or as jobs of torc."""
