"""A torc-server 1.x as a store."""
