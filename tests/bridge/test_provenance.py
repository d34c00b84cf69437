"""The tags that we write are the ones that this Dagster writes and reads: its private names have not moved."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.provenance import _tags, stale_statuses


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.asset(code_version="dvc", deps=[dg.AssetKey(["a", "given"])])
def upstream():
    return dg.MaterializeResult(data_version=dg.DataVersion("u1"))


@dg.asset(code_version="dvc", deps=[upstream, dg.AssetKey(["a", "given"])])
def downstream():
    return dg.MaterializeResult(data_version=dg.DataVersion("d1"))


DEFS = dg.Definitions(assets=[upstream, downstream, dg.AssetSpec(["a", "given"])])


def external(version: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        ["a", "given"], tags={"dagster/data_version": version, "dagster/data_version_is_user_provided": "true"}
    )


def status(instance: dg.DagsterInstance) -> dict[str, str]:
    return {key.to_user_string(): value for key, value, _ in stale_statuses(instance, DEFS)}


def without_pointers(tags) -> dict[str, str]:
    return {key: value for key, value in tags.items() if "/input_event_pointer/" not in key}


def test_our_tags_are_those_of_a_real_materialization(instance: dg.DagsterInstance):
    instance.report_runless_asset_event(external("g1"))
    assert DEFS.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    real = instance.get_latest_materialization_event(dg.AssetKey("downstream")).asset_materialization.tags
    ours = _tags("d1", {dg.AssetKey("upstream"): "u1", dg.AssetKey(["a", "given"]): "g1"})
    assert without_pointers(ours) == without_pointers(real)
    assert set(ours) == set(real), "a pointer for each input"
    assert status(instance) == {"upstream": "FRESH", "downstream": "FRESH"}


def test_reported_and_real_are_read_alike(instance: dg.DagsterInstance):
    given = dg.AssetKey(["a", "given"])
    instance.report_runless_asset_event(external("g1"))
    instance.report_runless_asset_event(dg.AssetMaterialization("upstream", tags=_tags("u1", {given: "g1"})))
    tags = _tags("d1", {dg.AssetKey("upstream"): "u1", given: "g1"})
    instance.report_runless_asset_event(dg.AssetMaterialization("downstream", tags=tags))
    assert status(instance) == {"upstream": "FRESH", "downstream": "FRESH"}
    instance.report_runless_asset_event(external("g2"))
    assert status(instance) == {"upstream": "STALE", "downstream": "STALE"}
    instance.report_runless_asset_event(external("g1"))
    assert status(instance) == {"upstream": "FRESH", "downstream": "FRESH"}


def test_tags_given_with_a_result_overrule_dagsters_own(instance: dg.DagsterInstance):
    """An asset reads its settings after it has run; Dagster looks up the inputs before."""
    given = dg.AssetKey(["a", "given"])

    @dg.asset(code_version="dvc", deps=[given])
    def late():
        instance.report_runless_asset_event(external("g2"))
        return dg.MaterializeResult(data_version=dg.DataVersion("l1"), tags=_tags("l1", {given: "g2"}))

    defs = dg.Definitions(assets=[late, dg.AssetSpec(given)])
    instance.report_runless_asset_event(external("g1"))
    assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    assert [value for _, value, _ in stale_statuses(instance, defs)] == ["FRESH"]
