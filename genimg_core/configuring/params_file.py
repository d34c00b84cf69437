"""Write a proposal into params.yaml: section by section, so that what is not proposed keeps its text and comments.

The sections that name data sets and models are written anew, save entries that stay what they were; in the others
(`image`, `evaluate`, …) values change in their places. The earlier file is kept under `.genimg/params/`.
"""

from __future__ import annotations

import io
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genimg_core import params as params_module
from genimg_core.errors import ParamsError
from genimg_core.store.replacing import replacing

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

BACKUPS = Path(".genimg/params")
ORDER = ("seed", "threads", "image", "datasets", "pretrain", "finetune", "generate", "extractor", "evaluate")
NAMED = ("datasets", "pretrain", "finetune", "generate", "imported")
"""Sections whose keys are names of the user's: an entry that is not proposed goes."""
HEADER = "# Every setting of the pipeline, proposed by `genimg configure`. `{}` takes a section's defaults.\n\n"
DEFAULTS: dict[str, Any] = {"seed": 0, "threads": 2, "evaluate": {}}
WIDTH = 4096
"""Of a line: a flow mapping broken in two is harder to read than a long line."""


def earlier_text(path: Path) -> str:
    """The text of params.yaml; empty where there is none.

    Raises:
        ParamsError: it is there and cannot be read as a mapping.
    """
    if not path.exists():
        return ""
    params_module.read(path)
    return path.read_text(encoding="utf8")


def rewritten(text: str, tree: dict[str, Any], notes: dict[str, str]) -> str:
    """The new text of params.yaml.

    Args:
        text: the earlier one, or empty.
        tree: sections to set.
        notes: dotted key of an entry -> its comment.

    Raises:
        ParamsError: what came out is not valid: the earlier text holds what this program cannot change safely.
    """
    from genimg_core.schema import load_params

    spans = _sections(text)
    lines = text.splitlines(keepends=True) if text.strip() else HEADER.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    changed: dict[str, str] = {}
    for key in ORDER:
        if key in tree or key not in spans:
            start, end = spans.get(key, (0, 0))
            changed[key] = _section(key, "".join(lines[start:end]), tree.get(key, DEFAULTS.get(key, {})), notes)
    for key, (start, end) in sorted(spans.items(), key=lambda item: -item[1][0]):
        if key in changed:
            lines[start:end] = [changed.pop(key)]
    new = "".join(lines)
    for key in [key for key in ORDER if key in changed]:
        new = new.rstrip("\n") + "\n\n" + changed[key]
    load_params(_parsed(new))
    return new


def with_section(text: str, key: str, value: dict[str, Any]) -> str:
    """The text of params.yaml with one section set, at its place or at the end; all else as it was.

    Raises:
        ParamsError: what came out is not valid.
    """
    from genimg_core.schema import load_params

    start, end = _sections(text).get(key, (0, 0))
    lines = text.splitlines(keepends=True)
    section = _section(key, "".join(lines[start:end]), value, {})
    new = "".join([*lines[:start], section, *lines[end:]]) if end else f"{text.rstrip()}\n\n{section}"
    load_params(_parsed(new))
    return new


def write(path: Path, text: str, backups: Path = BACKUPS) -> Path | None:
    """Put the new text in place, whole or not at all.

    Returns:
        Where the earlier file is kept; None where there was none, or it said the same.
    """
    kept = None
    if path.exists():
        if path.read_text(encoding="utf8") == text:
            return None
        backups.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        number = 0
        while (kept := backups / f"params-{stamp}{f'-{number}' if number else ''}.yaml").exists():
            number += 1
        shutil.copyfile(path, kept)
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf8")
        if path.exists():
            shutil.copymode(path, draft)
    return kept


def _round_trip() -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = WIDTH
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    return yaml


def _parsed(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ParamsError(f"the new params.yaml would not be valid YAML: {' '.join(str(error).split())}",
                          "move params.yaml away and run `genimg configure` again: it then starts afresh") from None


def _sections(text: str) -> dict[str, tuple[int, int]]:
    """Top-level key -> (first line, line after its last value). Comments and blank lines between belong to none."""
    from ruamel.yaml import YAML

    if not text.strip():
        return {}
    node = YAML(pure=True).compose(text)
    if node is None or node.flow_style:
        raise ParamsError("params.yaml is written as one flow mapping, which cannot be changed section by section",
                          "move it away and run `genimg configure` again: it then starts afresh")
    lines = text.splitlines()
    spans = {}
    starts = [key.start_mark.line for key, _ in node.value] + [len(lines)]
    for (key, _), start, stop in zip(node.value, starts, starts[1:], strict=False):
        end = stop
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith(("#", "...", "---"))):
            end -= 1
        spans[str(key.value)] = (start, end)
    return spans


def _section(key: str, text: str, value: Any, notes: dict[str, str]) -> str:
    """A section's new text."""
    from ruamel.yaml.error import YAMLError

    yaml = _round_trip()
    try:
        loaded = yaml.load(text) if text else None
    except YAMLError:
        loaded = None  # it leans on another section (an anchor): it is written anew
    if loaded is None or not isinstance(loaded, dict):
        loaded = _map({key: None})
    if loaded[key] == value:
        return text or _dumped(yaml, loaded | {key: value})
    if not isinstance(value, dict) or not isinstance(loaded[key], dict):
        loaded[key] = _built(key, value, notes)
    elif key in NAMED:
        _keep_entries(key, loaded, value, notes)
    else:
        _merge(loaded[key], value)
    return _dumped(yaml, loaded)


def _keep_entries(key: str, loaded: CommentedMap, value: dict[str, Any], notes: dict[str, str]) -> None:
    """Entries in the order proposed: those that are what they were keep their text."""
    built = _built(key, value, notes)
    for name, entry in value.items():
        earlier = loaded[key].get(name)
        if earlier == entry:
            built[name] = earlier
            if name in loaded[key].ca.items:
                built.ca.items[name] = loaded[key].ca.items[name]
        elif key == "datasets" and isinstance(earlier, dict) and earlier.get("source") == entry["source"]:
            # The same images as before: what the user set for their stages beyond the proposal stays.
            for stage, settings in entry.items():
                if stage != "source" and isinstance(earlier.get(stage), dict):
                    _update(earlier[stage], settings)
                else:
                    earlier[stage] = built[name][stage]
            built[name] = earlier
    loaded[key] = built


def _merge(old: CommentedMap, new: dict[str, Any]) -> None:
    """Make `old` equal to `new`; keys that stay keep their comments."""
    for key in [key for key in old if key not in new]:
        del old[key]
    _update(old, new)


def _update(old: CommentedMap, new: dict[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            _update(old[key], value)
        elif key not in old or old[key] != value:
            old[key] = _inline(value) if isinstance(value, dict) else _scalar(key, value)


def _built(section: str, value: Any, notes: dict[str, str]) -> Any:
    """A section in the style of the file: a line for each entry or stage."""
    if not isinstance(value, dict):
        return value
    if section not in NAMED:
        flow = section not in ("image",) or not value
        tree = _map({key: _scalar(key, item) for key, item in value.items()})
        if flow:
            tree.fa.set_flow_style()
        return tree
    if not value:
        return _inline({})
    tree = _map({})
    for name, entry in value.items():
        tree[name] = _data_set(entry) if section == "datasets" else _inline(entry)
        if note := notes.get(f"{section}.{name}"):
            tree.yaml_add_eol_comment(note, name)
    return tree


def _data_set(entry: dict[str, Any]) -> CommentedMap:
    tree = _map({})
    for stage, settings in entry.items():
        labels = settings.get("labels") if stage == "source" else None
        if isinstance(labels, dict):
            tree[stage] = _map({key: _scalar(key, item) for key, item in settings.items() if key != "labels"})
            tree[stage]["labels"] = _inline(labels) if len(labels) < 4 else _map(
                {key: _inline(item) if isinstance(item, dict) else item for key, item in labels.items()})
        else:
            tree[stage] = _inline(settings)
    return tree


def _inline(value: dict[str, Any]) -> CommentedMap:
    tree = _map({key: _inline(item) if isinstance(item, dict) else _scalar(key, item) for key, item in value.items()})
    tree.fa.set_flow_style()
    return tree


def _map(value: dict[str, Any]) -> CommentedMap:
    from ruamel.yaml.comments import CommentedMap

    return CommentedMap(value)


def _scalar(key: str, value: Any) -> Any:
    """Colours are quoted: `#` begins a comment to the eye, if not always to YAML."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return DoubleQuotedScalarString(value) if key == "background" else value


def _dumped(yaml: YAML, tree: Any) -> str:
    stream = io.StringIO()
    yaml.dump(tree if hasattr(tree, "ca") else _map(tree), stream)
    text = stream.getvalue()
    return text if text.endswith("\n") else text + "\n"
