"""params.yaml -> frozen pydantic models. An unknown key is an error that names the nearest right one.

Each stage's model lives in the stage's own module, so that a change of one stage stales one stage;
`genimg_core.schema` joins them all and checks the file as a whole.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from genimg_core.errors import ParamsError

PARAMS_FILE = Path("params.yaml")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""Names become folders, stage names, asset keys and groups."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, in [0, 1]."""

CHANNEL_NAMES = {1: "grey", 3: "RGB", 4: "RGBA"}
"""What an image of so many channels is."""

T = TypeVar("T")


class Section(BaseModel):
    """A part of params.yaml: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    NEUTRAL: ClassVar[frozenset[str]] = frozenset()
    """Settings that came after outputs had been made without them, and change nothing at their defaults."""

    def recorded(self, by_alias: bool = False) -> dict[str, Any]:
        """The settings as outputs hold them, for JSON: those of NEUTRAL only where they are not at their defaults.

        So what was made before a setting came keeps its bytes.
        """
        tree = self.model_dump(mode="json", by_alias=by_alias)
        for name, field in type(self).model_fields.items():
            key, value = (by_alias and field.alias) or name, getattr(self, name)
            if name in self.NEUTRAL and value == field.get_default(call_default_factory=True):
                del tree[key]
            elif isinstance(value, Section):
                tree[key] = value.recorded(by_alias)
        return tree


class ImageParams(Section):
    """What an image is to the models: every dataset is brought to this form."""

    size: Annotated[int, Field(ge=8, le=1024, multiple_of=4)] = 32
    """Side in pixels; images are square."""
    channels: Literal[1, 3, 4] = 3
    """1 (grey), 3 (RGB), or 4 (RGB and alpha, not premultiplied: what is transparent stays so)."""
    fit: Annotated[str, StringConstraints(pattern="^(pad|crop|stretch)$")] = "pad"
    """How another shape becomes a square: `pad` with the background, `crop` the centre, `stretch`."""
    background: Annotated[str, StringConstraints(pattern="^#[0-9a-fA-F]{6}$")] = "#ffffff"
    """The colour under transparency and padding; with 4 channels, that of the pixels that are wholly transparent."""

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """The background as three numbers in 0..255."""
        value = int(self.background[1:], 16)
        return value >> 16, value >> 8 & 255, value & 255


def read(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The file as plain dicts, lists and scalars (YAML 1.2, as DVC reads it).

    Raises:
        ParamsError: missing, not YAML, or not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        raise ParamsError(f"there is no {path} here", "run genimg from the root of the project") from None
    except (YAMLError, UnicodeDecodeError) as error:
        place = " ".join(str(error).split())
        raise ParamsError(f"{path} is not valid YAML: {place}", "mend the line named here") from None
    if not isinstance(tree, dict):
        raise ParamsError(f"{path} holds no mapping", "start from the params.yaml of the repository")
    return tree


def nearest(key: str, known: list[str]) -> str:
    """`did you mean 'clean'?`, or the list of what is known."""
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(sorted(set(known))) or 'nothing'}"


def lookup(tree: dict[str, Any], dotted: str) -> Any:
    """The value at `a.b.c`.

    Raises:
        ParamsError: the first missing key, with the nearest right one.
    """
    here: Any = tree
    walked: list[str] = []
    for key in dotted.split("."):
        if not isinstance(here, dict) or key not in here:
            where = ".".join(walked) or str(PARAMS_FILE)
            known = [str(k) for k in here] if isinstance(here, dict) else []
            raise ParamsError(
                f"'{'.'.join([*walked, key])}' is missing from {PARAMS_FILE}",
                f"add it under {where} (`{key}: {{}}` takes the defaults); {nearest(key, known)}",
            )
        here = here[key]
        walked.append(key)
    return here


def parse(kind: type[T] | Any, value: Any, where: str) -> T:
    """Validate `value` as `kind` (a Section or any type pydantic knows).

    Raises:
        ParamsError: with the dotted key, the value and the remedy.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise _explain(error, kind, value, where) from None


def _explain(error: ValidationError, kind: Any, value: Any, where: str) -> ParamsError:
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"] if not _is_union_tag(part, value)]
    dotted = ".".join(part for part in [where, *keys] if part)
    if first["type"] == "extra_forbidden":
        known = _fields_at(kind, keys[:-1])
        return ParamsError(f"unknown key '{dotted}' in {PARAMS_FILE}", nearest(keys[-1], known))
    if first["type"] == "missing":
        return ParamsError(f"'{dotted}' is missing from {PARAMS_FILE}", "add it (`{}` takes the defaults of a section)")
    if first["type"] == "string_pattern_mismatch" and keys and keys[-1] == "[key]":
        return ParamsError(
            f"'{'.'.join([where, *keys[:-1]]).strip('.')}' is no usable name",
            "names match [a-z][a-z0-9_]* (they become folders, stages and asset keys)",
        )
    return ParamsError(
        f"'{dotted}' is {first['input']!r}: {first['msg'][:1].lower() + first['msg'][1:]}",
        f"correct it in {PARAMS_FILE}",
    )


def _is_union_tag(part: Any, value: Any) -> bool:
    """Pydantic puts the tag of a discriminated union into the path of an error."""
    return isinstance(part, str) and part.startswith("kind:")


def _fields_at(kind: Any, keys: list[str]) -> list[str]:
    """The field names (by alias) of the Section that `keys` lead to."""
    import typing

    here = [kind]
    for key in keys:
        step: list[Any] = []
        for option in _sections(here):
            for name, field in option.model_fields.items():
                if key in (name, field.alias):
                    step.append(field.annotation)
        for option in here:
            if typing.get_origin(option) is dict:
                step.append(typing.get_args(option)[1])
        here = step or here
    return [field.alias or name for option in _sections(here) for name, field in option.model_fields.items()]


def _sections(kinds: list[Any]) -> list[type[BaseModel]]:
    import typing

    found: list[type[BaseModel]] = []
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.append(kind)
        elif typing.get_origin(kind) is not None and typing.get_origin(kind) is not dict:
            found.extend(_sections(list(typing.get_args(kind))))
    return found
