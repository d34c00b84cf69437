"""Recall and precision count what they say, for both tools alike."""

from benchmarks.cells import Bench
from benchmarks.data_defects import PEERS_WORDS, claims, compare, defects_cell
from benchmarks.planting import GLYPH_REASONS, MORE_KINDS, Planted
from genimg_core.stages.contract import write_json

PLANTED = [Planted("a", "flat", "1"), Planted("b", "flat", "2"), Planted("c", "resized", "3"),
           Planted("d", "dark", "4")]


def test_recall_and_precision():
    fits = {"flat": ("flat",), "dark": ("too_dark", "flat"), "resized": ("near_duplicate",)}
    said = {"a": ["flat"], "d": ["flat"], "3": ["near_duplicate"], "5": ["near_duplicate"], "6": ["near_duplicate"],
            "7": ["flat", "blurred"], "c": []}
    told = compare(said, PLANTED, fits, natural={"5"})
    # Of what is called flat, a is, d is dark enough to be, and 7 is not; b is missed.
    assert told["flat"] == {"planted": 2, "found": 1, "flagged": 3, "right": 2}
    assert told["dark"] == {"planted": 1, "found": 1, "flagged": 3, "right": 2}
    # The copy's original is called one, and so are 5, which is, and 6, which is not.
    assert told["resized"] == {"planted": 1, "found": 1, "flagged": 3, "right": 2}


def test_a_tool_without_a_word_for_it_finds_nothing():
    told = compare({"a": ["dark"]}, [Planted("a", "truncated", "1")], PEERS_WORDS, ())
    assert told == {"truncated": {"planted": 1, "found": 0, "flagged": 0, "right": 0}}


def test_every_kind_of_image_has_the_peers_word():
    broken = {"truncated", "empty", "text", "damaged_png", "bit_rot", "flipped_byte"}
    assert {*MORE_KINDS, *GLYPH_REASONS} - set(PEERS_WORDS) == broken


def test_claims_aim_at_what_the_peer_reaches(tmp_path):
    bench = Bench(tmp_path, tmp_path)
    for seed, found in ((0, 20), (1, 10)):
        cell = defects_cell(bench, "photos", seed)
        counts = {"planted": 20, "found": found, "flagged": 0, "right": 0}
        peer = counts | {"found": 15, "flagged": 20, "right": 15}
        path = bench.path_of(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"key": cell.key, "machine": "m", "date": "2026-01-01", "result": {
            "files": 900, "ours": {"dark": counts}, "peer": {"dark": peer},
            "stopped": "OSError: broken", "left_out": 7}})
    stops, recall, precision = claims(bench)
    assert stops["value"] == 14 and "OSError: broken" in stops["compared_with"]
    assert (recall["value"], recall["target"], recall["cells"]) == (75.0, 75.0, "2 of 3")
    assert "cleanvision 75.0 %, 30 of 40" in recall["compared_with"]
    assert (precision["value"], precision["target"]) == (None, 75.0)
