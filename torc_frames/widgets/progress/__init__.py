"""The monitor of running jobs."""
