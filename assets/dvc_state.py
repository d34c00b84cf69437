"""What a DVC stage's outputs were made from, and what has changed since: dvc.yaml, dvc.lock and the disk compared.

Three figures are made of dvc.lock, which holds the hashes of all that a stage read and wrote, and its settings:

* the *data version*: a hash over the stage's outputs;
* the *recipe*: a hash over its command, its settings (params) and its program, which is to say every file it reads that
  no stage writes and that is not a source of data;
* whether each of its *inputs* (the stages it reads from) is still the one it read.

What DVC itself calls changed decides; the hashes only give a change a name. So a stage is stale by these figures
exactly if `dvc status` lists it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from dvc.stage import Stage as DvcStage

Item = TypeVar("Item")
WORK_S, PAUSE_S = 0.8, 0.8
"""Of reading states, and of leaving the lock alone in between."""
Input = Literal["same", "changed", "unclear"]
"""`unclear`: the stage reads a folder that several stages write into, and something in the folder has changed."""


class ProjectBusyError(Exception):
    """Another dvc holds the lock; ask again later."""


@dataclass(frozen=True)
class PlannedStage:
    """A stage as dvc.yaml plans it. Paths are relative to the project, with forward slashes."""

    name: str
    command: str
    code: tuple[str, ...]
    """Files read that hold its program: modules, templates."""
    files: tuple[str, ...]
    """Files read that stand for data from outside."""
    data: tuple[str, ...]
    """What it reads of other stages' outputs."""
    params: tuple[str, ...]
    outputs: tuple[str, ...]
    upstream: tuple[str, ...]
    """The stages it reads from, in the order of the pipeline."""


@dataclass(frozen=True)
class StageState:
    """How a stage stands between dvc.lock and the disk."""

    stage: PlannedStage
    data_version: str | None
    """None if dvc.lock does not know the stage."""
    recipe_then: str | None
    """The recipe its outputs were made by."""
    recipe_now: str
    """The recipe that a run would follow. Also differs if the outputs on disk are not those of dvc.lock."""
    inputs: Mapping[str, Input]
    """Per stage read from."""
    files_then: Mapping[str, str] = field(default_factory=dict)
    """md5 of each of `stage.files` as it was read."""
    changes: tuple[str, ...] = ()
    """What `dvc status` says of it, a line each; empty if it is up to date."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The recipe of a run today, for people: command, params, and a hash per code file."""


def read_plan(repo: Any, is_source: Callable[[str], bool]) -> dict[str, PlannedStage]:
    """Every stage of an open DVC Repo, each after those it reads from."""
    import networkx

    graph = repo.index.graph  # an edge leads from a stage to one that it reads from
    order = {stage.name: place for place, stage in enumerate(networkx.dfs_postorder_nodes(graph))}
    plan = {}
    for stage in sorted(graph, key=lambda stage: order[stage.name]):
        upstream = sorted(graph.successors(stage), key=lambda other: order[other.name])
        plan[stage.name] = _planned(repo, stage, upstream, is_source)
    return plan


def _planned(repo: Any, stage: DvcStage, upstream: list[DvcStage], is_source: Callable[[str], bool]) -> PlannedStage:
    from dvc.dependency import ParamsDependency

    written = [_path(repo, out) for other in upstream for out in other.outs]
    read = [_path(repo, dep) for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    data = tuple(path for path in read if any(_overlap(path, out) for out in written))
    outside = [path for path in read if path not in data]
    params = [name for dep in stage.deps if isinstance(dep, ParamsDependency) for name in dep.params]
    command = stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd or [])
    files = tuple(path for path in outside if is_source(path))
    return PlannedStage(name=stage.name, command=command, code=tuple(path for path in outside if path not in files),
                        files=files, data=data, params=tuple(params),
                        outputs=tuple(_path(repo, out) for out in stage.outs),
                        upstream=tuple(other.name for other in upstream))


def read_states(repo: Any, root: Path, is_source: Callable[[str], bool],
                only: Collection[str] | None = None) -> dict[str, StageState]:
    """How the stages of an open DVC Repo stand; see `DvcProject.states`."""
    from dvc.lock import LockError

    with _locked(repo):  # dvc.lock is not written in one go
        plan = read_plan(repo, is_source)
        by_name = {stage.name: stage for stage in repo.index.stages}
        lock = _read_lock(root)
    states = {}
    wanted = [(name, planned) for name, planned in plan.items() if only is None or name in only]
    for name, planned in with_pauses(wanted):
        with _locked(repo):
            try:
                status = by_name[name].status()
            except LockError:  # this very stage, or one it reads from, is being run
                continue
        states[name] = _state(planned, by_name[name], status.get(by_name[name].addressing, []), lock, plan)
    return states


def with_pauses(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, and between them a pause now and then, in which a bare dvc surely finds the lock free.

    It asks six times, half a second apart, and a loaded machine can make the states of all stages last longer.
    """
    since = time.monotonic()
    for item in items:
        if time.monotonic() - since > WORK_S:
            time.sleep(PAUSE_S)
            since = time.monotonic()
        yield item


@contextmanager
def _locked(repo: Any) -> Iterator[None]:
    """Held for moments: a bare dvc that finds the lock taken for over three seconds throws its finished work away."""
    from dvc.lock import LockError

    try:
        repo.lock.lock()
    except LockError as error:
        raise ProjectBusyError(str(error)) from None
    try:
        yield
    finally:
        repo.lock.unlock()


def _state(planned: PlannedStage, stage: DvcStage, status: list[Any], lock: dict[str, Any],
           plan: dict[str, PlannedStage]) -> StageState:
    entry = lock.get(planned.name)
    changed = list(_changes(status))
    paths = {path for kind, path, _ in changed if kind == "deps"}
    own = [f"{kind} {path} {what}" for kind, path, what in changed
           if kind != "deps" or not (path in planned.data or path in planned.files)]
    inputs: dict[str, Input] = {}
    for name in planned.upstream:
        verdicts = [_input(path, lock.get(name, {}), entry) for path in planned.data if path in paths
                    and any(_overlap(path, out) for out in plan[name].outputs)]
        inputs[name] = "changed" if "changed" in verdicts else "unclear" if "unclear" in verdicts else "same"
    strayed = [path for path in planned.data if path in paths]
    if strayed and all(verdict == "same" for verdict in inputs.values()):
        own.append(f"deps {strayed} not what dvc.lock says")  # edited by hand: no stage wrote this
    recipe = _recipe_now(planned, stage)
    then = None if entry is None else _recipe_of_lock(entry, planned)
    now = then if then is not None and not own else _digest([then, recipe, sorted(own)])
    return StageState(stage=planned, data_version=None if entry is None else _digest(_hashes(entry, "outs")),
                      recipe_then=then, recipe_now=now, inputs=inputs,
                      files_then={path: _hashes(entry or {}, "deps").get(path, "missing") for path in planned.files},
                      changes=tuple(f"{kind}: {path} {what}".strip() for kind, path, what in changed), recipe=recipe)


def _changes(status: list[Any]) -> Iterator[tuple[str, str, str]]:
    """`dvc status` of one stage as (deps|outs|params|command, path or key, what happened)."""
    for entry in status:
        if isinstance(entry, str):
            yield "command", "", entry
            continue
        for kind, paths in entry.items():
            for path, what in paths.items():
                if isinstance(what, dict):  # a params file: per key
                    yield from (("params", key, happened) for key, happened in what.items())
                else:
                    yield kind.removeprefix("changed "), PurePosixPath(path).as_posix(), what


def _input(path: str, producer: dict[str, Any], reader: dict[str, Any] | None) -> Input:
    """What has become of one changed path since the reader read it."""
    wrote = _hashes(producer, "outs").get(path)
    if wrote is None:
        return "unclear"
    read = _hashes(reader or {}, "deps").get(path)
    return "same" if read == wrote else "changed"


def _overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or within it. Both with forward slashes, as DVC has them."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _path(repo: Any, item: Any) -> str:
    """A dependency's or output's path, relative to the project."""
    return PurePosixPath(repo.fs.relpath(item.fs_path, repo.root_dir)).as_posix()


def _read_lock(root: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    file = root / "dvc.lock"
    return (YAML(typ="safe").load(file.read_text(encoding="utf8")) or {}).get("stages", {}) if file.is_file() else {}


def _hashes(entry: dict[str, Any], kind: str) -> dict[str, str]:
    """Path -> hash, of a stage's entry in dvc.lock."""
    return {item["path"]: str(item.get(item.get("hash", "md5"))) for item in entry.get(kind, [])}


def _recipe_of_lock(entry: dict[str, Any], planned: PlannedStage) -> str:
    known = {*planned.data, *planned.files}
    code = {path: md5 for path, md5 in _hashes(entry, "deps").items() if path not in known}
    return _digest([entry.get("cmd"), entry.get("params"), code])


def _recipe_now(planned: PlannedStage, stage: DvcStage) -> dict[str, Any]:
    from dvc.dependency import ParamsDependency

    settings = [dep.read_params() for dep in stage.deps if isinstance(dep, ParamsDependency)]
    params = {key: value for values in settings for key, value in values.items()}
    root = Path(stage.repo.root_dir)
    code = {path: md5_of(root / path) if (root / path).is_file() else "missing" for path in planned.code}
    return {"command": planned.command, "params": params, "code": code}


def md5_of(file: Path) -> str:
    """A file's hash as dvc.lock has it."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _digest(tree: Any) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True, default=str).encode()).hexdigest()[:32]
