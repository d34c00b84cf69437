"""What the card says, and that a name in it is no markup."""

from __future__ import annotations

from genimg_core.reports.model_card import _decisions, _plain


def test_markup_in_a_name_is_text():
    assert _plain("a|b") == "a\\|b"
    assert _plain("![x](y)<b>") == "\\!\\[x\\](y)\\<b\\>"
    assert _plain("line\nbreak\x1b[0m") == "line?break?\\[0m"


def test_what_controllers_decided_is_a_line_for_each_thing_they_turned():
    def event(seen, action, before, after, cause="discriminator_too_sure"):
        return {"seen_images": seen, "cause": cause, "detail": "", "action": action, "before": before, "after": after}

    told = _decisions([
        event(5000, "augment", {"augmentation": 0.0}, {"augmentation": 0.05}),
        event(9000, "go_back", {"learning_rate": 0.004}, {"learning_rate": 0.002}, "collapse"),
        event(10_000, "augment", {"augmentation": 0.05}, {"augmentation": 0.1}),
        event(20_000, "keep_best", {"weights_at": 20_000}, {"weights_at": 15_000}, "best_is_earlier")])
    assert told == [
        "- Augmentation: 0 to 0.1 in 2 decision(s), the last at 10,000 images seen (discriminator too sure)",
        "- Weights at: 20,000 to 15,000 in 1 decision(s), the last at 20,000 images seen (best is earlier)"]
