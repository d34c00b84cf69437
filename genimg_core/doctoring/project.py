"""The project: params.yaml, dvc.yaml's wiring, the sources, and what an interrupted run left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genimg_core.doctoring.finding import Finding
from genimg_core.params import PARAMS_FILE

if TYPE_CHECKING:
    from genimg_core.schema import Params

STATE = Path(".genimg")
MOST_STATS = 20_000
"""Files of a source whose sizes and times are compared: more would take longer than a doctor should."""


def is_project(root: Path) -> bool:
    """Whether this is the root of a project at all."""
    return (root / PARAMS_FILE).is_file() or (root / "dvc.yaml").is_file()


def params(root: Path) -> Iterator[Finding]:
    """params.yaml as a whole, and whether its threads suit the machine."""
    from genimg_core.configuring.machine import cores

    loaded = _params(root)
    trainings = len(loaded.pretrain) + len(loaded.finetune)
    yield Finding("ok", str(PARAMS_FILE), f"{_count(len(loaded.datasets), 'data set')}, {_count(trainings, 'model')}, "
                  f"{loaded.image.size} px, {loaded.image.channels} channel{'s' if loaded.image.channels > 1 else ''}")
    if loaded.threads > cores():
        yield Finding("warning", "threads", f"params.yaml asks for {loaded.threads}, {cores()} can be used: they would "
                      "wait for each other", f"set `threads: {cores()}`")
    else:
        yield Finding("ok", "threads", f"{loaded.threads} of {_count(cores(), 'processor')}")


def _params(root: Path) -> Params:
    from genimg_core.params import read
    from genimg_core.schema import load_params

    return load_params(read(root / PARAMS_FILE))


def wiring(root: Path) -> Iterator[Finding]:
    """dvc.yaml's code dependencies against the import closure of each stage."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from genimg_core.stages.closure import PACKAGE, import_closure
    from genimg_core.stages.runner import STAGES

    if PACKAGE.parent != root.resolve():
        yield Finding("warning", "program", f"genimg runs from {PACKAGE.parent}, not from this project: edits here do "
                      "nothing", "use the .venv of this project (`make setup` in it)")
    try:
        stages = YAML(typ="safe", pure=True).load((root / "dvc.yaml").read_text(encoding="utf8"))["stages"]
        listed = {name: set(block.get("do", block)["deps"]) for name, block in stages.items()}
    except (OSError, UnicodeDecodeError, YAMLError, KeyError, TypeError, AttributeError) as error:
        yield Finding("problem", "dvc.yaml", f"cannot be read ({type(error).__name__})",
                      "bring it back with `git checkout dvc.yaml`")
        return
    if absent := [name for name in STAGES if name not in listed]:
        yield Finding("problem", "dvc.yaml", f"lacks the stages {', '.join(absent)}",
                      "bring it back with `git checkout dvc.yaml`")
        return
    wrong = []
    for name, module in STAGES.items():
        closure = {path.relative_to(PACKAGE.parent).as_posix() for path in import_closure(module)}
        if {dep for dep in listed[name] if dep.startswith("genimg_core/")} != closure:
            wrong.append(name)
    if wrong:
        yield Finding("problem", "dvc.yaml", f"lists other code than these stages import: {', '.join(wrong)}",
                      "run `make wiring`")
    else:
        yield Finding("ok", "dvc.yaml", f"{len(STAGES)} stages, wired as they import")


def sources(root: Path) -> Iterator[Finding]:
    """Each data set's source: there, and as source.lock has it, as far as sizes and times tell."""
    for name, entry in _params(root).datasets.items():
        yield _source(root, name, entry.source)


def _source(root: Path, name: str, source: Any) -> Finding:
    from genimg_core.sources.scan import LISTINGS, LOCKS, listing_for, read_lock

    subject = f"source of {name}"
    if source.kind == "glyphs":
        return Finding("ok", subject, f"built-in letters ({source.script})")
    if source.kind == "table":
        return _table(root, subject, name, source)
    if source.kind not in ("folder", "archive"):
        return _unopened(root, name, source)
    place = root / Path(source.path)
    if not os.path.exists(place) or os.path.isdir(place) != (source.kind == "folder"):
        return Finding("problem", subject, f"there is no {source.kind} {source.path}",
                       f"correct datasets.{name}.source.path in params.yaml, or run `genimg configure`")
    if not os.access(place, os.R_OK):
        return Finding("problem", subject, f"{source.path} may not be read", "give yourself the right to read it")
    labels = source.labels
    if not isinstance(labels, str) and not (root / labels.file).is_file():
        return Finding("problem", subject, f"there is no labels file {labels.file}",
                       f"correct datasets.{name}.source.labels in params.yaml")
    path = root / LOCKS / name / "source.lock"
    if not path.is_file():
        return Finding("information", subject, f"{source.path} is there, and was never scanned: `genimg run` does it")
    lock = read_lock(path)
    listing = listing_for(name, lock, root / LISTINGS) if lock.kind == source.kind else None
    if listing is None:
        return Finding("information", subject, f"{lock.files:,} files when it was scanned; no listing to compare with")
    if source.kind == "archive":
        status = place.stat()
        same = all((file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns) for file in listing[:1])
        return _compared(subject, lock.files, 0 if same else 1, "the archive was written anew since it was scanned")
    if len(listing) > MOST_STATS:
        return Finding("information", subject, f"{lock.files:,} files; too many to look through: `genimg scan` does it")
    changed = sum(_changed(place, file) for file in listing if file.sha256)
    new = _new_files(place, labels, {file.path for file in listing})
    told = " and ".join(text for number, text in ((changed, f"{_count(changed, 'file')} changed or gone"),
                                                  (new, f"{_count(new, 'file')} new")) if number)
    return _compared(subject, lock.files, changed + new, f"{told} since it was scanned")


def _table(root: Path, subject: str, name: str, source: Any) -> Finding:
    """What can be told of a table without reading it or asking a server."""
    from genimg_core.sources.scan import LOCKS, read_lock

    for key, place in (("file", source.file), ("root", source.root)):
        if place is not None and not os.path.exists(root / place):
            return Finding("problem", subject, f"there is no {place}", f"correct datasets.{name}.source.{key} in "
                           "params.yaml")
    variable = source.database[1:] if source.database and source.database.startswith("$") else None
    if variable and not os.environ.get(variable):
        return Finding("problem", subject, f"the environment variable {variable} is not set",
                       f"set it to the URL of the database: `export {variable}=…`")
    told = source.file or "an SQL query"
    path = root / LOCKS / name / "source.lock"
    if not path.is_file():
        return Finding("information", subject, f"{told} was never scanned: `genimg run` does it")
    return Finding("information", subject, f"{told}: {read_lock(path).files:,} files when it was scanned; `genimg "
                   "scan` looks for changes")


def _unopened(root: Path, name: str, source: Any) -> Finding:
    """Sources of many files, or far away: what the last scan said, for only a scan can tell more."""
    from genimg_core.sources.scan import LOCKS, read_lock

    subject, path = f"source of {name}", root / LOCKS / name / "source.lock"
    if not path.is_file():
        return Finding("information", subject, f"{source.kind}; it was never scanned: `genimg run` does it")
    lock = read_lock(path)
    return Finding("information", subject, f"{source.kind}; {lock.files:,} files when it was scanned: `genimg scan` "
                   "looks whether they have changed")


def _new_files(place: Path, labels: Any, known: set[str]) -> int:
    """Files that the last scan did not see; 0 where only files that a CSV picks count."""
    from genimg_core.configuring.request import names_in

    if not isinstance(labels, str) and getattr(labels, "where", None):
        return 0
    own = None if isinstance(labels, str) else os.path.realpath(labels.file)
    return sum(name not in known and os.path.realpath(place / name) != own for name in names_in(place))


def _changed(place: Path, file: Any) -> bool:
    from genimg_core.sources.source import name_of

    for path in (file.path, name_of(file.path)):
        try:
            status = os.stat(place / path)
        except (OSError, ValueError):
            continue
        return (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns)
    return True


def _compared(subject: str, files: int, changed: int, told: str) -> Finding:
    if changed:
        return Finding("information", subject, f"{told}: `genimg run` scans it again")
    return Finding("ok", subject, f"{files:,} files, as source.lock has them")


def leftovers(root: Path) -> Iterator[Finding]:
    """Trainings that go on, and gates that did not hold."""
    for run in _folders(root / STATE / "resume"):
        seen = [int(part.name) for key in _folders(run) for part in _folders(key) if part.name.isdigit()]
        if seen:
            yield Finding("information", "half-finished", f"{run.name} stopped at {max(seen):,} images seen: "
                          "`genimg run` goes on from there, if nothing it depends on has changed")
    for gate in _folders(root / STATE / "gates"):
        yield Finding("warning", "gates", f"{gate.name} did not hold when it last ran",
                      f"look at {(gate / 'report.json').relative_to(root)}; mend the data, or the threshold in "
                      "params.yaml")


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(entry for entry in path.iterdir() if entry.is_dir())
    except OSError:
        return []


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
