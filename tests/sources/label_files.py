"""Folders and files of labels for the tests of their readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genimg_core.params import parse
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.source import SourceFile


def fill(root: Path, *names: str) -> Path:
    """A folder of files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"I am " + name.encode())
    return root


def scan(root: Path, labels: dict[str, Any]) -> dict[str, SourceFile]:
    """The rows of a folder by path."""
    params = parse(FolderParams, {"path": str(root), "labels": labels}, "source")
    return {file.path: file for file in FolderSource(params).scan({})}


def told(files: dict[str, SourceFile]) -> dict[str, str | None]:
    """The label of each."""
    return {path: file.label for path, file in files.items()}


def task(image: str, *choices: str, **more: Any) -> dict[str, Any]:
    """A task of Label Studio, each choice an annotation of its own."""
    return {"id": 1, "data": {"image": image}, "annotations": [annotation(choice) for choice in choices], **more}


def annotation(*choices: str, tag: str = "class", **more: Any) -> dict[str, Any]:
    """One annotation, as a classification project exports it."""
    region = {"from_name": tag, "to_name": "image", "type": "choices", "value": {"choices": list(choices)}}
    return {"was_cancelled": False, "ground_truth": False, "result": [region], **more}


def write(path: Path, tree: Any) -> str:
    """JSON."""
    path.write_text(json.dumps(tree))
    return str(path)
