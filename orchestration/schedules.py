"""When things run by the clock."""

from __future__ import annotations

import dagster as dg


def nightly(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """`job` at two in the morning; off until switched on."""
    return dg.ScheduleDefinition(name="nightly", job=job, cron_schedule="0 2 * * *",
                                 default_status=dg.DefaultScheduleStatus.STOPPED,
                                 description="Everything that is stale, at two in the morning.")
