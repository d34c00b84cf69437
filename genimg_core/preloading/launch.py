"""The server of a run: its place, its start and its end."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from genimg_core.lifeline import tethered
from genimg_core.preloading.request import VARIABLE

GATES = ("pydantic", "ruamel.yaml", "pyarrow.parquet", "great_expectations")
"""What every data set's stages import, with all that these import: pandas, scipy and more."""
MODELS = ("torch", "safetensors.torch", "matplotlib.backends.backend_agg")
"""What the stages behind them import as well."""
DATA_STAGES = ("collect", "profile", "validate", "clean", "label", "normalize")


@dataclass(frozen=True)
class Headstart:
    """What is loaded for the rest of a run, and when."""

    stages: frozenset[str]
    """Those that others follow: it is loaded when the first of them runs."""
    libraries: tuple[str, ...]

    @classmethod
    def of(cls, wanted: Collection[str], instances: Mapping[str, tuple[str, ...]]) -> Headstart:
        """For a run.

        Args:
            wanted: the stages that it may run.
            instances: stage => those that it reads from.
        """
        models = any(name.partition("@")[0] not in DATA_STAGES for name in wanted)
        return cls(frozenset(before for name in wanted for before in instances[name]),
                   (*GATES, *(MODELS if models else ())))


class Preloading:
    """Nothing runs until `start`.

    Args:
        root: the project's folder.
        environment: of the run.
        end: ends a process that leads a group, and its group.
    """

    def __init__(self, root: Path, environment: Mapping[str, str],
                 end: Callable[[subprocess.Popen[str]], None]) -> None:
        self._root, self._end = root, end
        self._server: subprocess.Popen[str] | None = None
        # Not in the project, as a socket's path has 107 characters at most; nobody else may enter the folder.
        self._folder = Path(tempfile.mkdtemp(prefix="genimg-"))
        self.environment = {**environment, VARIABLE: str(self._folder / "socket")}
        """For commands that may hand their work over."""

    def start(self, libraries: Iterable[str]) -> None:
        """Let them be loaded, unless some are; only where forking with them loaded is safe."""
        if self._server is not None or sys.platform != "linux":
            return
        environment = {name: value for name, value in self.environment.items() if name != VARIABLE}
        command = [sys.executable, "-P", "-m", "genimg_core.preloading.server", self.environment[VARIABLE],
                   *libraries]
        self._server = subprocess.Popen(tethered(command), cwd=self._root, env=environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)

    def close(self) -> None:
        """End the server, and whatever still works for it."""
        if self._server is not None:
            self._end(self._server)
        shutil.rmtree(self._folder, ignore_errors=True)
