"""The model card: what a model is, what it rests on, how good it is, what it is not for (Mitchell et al. 2019).

As JSON for programs, and as Markdown made of the same tree.
"""

from __future__ import annotations

import re
from typing import Any

from genimg_core.params import CHANNEL_NAMES
from genimg_core.reports.findings import findings
from genimg_core.reports.html import number

SHOWN_ATTRIBUTIONS = 20
GO_BACK = "go_back"
"""The action of an event of the health watch; others are controllers' decisions."""
METRICS = ("kid", "fd", "precision", "recall", "density", "coverage")


def card_tree(name: str, model: dict[str, Any], datasets: dict[str, Any], libraries: dict[str, str],
              rights: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything the card says.

    Args:
        name: the model's.
        model: `dataset`, `how`, `from`, `train`, and where it was drawn from `generate` and `evaluate`.
        datasets: name -> stage -> report.
        libraries: package -> version.
        rights: data set -> licences and attributions of its training images (see quality/rights.py), of all data sets
            that the model and its parents learned from; those whose sources say nothing are not there.
    """
    train, stages = model["train"], datasets[model["dataset"]]
    tree = {
        "model": name, "version": train["model_sha256"], "family": train["family"], "how": model["how"],
        "parent": {"model": train["parent"], "version": train["parent_sha256"]} if train["parent"] else None,
        "image": {"size_px": train["size"], "channels": train["channels"]},
        "weights": train["metrics"]["weights"], "settings": {**train["family_params"], **train["train_params"]},
        "transfer": train.get("transfer"), "trials": _trials(model.get("trials")),
        "cost": train["cost"], "events": train["events"], "libraries": libraries,
        "data": {"dataset": model["dataset"], "version": train["dataset_sha256"],
                 "source_kind": stages["collect"]["kind"], "source_digest": stages["collect"]["digest"],
                 "collected": stages["clean"]["collected"], "kept": stages["clean"]["kept"],
                 "rejected": stages["clean"]["rejected"], "splits": stages["normalize"]["splits"],
                 "training_images_per_class": train["classes"]},
        "evaluation": None, "findings": [],
    }
    if rights:
        tree["rights"] = {dataset: {**told, "all_attributions": rights_file(dataset)}
                          for dataset, told in rights.items()}
    if model.get("evaluate"):
        evaluation = model["evaluate"]
        told = ("lead", "scores", "baseline", "memorization", "copycat", "images", "real_split", "interval",
                "class_agreement")
        tree["evaluation"] = {key: evaluation[key] for key in told}
        tree["findings"] = [{"mood": finding.mood, "title": finding.title, "text": finding.text}
                            for finding in findings(evaluation)]
    return tree


def _trials(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the card keeps of the trials that chose the family or the recipe: figures, no pictures."""
    if told is None:
        return None
    kept = ("what", "chosen", "reason", "rule", "budget", "judged_by", "images", "interval", "extractor", "table")
    return {key: told[key] for key in kept}


def card_markdown(tree: dict[str, Any]) -> str:
    """The card to read."""
    data, cost = tree["data"], tree["cost"]
    lines = [
        f"# Model card: {_plain(tree['model'])}", "",
        f"A class-conditional image generator ({tree['family']}), {tree['how']}, {tree['image']['size_px']} px, "
        f"{CHANNEL_NAMES[tree['image']['channels']]}, {tree['weights']:,} weights.", "",
        f"- Version: `{tree['version']}`",
        *([f"- Fine-tuned from {_plain(tree['parent']['model'])}, version `{tree['parent']['version']}`"]
          if tree["parent"] else []),
        *_transfer_lines(tree),
        f"- Training: {cost['seen_images']:,} images seen, {cost['operations']:.2e} operations",
        *[f"- At {event['seen_images']:,} images seen: {event['cause'].replace('_', ' ')} ({event['detail']}); put "
          f"back to {event['back_to']:,} with other settings"
          for event in tree["events"] if event["action"] == GO_BACK],
        *_decisions(tree["events"]), "",
        "## What it is for", "",
        f"Images like those of the data set {_plain(data['dataset'])}, for the classes below. It knows nothing else, "
        "and what is wrong or one-sided in that data is in its images too. It was not checked for anything that this "
        "card does not name; look at the samples before you rely on them. The rights in the training images remain "
        "what they were.", "",
        "## What went in", "",
        f"- Source: {data['source_kind']}, digest `{data['source_digest']}`",
        f"- {data['collected']:,} images came in, {data['kept']:,} were kept",
        *[f"- {count:,} rejected: {_plain(reason).replace('_', ' ')}"
          for reason, count in sorted(data["rejected"].items())],
        f"- Splits: {', '.join(f'{count:,} {split}' for split, count in data['splits'].items())}",
        f"- Version of the data: `{data['version']}`", "",
        "| class | training images |", "|---|---|",
        *[f"| {_plain(label)} | {count:,} |" for label, count in data["training_images_per_class"].items()], "",
        *_rights_lines(tree.get("rights", {})),
        "## How good it is", ""]
    if tree["trials"]:
        at = lines.index("## How good it is")
        lines[at:at] = _trial_lines(tree["trials"])
    lines += _evaluation_lines(tree) if tree["evaluation"] else ["It was not evaluated: params.yaml draws no samples."]
    lines += ["", "## Made with", "", ", ".join(f"{package} {version}" for package, version in
                                               tree["libraries"].items()) + ".", ""]
    return "\n".join(lines)


def rights_file(dataset: str) -> str:
    """All attributions of a data set, beside the cards."""
    return f"rights-{dataset}.csv"


def _rights_lines(rights: dict[str, Any]) -> list[str]:
    """Licences with their images, and whom to name."""
    lines: list[str] = []
    for dataset, told in rights.items():
        licences = sorted(told["licences"].items(), key=lambda one: (-one[1], one[0]))
        lines += [f"## Rights in the training images of {_plain(dataset)}", "",
                  "| licence | training images |", "|---|---|",
                  *[f"| {_plain(licence)} | {count:,} |" for licence, count in licences],
                  *([f"| none is known | {told['without_licence']:,} |"] if told["without_licence"] else []), ""]
        if told["attributions"]:
            lines += [*[f"- {_plain_item(name)}{f' ({_plain(licence)})' if licence else ''}: {count:,} images"
                        for licence, name, count in told["attributed"][:SHOWN_ATTRIBUTIONS]],
                      f"- [All {told['attributions']:,} attributions]({told['all_attributions']})", ""]
        if told["without_attribution"]:
            lines += [f"Of {told['without_attribution']:,} of {told['images']:,} images nobody is named.", ""]
    return lines


def _decisions(events: list[dict[str, Any]]) -> list[str]:
    """A line for each thing that a controller turned: from where, to where, how often."""
    turned: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["action"] != GO_BACK:
            for name in event["after"]:
                turned.setdefault(name, []).append(event)
    return [f"- {name.replace('_', ' ').capitalize()}: {number(told[0]['before'][name])} to "
            f"{number(told[-1]['after'][name])} in {len(told)} decision(s), the last at {told[-1]['seen_images']:,} "
            f"images seen ({told[-1]['cause'].replace('_', ' ')})" for name, told in turned.items()]


def _transfer_lines(tree: dict[str, Any]) -> list[str]:
    transfer = tree["transfer"]
    if not transfer:
        return []
    start = "averaged" if transfer["start"] == "average" else "last"
    return [f"- {transfer['trained_weights']:,} of {tree['weights']:,} weights were trained (recipe "
            f"{transfer['recipe']}), from the parent's {start} weights"]


def _trial_lines(trials: dict[str, Any]) -> list[str]:
    table = trials["table"]
    return [f"## How its {trials['what']} was chosen", "",
            f"{_plain(trials['chosen'])}: {trials['reason']}. Judged by {trials['images']:,} images "
            f"{trials['judged_by']}. {trials['rule']}", "", f"{table['title']}:", "",
            "| " + " | ".join(table["columns"]) + " |", "|---" * len(table["columns"]) + "|",
            *["| " + " | ".join(_plain(" ".join(cell.split())) for cell in row) + " |" for row in table["rows"]], ""]


def _evaluation_lines(tree: dict[str, Any]) -> list[str]:
    evaluation = tree["evaluation"]
    lines = [f"- **{finding['title']}.** {_plain(finding['text'])}" for finding in tree["findings"]]
    lines += ["", f"Against {evaluation['images']:,} real images (split {evaluation['real_split']}); in brackets the "
              f"{100 * evaluation['interval']:.0f} % interval, then what other real images score.", "",
              "| features | " + " | ".join(metric.upper() if len(metric) < 4 else metric for metric in METRICS) + " |",
              "|---" * (len(METRICS) + 1) + "|"]
    for extractor, scores in evaluation["scores"].items():
        cells = [_score(scores[metric]) for metric in METRICS]
        lines.append(f"| {extractor} | " + " | ".join(cells) + " |")
    return lines


def _score(score: dict[str, float]) -> str:
    return f"{score['value']:.4g} ({score['low']:.3g} to {score['high']:.3g}); {score['floor']:.3g}"


def _plain(text: str) -> str:
    """A name from a stranger's file as it may stand in Markdown: nothing of it is markup."""
    kept = "".join(c if c.isprintable() else "?" for c in text)
    for mark in "\\`*_[]<>|#!~&":
        kept = kept.replace(mark, f"\\{mark}")
    return kept


def _plain_item(text: str) -> str:
    """The same at the beginning of a line, where a hyphen or `1.` would begin a list."""
    return re.sub(r"^(\s*\d*)([-+=.)])", r"\1\\\2", _plain(text))
