"""The bounded queue towards one client."""

from __future__ import annotations

import asyncio

from voicert.server.outbox import Outbox


async def test_first_in_first_out_and_then_the_end() -> None:
    outbox = Outbox(100)
    assert outbox.put("one")
    assert outbox.put("two")
    outbox.close()
    assert outbox.put("late")
    assert [await outbox.get() for _ in range(4)] == ["one", "two", None, None]


async def test_at_the_bound_a_message_is_refused_until_there_is_room() -> None:
    outbox = Outbox(10)
    assert outbox.put("x" * 10)
    assert not outbox.put("y")
    assert outbox.waiting_bytes == 10
    await outbox.get()
    assert outbox.put("y")


async def test_one_message_always_fits() -> None:
    outbox = Outbox(10)
    assert outbox.put("x" * 1000)
    assert not outbox.put("")  # the bound counts what waits already


async def test_a_waiting_reader_is_woken() -> None:
    outbox = Outbox(10)
    waiting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put("a")
    assert await waiting == "a"
    waiting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.close(drop=True)
    assert await waiting is None


async def test_dropping_empties_it() -> None:
    outbox = Outbox(10)
    outbox.put("abc")
    outbox.close(drop=True)
    assert outbox.waiting_bytes == 0
    assert await outbox.get() is None


async def test_the_sound_of_a_cancelled_answer_is_taken_back() -> None:
    outbox = Outbox(100)
    for text, sound_of in (("a", "r1"), ("b", None), ("c", "r2"), ("d", "r1"), ("e", None)):
        assert outbox.put(text, sound_of)
    outbox.drop("r1")
    outbox.drop("r3")
    assert outbox.waiting_bytes == 3
    assert outbox.put("f", "r1")  # what comes later is for the caller to hold back
    outbox.close()
    assert [await outbox.get() for _ in range(5)] == ["b", "c", "e", "f", None]
