"""Single keys from a terminal, without waiting for the enter key."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def pressed_keys(on_key: Callable[[str], None]) -> Generator[bool]:
    """Calls ``on_key`` for each key, on the running event loop; yields whether there are keys at all.

    There are none where the input is no terminal, or on a system without ``termios``. The terminal is as
    before at the end, whatever happens.
    """
    try:
        import termios
        import tty
    except ImportError:
        yield False
        return
    if not sys.stdin.isatty():
        yield False
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    loop = asyncio.get_running_loop()

    def read() -> None:
        for key in os.read(terminal, 64).decode(errors="ignore"):
            on_key(key)

    try:
        tty.setcbreak(terminal)
        loop.add_reader(terminal, read)
        yield True
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
