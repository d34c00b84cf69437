"""A stage's key figures in a few words, out of its metrics."""

from __future__ import annotations

from collections.abc import Mapping

HEADLINES: dict[str, str] = {
    "collect": "{collected:count file}, {bytes:size}, {classes:count class/classes}",
    "profile": "{decodable:,} of {images:,} can be read",
    "validate": "{expectations_met:,} of {expectations:count expectation} met",
    "clean": "kept {kept:,} of {collected:,}; {unreadable:,} unreadable; duplicates: {exact_duplicates:,} exact, "
             "{near_duplicates:,} near",
    "label": "{given:count label} given, {predicted:,} predicted, {uncertain:,} uncertain",
    "normalize": "{train_images:,} to train, {validation_images:,} to validate, {test_images:,} to test",
    "import": "{weights:count weight}, {classes:count class/classes}",
    "select": "{trials:count trial}, {failed:,} failed; KID {kid:.4f}, coverage {coverage:.2f} of the one chosen",
    "pretrain": "{seen_images:count image} seen, loss {loss:.3f}",
    "recipe": "{trials:count trial}, {failed:,} failed; KID {kid:.4f}, coverage {coverage:.2f} of the one chosen",
    "finetune": "{seen_images:count image} seen, loss {loss:.3f}",
    "generate": "{images:count sample} of {classes:count class/classes}",
    "extractor": "{test_accuracy:.1%} right on held-out images",
    "evaluate": "KID {kid:.4f} (floor {kid_floor:.4f}), FD {fd:.2f} ({fd_floor:.2f}), "
                "coverage {coverage:.2f} ({coverage_floor:.2f})",
    "report": "{page_bytes:size}, {checks:count check}, {warnings:count warning}",
}
"""Stage -> a format of its metrics; `size` writes bytes, `count file` 1 file or 2 files,
`count class/classes` with a plural of its own. A floor is what real images score, in brackets thereafter."""

SHOWN = 4


def headline(stage: str, metrics: Mapping[str, int | float]) -> str:
    """The stage's line in HEADLINES; its first few metrics where one that the line names is not there."""
    if stage in ("select", "recipe") and metrics.get("trials") == 0:
        return "pinned in params.yaml; nothing was tried"
    try:
        return HEADLINES[stage].format_map({name: _Figure(value) for name, value in metrics.items()})
    except KeyError:
        return ", ".join(f"{name} {_plain(value)}" for name, value in list(metrics.items())[:SHOWN])


def size(count: int) -> str:
    """Bytes for people: 1,500 is `1.5 kB`."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if units[0] != "B" else f"{count} B"


def seconds(spent: float) -> str:
    """`3.2 s`, `2:13`, `1:02:13`."""
    if spent < 99.95:
        return f"{spent:.1f} s"
    minutes, rest = divmod(round(spent), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class _Figure:
    """A number that also knows the formats `size` and `count`."""

    def __init__(self, value: int | float) -> None:
        self.value = value

    def __format__(self, form: str) -> str:
        if form == "size":
            return size(int(self.value))
        if form.startswith("count "):
            one, _, many = form.removeprefix("count ").partition("/")
            return f"{self.value:,} {one if self.value == 1 else many or one + 's'}"
        return format(self.value, form)


def _plain(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
