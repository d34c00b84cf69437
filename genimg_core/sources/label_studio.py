"""Labels from an export of Label Studio (the format JSON): a classification project's choices."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section, nearest
from genimg_core.sources.described import Described, gather, labels_bytes, no_constant, normal, text_from

_Text = Annotated[str, StringConstraints(min_length=1)]

_UPLOAD = re.compile(r"(?:^|/)(?:data/)?upload/(?:\d+/)?(?P<prefix>[0-9a-f]{8}-)(?P<name>[^/]+)$")
"""Label Studio puts eight hex digits and a dash before the name of an uploaded file."""
_NOT_KEPT = re.compile(r"[^-\w.]")
"""What it leaves out of the names of uploaded files, spaces having become underscores."""


class LabelStudioLabels(Section):
    """Labels from Label Studio's export as JSON (not JSON-MIN). An image without a choice is unlabelled.

    Of several annotations the one marked as ground truth counts, else the choice that most agree on; where none has
    most, the image is unlabelled. Cancelled annotations and predictions do not count.
    """

    label_studio: _Text
    """Path of the export, from the working directory."""
    image_key: _Text = "image"
    """The key of `data` with the image: an uploaded file, a file of a local or cloud storage, or an address."""
    choices: _Text | None = None
    """The `name` of the Choices tag to read, where the project has more than one."""

    @property
    def file(self) -> str:
        """The file of labels."""
        return self.label_studio


def read_label_studio(labels: LabelStudioLabels, present: Collection[str]) -> dict[str, Described]:
    """What the export says, by path in the source.

    An uploaded image is found by its name, with or without the prefix that Label Studio gave it, in whatever folder it
    lies. The paths of other images are relative to one folder, the one under which most of them are found.

    Args:
        labels: the params.
        present: the source's files: posix paths relative to it.

    Raises:
        SourceError: missing, too large, no such export, or a task names no image, has two choices at once, fits several
            files, or contradicts another. The message names the task by its place in the file and its id.
    """
    tasks = _tasks(labels)
    found = gather(labels.label_studio, "task", _rows(labels, tasks, _Places(present, [path for _, path, _ in tasks])))
    if not any(described.label for described in found.values()):
        raise SourceError(f"{labels.label_studio} holds no choice of a class",
                          "export a project whose labelling interface has a Choices tag, after annotating some images")
    return found


def _tasks(labels: LabelStudioLabels) -> list[tuple[str, str, dict[str, Any]]]:
    """(where, the image as the task names it, the task) of each."""
    tree = _tree(labels)
    found = []
    for number, task in enumerate(tree, start=1):
        where = f"task {number} of {labels.label_studio}"
        if isinstance(task, dict) and isinstance(task.get("id"), int | str):
            where += f" (id {ascii(task['id'])[:40]})"
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise SourceError(f"{where} has no `data`", "export the project as JSON (not JSON-MIN, CSV or COCO)")
        if labels.image_key not in task["data"]:
            raise SourceError(f"{where} has no image under '{labels.image_key}'",
                              nearest(labels.image_key, sorted(task["data"])))
        image = text_from(task["data"][labels.image_key], where, "image")
        if not image:
            raise SourceError(f"{where} names no image in '{labels.image_key}'", "delete the task, or export again")
        found.append((where, image, task))
    return found


def _tree(labels: LabelStudioLabels) -> list[Any]:
    export = labels.label_studio
    try:
        tree = json.loads(labels_bytes(export, "label_studio").decode("utf8"), parse_constant=no_constant)
    except UnicodeDecodeError:
        raise SourceError(f"{export} is not UTF-8", "export the project again, as JSON") from None
    except (ValueError, RecursionError) as error:
        told = " ".join(str(error).split()) if isinstance(error, ValueError) else "nested too deeply"
        raise SourceError(f"{export} is no JSON ({told})", "export the project again, as JSON") from None
    if not isinstance(tree, list) or not tree:
        raise SourceError(f"{export} holds no list of tasks", "export the project as JSON, with its annotated tasks")
    return tree


def _rows(labels: LabelStudioLabels, tasks: list[tuple[str, str, dict[str, Any]]],
          places: _Places) -> Iterator[tuple[int, str, Described]]:
    used: set[str] = set()
    for number, (where, image, task) in enumerate(tasks, start=1):
        label = _choice(task, where, labels.choices, used)
        if labels.choices is None and len(used) > 1:
            raise SourceError(f"{where}: the project has several Choices tags ({', '.join(sorted(used))})",
                              "name the one that holds the classes: `labels.choices`")
        yield number, places.path_of(image, where), Described(label, None)
    if labels.choices is not None and labels.choices not in used:
        raise SourceError(f"{labels.label_studio} has no choices named '{labels.choices}'",
                          nearest(labels.choices, sorted(used)))


def _choice(task: dict[str, Any], where: str, wanted: str | None, used: set[str]) -> str | None:
    """The class that a task's annotations agree on; adds the names of the tags that were used to `used`."""
    said: list[tuple[bool, str]] = []
    for annotation in _list(task, "annotations", where):
        if not isinstance(annotation, dict):
            raise SourceError(f"{where}: an annotation is no object", "export the project again, as JSON")
        if annotation.get("was_cancelled") is True:
            continue
        label = _chosen(annotation, where, wanted, used)
        if label:
            said.append((annotation.get("ground_truth") is True, label))
    truths = [label for sure, label in said if sure] or [label for _, label in said]
    ranked = Counter(truths).most_common(2)
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]) else None


def _chosen(annotation: dict[str, Any], where: str, wanted: str | None, used: set[str]) -> str | None:
    picked = set()
    for region in _list(annotation, "result", where):
        if not isinstance(region, dict) or region.get("type") != "choices":
            continue
        tag = text_from(region.get("from_name"), where, "name of a tag") or "choices"
        used.add(tag)
        value = region.get("value")
        if wanted is None or tag == wanted:
            values = _list(value, "choices", where) if isinstance(value, dict) else []
            picked |= {text_from(value, where, "choice") for value in values} - {""}
    if len(picked) > 1 and (wanted is not None or len(used) == 1):
        raise SourceError(f"{where} has {len(picked)} choices at once: {', '.join(sorted(picked))}",
                          "an image has one class: keep one choice (`choice=\"single\"` in the labelling interface)")
    return min(picked, default=None)


def _list(tree: dict[str, Any], key: str, where: str) -> list[Any]:
    value = tree.get(key)
    if value is not None and not isinstance(value, list):
        raise SourceError(f"{where}: `{key}` is no list", "export the project again, as JSON")
    return value or []


class _Places:
    """Which file of the source a task means.

    Args:
        present: the source's files.
        images: what the tasks name.
    """

    def __init__(self, present: Collection[str], images: list[str]) -> None:
        self._present = frozenset(present)
        self._by_name: dict[str, list[str]] = {}
        for path in sorted(present):
            name = path.rpartition("/")[2]
            for key in {name, as_uploaded(name)}:
                self._by_name.setdefault(key, []).append(path)
        self._prefix = self._likeliest_prefix([path_in(image) for image in images if not _upload(image)])

    def path_of(self, image: str, where: str) -> str:
        """The path, found or not.

        Raises:
            SourceError: several files fit.
        """
        upload = _upload(image)
        if upload is None:
            path = path_in(image)
            return path.removeprefix(self._prefix) or path
        name = upload["name"]
        for candidate in (upload["prefix"] + name, name):
            fitting = self._by_name.get(candidate, [])
            if len(fitting) > 1:
                raise SourceError(f"{where} names {name!r}, and the source holds several: {', '.join(fitting[:3])}",
                                  "give them different names, or let Label Studio read them from a local storage")
            if fitting:
                return fitting[0]
        return name

    def _likeliest_prefix(self, paths: list[str]) -> str:
        """What most of the paths begin with before the part that the source holds."""
        votes: Counter[str] = Counter()
        for path in paths:
            place = 0
            while path[place:] not in self._present and "/" in path[place:]:
                place = path.index("/", place) + 1
            if path[place:] in self._present:
                votes[path[:place]] += 1
        return max(votes, key=lambda prefix: (votes[prefix], -len(prefix), prefix), default="")


def _upload(image: str) -> re.Match[str] | None:
    return _UPLOAD.search(unquote(image))


def as_uploaded(name: str) -> str:
    """A file's name as Label Studio stores an uploaded one: spaces are underscores, most other signs are left out."""
    return _NOT_KEPT.sub("", name.strip().replace(" ", "_"))


def path_in(image: str) -> str:
    """The path in an address, or in `/data/local-files/?d=PATH`, without its first slashes; percent signs undone."""
    try:
        parts = urlsplit(image)
    except ValueError:  # `http://[`
        return normal(image.strip("/"))
    if parts.path.rstrip("/").endswith("/local-files"):
        named = parse_qs(parts.query).get("d", [""])[0]
        return normal(named.strip("/")) or image
    if parts.scheme or image.startswith("/data/"):
        return normal(unquote(f"{parts.netloc}/{parts.path}").strip("/")) or image
    return normal(image.strip("/")) or image
