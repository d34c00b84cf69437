"""What a decoder's library raises on bad data, told apart from mistakes of our own.

Plugins raise nearly anything when a file is broken: TypeError and AttributeError among it. Caught around our own code,
these would make a mistake of ours look like millions of bad files. So each call into the library goes through `ask`,
and only what is raised within it counts.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar

DECODER_ERRORS = (ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError, OSError,
                  RuntimeError, SyntaxError, TypeError, ValueError, struct.error, zlib.error)
"""What Pillow's plugins raise on bad data."""

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class DecoderFailedError(Exception):
    """The library could not do what it was asked.

    Args:
        error: what it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def ask(call: Callable[Arguments, Answer], *arguments: Arguments.args, **options: Arguments.kwargs) -> Answer:
    """`call(…)` of a decoder's library.

    Raises:
        DecoderFailedError: it raised one of DECODER_ERRORS.
    """
    try:
        return call(*arguments, **options)
    except DECODER_ERRORS as error:
        raise DecoderFailedError(error) from error
