"""`genimg`: a sub-command per stage (the commands of dvc.yaml) and per user verb.

Nothing heavy is imported until it is needed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from genimg_core.errors import GenimgError
from genimg_core.lifeline import end_with_dvc

VERBS: dict[str, tuple[str, str]] = {
    "run": ("genimg_core.verbs.run", "scan the sources, then bring everything that is stale up to date"),
    "scan": ("genimg_core.verbs.scan", "look at the sources and write each data set's source.lock"),
}
"""Verb -> module and summary. The module has `add_arguments(parser)` and `main(arguments) -> exit code`."""

STAGE_SUMMARIES: dict[str, str] = {
    "collect": "copy the source's original bytes into tar shards, with a manifest",
    "profile": "decode each image once: every figure, and the image at training size",
    "validate": "gate: is the raw data good enough to go on?",
    "clean": "mark every image kept or rejected, with the reason; near-duplicates",
    "label": "given labels, and a classifier's for the images without one",
    "normalize": "splits without leaks, uint8 arrays, mean and std of the train split",
    "pretrain": "train a generative model from scratch",
    "finetune": "adapt a trained model to another data set",
    "generate": "draw samples from a model: PNGs and a grid",
    "extractor": "train the feature network that scores are measured with",
    "evaluate": "score samples against real images held out of training",
    "report": "one self-contained HTML page of everything",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, 2 (a user's error), 3 (a gate), or 130 (interrupted)."""
    arguments = sys.argv[1:] if argv is None else argv
    end_with_dvc()  # a stage that outlives its dvc would write under a released lock
    try:
        return _dispatch(arguments)
    except GenimgError as error:
        print(f"genimg: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        print("genimg: interrupted; the same command goes on from here", file=sys.stderr, flush=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help", "help"):
        print(_help())
        return 0
    if command in VERBS:
        module = importlib.import_module(VERBS[command][0])
        parser = argparse.ArgumentParser(prog=f"genimg {command}", description=VERBS[command][1])
        module.add_arguments(parser)
        return module.main(parser.parse_args(arguments[1:]))
    if command in STAGE_SUMMARIES:
        return _run_stage(command, arguments[1:])
    from genimg_core.params import nearest

    raise GenimgError(f"there is no command '{command}'", nearest(command, [*VERBS, *STAGE_SUMMARIES]))


def _run_stage(command: str, arguments: list[str]) -> int:
    from genimg_core.stages.runner import load_stage, run_stage

    stage = load_stage(command)
    parser = argparse.ArgumentParser(
        prog=f"genimg {command}",
        description=stage.summary,
        epilog="dvc.yaml holds this stage's paths; `genimg run` calls it with them.",
    )
    if stage.named:
        parser.add_argument("name", help="the entry of params.yaml")
    for key in (*stage.inputs, *stage.outputs):
        parser.add_argument(
            f"--{key}",
            type=Path,
            required=True,
            metavar="PATH",
            help="read" if key in stage.inputs else "written when the stage has succeeded",
        )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="for report.json and its pictures (default: with the first output)"
    )
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="flat numbers as JSON")
    given = vars(parser.parse_args(arguments))
    report = run_stage(
        stage,
        given.get("name"),
        {key: given[key] for key in (*stage.inputs, *stage.outputs)},
        given["report"],
        given["metrics"],
    )
    told = ", ".join(f"{key} {_figure(value)}" for key, value in report.metrics.items())
    print(f"{command}{'@' + given['name'] if stage.named else ''}: {told}", flush=True)
    return 0


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _help() -> str:
    width = max(len(name) for name in (*VERBS, *STAGE_SUMMARIES))
    lines = ["genimg: from a folder of images to a generator you can trust", "", "For you:"]
    lines += [f"  {name:<{width}}  {summary}" for name, (_, summary) in VERBS.items()]
    lines += ["", "The stages, in order (dvc.yaml calls them; so can you):"]
    lines += [f"  {name:<{width}}  {summary}" for name, summary in STAGE_SUMMARIES.items()]
    return "\n".join([*lines, "", "`genimg COMMAND --help` tells more. Settings stand in params.yaml."])


if __name__ == "__main__":
    sys.exit(main())
