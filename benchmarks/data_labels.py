"""Label errors found, and confidence calibrated: on the built-in Latin letters and on Fashion-MNIST.

    python -m benchmarks.data_labels [--short|--full] [--only PATTERN] [--list] [--again] [--smoke]

Each cell plants label errors with one seed: 3 % of the labels become another class's, any other (`stray`), or a quarter
of the labels of three classes become one other class's (`confused`, full form only). Then it looks for them as the
label stage does with its defaults, and says what both rules find on the same probabilities: `unlikely`, the default,
and `confident_joint`, which is cleanlab's find_label_issues with its own defaults.

Calibration is measured where it counts: a labeller is trained with its defaults on labels with 3 % stray errors (and,
in the full form, on true ones) while the labels of 1,000 images are hidden from it; these have shaped neither its
weights nor its temperature, and their true labels are known.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from typing import TYPE_CHECKING, Any

from benchmarks import command
from benchmarks.cells import Bench, Cell, Recipe
from benchmarks.workshop import dataset, real_data

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "data_labels"
CODE = ("genimg_core.labels.check", "genimg_core.labels.predict")
THREADS = 1
STRAY_SHARE = 0.03
CONFUSED_CLASSES, CONFUSED_SHARE = 3, 0.25
IMAGES = 6000
HIDDEN = 1000
SETS = ("letters", "fashion")
SHOWN = {"letters": "Latin letters", "fashion": "Fashion-MNIST"}
TARGETS = {"letters": (0.95, 0.9), "fashion": (0.6, 0.8)}
"""Precision and recall aimed at, for stray errors: garments of neighbouring classes look alike, letters do not."""
MOST_ERROR = 0.03
"""Expected calibration error aimed at."""


def _count(bench: Bench) -> int:
    return 400 if bench.smoke else IMAGES


def _letters(bench: Bench) -> Recipe:
    image = {"size": 32, "channels": 1, "fit": "pad", "background": "#ffffff"}
    source = {"kind": "glyphs", "script": "latin_capitals", "images": _count(bench)}
    return dataset("letters", image, {"source": source}, 0, THREADS, last="clean")


def _read(bench: Bench, what: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Images uint8 (K, S, S, C), and a clean table of those with a true label."""
    import numpy as np
    import pandas as pd

    from genimg_core.store.manifest import CLEAN_COLUMNS, read_table

    if what == "letters":
        folder = bench.made(_letters(bench))
        table = read_table(folder / "clean" / "clean.parquet", CLEAN_COLUMNS)
        known = (table["status"] == "kept") & table["label"].notna()
        return np.load(folder / "profile" / "images.npy", mmap_mode="r"), table[known].reset_index(drop=True)
    count, folder = _count(bench), real_data() / "bench-fashion-mnist"
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as stream:
        images = np.frombuffer(stream.read(16 + count * 784), np.uint8, offset=16).reshape(count, 28, 28, 1)
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as stream:
        labels = np.frombuffer(stream.read(8 + count), np.uint8, offset=8)
    names = [f"{place:05}" for place in range(count)]
    return images, pd.DataFrame({"image_id": names, "path": names, "label": labels.astype(str), "split": None,
                                 "row": range(count), "status": "kept", "cluster": names})


def plant(labels: np.ndarray, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with errors.

    Args:
        labels: (N,) of str.
        kind: `stray` or `confused`.
        seed: decides which, and what they become.

    Returns:
        The labels, and bool (N,), which of them are wrong.
    """
    import numpy as np

    from genimg_core.seeds import generator

    draws = generator(seed, f"benchmarks/data_labels/{kind}")
    classes, truth = np.unique(labels.astype(str), return_inverse=True)
    if kind == "stray":
        chosen = draws.choice(len(truth), round(STRAY_SHARE * len(truth)), replace=False)
        step = draws.integers(1, len(classes), len(chosen))
    else:
        confused = draws.choice(len(classes), CONFUSED_CLASSES, replace=False)
        chosen = np.concatenate([draws.choice(own, round(CONFUSED_SHARE * len(own)), replace=False)
                                 for own in (np.flatnonzero(truth == name) for name in confused)])
        step = 1
    planted = truth.copy()
    planted[chosen] = (truth[chosen] + step) % len(classes)
    return classes[planted], planted != truth


def errors_cell(bench: Bench, what: str, kind: str, seed: int) -> Cell:
    """Errors planted and looked for."""
    from genimg_core.stages.label import LabelParams

    params = LabelParams(check_seen_images=500) if bench.smoke else LabelParams()
    budget = params.with_budget(params.check_seen_images)

    def measure(bench: Bench) -> dict[str, Any]:
        from genimg_core.labels.check import doubtful, judge
        from genimg_core.training.devices import computing

        images, table = _read(bench, what)
        labels, wrong = plant(table["label"].to_numpy(dtype=object), kind, seed)
        with computing("cpu", THREADS):
            judged = judge(images, table.assign(label=labels), budget, seed)
        wrong = wrong[judged.places]
        truth = table["label"].to_numpy(dtype=object)[judged.places]
        suggested = judged.classes[judged.scores.argmax(axis=1)]
        found = {}
        for rule in ("unlikely", "confident_joint"):
            doubted = doubtful(judged, rule, params.doubt_below)
            found[rule] = {"doubted": int(doubted.sum()), "wrong": int((doubted & wrong).sum()),
                           "mended": int((doubted & wrong & (suggested == truth)).sum())}
        return {"labels": len(wrong), "planted": int(wrong.sum()), "found": found,
                "estimated_share": judged.calibration.error_share if judged.calibration else None}

    settings = {"what": what, "kind": kind, "seed": seed, "budget": budget, "doubt_below": params.doubt_below,
                "planted": [STRAY_SHARE] if kind == "stray" else [CONFUSED_CLASSES, CONFUSED_SHARE],
                **_of_set(bench, what)}
    return Cell(NAME, f"{what}-{kind}-seed{seed}", settings, measure, CODE)


def calibration_cell(bench: Bench, what: str, kind: str, seed: int) -> Cell:
    """A labeller's confidence on images that had no part in its training or its temperature."""
    from genimg_core.stages.label import LabelParams

    params = LabelParams(seen_images=500) if bench.smoke else LabelParams()
    budget = params.with_budget(params.seen_images)

    def measure(bench: Bench) -> dict[str, Any]:
        import numpy as np

        from genimg_core.labels.calibration import calibration_error, reliability
        from genimg_core.labels.predict import train_labeller
        from genimg_core.seeds import generator
        from genimg_core.training.devices import computing

        images, table = _read(bench, what)
        truth = table["label"].to_numpy(dtype=object)
        order = generator(seed, "benchmarks/data_labels/hidden").permutation(len(truth))
        hidden = np.sort(order[:min(HIDDEN, len(truth) // 3)])
        labels = truth.copy() if kind == "true" else plant(truth, kind, seed)[0].astype(object)
        labels[hidden] = None
        with computing("cpu", THREADS):
            trained = train_labeller(images, table.assign(label=labels), budget, params.held_out_share, seed)
            errors, right = {}, None
            for key, calibrated in (("before", False), ("after", True)):
                scores = trained.scores(images, table["row"].to_numpy()[hidden], calibrated)
                right = np.array(trained.classes, object)[scores.argmax(axis=1)] == truth[hidden]
                errors[key] = calibration_error(reliability(scores.max(axis=1), right))
        return {"hidden": len(hidden), "accuracy": float(right.mean()), "ece": errors,
                "held_out": trained.labeller.held_out,
                "temperature": trained.calibration.temperature if trained.calibration else None}

    settings = {"what": what, "kind": kind, "seed": seed, "budget": budget, "held_out_share": params.held_out_share,
                "hidden": HIDDEN, **_of_set(bench, what)}
    return Cell(NAME, f"{what}-calibration-{kind}-seed{seed}", settings, measure, CODE)


def _of_set(bench: Bench, what: str) -> dict[str, Any]:
    return {"data": _letters(bench)} if what == "letters" else {"images": _count(bench)}


def cells(bench: Bench, form: str, given: argparse.Namespace | None = None) -> list[Cell]:
    """The cells of a form."""
    seeds = range(3 if form == "full" else 1)
    kinds, labels = (("stray", "confused"), ("stray", "true")) if form == "full" else (("stray",), ("stray",))
    return [cell for seed in seeds for what in SETS for cell in (
        *(errors_cell(bench, what, kind, seed) for kind in kinds),
        *(calibration_cell(bench, what, kind, seed) for kind in labels))]


def claims(bench: Bench, given: argparse.Namespace | None = None) -> list[dict[str, Any]]:
    """Rows for the results file, summed over the seeds that stand."""
    everything = cells(bench, "full", given)
    rows = []
    for what in SETS:
        for kind in ("stray", "confused"):
            members = _standing(bench, everything, f"{what}-{kind}-")
            rows += _claims_of_errors(what, kind, members) if members else []
        for kind in ("stray", "true"):
            members = _standing(bench, everything, f"{what}-calibration-{kind}-")
            rows += [_claim_of_calibration(what, kind, members)] if members else []
    return rows


def _standing(bench: Bench, everything: list[Cell], start: str) -> list[tuple[Cell, dict[str, Any]]]:
    return [(cell, record) for cell in everything if cell.name.startswith(start) and (record := bench.record(cell))]


def _claims_of_errors(what: str, kind: str, members: list[tuple[Cell, dict[str, Any]]]) -> list[dict[str, Any]]:
    results = [record["result"] for _, record in members]
    planted, labels = (sum(result[key] for result in results) for key in ("planted", "labels"))
    counts = ("doubted", "wrong", "mended")
    total = {rule: {key: sum(result["found"][rule][key] for result in results) for key in counts}
             for rule in ("unlikely", "confident_joint")}
    how = {rule: (100 * one["wrong"] / max(1, one["doubted"]), 100 * one["wrong"] / planted)
           for rule, one in total.items()}
    of_rule, peer = total["unlikely"], "cleanlab's find_label_issues, its defaults, on the same probabilities"
    targets = [100 * part for part in TARGETS[what]] if kind == "stray" else [None, None]
    told = f"{SHOWN[what]}, {kind} label errors"
    rows = [command.claim(f"{told}: {name}", how["unlikely"][place], targets[place], "higher", "%",
                          f"{peer}: {how['confident_joint'][place]:.1f} %; {counted}", members, 2)
            for place, (name, counted) in enumerate((
                ("doubted labels that are wrong (precision)", f"{of_rule['wrong']} of {of_rule['doubted']} doubted"),
                ("wrong labels that are doubted (recall)", f"{of_rule['wrong']} of {planted} planted in {labels}")))]
    shares = [result["estimated_share"] for result in results if result["estimated_share"] is not None]
    if kind == "stray" and shares:
        rows.append(command.claim(f"{told}: estimated share of wrong labels, less the planted one",
                                  100 * abs(sum(shares) / len(shares) - planted / labels), 0.5, "lower",
                                  "percentage points", f"planted {100 * planted / labels:.2f} %, estimated "
                                  f"{100 * sum(shares) / len(shares):.2f} %", members, 2))
    rows.append(command.claim(f"{told}: suggestions that are right, of the wrong labels doubted",
                              100 * of_rule["mended"] / max(1, of_rule["wrong"]), None, "higher", "%", None, members,
                              2))
    return rows


def _claim_of_calibration(what: str, kind: str, members: list[tuple[Cell, dict[str, Any]]]) -> dict[str, Any]:
    results = [record["result"] for _, record in members]
    before, after = (sum(result["ece"][key] for result in results) / len(results) for key in ("before", "after"))
    told = ", ".join(f"temperature {result['temperature']:.2f} from {result['held_out']} held-out images, accuracy "
                     f"{result['accuracy']:.3f}" if result["temperature"] else "not calibrated" for result in results)
    learnt = "true labels" if kind == "true" else "labels with 3 % stray errors"
    text = (f"{SHOWN[what]}, {learnt}: expected calibration error of predicted labels, against the truth, on images "
            "that shaped nothing")
    return command.claim(text, after, MOST_ERROR, "lower", "ECE", f"before calibration {before:.4f}; {told}", members,
                         before=round(before, 4))


def main(argv: list[str] | None = None) -> int:
    """See the module."""
    return command.run(NAME, __doc__ or "", cells, claims, argv)


if __name__ == "__main__":
    sys.exit(main())
