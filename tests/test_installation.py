"""The lock: exact, no index named, and the Dagster/DVC parser clash cured (dagster#27487)."""

import re
from importlib.metadata import version
from pathlib import Path

import dagster as dg
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCK = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]


def test_every_line_of_the_lock_is_an_exact_pin():
    assert len(LOCK) > 100
    for line in LOCK:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line), line


def test_what_is_installed_is_what_is_locked():
    for line in LOCK:
        requirement = Requirement(line)
        assert requirement.specifier.contains(version(requirement.name), prereleases=True), line


def test_selection_strings_parse():
    @dg.asset
    def upstream(): ...

    @dg.asset(deps=[upstream], group_name="photos")
    def downstream(): ...

    graph = dg.Definitions(assets=[upstream, downstream]).resolve_asset_graph()
    chosen = dg.AssetSelection.from_string('+key:"downstream" and not group:"other"').resolve(graph)
    assert {key.to_user_string() for key in chosen} == {"upstream", "downstream"}


def test_no_committed_file_names_an_index_or_this_machine():
    import subprocess

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    marks = re.compile(r"index-url|find-links|https?://\S*/(?:simple|packages)/|(?<![\w.$}~])/(?:home|root|work)/\w")
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".png", ".jpg"} or path == Path(__file__):
            continue
        found = marks.search(path.read_text(encoding="utf8"))
        assert not found, f"{name}: {found.group()}"
