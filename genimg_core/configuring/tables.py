"""The tables of `genimg configure`. Names and labels come from anywhere: nothing in them is markup or control."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from genimg_core.configuring.gates import WARN_REJECTED
from genimg_core.configuring.proposal import Proposal
from genimg_core.configuring.subject import Subject
from genimg_core.configuring.survey import Survey
from genimg_core.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console() -> Console:
    """Where the tables go: as wide as the terminal, 120 columns elsewhere."""
    from rich.console import Console

    shown = Console(highlight=False)
    return shown if shown.is_terminal else Console(highlight=False, width=120)


def survey_table(subject: Subject, labels: str) -> Table:
    """What was found in a data set."""
    survey = subject.survey
    table = _table(f"{survey.dataset}: {printable(subject.place, 200)}", "what", "found")
    table.add_row("files", f"{survey.files:,}, {bytes_told(survey.bytes)}")
    if survey.sampled:
        table.add_row("looked at", f"{survey.looked_at:,} of {survey.distinct:,} distinct files: an even sample")
    table.add_row("sides", f"short {_spread(survey.short_side_px)}, long {_spread(survey.long_side_px)} px "
                           "(least, median, most)")
    table.add_row("aspect", f"median {survey.aspect.median:.2f}, at most {survey.aspect.most:.1f} to 1")
    table.add_row("formats", f"{_counts(survey.formats)}; modes {_counts(survey.modes)}")
    table.add_row("pixels", f"{survey.grey_share:.0%} grey, {survey.alpha_share:.0%} with transparency, "
                            f"{survey.animated_share:.0%} animated")
    table.add_row("labels", _text(f"{labels}: {_classes(survey)}" if survey.classes else labels))
    if survey.splits:
        table.add_row("given splits", _counts(survey.splits))
    told = ", ".join(f"{share:.1%} {reason}" for reason, share in survey.rejected.items() if share >= 0.0005)
    table.add_row("rejected", _text(f"{survey.rejected_share:.1%} of the files" + (f" ({told})" if told else ""),
                                    "yellow" if survey.rejected_share > WARN_REJECTED else ""))
    table.add_row("usable", f"about {survey.usable:,} images" if survey.sampled else f"{survey.usable:,} images")
    return table


def settings_table(proposal: Proposal) -> Table:
    """Each setting, its value and the reason."""
    table = _table("Proposed settings", "setting", "value", "why")
    table.columns[1].justify = "right"
    for key, value, reason in proposal.choices:
        told = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value).lower() \
            if isinstance(value, bool) else str(value)
        table.add_row(_text(key), _text(told), _text(reason))
    return table


def cost_table(proposal: Proposal, free_bytes: int) -> Table:
    """Expected time and disk."""
    table = _table("Expected on this machine", "what", "about", "worked out from")
    table.columns[1].justify = "right"
    for what, seconds, how in proposal.costs:
        table.add_row(_text(what), seconds_told(seconds), _text(how))
    table.add_row(_text("together", "bold"), _text(seconds_told(proposal.seconds), "bold"), "measured just now")
    table.add_row("disk", bytes_told(proposal.disk_bytes), f"outputs, DVC's cache; {bytes_told(free_bytes)} are free")
    return table


def seconds_told(seconds: float) -> str:
    """`12 s`, `3.4 min`, `2.1 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def bytes_told(count: float) -> str:
    """`1.5 kB`, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    return Table(*columns, title=_text(title), title_justify="left", title_style="bold")


def _text(text: str, style: str = "") -> object:
    from rich.text import Text

    return Text(printable(re.sub(r"[\r\n]+", " ", text), 400), style=style)


def _spread(spread: object) -> str:
    return f"{spread.least:.0f}, {spread.median:.0f}, {spread.most:.0f}"


def _counts(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:6])
    return printable(shown + (", …" if len(counts) > 6 else ""), 200)


def _classes(survey: Survey) -> str:
    counts = survey.classes
    few, many = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    told = f"{len(counts):,} class{'es' if len(counts) > 1 else ''}"
    if len(counts) > 1 and counts[few] == counts[many]:
        told += f" of {counts[few]:,} images each"
    elif len(counts) > 1:
        told += f", from {counts[few]:,} images ('{few[:40]}') to {counts[many]:,} ('{many[:40]}')"
    return told + (f"; {survey.unlabelled / survey.files:.1%} without a label" if survey.unlabelled else "")
