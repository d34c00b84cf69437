"""What reads the states of the stages leaves room for others."""

import threading
import time

import pytest

from assets.dvc_state import with_pauses

TRIES, APART_S = 6, 0.5
"""As a bare dvc asks for its lock before it gives up."""


@pytest.mark.parametrize("begun_s", [0.0, 0.3, 0.7, 1.1])
def test_who_asks_as_a_bare_dvc_does_gets_the_lock_in_between(begun_s):
    lock, ended = threading.Lock(), threading.Event()

    def read_slowly():
        for _ in with_pauses(range(1000)):
            with lock:
                time.sleep(0.2)
            if ended.is_set():
                return

    reading = threading.Thread(target=read_slowly)
    reading.start()
    time.sleep(begun_s)
    got = False
    for _ in range(TRIES):
        got = lock.acquire(blocking=False)
        if got:
            lock.release()
            break
        time.sleep(APART_S)
    ended.set()
    reading.join()
    assert got


def test_a_quick_reading_makes_no_pause():
    started = time.monotonic()
    assert list(with_pauses("stages")) == list("stages")
    assert time.monotonic() - started < 0.5
