"""Every path of both versions is accounted for, once."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from genimg_core.drift.changes import count_changes, find_changes
from tests.drift.tables import table


def versions() -> tuple[pd.DataFrame, pd.DataFrame]:
    was, now = table(10), table(12)
    now = now.drop(index=3).reset_index(drop=True)  # 00003 is gone, 00010 and 00011 are new
    now.loc[0, "image_id"] = "f" * 64  # other bytes under the same path
    now.loc[1, "path"] = "moved/1.png"
    now.loc[2, "label"] = "other"
    now.loc[4, ["status", "reason", "label"]] = ["rejected", "flat", None]
    was.loc[6, ["status", "reason", "label"]] = ["rejected", "too_dark", None]
    return was, now


def test_each_kind_is_found_and_named() -> None:
    was, now = versions()
    found = {(change.kind, change.path): (change.was, change.now) for change in find_changes(was, now)}
    assert found == {
        ("new", "in/00010.png"): (None, None), ("new", "in/00011.png"): (None, None),
        ("gone", "in/00003.png"): (None, None), ("changed", "in/00000.png"): (was["image_id"][0], "f" * 64),
        ("moved", "moved/1.png"): ("in/00001.png", None), ("relabelled", "in/00002.png"): ("class 2", "other"),
        ("rejected", "in/00005.png"): (None, "flat"), ("kept_again", "in/00006.png"): ("too_dark", None)}


def test_nothing_changed() -> None:
    assert find_changes(table(5), table(5)) == () and set(count_changes(()).values()) == {0}


def test_a_file_without_bytes_is_the_same_file() -> None:
    rows = table(3)
    rows.loc[1, "image_id"] = None
    assert find_changes(rows, rows.copy()) == ()


FILES = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("123"), max_size=8)


@settings(deadline=None)
@given(before=FILES, after=FILES)
def test_paths_add_up(before: dict[str, str], after: dict[str, str]) -> None:
    def frame(files: dict[str, str]) -> pd.DataFrame:
        return pd.DataFrame({"path": list(files), "image_id": list(files.values()), "label": "x", "status": "kept",
                             "reason": None}, columns=["path", "image_id", "label", "status", "reason"])

    found = find_changes(frame(before), frame(after))
    counts = count_changes(found)
    same = sum(before.get(path) == content for path, content in after.items())
    assert same + counts["new"] + counts["changed"] + counts["moved"] == len(after)
    assert same + counts["gone"] + counts["changed"] + counts["moved"] == len(before)
    for change in found:
        if change.kind == "moved":
            assert before[change.was] == after[change.path] and change.was not in after and change.path not in before
