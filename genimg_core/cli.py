"""`genimg`: a sub-command per stage (the commands of dvc.yaml) and per user verb.

Nothing heavy is imported until it is needed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import GenimgError
from genimg_core.housekeeping.at_work import at_work
from genimg_core.lifeline import end_with_dvc
from genimg_core.preloading.client import hand_over

if TYPE_CHECKING:
    from genimg_core.stages.contract import Stage

VERBS: dict[str, tuple[str, str, str]] = {
    "configure": ("Start", "genimg_core.verbs.configure", "look at your images, and propose and write params.yaml"),
    "doctor": ("Start", "genimg_core.verbs.doctor", "what is wrong with this set-up, and how to cure it"),
    "run": ("Start", "genimg_core.verbs.run", "scan the sources, then bring everything that is stale up to date"),
    "adopt": ("Use", "genimg_core.verbs.adopt", "a model from elsewhere, to fine-tune from"),
    "sample": ("Use", "genimg_core.verbs.sample", "draw images from a trained model into a new folder"),
    "trace": ("Use", "genimg_core.verbs.trace", "from a PNG back to its model, the data, and where that came from"),
    "export": ("Data", "genimg_core.verbs.export", "a data set as WebDataset shards, or as a folder of images"),
    "drift": ("Data", "genimg_core.verbs.drift", "what changed in a data set since an earlier version"),
    "scan": ("Data", "genimg_core.verbs.scan", "look at the sources and write each data set's source.lock"),
    "review": ("Data", "genimg_core.verbs.review", "doubtful images out as a page to click through, and back"),
    "reject": ("Data", "genimg_core.verbs.reject", "an image out of the data set, for good"),
    "restore": ("Data", "genimg_core.verbs.restore", "an image that was rejected back in, for good"),
    "forget": ("Data", "genimg_core.verbs.forget", "an image out of all future data; what had used it"),
    "decisions": ("Data", "genimg_core.verbs.decisions", "what people decided about single images"),
    "clean": ("Data", "genimg_core.verbs.clean", "remove what nothing in the project refers to any more"),
}
"""Verb -> group in the help, module, summary. The module has `add_arguments(parser)`, which may set `parser.epilog`
(examples; its line breaks are kept), and `main(arguments) -> exit code`. (`clean` is a stage, too: with a name behind
it, as in dvc.yaml.)"""

STAGE_SUMMARIES: dict[str, str] = {
    "collect": "copy the source's original bytes into tar shards, with a manifest",
    "profile": "decode each image once: its figures, and the image at training size",
    "validate": "gate: is the raw data good enough to go on?",
    "clean": "mark every image kept or rejected, with the reason; near-duplicates",
    "label": "given labels, and a classifier's for the images without one",
    "normalize": "splits without leaks, uint8 arrays, mean and std of the train split",
    "import": "check a model from elsewhere, and take it into this project",
    "select": "try families and losses, or note the one that is pinned",
    "pretrain": "train a generative model from scratch",
    "recipe": "try ways of fine-tuning, or note the one that is pinned",
    "finetune": "adapt a trained model to another data set",
    "generate": "draw samples from a model: PNGs and a grid",
    "extractor": "train the feature networks that scores are measured with",
    "evaluate": "score samples against real images held out of training",
    "report": "one self-contained HTML page of everything, and a card per model",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 (a user's error), 3 (a gate), or 130 (interrupted)."""
    arguments = sys.argv[1:] if argv is None else argv
    # Nobody's plugin looks into our settings; to look for one, pydantic reads a file of each installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Arrow's own pool keeps what it has used once: normalize at 100,000 images takes 370 MiB with it, 280 so.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    end_with_dvc()  # a stage that outlives its dvc would write under a released lock
    try:
        return _dispatch(arguments)
    except GenimgError as error:
        print(f"genimg: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        print("genimg: interrupted; the same command starts again", file=sys.stderr, flush=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        from genimg_core.disk_faults import disk_fault

        fault = disk_fault(error, "the command was not finished")
        if fault is None:
            raise
        print(f"genimg: {fault}", file=sys.stderr, flush=True)
        return fault.exit_code


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help", "help"):
        from genimg_core.verbs.help import show_help

        show_help(VERBS, STAGE_SUMMARIES)
        return 0
    if command in VERBS and not (command in STAGE_SUMMARIES and _is_named(arguments)):
        _, place, summary = VERBS[command]
        module = importlib.import_module(place)
        parser = _parser(command, summary)
        module.add_arguments(parser)
        given = parser.parse_args(arguments[1:])
        if command == "clean":
            return module.main(given)
        with at_work():
            return module.main(given)
    if command in STAGE_SUMMARIES:
        done = hand_over(arguments)
        if done is not None:
            return done
        with at_work():
            return _run_stage(command, arguments[1:])
    from genimg_core.params import nearest

    raise GenimgError(f"there is no command '{command}'", nearest(command, [*VERBS, *STAGE_SUMMARIES]))


def _is_named(arguments: list[str]) -> bool:
    """Whether an instance stands behind the command (`genimg clean base …`), as every stage's command has it first."""
    return len(arguments) > 1 and not arguments[1].startswith("-")


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"genimg {command}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _run_stage(command: str, arguments: list[str]) -> int:
    from genimg_core.progress import heartbeat
    from genimg_core.stages.runner import load_stage, run_stage
    from genimg_core.verbs.headlines import headline

    stage = load_stage(command)
    parser = _parser(command, stage.summary)
    parser.epilog = "dvc.yaml holds this stage's paths; `genimg run` calls it with them."
    if stage.named:
        parser.add_argument("name", help="the entry of params.yaml")
    for key in (*stage.inputs, *stage.outputs):
        parser.add_argument(
            f"--{key}",
            type=Path,
            required=key not in stage.optional,
            metavar="PATH",
            help=_meaning(stage, key),
        )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="for report.json and its pictures (default: with the first output)"
    )
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="flat numbers as JSON")
    given = vars(parser.parse_args(arguments))
    name = given.get("name")
    instance = command if name is None else f"{command}@{name}"
    try:
        with heartbeat(instance):
            report = run_stage(
                stage,
                name,
                {key: given[key] for key in (*stage.inputs, *stage.outputs) if given[key] is not None},
                given["report"],
                given["metrics"],
            )
    except KeyboardInterrupt:
        from genimg_core.verbs.interruption import going_on

        print(f"genimg: {instance} was interrupted and wrote no output. The same command {going_on(instance)}.",
              file=sys.stderr, flush=True)
        return 130
    if report.metrics:  # a companion of a training has none to tell
        print(f"{instance}: {headline(command, report.metrics)}", flush=True)
    return 0


def _meaning(stage: Stage, key: str) -> str:
    if key in stage.optional:
        return "read, if it is there: what people, or trials, decided"
    return "read" if key in stage.inputs else "written when the stage has succeeded"


if __name__ == "__main__":
    sys.exit(main())
