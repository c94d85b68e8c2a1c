"""The command line, `torc-frames`: arguments, one call of the Python API, print."""

from torc_frames.cli.root import main

__all__ = ["main"]
