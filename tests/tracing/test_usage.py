"""Which versions and models had used an image: here, in git's history of dvc.lock, in DVC's run cache."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from genimg_core.store.manifest import write_table
from genimg_core.tracing.usage import usage_of
from genimg_core.tracing.versions import own_hash

IMAGE, OTHER = "a" * 64, "b" * 64


def rows(**splits: str) -> bytes:
    """rows.parquet: image_id => split; a rejected one has none."""
    frame = pd.DataFrame({"image_id": [*splits, None], "status": [*("kept" if s else "rejected" for s in
                          splits.values()), "rejected"], "split": [*(s or "train" for s in splits.values()), None]})
    stream = io.BytesIO()
    path = Path("rows.tmp")
    write_table(frame, path)
    stream.write(path.read_bytes())
    path.unlink()
    return stream.getvalue()


def dataset(sha256: str, **splits: str) -> dict[str, bytes]:
    return {"settings.json": json.dumps({"dataset": "base", "sha256": sha256}).encode(), "rows.parquet": rows(**splits)}


def model(name: str, data: str, parent: str | None = None) -> dict[str, bytes]:
    tree = {"model": name, "dataset": "base", "dataset_sha256": data, "parent": parent and "m",
            "parent_sha256": parent, "sha256": ""}
    return {"settings.json": json.dumps(tree | {"sha256": own_hash(tree)}).encode()}


def sha_of(files: dict[str, bytes]) -> str:
    return json.loads(files["settings.json"])["sha256"]


def put(path: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (Path(path) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(path) / name).write_bytes(data)


def cached(files: dict[str, bytes]) -> str:
    """Put a folder into DVC's cache; the md5 of its listing."""
    def store(data: bytes, suffix: str = "") -> str:
        md5 = hashlib.md5(data).hexdigest() + suffix
        place = Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return md5

    listing = [{"md5": store(data), "relpath": name} for name, data in sorted(files.items())]
    return store(json.dumps(listing).encode(), ".dir")


def commit(**outs: str) -> str:
    lines = "".join(f"    - path: {path}\n      hash: md5\n      md5: {md5}\n" for path, md5 in outs.items())
    Path("dvc.lock").write_text(f"stages:\n  x:\n    outs:\n{lines}")
    git("add", "dvc.lock")
    git("commit", "-qm", "lock")
    return git("rev-parse", "HEAD").strip()[:12]


def git(*words: str) -> str:
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *words], check=True,
                          capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git("init", "-q")


NORMALIZED = "data/datasets/base/normalized"


def test_what_stands_here_and_the_models_behind():
    put(NORMALIZED, dataset("d1", **{IMAGE: "train", OTHER: "test"}))
    first = model("m", "d1")
    put("data/models/m", first)
    put("data/models/child", model("child", "d9", sha_of(first)))
    put("data/models/grandchild", model("grandchild", "d9", sha_of(model("child", "d9", sha_of(first)))))
    put("data/models/stranger", model("stranger", "d9"))
    usage = usage_of(Path(), IMAGE)
    assert [(use.dataset, use.sha256, use.splits) for use in usage.datasets] == [("base", "d1", ("train",))]
    assert {use.model: use.learned for use in usage.models} == {"m": True, "child": True, "grandchild": True}
    assert next(use for use in usage.models if use.model == "child").through.startswith("its parent m, version")
    held_out = usage_of(Path(), OTHER)
    assert {use.model: use.learned for use in held_out.models} == {"m": False}, "a child of it never saw the image"
    assert usage_of(Path(), "c" * 64).datasets == []


def test_a_rejected_row_is_no_use():
    put(NORMALIZED, dataset("d1", **{IMAGE: "", OTHER: "train"}))
    assert usage_of(Path(), IMAGE).datasets == []


def test_older_versions_in_git_and_in_the_run_cache_and_what_is_lost():
    put(NORMALIZED, dataset("d3", **{OTHER: "train"}))
    revision = commit(**{NORMALIZED: cached(dataset("d1", **{IMAGE: "train"})),
                         "data/models/m": cached(model("m", "d1"))})
    lost = commit(**{NORMALIZED: "0" * 32 + ".dir"})
    run = Path(".dvc/cache/runs/aa/bb/cc")
    run.parent.mkdir(parents=True)
    md5 = cached(dataset("d2", **{IMAGE: "validation"}))
    run.write_text(json.dumps({"outs": [{"path": NORMALIZED, "md5": md5}], "deps": []}))
    usage = usage_of(Path(), IMAGE)
    assert {(use.sha256, use.splits, use.found) for use in usage.datasets} == {
        ("d1", ("train",), f"git revision {revision}"), ("d2", ("validation",), "DVC's run cache")}
    assert [(use.model, use.learned, use.found) for use in usage.models] == [("m", True, f"git revision {revision}")]
    assert usage.unreadable == [f"{NORMALIZED} (git revision {lost})"]


def test_spoiled_files_are_told_of_and_never_trusted():
    put(NORMALIZED, dataset("d1", **{IMAGE: "train"}) | {"rows.parquet": b"PAR1"})
    tree = json.loads(model("m", "d1")["settings.json"]) | {"dataset": "another"}
    put("data/models/m", {"settings.json": json.dumps(tree).encode()})
    usage = usage_of(Path(), IMAGE)
    assert usage.datasets == usage.models == [] and usage.unreadable == [f"{NORMALIZED} (in the folders here)"]
