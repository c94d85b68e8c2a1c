"""One work at a time, in a thread: what belongs to it, what stops it, what waits for it."""

import threading

import pytest

from torc_frames.widgets.work import Background, StoppedError


class Log:
    """A background, and what has happened in it."""

    def __init__(self):
        self.lines = []
        self.background = Background(lambda busy: self.lines.append("busy" if busy else "free"))

    def start(self, work=lambda: "done", then=None, **options):
        return self.background.start(
            work,
            then or (lambda done: self.lines.append(done)),
            lambda error: self.lines.append(type(error).__name__),
            **options,
        )


@pytest.fixture
def log():
    return Log()


def test_what_follows_belongs_to_the_work(log):
    begun = []

    def then(done):
        begun.append(log.background.is_busy)
        begun.append(log.start())
        log.lines.append(done)

    assert log.start(then=then)
    log.background.wait(10)
    assert begun == [True, False]
    assert log.lines == ["busy", "done", "free"]
    assert not log.background.is_busy


def test_what_fails_is_told_before_it_is_free_again(log):
    def fail(*_):
        raise ValueError

    assert log.start(work=fail)
    log.background.wait(10)
    assert log.start(then=fail)
    log.background.wait(10)
    assert log.lines == ["busy", "ValueError", "free"] * 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_is_free_again_even_if_telling_fails():
    lines = []
    background = Background(lines.append)

    def fail(*_):
        raise ValueError

    background.start(fail, fail, fail)
    background.wait(10)
    assert lines == [True, False]
    assert background.start(int, lambda _: None, fail)
    background.wait(10)


def waiting(background, at_work, go_on):
    at_work.set()
    while not go_on.wait(0.01):
        background.check()


def test_closing_stops_waits_and_begins_nothing_any_more(log):
    at_work, go_on = threading.Event(), threading.Event()
    assert log.start(lambda: waiting(log.background, at_work, go_on), can_stop=True)
    assert at_work.wait(10)
    assert log.background.can_stop
    log.background.close()
    assert log.lines == ["busy", "StoppedError", "free"]
    assert not log.start()
    log.background.close()


def test_a_stop_is_of_one_work_only(log):
    log.background.stop()
    with pytest.raises(StoppedError):
        log.background.check()
    log.start(lambda: log.background.check() or "done")
    log.background.wait(10)
    assert log.lines == ["busy", "done", "free"]
    assert not log.background.can_stop


def test_waiting_and_closing_in_the_work_itself_come_to_an_end(log):
    def then(done):
        log.background.wait()
        log.background.close()
        log.lines.append(done)

    log.start(then=then)
    log.background.wait(10)
    assert log.lines == ["busy", "done", "free"]
