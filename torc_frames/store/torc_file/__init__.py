"""A database that a torc-server has left, for reading."""
