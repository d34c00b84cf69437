"""How given labels are checked, and what becomes of the doubtful ones. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from genimg_core.params import Section, Share

Rule = Literal["unlikely", "confident_joint", "either"]
Action = Literal["report", "unlabel", "relabel"]


class CheckSettings(Section):
    """Whether and how label errors are looked for."""

    check_labels: bool = False
    """Look for label errors: three more classifiers are trained, each without a third of the labelled images."""
    check_seen_images: Annotated[int, Field(ge=1, le=1_000_000_000)] = 20_000
    """The training budget of each of the three in images seen (repeats count)."""
    doubt: Rule = "unlikely"
    """`unlikely`: a label is doubtful where another class is likelier and the label more probably an accident than
    right; finds stray errors, and the share of wrong labels is estimated. `confident_joint`: cleanlab's
    find_label_issues; finds also what is confused again and again (a quarter of one class labelled as another), which
    `unlikely` takes for the custom of the data set, and doubts many labels where classes look alike. `either`: both.
    The report says how many each of the two doubts, whichever is chosen."""
    doubt_below: Share = 0.5
    """For `unlikely`: the probability of being right below which a label is doubtful."""
    label_errors: Action = "report"
    """`report`: doubtful labels stay, and are listed in labels/doubtful.parquet. `unlabel`: their images count as
    unlabelled, and get a predicted label or are rejected as uncertain. `relabel`: they get the suggested label (source
    `predicted`) where its probability is at least `min_confidence`, else they count as unlabelled."""
