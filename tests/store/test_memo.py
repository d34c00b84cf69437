"""The memo is a short cut, and never more."""

import sqlite3

from genimg_core.store.memo import COMMIT_BYTES, COMMIT_EVERY, Memo, memo_key


def test_values_are_found_by_key_and_image(tmp_path):
    file = tmp_path / "deep" / "memo.sqlite"
    with Memo(file, "k1") as memo:
        memo.put("a", b"1")
        memo.put("b", b"2")
        memo.put("a", b"3")
    with Memo(file, "k1") as memo:
        assert memo.known(["a", "c"]) == {"a"}
        assert (memo.get("a"), memo.get("b"), memo.get("c")) == (b"3", b"2", None)
    with Memo(file, "k2") as memo:
        assert memo.known(["a"]) == set()
        assert memo.get("a") is None


def test_an_interrupted_run_keeps_what_it_had(tmp_path):
    file = tmp_path / "memo.sqlite"
    try:
        with Memo(file, "k") as memo:
            memo.put("a", b"1")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with Memo(file, "k") as memo:
        assert memo.get("a") == b"1"


def test_a_killed_run_keeps_what_was_written_and_locks_nobody_out(tmp_path):
    file = tmp_path / "memo.sqlite"
    first, second = Memo(file, "k"), Memo(file, "k")  # never closed: what a kill leaves
    for place in range(COMMIT_EVERY + 3):
        first.put(f"{place:03d}", b"1")
        assert first.get(f"{place:03d}") == b"1"
    second.put("large", bytes(COMMIT_BYTES))
    second.put("small", b"2")
    with Memo(file, "k") as memo:
        memo.put("third", b"3")
        assert memo.known([*(f"{place:03d}" for place in range(COMMIT_EVERY + 3)), "large", "small"]) == {
            *(f"{place:03d}" for place in range(COMMIT_EVERY)), "large"}
        assert memo.get("large") == bytes(COMMIT_BYTES)
    with Memo(file, "k") as memo:
        assert memo.get("third") == b"3"


def test_a_memo_of_an_earlier_version_is_read_on(tmp_path):
    file = tmp_path / "memo.sqlite"
    with Memo(file, "k") as memo:
        memo.put("a", b"1")
    database = sqlite3.connect(file)
    assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    database.close()
    with Memo(file, "k") as memo:
        memo.put("b", b"2")
    with Memo(file, "k") as memo:
        assert (memo.get("a"), memo.get("b")) == (b"1", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["memo.sqlite"]


def test_a_damaged_value_is_not_there(tmp_path):
    file = tmp_path / "memo.sqlite"
    with Memo(file, "k") as memo:
        memo.put("a", b"1")
    database = sqlite3.connect(file)
    database.execute("UPDATE memo SET value = ?", (b"2",))
    database.commit()
    database.close()
    with Memo(file, "k") as memo:
        assert memo.get("a") is None


def test_a_file_that_is_no_memo_is_replaced(tmp_path):
    file = tmp_path / "memo.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with Memo(file, "k") as memo:
        memo.put("a", b"1")
        assert memo.get("a") == b"1"


def test_a_memo_that_cannot_be_made_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with Memo(tmp_path / "file" / "memo.sqlite", "k") as memo:
        memo.put("a", b"1")
        assert memo.get("a") is None
        assert memo.known(["a"]) == set()


def test_the_key_changes_with_settings_versions_and_code():
    first = memo_key("genimg_core.imaging.fit", {"size": 32}, {"pillow": "1"})
    assert first == memo_key("genimg_core.imaging.fit", {"size": 32}, {"pillow": "1"})
    assert (
        len(
            {
                first,
                memo_key("genimg_core.imaging.fit", {"size": 64}, {"pillow": "1"}),
                memo_key("genimg_core.imaging.fit", {"size": 32}, {"pillow": "2"}),
                memo_key("genimg_core.imaging.phash", {"size": 32}, {"pillow": "1"}),
            }
        )
        == 4
    )
