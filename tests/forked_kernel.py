"""Kernels that are forked from a process which has imported already what notebooks import.

Each test in a browser has a kernel, which would spend more on its imports than on the test. So `Zygote`
starts one process for each Jupyter server, which imports, and then waits. What Jupyter starts as a kernel,
and signals, and waits for, is `_client`: a Python without site-packages that has the zygote fork the kernel,
hands on signals, and ends as the kernel does. A kernel whose client is gone is killed; one whose zygote is
gone ends by itself, as ipykernel does without its parent.

What is imported is imported for all of them: a test of what is imported starts a process of its own. Linux
only, for its descriptors of processes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

TYPE_CHECKING = False  # typing's own would be imported by each client
if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO, Any

FORKED = "python3"
_IMPORTS = ["anywidget", "ipykernel.kernelapp", "pyarrow", "torc_frames.widgets.table.grid"]


class Zygote:
    """The process that kernels are forked from. It ends when it is stopped, or with the one that made it."""

    def __init__(self, directory: Path, environment: dict[str, str], log: IO[bytes]) -> None:
        """Start it with a socket in a directory, which is there at once: who asks before it can waits."""
        import subprocess  # here, and not in each client

        self.path = str(directory / "zygote")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            number = listener.fileno()
            self._process = subprocess.Popen(
                [sys.executable, __file__, "zygote", str(number)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[number],
                start_new_session=True,
            )

    def write_spec(self, directory: Path) -> None:
        """Tell Jupyter, in a directory of its data, of these kernels."""
        argv = [sys.executable, "-I", "-S", __file__, "client", self.path, "{connection_file}"]
        path = directory / "kernels" / FORKED / "kernel.json"
        path.parent.mkdir(parents=True)
        spec = {"argv": argv, "display_name": FORKED, "language": "python", "metadata": {"debugger": True}}
        path.write_text(json.dumps(spec))

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()


def _client(path: str, connection_file: str) -> None:
    """Have a kernel forked, and be it for who started this."""
    with socket.socket(socket.AF_UNIX) as zygote, zygote.makefile() as answers:
        zygote.connect(path)
        asked = {"file": connection_file, "directory": os.getcwd(), "environment": dict(os.environ)}
        zygote.sendall(json.dumps(asked).encode() + b"\n")
        kernel = int(answers.readline())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: os.killpg(kernel, number))
        sys.exit(int(answers.readline() or 1))


def _serve(listener: socket.socket) -> dict[str, Any]:
    """Fork kernels until the input ends. Returns in each kernel only, with what was asked for."""
    clients: dict[int, tuple[socket.socket, int]] = {}  # by the descriptor of the kernel's process; its id
    while True:
        sockets = {client.fileno(): process for process, (client, _) in clients.items()}
        ready, _, _ = select.select([0, listener.fileno(), *clients, *sockets], [], [])
        if 0 in ready:
            sys.exit()
        for process in {sockets.get(each, each) for each in ready} & clients.keys():
            client, kernel = clients.pop(process)
            if process not in ready:  # it is the client that ended
                os.killpg(kernel, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])
            os.close(process)
            _tell(client, code if code >= 0 else 128 - code)
            client.close()
        if listener.fileno() in ready:
            client, _ = listener.accept()
            with client.makefile() as asked:
                line = asked.readline()
            if not line:
                client.close()
            elif kernel := os.fork():
                os.setpgid(kernel, kernel)
                clients[os.pidfd_open(kernel)] = client, kernel
                _tell(client, kernel)
            else:
                for process, (other, _) in clients.items():
                    os.close(process)
                    other.close()
                client.close()
                listener.close()
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                return json.loads(line)


def _tell(client: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError):  # it ended, which is seen in the next turn if it was not yet
        client.sendall(b"%d\n" % number)


def _zygote(listener: str) -> None:
    """Import, and then fork kernels and be them."""
    import gc
    from importlib import import_module

    del sys.path[0]  # of this script
    for module in _IMPORTS:
        import_module(module)
    gc.freeze()  # or the first collection in a kernel copies what they share
    asked = _serve(socket.socket(fileno=int(listener)))
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["ipykernel_launcher", "-f", asked["file"]]
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"
    sys.modules["ipykernel.kernelapp"].launch_new_instance([*sys.argv[1:], parent])


if __name__ == "__main__":
    {"client": _client, "zygote": _zygote}[sys.argv[1]](*sys.argv[2:])
