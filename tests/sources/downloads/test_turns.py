"""Whose turn it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from genimg_core.sources.downloads.turns import Turns


@dataclass(frozen=True)
class Job:
    host: str
    number: int
    tries: int = 0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=30), st.integers(1, 4), st.integers(1, 8)
)
def test_every_errand_is_done_once_and_no_host_is_crowded(errands, per_host, workers):
    """Each errand is put in again as often as it says, and now and then its host asks for a pause."""
    done, running, most = [], Counter(), Counter()

    async def work(turns: Turns[Job]) -> None:
        while (job := await turns.take()) is not None:
            running[job.host] += 1
            most[job.host] = max(most[job.host], running[job.host])
            await asyncio.sleep(0)
            running[job.host] -= 1
            if job.tries:
                if job.number % 3 == 0:
                    turns.hold(job.host, 0.001)
                turns.later(Job(job.host, job.number, job.tries - 1), 0.0005)
            else:
                done.append(job.number)
                turns.done()
            turns.left(job.host)

    async def all_of_them() -> None:
        turns: Turns[Job] = Turns(per_host)
        turns.expect(len(errands))
        for number, (host, tries) in enumerate(errands):
            turns.add(Job(host, number, tries))
        await asyncio.wait_for(asyncio.gather(*(work(turns) for _ in range(workers))), 20)

    asyncio.run(all_of_them())
    assert sorted(done) == list(range(len(errands)))
    assert max(most.values(), default=0) <= per_host


def test_hosts_take_turns():
    async def order() -> str:
        turns: Turns[Job] = Turns(1)
        turns.expect(6)
        for number, host in enumerate("aaabbb"):
            turns.add(Job(host, number))
        taken = ""
        while (job := await turns.take()) is not None:
            taken += job.host
            turns.done()
            turns.left(job.host)
        return taken

    assert asyncio.run(order()) == "ababab"
