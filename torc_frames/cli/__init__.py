"""The command line, `torc-frames`: arguments, one call of the Python API, print."""

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from torc_frames.cli.root import main as run  # the demo's jobs, which lie beside it, do without

    run()
