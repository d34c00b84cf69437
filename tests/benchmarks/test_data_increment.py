"""What was decoded is what the profile stage and the memo say; and the targets are held against the right figures."""

from benchmarks.cells import Bench
from benchmarks.data_increment import claims, increment_cell
from genimg_core.stages.contract import write_json


def test_claims(tmp_path):
    bench = Bench(tmp_path, tmp_path)
    cell = increment_cell(bench)
    path = bench.path_of(cell)
    path.parent.mkdir(parents=True)
    stages = {"collect-images": {"seconds": 1.0}, "profile-images": {"seconds": 2.5, "decoded": 203,
                                                                     "remembered": 19_997}}
    write_json(path, {"key": cell.key, "machine": "m", "date": "2026-01-01", "result": {
        "images": 20_000, "new": 200, "first": {"seconds": 100.0, "processor": 90.0}, "more": {
            "seconds": 19.0, "processor": 12.5, "stages": stages}, "memo_rows": 203, "shards": {"all": 12, "other": 4},
        "cache_mib": {"first": 200.0, "more": 150.0}, "idle": {
            "genimg run": {"seconds": [2.0, 9.0, 2.5], "processor": [1.5, 1.7, 1.6]},
            "genimg run normalize@images": {"seconds": [1.5], "processor": [1.0]},
            "dvc repro normalize@images": {"seconds": [1.0], "processor": [0.9]}},
        "load": [0.1, 1.0]}})
    decoded, wall, shards, idle, _, dvc = claims(bench)
    assert (decoded["value"], decoded["target"]) == (3, 0)  # three were decoded again: a miss
    assert (wall["value"], wall["target"]) == (19.0, 18.0) and "profile 2.5 s" in wall["compared_with"]
    assert "12.5 s of a processor (first: 90.0 s)" in wall["compared_with"]
    assert shards["value"] == 4 and "of 12" in shards["compared_with"]
    assert (idle["value"], idle["target"], dvc["target"]) == (2.5, 3.0, None)
    assert "1.60 s of a processor" in idle["compared_with"]
