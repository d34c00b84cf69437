"""`genimg adopt`: copy a model from elsewhere into the project, check it, and enter it into params.yaml."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from genimg_core.errors import GenimgError, ParamsError, SourceError
from genimg_core.params import PARAMS_FILE, ImageParams, Name, parse

PLACE = Path("imports")
"""In the project; ignored by git, as all weights are."""
EXAMPLES = """\
examples:
  genimg adopt ../other/data/models/latin --as borrowed
      the model of another project: its folder says all there is to know
  genimg adopt weights.safetensors --as borrowed --family flow --set width=48
      a bare file: its family, and the settings that are not the usual ones

Then let a finetune entry start from it: `from: borrowed`. Nothing is unpickled;
every weight is checked here and again by the stage `import`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `genimg adopt`."""
    parser.epilog = EXAMPLES
    parser.add_argument("source", type=Path, metavar="FILE_OR_DIR", help="a safetensors file, or a model's folder")
    parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="its name here ([a-z][a-z0-9_]*)")
    parser.add_argument("--family", metavar="F", help="of a bare file: flow, gan or vae")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
                        help="of a bare file: a setting of the family; may be given again")
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="C",
                        help="of a bare file: a class, in the order of the embeddings; may be given again")


def main(arguments: argparse.Namespace) -> int:
    """Copy, check, enter; exit code 0. What is refused leaves nothing behind."""
    from genimg_core.configuring import params_file
    from genimg_core.params import read

    name = parse(Name, arguments.name, "")
    tree = read()
    _check_free(name, tree)
    text = params_file.earlier_text(PARAMS_FILE)
    source = _whole_model(arguments.source)
    place = PLACE / (name if source.is_dir() else f"{name}.safetensors")
    entry: dict[str, Any] = {"path": place.as_posix()}
    if arguments.family:
        entry |= {"family": arguments.family}
        if arguments.settings:
            entry[arguments.family] = dict(map(_setting, arguments.settings))
    elif arguments.settings:
        raise ParamsError("--set belongs to --family", "add --family")
    if arguments.classes:
        entry["classes"] = arguments.classes
    new = params_file.with_section(text, "imported", {**(tree.get("imported") or {}), name: entry})
    try:
        _copy(source, place)
        told = _checked(name, place, entry, parse(ImageParams, tree.get("image", {}), "image"))
    except GenimgError:
        _remove(place)
        raise
    params_file.write(PARAMS_FILE, new)
    print(f"{place}: {told}. It is entered in {PARAMS_FILE} as imported.{name}.")
    print(f"Next: `from: {name}` in an entry of finetune, then `genimg run`")
    return 0


def _check_free(name: str, tree: dict[str, Any]) -> None:
    for section in ("pretrain", "finetune", "imported"):
        if name in (tree.get(section) or {}):
            raise ParamsError(f"'{name}' stands in {PARAMS_FILE} already, under {section}", "choose another --as")
    for place in (PLACE / name, PLACE / f"{name}.safetensors"):
        if place.exists():
            raise ParamsError(f"{place} is there already", "choose another --as, or remove it")


def _whole_model(source: Path) -> Path:
    """The folder of a model, where its weights are named; else what was named.

    Raises:
        SourceError: it is not there, or a folder without a model.
    """
    from genimg_core.stages.import_model import SETTINGS, WEIGHTS

    if source.name == WEIGHTS and (source.parent / SETTINGS).is_file():
        return source.parent
    if not source.exists():
        raise SourceError(f"{source} is not there", "name a safetensors file, or a model's folder")
    if source.is_dir() and not all((source / part).is_file() for part in (SETTINGS, WEIGHTS)):
        raise SourceError(f"{source} holds no model ({WEIGHTS} and {SETTINGS})",
                          "name a folder such as data/models/latin of the other project")
    return source


def _copy(source: Path, place: Path) -> None:
    """The two files of a model's folder, or the one."""
    from genimg_core.models.foreign import check_file
    from genimg_core.models.import_params import ImportParams
    from genimg_core.stages.import_model import SETTINGS, WEIGHTS

    limit = ImportParams.model_fields["max_bytes"].default
    check_file(source / WEIGHTS if source.is_dir() else source, limit)
    if not source.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        return
    place.mkdir(parents=True)
    for part in (SETTINGS, WEIGHTS):
        shutil.copyfile(source / part, place / part)


def _checked(name: str, place: Path, entry: dict[str, Any], image: ImageParams) -> str:
    """Run the stage once, into a folder that goes again."""
    import tempfile

    from genimg_core.models.import_params import ImportParams
    from genimg_core.stages.import_model import import_model

    with tempfile.TemporaryDirectory() as draft:
        report = import_model(source=place, model=Path(draft), report=Path(draft), name=name, image=image,
                              params=parse(ImportParams, entry, f"imported.{name}"))
    facts = report.facts
    return (f"{facts['family']}, {facts['size']} px, {facts['channels']} channel(s), {len(facts['classes']):,} "
            f"class(es), {report.metrics['weights']:,} weights")


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _setting(text: str) -> tuple[str, Any]:
    from ruamel.yaml import YAML

    key, given, value = text.partition("=")
    if not given or not key:
        raise ParamsError(f"--set {text} is no KEY=VALUE", "write --set width=48")
    return key, YAML(typ="safe").load(value)
