"""Variables of the environment for a while."""

import os

import pytest

from genimg_core.environment import variables


def test_what_was_set_and_what_was_not_are_as_before(monkeypatch):
    monkeypatch.setenv("GENIMG_SET", "before")
    monkeypatch.delenv("GENIMG_UNSET", raising=False)
    with pytest.raises(KeyError), variables({"GENIMG_SET": "now", "GENIMG_UNSET": "now"}):
        assert os.environ["GENIMG_SET"] == os.environ["GENIMG_UNSET"] == "now"
        raise KeyError
    assert os.environ["GENIMG_SET"] == "before"
    assert "GENIMG_UNSET" not in os.environ
