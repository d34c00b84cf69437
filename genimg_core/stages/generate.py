"""Generate: draw samples from a model (a model => PNGs and a grid)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from genimg_core.params import Name, Section
from genimg_core.stages.contract import Check, Picture, Stage, StageReport
from genimg_core.training.params import Seed, Threads

MOSAIC_COLUMNS, MOSAIC_IMAGES = 16, 96
"""The first samples, as they came."""

CHECKS = (("all_images_written", "Every sample asked for is there as a PNG", True),)
"""(name, description, blocking)"""


class GenerateParams(Section):
    """`generate.<name>`: samples of the model of that name."""

    dataset: Name
    """The entry of `datasets` whose held-out images the samples are scored against."""
    images: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000
    """How many to draw, over the classes in proportion to the model's train split."""
    classes: tuple[str, ...] = ()
    """Only these classes; none named means all."""
    steps: Annotated[int, Field(ge=1, le=1_000)] = 10
    """Of the sampler, for a family that has one."""
    solver: Literal["euler", "midpoint", "heun"] = "heun"
    """How a flow takes its steps: `euler` evaluates the network once a step, `midpoint` twice, `heun` twice but for the
    last step."""
    guidance: Annotated[float, Field(ge=0, le=20)] = 1.5
    """Classifier-free guidance: 1 is none and costs half; more is clearer and less varied. For a family that has it."""
    batch: Annotated[int, Field(ge=1, le=65_536)] = 64
    """Images at a time, always as many (padded): the count of images changes no sample; this may, in the last bit."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` is the GPU where there is one."""


def generate(*, model: Path, samples: Path, report: Path, name: str, seed: int, threads: int,
             params: GenerateParams) -> StageReport:
    """Draw `params.images` samples and write them as PNGs, with samples.csv, grid.png and settings.json.

    Raises:
        CorruptFileError: the model cannot be read.
        ParamsError: a named class is not the model's.
    """
    import shutil

    from genimg_core.models.model_file import load_model
    from genimg_core.models.samples import MIN_TILE_PX, class_weights, sample_labels, write_samples
    from genimg_core.reports.pictures import contact_sheet, save_png
    from genimg_core.training.devices import computing

    with computing(params.device, threads) as device:
        trained = load_model(model, device)
        settings = trained.settings
        labels = sample_labels(class_weights(settings, params.classes), params.images)
        drawn = trained.sample(labels, seed, steps=params.steps, guidance=params.guidance, batch=params.batch,
                               solver=params.solver)
    write_samples(samples, settings, drawn, labels, seed, params.steps, params.guidance, params.solver)
    shutil.copyfile(samples / "grid.png", report / "samples.png")
    tile_px = settings.size * -(-MIN_TILE_PX // settings.size)
    save_png(contact_sheet(list(drawn[:MOSAIC_IMAGES]), columns=MOSAIC_COLUMNS, tile_px=tile_px, gap_px=2),
             report / "mosaic.png")
    written = sum(1 for _ in (samples / "images").glob("*.png"))
    drawn_of = {settings.classes[k]: int((labels == k).sum()) for k in sorted(set(labels.tolist()))}
    (check, description, blocking), = CHECKS
    return StageReport(
        facts={"model": name, "model_sha256": settings.sha256, "family": settings.family, "dataset": settings.dataset,
               "dataset_sha256": settings.dataset_sha256, "parent": settings.parent, "classes": drawn_of,
               "settings": params.model_dump(mode="json")},
        metrics={"images": written, "classes": len(drawn_of)},
        checks=(Check(check, written == params.images, written, params.images, description, blocking),),
        pictures=(Picture("mosaic.png", f"The first {min(MOSAIC_IMAGES, len(drawn))} samples, as they came"),
                  Picture("samples.png", "Samples, a row for each class")),
    )


STAGE = Stage(
    name="generate",
    summary="draw samples from a model: PNGs and a grid",
    inputs=("model",),
    outputs=("samples",),
    params={"seed": ("seed", Seed), "threads": ("threads", Threads), "params": ("generate.{name}", GenerateParams)},
    run=generate,
)
