"""Numbers too small for full precision taken as zero, on one thread.

Long silence makes such numbers in the states of codecs and models, and with them a processor computes many
times slower. ONNX Runtime's own option for it reaches the threads that it starts and, in a process's life,
one thread of ours: the first that opens a session. So a thread that runs sessions sets the processor's flag
itself, through the C library's floating-point environment (fenv.h). A thread that it starts later inherits
the flag on Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform

# Where in a fenv_t the control register lies, in bytes, and its bits: flush-to-zero, and on x86 also
# denormals-are-zero.
_PLACES = {
    ("Linux", "x86_64"): (28, 0x8040),
    ("Linux", "aarch64"): (0, 1 << 24),
    ("Darwin", "x86_64"): (4, 0x8040),
    ("Darwin", "arm64"): (8, 1 << 24),
}
_ROOM = 64  # bytes, more than any fenv_t


def flush_denormals() -> bool:
    """Sets it on the calling thread, for good; False on systems where it is not known how."""
    system = platform.system()
    place = _PLACES.get((system, platform.machine()))
    if place is None:
        return False
    offset, bits = place
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libm.so.6" if system == "Linux" else None)
        environment = ctypes.create_string_buffer(_ROOM)
        register = ctypes.c_uint32.from_buffer(environment, offset)
        if library.fegetenv(environment) == 0:
            register.value |= bits
            return library.fesetenv(environment) == 0
    return False
