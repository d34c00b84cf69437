"""What cells measure, made by the pipeline's own stages: data sets, models, the feature extractor.

Every recipe is a folder with a params.yaml of its own, in which stages run as `genimg <stage>` would run them: so
params are checked, outputs appear whole, and an interrupted training goes on from its last snapshot.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cells import ROOT, Bench, Recipe
from genimg_core.errors import SetupError

if TYPE_CHECKING:
    import numpy as np

    from genimg_core.params import Section
    from genimg_core.schema import Params
    from genimg_core.store.arrays import NormalizedDataset

REAL = "$GENIMG_REAL_DATA"
"""Stands in settings for the folder of real images, wherever that lies."""
FILES = "$FILES"
"""Stands in a source's settings for the folder `files/` that another recipe makes."""
DATA_STAGES = ("collect", "profile", "validate", "clean", "label", "normalize")
SECTIONS = ("profile", "validate", "clean", "label", "normalize")
WITHOUT_EFFECT = ("log_images", "snapshot_images", "strips", "watch")
"""Training params that change no weight (of a run that is well): left out of a model's key."""
ADDED = {"label": ("check_labels", "check_seen_images", "doubt", "doubt_below", "label_errors"),
         "clean": ("min_sharpness", "severity")}
"""Section -> settings that came after cells had been measured, and change nothing at their defaults: left out of a data
set's key there, so that those cells stand. (Later ones name themselves: `NEUTRAL` of their Section.)"""


def demo_params() -> Params:
    """The demo's params.yaml with all defaults.

    Raises:
        SetupError: params.yaml no longer is about the built-in letters.
    """
    from genimg_core.params import read
    from genimg_core.schema import load_params

    params = load_params(read(ROOT / "params.yaml"))
    for name, script in (("base", "latin_capitals"), ("target", "greek_small")):
        if name not in params.datasets or getattr(params.datasets[name].source, "script", "") != script:
            raise SetupError("params.yaml is not the demo's: these benchmarks measure its models",
                             "run them in a checkout whose params.yaml is unchanged")
    return params


def real_data() -> Path:
    """The folder of real images: GENIMG_REAL_DATA, else ../shared/data.

    Raises:
        SetupError: it is not there.
    """
    folder = Path(os.environ.get("GENIMG_REAL_DATA", ROOT.parent / "shared" / "data")).resolve()
    if not folder.is_dir():
        raise SetupError(f"there are no real images at {folder}", "name their folder with GENIMG_REAL_DATA")
    return folder


def as_name(label: str) -> str:
    """A label as params.yaml takes names: `[a-z][a-z0-9_]*`."""
    return re.sub("[^a-z0-9_]", "_", label.lower())


def run_stages(folder: Path, tree: dict[str, Any], stages: Sequence[str], name: str,
               inputs: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Run stages one after the other in a folder, with params of its own.

    Args:
        folder: exists; each output lies in it under the name that the stage gives it, as reports in `reports/<stage>`.
        tree: params.yaml.
        stages: in order; what one writes the next may read.
        name: of the instance.
        inputs: paths, by the stages' own names, of what no stage here writes.

    Returns:
        Each stage's report.json.
    """
    import json

    from ruamel.yaml import YAML

    from genimg_core.stages.runner import load_stage, run_stage

    paths = {key: path.resolve() for key, path in inputs.items()}
    told = {}
    with contextlib.chdir(folder):
        with Path("params.yaml").open("w", encoding="utf8") as stream:
            YAML(typ="safe").dump(tree, stream)
        for name_of_stage in stages:
            stage = load_stage(name_of_stage)
            paths |= {key: Path("validated.json" if key == "validated" else key) for key in stage.outputs}
            used = {key: paths[key] for key in (*stage.inputs, *stage.outputs)
                    if key in paths or key not in stage.optional}
            report = Path("reports") / name_of_stage
            run_stage(stage, name if stage.named else None, used, report, report.with_suffix(".json"))
            told[name_of_stage] = json.loads((report / "report.json").read_text(encoding="utf8"))
    return told


def dataset(label: str, image: Section | dict[str, Any], entry: dict[str, Any], seed: int, threads: int,
            last: str = "normalize", files: Recipe | None = None) -> Recipe:
    """A data set through the pipeline, from its source to `normalized/` (or to an earlier stage's output).

    Args:
        label: of the folder.
        image: params.yaml's `image`.
        entry: an entry of params.yaml's `datasets`; a missing section takes its defaults, REAL and FILES in the source
            stand for folders.
        seed: of params.yaml.
        threads: of params.yaml.
        last: the stage to stop after.
        files: makes the folder that FILES stands for.
    """
    from genimg_core.params import parse
    from genimg_core.schema import DatasetParams

    params = parse(DatasetParams, {section: {} for section in SECTIONS} | entry, label)
    whole = params.recorded(by_alias=True)
    for section, names in ADDED.items():
        usual = type(getattr(params, section))().model_dump(mode="json")
        whole[section] = {name: value for name, value in whole[section].items()
                          if name not in names or value != usual[name]}
    form = image if isinstance(image, dict) else image.model_dump(mode="json")
    settings = {"image": form, "dataset": whole, "seed": seed, "threads": threads, "last": last, "files": files}
    stages = DATA_STAGES[:DATA_STAGES.index(last) + 1]

    def make(bench: Bench, folder: Path) -> None:
        from genimg_core.sources.registry import SourceParams
        from genimg_core.sources.scan import scan

        name = as_name(label)
        source = _resolved(whole["source"], bench.made(files) / "files" if files is not None else None)
        tree = {"seed": seed, "threads": threads, "image": form, "datasets": {name: whole | {"source": source}}}
        with contextlib.chdir(folder):
            scan(name, parse(SourceParams, source, name))
        run_stages(folder, tree, stages, name,
                   {"source_lock": folder / "data" / "datasets" / name / "source.lock"})

    return Recipe("data", label, settings, tuple(f"genimg_core.stages.{stage}" for stage in stages), make)


def few(label: str, source: Recipe, images: int, held_out: tuple[int, int] | None, seed: int) -> Recipe:
    """A few-shot data set: some of another's images to learn from, others to choose and to judge by.

    Args:
        label: of the folder.
        source: a data set that went through the pipeline.
        images: to learn from, of its train split, each class by its share.
        held_out: (validation, test) images of its test split, the same for every seed and every `images`; None takes
            what `images` left of the train split: a third to choose by, the rest to judge by.
        seed: another seed learns from other images.
    """
    settings = {"source": source, "images": images, "held_out": held_out, "seed": seed}

    def make(bench: Bench, folder: Path) -> None:
        from genimg_core.store.arrays import NormalizedDataset, write_normalized

        data = NormalizedDataset(bench.made(source) / "normalized")
        origin, places = few_places(data, images, held_out, seed)
        (folder / "normalized").mkdir(exist_ok=True)
        write_normalized(
            folder / "normalized", dataset=as_name(label), classes=data.settings.classes,
            background=data.settings.background,
            images={split: data.images(origin[split])[places[split]] for split in places},
            labels={split: data.labels(origin[split])[places[split]] for split in places})

    return Recipe("few", label, settings, ("workshop.py", "genimg_core.store.arrays"), make)


def few_places(data: NormalizedDataset, images: int, held_out: tuple[int, int] | None,
               seed: int) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Which images `few` takes: the split of `data` that each of its splits comes from, and the indices there.

    No image is in two of them. Arguments as of `few`.

    Raises:
        SetupError: the data set has too few images.
    """
    import numpy as np

    from genimg_core.metrics.reference import choose_evenly
    from genimg_core.seeds import generator

    labels = data.labels("train")
    wanted = images if held_out is not None else images + 6
    if len(labels) < wanted or (held_out is not None and len(data.labels("test")) < sum(held_out)):
        raise SetupError(f"{data.folder} holds {len(labels)} images to learn from, {wanted} are needed (held out: "
                         f"{len(data.labels('test'))}, {held_out})", "give the benchmark's data set more images")
    train = choose_evenly(labels, images, generator(seed, "benchmarks/few/train"))
    if held_out is None:
        rest = np.setdiff1d(np.arange(len(labels)), train)
        chosen = choose_evenly(labels[rest], len(rest) // 3, generator(seed, "benchmarks/few/validation"))
        return dict.fromkeys(("train", "validation", "test"), "train"), {
            "train": train, "validation": rest[chosen], "test": np.delete(rest, chosen)}
    of_test = data.labels("test")
    both = choose_evenly(of_test, sum(held_out), generator(0, "benchmarks/few/held_out"))
    chosen = choose_evenly(of_test[both], held_out[0], generator(0, "benchmarks/few/validation"))
    return {"train": "train", "validation": "test", "test": "test"}, {
        "train": train, "validation": both[chosen], "test": np.delete(both, chosen)}


def model(label: str, section: str, params: Section, data: Recipe, seed: int, threads: int,
          parent: Recipe | None = None) -> Recipe:
    """A trained model, in `model/`.

    Args:
        label: of the folder.
        section: `pretrain` or `finetune`.
        params: of that stage.
        data: what it learns from.
        seed: of params.yaml.
        threads: of params.yaml.
        parent: what finetune starts from.
    """
    from genimg_core.models.family import FAMILIES

    whole = params.recorded(by_alias=True)
    heeded = WITHOUT_EFFECT if "adapt" in whole else ()  # controllers go by the log
    unused = {*WITHOUT_EFFECT, "select", "dataset", "from", *(set(FAMILIES) - {whole.get("family")})} - set(heeded)
    settings = {"section": section, "params": {key: value for key, value in whole.items() if key not in unused},
                "data": data, "parent": parent, "seed": seed, "threads": threads}

    def make(bench: Bench, folder: Path) -> None:
        inputs = {"dataset": bench.made(data) / "normalized"}
        if parent is not None:
            inputs["parent"] = bench.made(parent) / "model"
        name = as_name(label)
        run_stages(folder, {"seed": seed, "threads": threads, section: {name: whole}}, [section], name, inputs)

    return Recipe("model", label, settings, (f"genimg_core.stages.{section}",), make)


def feature_extractor(label: str, params: Section, data: Recipe, seed: int, threads: int) -> Recipe:
    """The feature network that scores are measured in, in `extractor/`; arguments as of `model`."""
    whole = params.recorded(by_alias=True)
    settings = {"params": {key: value for key, value in whole.items() if key != "dataset"}, "data": data, "seed": seed,
                "threads": threads}

    def make(bench: Bench, folder: Path) -> None:
        run_stages(folder, {"seed": seed, "threads": threads, "extractor": whole}, ["extractor"], "extractor",
                   {"dataset": bench.made(data) / "normalized"})

    return Recipe("extractor", label, settings, ("genimg_core.stages.extractor",), make)


def _resolved(tree: Any, files: Path | None) -> Any:
    """The same with REAL and FILES replaced by what they stand for."""
    if isinstance(tree, dict):
        return {key: _resolved(value, files) for key, value in tree.items()}
    if isinstance(tree, str) and REAL in tree:
        tree = tree.replace(REAL, str(real_data()))
    return tree.replace(FILES, str(files)) if isinstance(tree, str) and files is not None else tree
