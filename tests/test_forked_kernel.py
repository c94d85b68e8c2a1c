"""A kernel that is forked is to Jupyter what one that it starts is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forked_kernel import FORKED, Zygote
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from servers import wait_until


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    directory = tmp_path_factory.mktemp("zygote")
    environment = os.environ | {"IPYTHONDIR": str(directory), "TORC_FRAMES_KERNEL": "of the zygote"}
    with (directory / "log").open("wb") as log:
        zygote = Zygote(directory, environment, log)
    zygote.write_spec(directory)
    yield zygote
    zygote.stop()


class Kernel:
    """A kernel as Jupyter starts it."""

    def __init__(self, zygote: Zygote, directory: Path) -> None:
        specs = KernelSpecManager(kernel_dirs=[str(Path(zygote.path).parent / "kernels")])
        self.manager = KernelManager(kernel_name=FORKED, kernel_spec_manager=specs)
        self.manager.start_kernel(cwd=str(directory), env=os.environ | {"TORC_FRAMES_KERNEL": "its own"})
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def ask(self, expression: str) -> Any:
        """Return what an expression is, of numbers, texts and lists."""
        answer = self.client.execute("", user_expressions={"it": expression}, reply=True, timeout=60)
        return eval(answer["content"]["user_expressions"]["it"]["data"]["text/plain"])

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.context.term()


@pytest.fixture
def kernel(zygote: Zygote, tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(zygote, tmp_path)
    yield kernel
    kernel.close()


def _is_gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_it_has_the_directory_and_environment_that_it_was_given(kernel: Kernel, tmp_path: Path) -> None:
    assert kernel.ask("__import__('os').getcwd()") == str(tmp_path)
    assert kernel.ask("__import__('os').environ['TORC_FRAMES_KERNEL']") == "its own"
    assert kernel.ask("'torc_frames.widgets' in __import__('sys').modules") is True
    assert kernel.ask("__name__") == "__main__"


def test_it_is_interrupted_restarted_and_shut_down(kernel: Kernel) -> None:
    process = kernel.ask("__import__('os').getpid()")
    asked = kernel.client.execute("import time; print('begun', flush=True); time.sleep(60)")
    wait_until(lambda: kernel.client.get_iopub_msg(timeout=60)["msg_type"] == "stream", "the cell to begin")
    kernel.manager.interrupt_kernel()
    answer = kernel.client.get_shell_msg(timeout=60)
    assert answer["parent_header"]["msg_id"] == asked
    assert answer["content"]["ename"] == "KeyboardInterrupt"
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(60)
    assert "time" not in kernel.ask("dir()")
    second = kernel.ask("__import__('os').getpid()")
    assert second != process
    kernel.manager.shutdown_kernel()
    wait_until(lambda: _is_gone(second), "the kernel to end")


def test_jupyter_sees_that_it_ended(kernel: Kernel) -> None:
    kernel.client.execute("import os; os._exit(3)")
    assert kernel.manager.provisioner.process.wait(60) == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_what_jupyter_takes_for_it(kernel: Kernel, number: int) -> None:
    process = kernel.ask("__import__('os').getpid()")
    os.kill(kernel.manager.provisioner.pid, number)
    wait_until(lambda: _is_gone(process), "the kernel to end")


def test_it_ends_with_what_it_was_forked_from(kernel: Kernel, zygote: Zygote) -> None:
    process = kernel.ask("__import__('os').getpid()")
    zygote.stop()
    wait_until(lambda: _is_gone(process), "the kernel to end")
