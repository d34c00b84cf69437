"""The SOURCES table. A new source is a module with a params Section and a class, and a line here."""

from __future__ import annotations

from typing import Annotated, Any, Union

from pydantic import Discriminator, Tag

from genimg_core.params import Section
from genimg_core.sources.archive import ArchiveParams, ArchiveSource
from genimg_core.sources.folder import FolderParams, FolderSource
from genimg_core.sources.glyphs import GlyphsParams, GlyphsSource
from genimg_core.sources.idx import IdxParams, IdxSource
from genimg_core.sources.source import Source
from genimg_core.sources.store import StoreParams, StoreSource
from genimg_core.sources.table import TableParams, TableSource
from genimg_core.sources.torchvision_sets import TorchvisionParams, TorchvisionSource
from genimg_core.sources.webdataset import WebdatasetParams, WebdatasetSource

SOURCES: dict[str, tuple[type, type]] = {
    "folder": (FolderParams, FolderSource),
    "archive": (ArchiveParams, ArchiveSource),
    "glyphs": (GlyphsParams, GlyphsSource),
    "table": (TableParams, TableSource),
    "idx": (IdxParams, IdxSource),
    "webdataset": (WebdatasetParams, WebdatasetSource),
    "torchvision": (TorchvisionParams, TorchvisionSource),
    "store": (StoreParams, StoreSource),
}
"""Kind -> its params and its class, which takes them."""


def _source_tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"kind:{kind}" if isinstance(kind, str) and kind in SOURCES else None


SourceParams: Any = Annotated[
    Union[tuple(Annotated[params, Tag(f"kind:{kind}")] for kind, (params, _) in SOURCES.items())],  # noqa: UP007
    Discriminator(
        _source_tag,
        custom_error_type="source_kind",
        custom_error_message=f"A source has a `kind`, one of {', '.join(sorted(SOURCES))}",
    ),
]
"""`datasets.NAME.source`. (The tags start with `kind:` so that error messages can leave them out.)"""


def open_source(params: Section) -> Source:
    """The source that the params describe."""
    return SOURCES[params.kind][1](params)
