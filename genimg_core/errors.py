"""The error tree.

Every message holds the cause and the remedy; the command line prints both and exits with `exit_code`.
"""

from __future__ import annotations


class GenimgError(Exception):
    """Something the user can put right.

    Args:
        cause: what is wrong, naming the file, key or value.
        remedy: what to do about it.
    """

    exit_code = 2

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}\n  remedy: {remedy}")
        self.cause = cause
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[GenimgError], tuple[str, str]]:
        """Lets a worker process hand it back whole."""
        return type(self), (self.cause, self.remedy)


class ParamsError(GenimgError):
    """params.yaml is missing, malformed, or holds an unknown key or a value out of range."""


class SourceError(GenimgError):
    """An image source is missing, empty, unsafe, or does not match its labels."""


class SourceChangedError(SourceError):
    """The source no longer is what source.lock says."""


class DecisionsError(GenimgError):
    """A decision about an image cannot be read, or is about what is not there."""


class EmptyDatasetError(GenimgError):
    """No image is left to work with."""


class CorruptFileError(GenimgError):
    """A file written by an earlier stage cannot be read back."""


class TrainingError(GenimgError):
    """A training run cannot go on."""


class SetupError(GenimgError):
    """git, DVC or the workspace is not set up."""


class StageFailedError(GenimgError):
    """A stage of the pipeline failed; the earlier outputs were restored."""


class GateFailedError(GenimgError):
    """A quality gate did not hold. Not a fault of the set-up: the data or the model is not good enough."""

    exit_code = 3
