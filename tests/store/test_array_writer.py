"""Arrays of a length that is known only at the end."""

import numpy as np
import pytest

from genimg_core.store.array_writer import ArrayWriter


@pytest.mark.parametrize("rows", [0, 1, 1234])
def test_the_file_is_what_numpy_writes(tmp_path, rows):
    array = np.random.default_rng(0).integers(0, 256, (rows, 3, 2), np.uint8)
    with ArrayWriter(tmp_path / "ours.npy", (3, 2)) as writer:
        assert [writer.append(row) for row in array] == list(range(rows))
    np.save(tmp_path / "numpys.npy", array)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_a_row_of_another_shape_is_refused(tmp_path):
    with ArrayWriter(tmp_path / "a.npy", (3, 2)) as writer, pytest.raises(ValueError, match="a row of"):
        writer.append(np.zeros((2, 3), np.uint8))
