"""Which model of a data set the page shows first."""

from __future__ import annotations

import pytest

from genimg_core.reports.story import model_results
from tests.reports.stage_reports import evaluation


def model(kid: float, parent: str | None) -> dict:
    return {"dataset": "base", "how": "", "generate": {}, "train": {"parent": parent}, "evaluate": evaluation(kid=kid)}


@pytest.mark.parametrize(("tuned", "control", "first"), [
    (0.02, 0.2, "tuned"),
    (0.021, 0.02, "tuned"),  # the intervals, 0.002 to either side, meet
    (0.2, 0.02, "control"),
])
def test_a_control_comes_first_only_where_it_is_better(tuned: float, control: float, first: str) -> None:
    models = {"control": model(control, None), "tuned": model(tuned, "base")}
    (result,) = model_results(models, {"base": {}})
    assert result["name"] == first and len(result["against"]) == 1
