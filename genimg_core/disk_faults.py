"""A disk that is full, or a folder that may not be written: an error with its remedy instead of a traceback."""

from __future__ import annotations

import errno
import re

from genimg_core.errors import SetupError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a write says when there is no room; such an error often names no file."""
REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
"""NumPy's words for a write that did not fit; it gives no number."""


def disk_fault(error: OSError, lost: str) -> SetupError | None:
    """The error to tell people, or None where the disk is not to blame.

    Args:
        error: of the operating system, or of a library that passes it on.
        lost: what became of the work, in one sentence without a full stop.
    """
    place = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.EFBIG:
        return SetupError(f"a file would grow over the limit on sizes of files{place}; {lost}",
                          "raise the limit (`ulimit -f`, or the file system's), then run it again")
    if error.errno in FULL or (error.errno is None and _SHORT_WRITE.search(str(error))):
        return SetupError(f"the disk is full{place}; {lost}",
                          "make room (`genimg clean --dry-run` shows what can go, `df -h` where), then run it again")
    if error.errno in REFUSED:
        why = "it is mounted read-only" if error.errno == errno.EROFS else error.strerror
        return SetupError(f"{error.filename or 'a file'} may not be written or read: {why}; {lost}",
                          "mend the rights of the file and its folder (or the mount), then run it again")
    return None
