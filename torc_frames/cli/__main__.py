"""``python -m torc_frames.cli`` is ``torc-frames``."""

from torc_frames.cli.root import main

if __name__ == "__main__":
    main()
