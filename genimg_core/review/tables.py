"""The doubtful images as a CSV to fill in, and as tasks for Label Studio."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from genimg_core.review.doubts import Doubt, Review
from genimg_core.safe_cells import safe_cell

CSV_COLUMNS = ("image_id", "decision", "new_label", "why", "doubt", "note", "path", "status", "reason", "label",
               "label_confidence", "kept_copy")
"""A person fills in decision (keep or reject), new_label and why; the rest is for reading."""
VERDICT, LABEL, WHY = "decision", "new_label", "why"
"""Names of the controls in Label Studio, too."""


def as_csv(review: Review) -> str:
    """One row per image (its first doubt), UTF-8, `\\n`; no cell begins like a formula."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(CSV_COLUMNS)
    for image in _once(review):
        number = "" if image.confidence is None else f"{image.confidence:.4f}"
        row = (image.image_id, image.decision, image.decided_label, image.why, image.doubt, image.note, image.path,
               image.status, image.reason, image.label, number, "yes" if image.is_original else "")
        table.writerow([safe_cell(text) for text in row])
    return stream.getvalue()


def as_tasks(review: Review, pictures: Mapping[str, str]) -> str:
    """Label Studio's JSON tasks: a picture, what is doubtful, and the present label as a prediction.

    Args:
        review: what goes out.
        pictures: image_id => `data:` address; images without one are left out.
    """
    tasks = [_task(review.dataset, image, pictures[image.image_id]) for image in _once(review)
             if image.image_id in pictures]
    return json.dumps(tasks, indent=1, ensure_ascii=False) + "\n"


def labelling_config(review: Review) -> str:
    """Label Studio's labelling interface for these tasks (XML)."""
    labels = "".join(f"    <Choice value={quoteattr(label)}/>\n" for label in review.labels)
    choices = (f'  <Choices name="{LABEL}" toName="image" choice="single" showInLine="true">\n{labels}  </Choices>\n'
               if labels else "")
    return (f'<View>\n  <Header value="$note"/>\n  <Image name="image" value="$image"/>\n'
            f'  <Choices name="{VERDICT}" toName="image" choice="single" showInLine="true">\n'
            f'    <Choice value="keep"/>\n    <Choice value="reject"/>\n  </Choices>\n{choices}'
            f'  <TextArea name="{WHY}" toName="image" maxSubmissions="1" rows="1" placeholder="why"/>\n</View>\n')


def _task(dataset: str, image: Doubt, picture: str) -> dict[str, Any]:
    data = {"image": picture, "image_id": image.image_id, "dataset": dataset, "path": image.path, "doubt": image.doubt,
            "note": f"{image.path}: {image.note}", "status": image.status, "reason": image.reason, "label": image.label}
    label = image.label or image.guess
    guess = [{"from_name": LABEL, "to_name": "image", "type": "choices", "value": {"choices": [label]}}]
    return {"data": data, **({"predictions": [{"model_version": "genimg", "score": image.confidence or 0.0,
                                               "result": guess}]} if label else {})}


def _once(review: Review) -> list[Doubt]:
    """Each image with its first doubt."""
    first: dict[str, Doubt] = {}
    for image in review.images:
        first.setdefault(image.image_id, image)
    return list(first.values())
