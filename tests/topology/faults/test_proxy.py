"""Each toxic does to real sockets what it says, also to connections that are open already."""

import asyncio
import os
from time import monotonic

import pytest

from ordereats.topology.faults.toxics import (
    Bandwidth,
    BlackHole,
    Direction,
    Down,
    Latency,
    LimitData,
    Reset,
    Slicer,
    SlowClose,
    Toxic,
)
from topology.faults.conftest import RunningProxy
from topology.faults.streams import (
    SOON_S,
    Until,
    answering,
    comes_back,
    connected,
    is_reset,
    nothing_comes,
    send_and_receive,
    target,
)


async def test_toxics_together_lose_no_byte(proxy: RunningProxy) -> None:
    data = os.urandom(200_000)
    proxy.add(
        Latency(ms=20, jitter_ms=20, direction=Direction.BOTH),
        Bandwidth(kb_per_s=1000),
        Slicer(bytes=3000, vary_bytes=2000),
        SlowClose(ms=50),
    )

    async with target(proxy):
        began = monotonic()
        got = await send_and_receive(await connected(proxy), data)

    assert got == data
    assert monotonic() - began >= 0.2


async def test_latency_comes_and_goes_on_an_open_connection(proxy: RunningProxy) -> None:
    async with target(proxy):
        streams = await connected(proxy)
        await comes_back(streams)

        proxy.add(Latency(ms=200))
        assert await comes_back(streams) >= 0.2
        proxy.add(Latency(ms=200), Latency(ms=100, direction=Direction.UPSTREAM))
        assert await comes_back(streams) >= 0.3
        proxy.add(Latency(ms=600_000))
        streams[1].write(b"held")
        await nothing_comes(streams[0])
        proxy.clear()

        assert await asyncio.wait_for(streams[0].readexactly(4), SOON_S) == b"held"


async def test_bandwidth_is_that_of_each_connection(proxy: RunningProxy) -> None:
    proxy.add(Bandwidth(kb_per_s=200))

    async with target(proxy):
        took = await asyncio.gather(
            *[comes_back(await connected(proxy), b"x" * 100_000) for _ in range(3)]
        )

    assert min(took) >= 0.5


async def test_slices_come_one_after_the_other(proxy: RunningProxy) -> None:
    proxy.add(Slicer(bytes=2, ms=50))

    async with target(proxy):
        assert await comes_back(await connected(proxy), b"123456") >= 0.1


async def test_a_slow_close_keeps_the_end_back(proxy: RunningProxy) -> None:
    proxy.add(SlowClose(ms=300))

    async with target(proxy):
        began = monotonic()
        assert await send_and_receive(await connected(proxy), b"bye") == b"bye"

    assert monotonic() - began >= 0.3


async def test_a_black_hole_lets_nothing_through_until_it_is_gone(proxy: RunningProxy) -> None:
    async with answering(proxy, b"answer") as arrived:
        proxy.add(BlackHole())
        reader, writer = await connected(proxy)
        writer.write(b"question")
        await nothing_comes(reader)
        assert arrived == []
        proxy.clear()

        assert await asyncio.wait_for(reader.read(), SOON_S) == b"answer"
        assert arrived == [b"question"]


async def test_a_black_hole_for_answers_lets_the_question_through(
    proxy: RunningProxy, until: Until
) -> None:
    proxy.add(BlackHole(direction=Direction.DOWNSTREAM))

    async with answering(proxy, b"answer") as arrived:
        reader, writer = await connected(proxy)
        writer.write(b"charge")
        await until(lambda: arrived == [b"charge"])
        await nothing_comes(reader)
        writer.close()


async def test_a_black_hole_with_a_time_closes_after_it(proxy: RunningProxy) -> None:
    async with target(proxy):
        streams = await connected(proxy)
        await comes_back(streams)
        began = monotonic()
        proxy.add(BlackHole(ms=300))
        streams[1].write(b"lost")

        assert await asyncio.wait_for(streams[0].read(), SOON_S) == b""
        assert monotonic() - began >= 0.3


async def test_a_reset_strikes_open_connections_and_new_ones_on_both_sides(
    proxy: RunningProxy, until: Until
) -> None:
    ended: list[type[BaseException] | None] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                writer.write(data)
            ended.append(None)
        except ConnectionError as error:
            ended.append(type(error))
        writer.close()

    async with target(proxy, listen):
        old = await connected(proxy)
        await comes_back(old)
        began = monotonic()
        proxy.add(Reset(ms=200))

        assert await is_reset(old[0])
        assert monotonic() - began >= 0.2
        new = await connected(proxy)
        assert await is_reset(new[0])
        await until(lambda: ended == [ConnectionResetError] * 2)


async def test_an_answer_is_lost_after_the_question_was_taken(
    proxy: RunningProxy, until: Until
) -> None:
    async with answering(proxy, b"charged") as taken:
        for limit, got in ((0, b""), (3, b"cha"), (7, b"charged")):
            proxy.add(LimitData(bytes=limit))
            reader, writer = await connected(proxy)
            writer.write(b"charge")
            assert await asyncio.wait_for(reader.read(), SOON_S) == got
            writer.close()
        await until(lambda: taken == [b"charge"] * 3)


async def test_what_is_down_refuses_and_resets_and_comes_up_again(proxy: RunningProxy) -> None:
    async with target(proxy):
        open_one = await connected(proxy)
        await comes_back(open_one)

        proxy.add(Down())
        assert await is_reset(open_one[0])
        with pytest.raises(ConnectionRefusedError):
            await connected(proxy)
        proxy.clear()

        await comes_back(await connected(proxy))


@pytest.mark.parametrize(
    "toxic",
    [Latency(ms=10), Bandwidth(kb_per_s=1000), BlackHole(), Reset(), LimitData(bytes=0), Down()],
    ids=lambda toxic: type(toxic).__name__,
)
async def test_what_meets_a_toxic_is_counted_and_nothing_else_is(
    proxy: RunningProxy, until: Until, toxic: Toxic
) -> None:
    async with target(proxy):
        reader, writer = await connected(proxy)
        await comes_back((reader, writer))
        proxy.add(toxic)
        writer.write(b"ping")
        await until(lambda: proxy.all()[0].met > 0)
        proxy.clear()
        met = proxy.all()[0].met
        await comes_back(await connected(proxy))

        assert proxy.all()[0].met == met
        writer.close()


async def test_a_toxic_that_nothing_meets_counts_from_nothing(proxy: RunningProxy) -> None:
    async with target(proxy):
        streams = await connected(proxy)
        proxy.add(Latency(ms=10))
        await comes_back(streams)

        proxy.add(BlackHole())

        assert proxy.all()[0].met == 0
        streams[1].close()


async def test_a_toxic_may_strike_a_share_of_the_connections(proxy: RunningProxy) -> None:
    async with target(proxy):
        all_of_them = [await connected(proxy) for _ in range(60)]
        proxy.add(Latency(ms=600_000, share=0.5))
        for _, writer in all_of_them:
            writer.write(b"ping")
        answers = await asyncio.gather(
            *[asyncio.wait_for(reader.read(4), 2) for reader, _ in all_of_them],
            return_exceptions=True,
        )

        assert 0 < answers.count(b"ping") < 60
