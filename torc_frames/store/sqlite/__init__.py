"""The embedded store: workflows, jobs and records in one SQLite file."""
