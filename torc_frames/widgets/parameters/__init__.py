"""The editor of a parameter table."""
