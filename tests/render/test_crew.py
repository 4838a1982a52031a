"""Threads that share work: the caller does its part, and nobody is left waiting."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from omni.isaac.ovrtx_render.backends.warp.crew import Crew


@pytest.mark.parametrize("size", [1, 2, 3])
def test_results_come_in_order_and_the_caller_works_too(size: int) -> None:
    crew = Crew(size)
    together = threading.Barrier(size, timeout=60)

    def job(number: int) -> tuple[int, int]:
        together.wait()  # all at once, or this would not end
        return number, threading.get_ident()

    for _ in range(3):
        results = crew.run([partial(job, number) for number in range(size)])
        assert [number for number, _ in results] == list(range(size))
        threads = [thread for _, thread in results]
        assert threads[0] == threading.get_ident()
        assert len(set(threads)) == size
    crew.close()
    assert crew.run([lambda: "closed"]) == ["closed"]


def test_an_error_of_any_thread_reaches_the_caller() -> None:
    crew = Crew(2)

    def fail() -> None:
        raise ValueError("broken")

    for jobs in ([fail, lambda: None], [lambda: None, fail]):
        with pytest.raises(ValueError, match="broken"):
            crew.run(jobs)
    assert crew.run([lambda: 1, lambda: 2]) == [1, 2]
    crew.close()


def test_an_error_comes_once_nobody_works_any_more() -> None:
    crew = Crew(2)
    go_on, ended = threading.Event(), threading.Event()

    def slow() -> None:
        go_on.wait(60)
        ended.set()

    def fail() -> None:
        threading.Timer(0.05, go_on.set).start()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        crew.run([fail, slow])
    assert ended.is_set()
    crew.close()
