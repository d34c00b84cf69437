"""The text chunks of a PNG, read without decoding a pixel; and what ours say. The file is not trusted."""

from __future__ import annotations

import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from genimg_core.errors import GenimgError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 100_000
MOST_TEXTS = 64
LONGEST_TEXT = 4_096
"""Bytes of a text chunk, packed or not; a longer one is none of ours."""
PREFIX = "genimg:"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_WHOLE = re.compile(r"[0-9]{1,16}")


class NoOriginError(GenimgError):
    """The file is no PNG, or its texts do not say where it comes from."""


@dataclass(frozen=True)
class Origin:
    """What a sample says of itself. Anybody can write it: it is a claim until the model of that version is found."""

    model: str
    model_sha256: str
    dataset_sha256: str
    seed: int
    index: int
    label: str
    """The class it was asked to be."""
    dataset: str | None = None
    steps: int | None = None
    guidance: float | None = None
    solver: str | None = None
    """None: the usual one."""


def read_origin(path: Path) -> Origin:
    """What a PNG says of where it comes from.

    Raises:
        NoOriginError: it cannot be read, is no PNG, or holds no texts of ours that make sense.
    """
    texts = {key.removeprefix(PREFIX): text for key, text in png_texts(path).items() if key.startswith(PREFIX)}
    if not texts:
        raise NoOriginError(f"{path} does not say where it comes from: it holds none of genimg's texts",
                            "trace the PNG as genimg wrote it: editors, chats and web pages drop such texts")
    wrong = [key for key, good in _RULES.items() if key in texts and not good(texts[key])]
    missing = [key for key in ("model", "model_sha256", "dataset_sha256", "seed", "index", "class") if key not in texts]
    if wrong or missing:
        told = [f"'{PREFIX}{key}' makes no sense" for key in wrong] + [f"'{PREFIX}{key}' is missing" for key in missing]
        raise NoOriginError(f"{path}: {', '.join(told)}", "trace the PNG as genimg wrote it")
    return Origin(texts["model"], texts["model_sha256"], texts["dataset_sha256"], int(texts["seed"]),
                  int(texts["index"]), texts["class"], texts.get("dataset"),
                  int(texts["steps"]) if "steps" in texts else None,
                  float(texts["guidance"]) if "guidance" in texts else None, texts.get("solver"))


def png_texts(path: Path) -> dict[str, str]:
    """Keyword => text of the tEXt, zTXt and iTXt chunks; too long or malformed ones are left out.

    Raises:
        NoOriginError: the file cannot be read or is no PNG.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(SIGNATURE)) != SIGNATURE:
                raise NoOriginError(f"{path} is not a PNG", "genimg writes its samples as PNGs, and only those can be "
                                    "traced")
            return _texts(stream)
    except OSError as error:
        raise NoOriginError(f"{path} cannot be read ({error.strerror})", "name a PNG that genimg drew") from None


def _texts(stream: BinaryIO) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8 or len(found) >= MOST_TEXTS:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            break
        if kind in _READERS and length <= LONGEST_TEXT:
            data = stream.read(length)
            stream.seek(4, 1)
            try:
                key, text = _READERS[kind](data)
            except (ValueError, zlib.error):
                continue
            found.setdefault(key, text)
        else:
            stream.seek(length + 4, 1)
    return found


def _plain(data: bytes) -> tuple[str, str]:
    key, _, text = data.partition(b"\0")
    return key.decode("latin-1"), text.decode("latin-1")


def _packed(data: bytes) -> tuple[str, str]:
    key, _, rest = data.partition(b"\0")
    return key.decode("latin-1"), _unpack(rest[1:]).decode("latin-1")


def _international(data: bytes) -> tuple[str, str]:
    key, _, rest = data.partition(b"\0")
    packed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, text = rest.partition(b"\0")
    return key.decode("latin-1"), (_unpack(text) if packed else text).decode("utf8")


def _unpack(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(data, LONGEST_TEXT)
    if not unpacker.eof:
        raise ValueError("too long, or cut short")
    return text


_READERS = {b"tEXt": _plain, b"zTXt": _packed, b"iTXt": _international}


def _is_number(text: str) -> bool:
    try:
        return len(text) < 32 and math.isfinite(float(text))
    except ValueError:
        return False


_RULES = {
    "model": lambda text: 0 < len(text) <= 200,
    "dataset": lambda text: 0 < len(text) <= 200,
    "class": lambda text: len(text) <= 1_000,
    "model_sha256": _SHA256.fullmatch,
    "dataset_sha256": _SHA256.fullmatch,
    "seed": _WHOLE.fullmatch,
    "index": _WHOLE.fullmatch,
    "steps": _WHOLE.fullmatch,
    "guidance": _is_number,
    "solver": re.compile("[a-z_]{1,32}").fullmatch,
}
