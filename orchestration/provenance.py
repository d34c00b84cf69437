"""Keeps Dagster's records and dvc.lock in step. Every private name of Dagster that is used stands in this file.

Dagster calls an asset stale if the data version of something it reads differs from the one noted at its last
materialization. So three things are told to it, by a sensor and around every run:

* a materialization of each stage that was run outside Dagster, with all the notes of what it read;
* the recipe that each stage would follow now, as the data version of its `…_settings`;
* the content of each source, as the data version of `…/source`.

The notes are made from dvc.lock by one function for runs of both kinds, so they cannot disagree.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    NULL_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from assets.checks import check_results
from assets.dvc_state import ProjectBusyError, StageState
from assets.names import asset_key, file_key, settings_key
from assets.stage_asset import (
    ACTION_TAG,
    CODE_VERSION,
    Workspace,
    read_report,
    report_folder,
    stage_metadata,
)

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation
PATIENCE_S = 30.0
"""For another dvc's lock, which is held for moments."""
OUTSIDE = "outside"
"""The `dvc/action` of a run that Dagster did not start."""


@dataclass
class Provenance:
    """The records of one project. `stages` are those that the loaded definitions have an asset for."""

    workspace: Workspace
    stages: frozenset[str]

    def before(self, context: dg.AssetExecutionContext, stage: str) -> StageState | None:
        """Tell Dagster of what was run outside and `stage` hangs on; of `stage`, about to run, its own run tells.

        Returns:
            How the stage stands; None while another dvc runs it.
        """
        states = self._states(self.workspace.project.made_from(stage))
        for event in self._news(context.instance, states):
            context.instance.report_runless_asset_event(event)
        return states.get(stage)

    def after(self, context: dg.AssetExecutionContext, stage: str,
              state: StageState | None) -> tuple[str, Mapping[str, str]]:
        """The data version of what `stage` wrote, and the tags that say what it was made from.

        Its settings are told anew, since the run may have put right what had made them differ.

        Args:
            context: the run's.
            stage: the one that ran.
            state: how it stands; None to look.
        """
        state = state or self._states({stage}).get(stage)
        if state is None:
            raise ProjectBusyError(f"another dvc has begun with {stage}")
        told = self._about(stage, state, _Record(context.instance, self._keys()))
        for event in told.externals:
            context.instance.report_runless_asset_event(event)
        return told.tags[DATA_VERSION_TAG], told.tags

    def news(self, instance: dg.DagsterInstance) -> list[Event]:
        """What Dagster does not know yet, each event after those it hangs on. Empty if nothing has happened.

        Raises:
            ProjectBusyError: ask again later.
            ProjectBrokenError: with DVC's message.
        """
        return self._news(instance, self._states())

    def _news(self, instance: dg.DagsterInstance, states: Mapping[str, StageState]) -> list[Event]:
        record = _Record(instance, self._keys())
        events: list[Event] = []
        for name, state in states.items():
            told = self._about(name, state, record)
            events += told.externals
            if told.tags and not self.workspace.project.taken(name) and not record.holds(asset_key(name), told.tags):
                ran = record.data_version(asset_key(name)) != told.tags[DATA_VERSION_TAG]
                events += self._run_told(name, told.tags, OUTSIDE if ran else "skipped")
                record.note(asset_key(name), told.tags)
        return events

    def _keys(self) -> list[dg.AssetKey]:
        plan = self.workspace.project.plan()
        files = [key for stage in plan.values() for path in stage.files if (key := file_key(path))]
        return [*files, *(key for name in plan for key in (asset_key(name), settings_key(name)))]

    def _states(self, only: Collection[str] | None = None) -> dict[str, StageState]:
        """The states of the stages that the definitions know, after a short wait if another dvc is at work."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                states = self.workspace.project.states(only)
                return {name: state for name, state in states.items() if name in self.stages}
            except ProjectBusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def _about(self, name: str, state: StageState, record: _Record) -> _Told:
        """What there is to say of one stage. Notes the externals in `record`."""
        then: dict[dg.AssetKey, str] = {}
        now: dict[dg.AssetKey, str] = {}
        for path in state.stage.files:
            if key := file_key(path):
                then[key], now[key] = state.files_then[path], self.workspace.project.file_version(path)
        for upstream, verdict in state.inputs.items():
            key = asset_key(upstream)
            then[key], now[key] = _input_versions(record, asset_key(name), key, verdict)
        settings = settings_key(name)
        then[settings], now[settings] = state.recipe_then or "", state.recipe_now
        if state.changes and then == now:  # a folder that several stages write into was changed, and by none of them
            now[settings] = f"{state.recipe_now}+{'; '.join(state.changes)}"[:200]
        outside = {settings, *map(file_key, state.stage.files)}
        externals = [_external(key, version, state if key == settings else None) for key, version in now.items()
                     if key in outside and record.data_version(key) != version]
        for event in externals:
            record.note(event.asset_key, event.tags)
        return _Told(externals, _tags(state.data_version, then) if state.data_version else {})

    def _run_told(self, name: str, tags: Mapping[str, str], action: str) -> list[Event]:
        """A run's materialization, and its checks if its outputs are new to Dagster."""
        folder = report_folder(self.workspace, name)
        report = read_report(folder)
        told = dg.AssetMaterialization(
            asset_key(name), description=f"{name} was run outside Dagster" if action == OUTSIDE else None,
            metadata=stage_metadata(self.workspace, name, report, folder) | {
                "action": action, "hash": tags[DATA_VERSION_TAG]},
            tags={**tags, ACTION_TAG: action})
        checks = check_results(name, report)[0] if report and action == OUTSIDE else []
        return [told, *(dg.AssetCheckEvaluation(
            asset_key=check.asset_key, check_name=check.check_name, passed=check.passed, metadata=check.metadata,
            severity=check.severity, description=check.description) for check in checks)]


@dataclass
class _Told:
    """What there is to say of one stage: events of its externals, and the tags of its last run."""

    externals: list[dg.AssetMaterialization]
    tags: dict[str, str] = field(default_factory=dict)


class _Record:
    """The latest tags of each asset as Dagster has them, and what is about to be reported."""

    def __init__(self, instance: dg.DagsterInstance, keys: list[dg.AssetKey]) -> None:
        self._tags: dict[dg.AssetKey, Mapping[str, str]] = {}
        for found in instance.get_asset_records(keys):
            event = found.asset_entry.last_materialization
            materialization = event.asset_materialization if event else None
            if materialization is not None:
                self._tags[found.asset_entry.asset_key] = materialization.tags or {}

    def data_version(self, key: dg.AssetKey) -> str | None:
        return self._tags.get(key, {}).get(DATA_VERSION_TAG)

    def input_version(self, key: dg.AssetKey, upstream: dg.AssetKey) -> str | None:
        return self._tags.get(key, {}).get(get_input_data_version_tag(upstream))

    def holds(self, key: dg.AssetKey, tags: Mapping[str, str]) -> bool:
        """Whether the latest materialization bears these tags (wherever its event pointers point)."""
        known = self._tags.get(key, {})
        return all(known.get(tag) == value for tag, value in tags.items() if value != NULL_EVENT_POINTER)

    def note(self, key: dg.AssetKey, tags: Mapping[str, str]) -> None:
        self._tags[key] = tags


def _input_versions(record: _Record, key: dg.AssetKey, upstream: dg.AssetKey, verdict: str) -> tuple[str, str]:
    """The version of `upstream` that `key` was made from, and the current one. They differ just if DVC says so.

    dvc.lock holds no version of a whole stage that was read long ago; what Dagster noted then is taken if it serves.
    """
    current = record.data_version(upstream) or NULL_DATA_VERSION.value
    noted = record.input_version(key, upstream)
    if verdict == "same":
        return current, current
    if verdict == "unclear":
        return noted or f"before {current}", current
    return noted if noted not in (None, current) else f"before {current}", current


def _tags(data_version: str, inputs: Mapping[dg.AssetKey, str]) -> dict[str, str]:
    """All the tags that Dagster's own materialization of a stage would have."""
    tags = {DATA_VERSION_TAG: data_version, DATA_VERSION_IS_USER_PROVIDED_TAG: "true", CODE_VERSION_TAG: CODE_VERSION}
    for key, version in inputs.items():
        tags[get_input_data_version_tag(key)] = version
        tags[get_input_event_pointer_tag(key)] = NULL_EVENT_POINTER
    return tags


def _external(key: dg.AssetKey, version: str, state: StageState | None) -> dg.AssetMaterialization:
    metadata: dict[str, object] = {}
    if state is not None:
        metadata = {"params": dg.MetadataValue.json(_plain(state.recipe["params"])), "command": state.recipe["command"],
                    "code": dg.MetadataValue.json(state.recipe["code"])}
        if state.changes:
            metadata["dvc_status"] = "\n".join(state.changes)
    return dg.AssetMaterialization(key, metadata=metadata,
                                   tags={DATA_VERSION_TAG: version, DATA_VERSION_IS_USER_PROVIDED_TAG: "true"})


def _plain(tree: object) -> object:
    """YAML's own number and text types as Python's."""
    if isinstance(tree, Mapping):
        return {str(key): _plain(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_plain(value) for value in tree]
    return tree


def stale_statuses(instance: dg.DagsterInstance, definitions: dg.Definitions) -> Iterator[tuple[dg.AssetKey, str, str]]:
    """Each materializable asset's status as the UI works it out: key, FRESH, STALE or MISSING, and the reasons."""
    from dagster._core.definitions.data_version import CachingStaleStatusResolver
    from dagster._core.loader import LoadingContextForTest

    graph = definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    for key in sorted(graph.materializable_asset_keys):
        causes = [f"{cause.reason} {cause.dependency_asset_key or ''}" for cause in resolver.get_stale_causes(key)]
        yield key, resolver.get_status(key).value, "; ".join(causes)
