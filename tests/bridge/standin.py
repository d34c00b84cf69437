"""The program of the stand-in project: a stage takes milliseconds, and behaves as `standin.json` says.

    standin.py scan D
    standin.py STAGE [NAME] --key path …      as dvc.yaml calls `genimg`

An output holds a hash of the stage's inputs, params and code, so that it changes when they do. standin.json may hold,
per stage instance: `"sleep": seconds`, `"exit": code` (3 leaves a gate's report), `"half": true` (write an output, then
fail), `"deaf": true` (no SIGINT, no SIGTERM), `"say": [lines]`, `"count": n` (n units of work, told as progress).
"""

import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from genimg_core.decisions.files import ensure_files
from genimg_core.lifeline import end_with_dvc
from genimg_core.params import read
from genimg_core.progress import progress
from genimg_core.stages.runner import STAGES

OUTPUTS = {
    "collect": ["raw"],
    "profile": ["profile"],
    "validate": ["validated"],
    "clean": ["clean"],
    "label": ["labels"],
    "normalize": ["normalized"],
    "import": ["model"],
    "select": ["selected"],
    "pretrain": ["model"],
    "recipe": ["selected"],
    "finetune": ["model"],
    "generate": ["samples"],
    "extractor": ["extractor"],
    "evaluate": ["evaluation"],
    "report": ["page"],
}
CONTROL = Path("standin.json")


def main() -> int:
    end_with_dvc()
    command, *words = sys.argv[1:]
    if command == "scan":
        return scan(words)
    name = words.pop(0) if words and not words[0].startswith("--") else None
    given = {key.removeprefix("--"): Path(value) for key, value in zip(words[::2], words[1::2], strict=True)}
    stage = command if name is None else f"{command}@{name}"
    orders = json.loads(CONTROL.read_text()).get(stage, {}) if CONTROL.exists() else {}
    with Path("executed.txt").open("a") as stream:
        stream.write(stage + "\n")
    print(f"{stage} at work, pid {os.getpid()}", flush=True)
    if orders.get("deaf"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(f"{stage}.pid").write_text(str(os.getpid()))
    for line in orders.get("say", ()):
        print(line, flush=True)
    with progress("counting", orders.get("count", 0), unit="sheep") as advance:
        for _ in range(orders.get("count", 0)):
            time.sleep(0.05)
            advance(1, note="[b]asleep")
    time.sleep(orders.get("sleep", 0))
    passed = orders.get("exit") != 3
    if orders.get("half"):
        write(given[OUTPUTS[command][0]], "half")
        return 1
    if orders.get("exit") and passed:
        print(f"genimg: {stage} cannot be done\n  remedy: do it another way", file=sys.stderr)
        return orders["exit"]
    content = fingerprint(command, name, given)
    if not passed:
        report(Path(".genimg/gates") / stage.replace("@", "-"), command, name, content, passed)
        return 3
    for key in OUTPUTS[command]:
        write(given[key], content)
    report(given.get("report", given[OUTPUTS[command][0]]), command, name, content, passed)
    given["metrics"].parent.mkdir(parents=True, exist_ok=True)
    given["metrics"].write_text(json.dumps({"figure": int(content[:6], 16)}))
    print(f"{stage}: one figure", flush=True)
    return 0


def scan(names: list[str]) -> int:
    for name in names:
        source = Path("sources") / name
        if not source.is_dir():
            print(f"genimg: there is no {source}\n  remedy: make it")
            return 2
        lock = Path("data/datasets") / name / "source.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text(json.dumps({"digest": tree(source)}) + "\n")
        ensure_files(name)
    return 0


def fingerprint(command: str, name: str | None, given: dict[str, Path]) -> str:
    params = read()
    used = {
        "clean": lambda: params["datasets"][name]["clean"],
        "pretrain": lambda: params["pretrain"][name],
        "profile": lambda: [params["image"], params["datasets"][name]["profile"]],
    }.get(command, lambda: None)()
    inputs = {key: tree(path) for key, path in given.items() if key not in ("report", "metrics", *OUTPUTS[command])}
    code = (Path("code") / f"{command}.py").read_text().split("#")[0].strip()  # a comment changes no output
    return hashlib.sha256(json.dumps([command, name, used, inputs, code], sort_keys=True).encode()).hexdigest()


def tree(path: Path) -> str:
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return hashlib.sha256(b"\0".join(p.name.encode() + p.read_bytes() for p in files)).hexdigest()


def write(path: Path, content: str) -> None:
    if path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    else:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        (path / "content").write_text(content)


def report(folder: Path, command: str, name: str | None, content: str, passed: bool) -> None:
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), "#" + content[:6]).save(folder / "grid.png")
    declared = getattr(importlib.import_module(STAGES[command]), "CHECKS", ())
    announced = declared() if callable(declared) else declared
    figures = {"passed": passed, "observed": 0.01 if passed else 0.5, "threshold": 0.05}
    checks = [figures | {"name": check, "description": text, "blocking": gate} for check, text, gate in announced]
    checks.append(
        {
            "name": "nobody_announced_this",
            "passed": passed,
            "observed": 7,
            "threshold": 8,
            "blocking": True,
            "description": "A check that no module declares",
        }
    )
    (folder / "report.json").write_text(
        json.dumps(
            {
                "stage": command,
                "name": name,
                "collected": 3,
                "kept": 2,
                "metrics": {"figure": int(content[:6], 16)},
                "checks": checks,
                "pictures": [{"file": "grid.png", "title": "What [it] drew"}],
            },
            sort_keys=True,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
