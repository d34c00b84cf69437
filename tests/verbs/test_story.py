"""One line for each stage, out of dvc's words and the stages'."""

from genimg_core.progress import ProgressEvent
from genimg_core.repro import STOPPING
from genimg_core.verbs.story import Story


def told(*lines, total=12, announce=True):
    shown: list[str] = []
    story = Story(total, shown.append, announce)
    for line in lines:
        story.hear(line)
    return story, shown


def run(stage, *said):
    return [f"Running stage '{stage}':", "> genimg something --long", *said]


def test_a_line_when_a_stage_begins_and_one_when_it_is_done():
    story, shown = told("Stage 'collect@base' didn't change, skipping", *run("clean@base", "clean@base: kept 5 of 6"),
                        "Updating lock file 'dvc.lock'",
                        "Stage 'label@base' is cached - skipping run, checking out outputs",
                        *run("report"), "Use `dvc push` to send your updates to remote storage.")
    assert shown == ["[ 2/12] clean@base …", "[ 2/12] clean@base  0.0 s  kept 5 of 6",
                     "[ 3/12] label@base  restored from the cache", "[ 4/12] report …"]
    assert story.done == 3 and story.running.name == "report"
    story.finish()
    assert shown[-1] == "[ 4/12] report  0.0 s" and story.done == 4 and list(story.seconds) == ["clean@base", "report"]


def test_where_bars_show_what_runs_only_the_end_gets_a_line():
    _, shown = told(*run("a", "a: fine"), *run("b"), announce=False)
    assert shown == ["[ 1/12] a  0.0 s  fine"]


def test_other_lines_come_through_and_command_nothing():
    _, shown = told(*run("a", "loading [b]things[/b]", "\x1b[2Jgone", "  ", "other: figures"))
    assert shown[1:] == ["loading [b]things[/b]", "?[2Jgone", "other: figures"]


def test_a_failure():
    story, shown = told(*run("a", "a: 1", "genimg: it is broken", "  remedy: mend it"),
                        "ERROR: failed to reproduce 'a': failed to run: genimg a, exited with 2")
    assert shown == ["[ 1/12] a …", "genimg: it is broken", "  remedy: mend it", "[ 1/12] a  failed after 0.0 s"]
    assert story.told_error and story.running is None and not story.seconds


def test_a_failure_that_only_dvc_can_tell():
    """A file that a stage needs is gone: no command ran."""
    story, shown = told("ERROR: failed to reproduce 'a': missing data 'source' files: x.py")
    assert shown == ["[ 1/12] a  failed: missing data 'source' files: x.py"] and story.told_error


def test_a_stage_that_was_looked_at_twice_has_one_number():
    """Another try begins when another dvc was in its way."""
    skipped = ("Stage 'a' didn't change, skipping", "Stage 'b' didn't change, skipping")
    story, _ = told(*skipped, *skipped, *run("c"))
    assert story.running.number == 3


def test_more_stages_than_were_foreseen():
    assert told(*run("a"), *run("b"), total=1)[1][-1] == "[2/2] b …"


def test_the_work_in_hand():
    outer, inner = ProgressEvent("scoring", 1, 3, "scores"), ProgressEvent("reading", 5, 9, "images")
    story, shown = told(*run("a"), outer.line(), inner.line())
    assert story.work == [outer, inner] and len(shown) == 1
    story.hear(ProgressEvent("reading", 9, 9, "images", ended=True).line())
    assert story.work == [outer]
    story.hear("Running stage 'b':")
    assert story.work == []


def test_the_clock_stands_still_while_things_are_put_back():
    story, _ = told(*run("a"), STOPPING)
    before = story.spent
    assert story.spent == before
