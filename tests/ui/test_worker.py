"""One job at a time, beside the application."""

from __future__ import annotations

import threading
import time

import pytest

from omni.isaac.ovrtx_render.ui.worker import Worker


def test_a_second_job_is_refused_until_the_first_is_done() -> None:
    worker: Worker[int] = Worker("test")
    go_on = threading.Event()
    assert worker.submit(lambda: int(go_on.wait(10)))
    assert worker.busy
    assert not worker.submit(lambda: 2)
    assert worker.take() is None
    go_on.set()
    while worker.busy:
        time.sleep(0.001)
    assert worker.take().result == 1
    assert worker.take() is None
    assert worker.close()
    assert worker.close()
    assert not worker.submit(lambda: 3)


def test_what_a_job_raises_is_handed_over_and_the_next_one_runs() -> None:
    worker: Worker[float] = Worker("test")
    for divisor, expected in ((0, None), (2, 0.5)):
        assert worker.submit(lambda divisor=divisor: 1 / divisor)
        while worker.busy:
            time.sleep(0.001)
        outcome = worker.take()
        assert outcome.result == expected
        assert isinstance(outcome.error, ZeroDivisionError) == (divisor == 0)
    worker.close()


@pytest.mark.parametrize("inline", [True, False])
def test_jobs_can_be_run_in_the_thread_of_the_caller(inline: bool) -> None:
    worker: Worker[threading.Thread] = Worker("test", inline)
    assert worker.submit(threading.current_thread, here=not inline)
    assert not worker.busy
    assert worker.take().result is threading.current_thread()
    assert worker.close()


def test_closing_does_not_wait_for_ever() -> None:
    worker: Worker[bool] = Worker("test")
    go_on = threading.Event()
    worker.submit(lambda: go_on.wait(30))
    began = time.monotonic()
    assert not worker.close(0.05)
    assert time.monotonic() - began < 5.0
    go_on.set()
