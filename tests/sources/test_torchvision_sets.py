"""torchvision's sets: the MNIST family is read from its IDX files, fetched if asked for; pickles are refused."""

from __future__ import annotations

import gc
import hashlib
import http.server
import io
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genimg_core.errors import SourceError
from genimg_core.sources.torchvision_sets import CLASSES, PICKLED, TorchvisionParams, TorchvisionSource, check_name
from tests.sources.idx_files import pictures, write_idx

PARTS = {"train": 4, "t10k": 2}


def _lay_out(raw: Path, prefix: str = "", suffix: str = "", parts: dict[str, int] | None = None) -> Path:
    for name, count in (parts or PARTS).items():
        write_idx(raw / f"{prefix}{name}-images-idx3-ubyte{suffix}", pictures(count, seed=count, shape=(28, 28)))
        write_idx(raw / f"{prefix}{name}-labels-idx1-ubyte{suffix}", np.arange(1, count + 1, dtype=np.uint8))
    return raw


def _scan(path: Path, name: str, **params):
    source = TorchvisionSource(TorchvisionParams(name=name, path=str(path), **params))
    return {file.path: file for file in source.scan({})}


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_torchvision_left_on_the_disk(tmp_path, suffix):
    _lay_out(tmp_path / "FashionMNIST/raw", suffix=suffix)
    files = _scan(tmp_path, "FashionMNIST")
    assert {path: (file.label, file.split) for path, file in files.items()} == {
        "test/00000.png": ("Trouser", "test"),
        "test/00001.png": ("Pullover", "test"),
        "train/00000.png": ("Trouser", "train"),
        "train/00001.png": ("Pullover", "train"),
        "train/00002.png": ("Dress", "train"),
        "train/00003.png": ("Coat", "train"),
    }


def test_emnist_is_turned_upright(tmp_path):
    _lay_out(tmp_path / "EMNIST/raw", prefix="emnist-letters-", parts={"train": 3, "test": 2})
    source = TorchvisionSource(TorchvisionParams(name="EMNIST-letters", path=str(tmp_path)))
    files = {file.path: file for file in source.scan({})}
    assert [files[f"train/0000{n}.png"].label for n in range(3)] == ["a", "b", "c"]
    (data,) = dict(source.contents(["train/00001.png"])).values()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pictures(3, seed=3, shape=(28, 28))[1].T)


def test_the_class_names_are_torchvision_s():
    import torchvision.datasets as sets

    for name, classes in CLASSES.items():
        family, _, subset = name.partition("-")
        theirs = sets.EMNIST.classes_split_dict[subset] if subset else getattr(sets, family).classes
        assert [one.partition(" - ")[0] for one in theirs] == list(classes), name
    assert {f"EMNIST-{subset}" for subset in sets.EMNIST.splits} < set(CLASSES)


@pytest.mark.parametrize("name", sorted(PICKLED))
def test_pickles_are_refused_with_a_way_out(tmp_path, name):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(SourceError, match=f"(?s){name} are pickles.*remedy: .*`kind: folder`"):
        _scan(tmp_path, name, download=True)


@pytest.mark.parametrize(
    ("name", "told"), [("Food101", "`kind: folder`"), ("FashonMNIST", "did you mean 'FashionMNIST'"), ("x", "MNIST")]
)
def test_other_names(name, told):
    with pytest.raises(SourceError, match=told):
        check_name(name)


def test_not_there_and_half_there(tmp_path):
    with pytest.raises(SourceError, match=r"(?s)there is no MNIST in .*remedy: .*`download: true`"):
        _scan(tmp_path, "MNIST")
    raw = _lay_out(tmp_path / "MNIST/raw")
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(SourceError, match=r"there is no file .*t10k-labels-idx1-ubyte"):
        _scan(tmp_path, "MNIST")


@pytest.fixture
def web(tmp_path):
    """An HTTP server on loopback: (its URL, the folder that it hands out)."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()
        thread.join()


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_a_download_is_checked_and_made_once(tmp_path, web, monkeypatch, capsys):
    import torchvision.datasets as sets

    url, folder = web
    _lay_out(folder, suffix=".gz")
    monkeypatch.setattr(sets.KMNIST, "mirrors", [url])
    monkeypatch.setattr(sets.KMNIST, "resources", [(path.name, _md5(path)) for path in sorted(folder.iterdir())])
    # A `.pt` file that torchvision's constructor would load.
    (tmp_path / "root/KMNIST/processed").mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (tmp_path / "root/KMNIST/processed" / name).write_bytes(b"no tensor")
    first = _scan(tmp_path / "root", "KMNIST", download=True)
    assert len(first) == 6 and first["test/00000.png"].label == "ki"
    assert capsys.readouterr().out == ""
    for path in folder.iterdir():
        path.unlink()
    assert _scan(tmp_path / "root", "KMNIST", download=True) == first
    assert _scan(tmp_path / "root", "KMNIST") == first


def test_a_download_of_emnist_s_zip(tmp_path, web, monkeypatch):
    import torchvision.datasets as sets

    url, folder = web
    raw = _lay_out(tmp_path / "in", prefix="emnist-digits-", suffix=".gz", parts={"train": 3, "test": 2})
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for path in raw.iterdir():
            archive.write(path, f"gzip/{path.name}")
    monkeypatch.setattr(sets.EMNIST, "url", f"{url}gzip.zip")
    monkeypatch.setattr(sets.EMNIST, "md5", _md5(folder / "gzip.zip"))
    assert len(_scan(tmp_path / "root", "EMNIST-digits", download=True)) == 5


# torchvision leaves the connection of a failed answer open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_download_that_fails_or_is_not_what_it_should_be(tmp_path, web, monkeypatch):
    import torchvision.datasets as sets

    url, folder = web
    monkeypatch.setattr(sets.MNIST, "mirrors", [url])
    with pytest.raises(SourceError, match=r"(?s)MNIST could not be fetched .*remedy"):
        _scan(tmp_path / "root", "MNIST", download=True)
    _lay_out(folder, suffix=".gz")
    with pytest.raises(SourceError, match="MNIST could not be fetched"):  # another MD5 than torchvision knows
        _scan(tmp_path / "root", "MNIST", download=True)
    gc.collect()
