"""What this machine has for jobs: memory, GPUs, and the Python that runs this process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["OwnPython", "gpu_devices", "total_memory"]

CUDA_DEVICES = "CUDA_VISIBLE_DEVICES"

# Which devices this process may use, the strongest word first; torc asks the same places.
_GPU_VARIABLES = (
    CUDA_DEVICES,
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "SLURM_STEP_GPUS",
    "SLURM_JOB_GPUS",
)
_NVIDIA = "nvidia-smi"
_NVIDIA_S = 30
_NAMES = ("python", "python3")


def gpu_devices() -> tuple[str, ...]:
    """Return the names of the GPUs that jobs may use: what the environment allows, else all of Nvidia's."""
    for name in _GPU_VARIABLES:
        if name in os.environ:
            listed = [part.strip() for part in os.environ[name].split(",")]
            # CUDA takes what comes after something wrong, such as -1, for nothing.
            end = next((at for at, part in enumerate(listed) if part in ("", "-1", "NoDevFiles")), None)
            return tuple(dict.fromkeys(listed[:end]))
    program = shutil.which(_NVIDIA)
    if program is None:
        return ()
    try:
        done = subprocess.run(
            [program, "-L"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_NVIDIA_S
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    count = sum(line.startswith("GPU ") for line in done.stdout.splitlines())
    return tuple(map(str, range(count))) if done.returncode == 0 else ()


def total_memory() -> int | None:
    """Return how many bytes of memory there are, None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


class OwnPython:
    """Lets ``python`` and ``python3`` of jobs be this process's Python.

    A notebook's kernel is often started from an environment that is not active, and `PATH` leads to another.
    Its folder of programs comes first then, as activating it does. Where that does not have the names, or is
    one of the system, with other programs in it, a folder of links does.

    Attributes
    ----------
    path : str
        The `PATH` for jobs.
    """

    def __init__(self) -> None:
        self._links: tempfile.TemporaryDirectory[str] | None = None
        self.path = os.environ.get("PATH", os.defpath)
        folder = os.path.dirname(os.path.abspath(sys.executable)) if sys.executable else None
        if folder is None or self._leads_to(folder):
            return
        known = {os.path.realpath(entry) for entry in self.path.split(os.pathsep) if entry}
        # Not a link elsewhere: a virtual environment's Python knows itself by where it is.
        if sys.prefix != sys.base_prefix or os.path.realpath(folder) not in known:
            self.path = folder + os.pathsep + self.path
        if not self._leads_to(folder) and sys.platform != "win32":
            self._links = tempfile.TemporaryDirectory(prefix="torc_frames-python-")
            for name in _NAMES:
                Path(self._links.name, name).symlink_to(os.path.abspath(sys.executable))
            self.path = self._links.name + os.pathsep + self.path

    def close(self) -> None:
        """Remove the links, if any were made."""
        if self._links is not None:
            self._links.cleanup()

    def _leads_to(self, folder: str) -> bool:
        found = [shutil.which(name, path=self.path) for name in _NAMES]
        real = os.path.realpath(folder)
        return all(one is not None and os.path.realpath(os.path.dirname(one)) == real for one in found)
