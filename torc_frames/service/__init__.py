"""torc's service of 2023 over an embedded store."""
