"""What a controller is, and what it hands back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

State = dict[str, float | int | None]
"""All that a controller remembers; JSON keeps it to the bit."""


@dataclass(frozen=True)
class Decision:
    """A change, and why."""

    cause: str
    """`[a-z_]+`."""
    detail: str
    """With figures."""
    action: str
    """The controller's name."""
    before: dict[str, float]
    after: dict[str, float]
    """The same keys."""

    def event(self, seen_images: int) -> dict[str, Any]:
        """The decision as a line of events.jsonl."""
        return {"seen_images": seen_images, **asdict(self)}

    @property
    def told(self) -> str:
        """`beta 1 to 1.2`: what changed."""
        return ", ".join(f"{name.replace('_', ' ')} {self.before[name]:.3g} to {value:.3g}"
                         for name, value in self.after.items() if value != self.before[name])


class Controller(Protocol):
    """One thing that is turned while a run goes on."""

    def observe(self, line: dict[str, Any]) -> Decision | None:
        """Read the log's newest line, and turn what is to be turned from here on; None where all stays as it is."""
        ...

    @property
    def in_force(self) -> dict[str, float]:
        """What it holds, as it stands in the log."""
        ...

    @property
    def state(self) -> State:
        """For a snapshot."""
        ...

    def restore(self, state: State) -> None:
        """Go on from a snapshot."""
        ...
