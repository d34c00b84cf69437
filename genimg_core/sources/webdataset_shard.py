"""The rows of one WebDataset shard: its images with their labels, and what has no use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from genimg_core.errors import SourceError
from genimg_core.sources.safe_archive import Member, MemberDamagedError
from genimg_core.sources.sample_labels import MAX_FIELD_BYTES, BadLabelError, label_of
from genimg_core.sources.source import (
    IGNORED_NAMES,
    MISSING_FILE,
    TOO_MANY_BYTES,
    UNREADABLE_FILE,
    UNSAFE_MEMBER,
    SourceFile,
    sha256_of,
)

if TYPE_CHECKING:
    from genimg_core.sources.webdataset import WebdatasetParams

UNUSED_FIELD = "unused_field"
"""A field of a sample that is neither an image nor its label."""

_PICKLES = frozenset({"pyd", "pyc", "pickle", "pkl", "pt", "pth"})
"""Reading one may run what it says."""
_BESIDE = frozenset({"cls", "txt", "json"})
"""They tell of the image; where they are not asked for they need no row."""


def split_name(path: str) -> tuple[str, str]:
    """(key, field) of a member: `a/b.seg.png` gives `a/b` and `seg.png`; an empty field where it has none."""
    folder, slash, file = path.rpartition("/")
    key, _, field = file.partition(".")
    return (folder + slash + key, field.lower()) if key else (path, "")


def rows_of_shard(
    name: str, members: Iterable[Member], params: WebdatasetParams, *, split: str | None, size: int, mtime_ns: int
) -> list[SourceFile]:
    """A row for each image, each field without use, and each label without image or that is none.

    Args:
        name: the shard's; its members' paths begin with it.
        members: of the shard.
        params: of the source.
        split: of all images.
        size: the shard's, in bytes.
        mtime_ns: the shard's.

    Raises:
        SourceError: as `read_members` says, or a class without a name.
    """
    wanted = params.label.partition(".")[0] if params.label else None
    images: list[tuple[str, str, str | None, int, str | None, str | None]] = []
    labels: dict[str, str | None] = {}
    label_paths: dict[str, str] = {}
    rows: list[SourceFile] = []

    def refuse(member: Member, reason: str, detail: str) -> None:
        path = f"{name}/{member.path}"
        rows.append(SourceFile(path, 0, None, None, split, reason, detail, size=size, mtime_ns=mtime_ns))

    for member in members:
        key, field = split_name(member.path)
        if member.path.rpartition("/")[2] in IGNORED_NAMES:
            continue
        if field == wanted:
            label_paths[key] = f"{name}/{member.path}"
            try:
                labels[key] = _label(member, params)
            except (BadLabelError, MemberDamagedError) as error:
                refuse(member, UNREADABLE_FILE, str(error))
        elif field in params.image_fields:
            images.append((key, member.path, *_hashed(member, params.max_file_bytes)))
        elif field.rpartition(".")[2] in _PICKLES and field not in params.ignored_fields:
            refuse(member, UNSAFE_MEMBER, f"a pickle is never loaded; {_advice(field)}")
        elif field not in _BESIDE and field not in params.ignored_fields:
            refuse(member, UNUSED_FIELD, f"neither an image nor a label; {_advice(field)}" if field else "no field")
    for key, path, sha256, count, reason, detail in images:
        rows.append(
            SourceFile(
                f"{name}/{path}", count, sha256, labels.get(key), split, reason, detail, size=size, mtime_ns=mtime_ns
            )
        )
    alone = set(labels) - {key for key, *_ in images}
    rows += [
        SourceFile(
            label_paths[key], 0, None, labels[key], split, MISSING_FILE, "no image of that key",
            size=size, mtime_ns=mtime_ns,
        )
        for key in sorted(alone)
    ]  # fmt: skip
    return rows


def _advice(field: str) -> str:
    return f"`ignored_fields: [{field[:40]}]` leaves such members out"


def _hashed(member: Member, most: int) -> tuple[str | None, int, str | None, str | None]:
    """(sha256, bytes, reason, detail)."""
    if member.size > most:
        return None, member.size, TOO_MANY_BYTES, f"{member.size:,} bytes, more than {most:,}"
    try:
        sha256, size = sha256_of(member.chunks)
    except MemberDamagedError as error:
        return None, 0, UNREADABLE_FILE, str(error)
    return sha256, size, None, None


def _label(member: Member, params: WebdatasetParams) -> str | None:
    if member.size > MAX_FIELD_BYTES:
        raise BadLabelError(f"no label: {member.size:,} bytes")
    label = label_of(b"".join(member.chunks), params.label)
    if label is None or params.class_names is None:
        return label
    names = params.class_names
    if not (label.isascii() and label.isdigit() and len(label) < 10 and int(label) < len(names)):
        raise SourceError(
            f"{member.path} holds the class {label!r}, and `class_names` has names for 0 to {len(names) - 1}",
            "correct `class_names` in params.yaml (null takes the labels themselves)",
        )
    return names[int(label)]
