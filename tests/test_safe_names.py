"""Names of folders and cells, whatever the labels."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from genimg_core.safe_names import distinct_names, safe_name

LABELS = st.lists(st.one_of(st.text(max_size=60), st.sampled_from([
    "a b", "a_b", "A_B", "é", "e\u0301", "con", "NUL", "aux", "ſ", "s", "ﬁ", "fi", "ß", "ss", "", ".", "..", "/", "\0",
    "x" * 300, "x" * 299, "\ud800", "İ", "i̇", "-", "--", "~", "COM1"])), unique=True, max_size=30)


@settings(deadline=None, max_examples=300)
@given(labels=LABELS)
def test_every_label_gets_a_folder_of_its_own(labels):
    names = distinct_names(labels)
    assert list(names) == labels
    for name in names.values():
        assert 0 < len(name.encode("utf8")) <= 200
        assert name not in (".", "..") and not name.startswith(("-", ".", " ")) and not name.endswith((".", " "))
        assert not any(unicodedata.category(c)[0] in "CZ" or c in '/\\:*?"<>|\0' for c in name)
        assert name.casefold() not in ("con", "nul", "aux", "prn", "com1")
    folded = {unicodedata.normalize(form, name).casefold() for name in names.values() for form in ("NFC",)}
    assert len(folded) == len(labels), "also where a file system folds case and composes accents"
    assert distinct_names(labels[::-1]) == names, "whatever the order"


@settings(deadline=None)
@given(labels=LABELS)
def test_a_name_changes_only_where_it_must(labels):
    names = distinct_names(labels)
    plain = [label for label in labels if label.isascii() and label.isalpha() and label.islower() and len(label) <= 40
             and label not in ("con", "nul", "aux", "prn")]
    for label in plain:
        rivals = [other for other in labels if safe_name(other).casefold() == label]
        assert (names[label] == label) == (len(rivals) == 1) or any(not other.isascii() for other in labels)


def test_a_label_that_imitates_a_hashed_name_does_not_meet_it():
    hashed = distinct_names(["a b", "a_b"])["a b"]
    names = distinct_names(["a b", "a_b", hashed])
    assert len(set(names.values())) == 3 and names["a b"] == hashed
