"""What the door and its back office say to each other arrives whole."""

import asyncio
import multiprocessing
import os
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import msgspec
import pytest
import uvloop

from pipeline.back import Report, heard, listen, tell

# More than a pipe holds, as a city is.
LONG = Report(city=bytes(5_000_000))


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        yield ours, theirs


def test_a_long_word_is_heard_whole(ends: tuple[Connection, Connection]) -> None:
    """Who hears it waits for the rest of it, in the loop that the product runs in."""
    ours, theirs = ends

    def say() -> None:
        body = msgspec.msgpack.encode(LONG)
        os.write(theirs.fileno(), struct.pack("!i", len(body)))
        # Whoever does not wait for the rest has given up by now.
        time.sleep(0.2)
        with socket.socket(fileno=os.dup(theirs.fileno())) as end:
            end.sendall(body)

    with ThreadPoolExecutor() as pool, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pool.submit(say)
        word = runner.run(heard(ours))
        ours.close()

    assert word == LONG


def test_a_long_word_is_said_whole(ends: tuple[Connection, Connection]) -> None:
    """Who says it waits until it is taken, though its loop listens at the same end."""
    ours, theirs = ends

    async def say() -> None:
        listen(theirs, lambda: None)
        tell(theirs, LONG)

    with ThreadPoolExecutor() as pool, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        word = pool.submit(asyncio.run, heard(ours))
        runner.run(say())
        theirs.close()

    assert word.result() == LONG
