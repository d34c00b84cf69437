"""Snapshots: what was written comes back; what is not whole is not read."""

import pytest
import torch

from genimg_core.training.checkpoint import (
    Snapshot,
    optimiser_tensors,
    read_good_snapshot,
    read_snapshot,
    read_start,
    restore_optimiser,
    write_snapshot,
)


def snapshot(value):
    tensors = {"a.b": torch.full((3,), value), "state": torch.arange(4, dtype=torch.uint8)}
    return Snapshot(tensors, {"seen_images": int(value), "log": [{"loss": 0.1}]})


def test_round_trip_and_only_the_latest_stays(tmp_path):
    assert read_snapshot(tmp_path) is None
    for seen in (10, 20):
        write_snapshot(tmp_path, seen, snapshot(float(seen)))
    assert [path.name for path in tmp_path.iterdir()] == ["000000000020"]
    tensors, tree = read_snapshot(tmp_path)
    assert tree == {"seen_images": 20, "log": [{"loss": 0.1}]}
    assert tensors["a.b"].tolist() == [20.0] * 3 and tensors["state"].dtype == torch.uint8


def test_the_start_stays_and_the_latest_is_read(tmp_path):
    assert read_start(tmp_path) is None
    for seen in (0, 10, 20):
        write_snapshot(tmp_path, seen, snapshot(float(seen)), good=seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000000", "000000000020", "good"]
    assert read_start(tmp_path).tree["seen_images"] == 0
    assert read_snapshot(tmp_path).tree["seen_images"] == read_good_snapshot(tmp_path).tree["seen_images"] == 20


def test_a_draft_is_not_a_snapshot(tmp_path):
    write_snapshot(tmp_path, 10, snapshot(10.0))
    (tmp_path / "draft-000000000020").mkdir()
    (tmp_path / "draft-000000000020" / "state.safetensors").write_bytes(b"half")
    assert read_snapshot(tmp_path).tree["seen_images"] == 10
    write_snapshot(tmp_path, 20, snapshot(20.0))
    assert [path.name for path in tmp_path.iterdir()] == ["000000000020"]


def test_what_a_kill_left_of_the_good_ones_name_disturbs_nothing(tmp_path):
    (tmp_path / "good-draft").write_text("000000")
    write_snapshot(tmp_path, 10, snapshot(10.0))
    assert [path.name for path in tmp_path.iterdir()] == ["000000000010"]


@pytest.mark.parametrize("damage", ["cut", "other", "no json", "old torch"])
def test_a_damaged_snapshot_is_not_read(tmp_path, damage):
    write_snapshot(tmp_path, 10, snapshot(10.0))
    data, tree = tmp_path / "000000000010" / "state.safetensors", tmp_path / "000000000010" / "state.json"
    if damage == "cut":
        data.write_bytes(data.read_bytes()[:-1])
    elif damage == "other":
        data.write_bytes(data.read_bytes()[:-1] + b"\1")
    elif damage == "no json":
        tree.write_text(tree.read_text()[:-5])
    else:
        tree.write_text(tree.read_text().replace(torch.__version__, "1.0"))
    assert read_snapshot(tmp_path) is None


def test_an_optimiser_goes_on_with_the_same_bits():
    """Also where a weight has channels-last strides, which safetensors does not keep."""

    def made():
        torch.manual_seed(0)
        net = torch.nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)
        return net, torch.optim.AdamW(net.parameters(), lr=0.1, foreach=True)

    def steps(net, optimiser, seeds):
        for seed in seeds:
            draws = torch.Generator().manual_seed(seed)
            for weight in net.parameters():
                weight.grad = torch.randn(weight.shape, generator=draws)
            optimiser.step()

    net, optimiser = made()
    steps(net, optimiser, range(3))
    kept = {name: tensor.clone(memory_format=torch.contiguous_format)
            for name, tensor in optimiser_tensors(optimiser, "o.").items()}
    other, other_optimiser = made()
    other.load_state_dict(net.state_dict())
    restore_optimiser(other_optimiser, "o.", kept)
    assert other_optimiser.state[other.weight]["exp_avg"].stride() == other.weight.stride()
    steps(net, optimiser, range(3, 6))
    steps(other, other_optimiser, range(3, 6))
    assert torch.equal(net.weight, other.weight) and torch.equal(net.bias, other.bias)


def test_the_good_snapshot_stays_until_another_is_good(tmp_path):
    assert read_good_snapshot(tmp_path) is None
    write_snapshot(tmp_path, 10, snapshot(10.0), good=10)
    write_snapshot(tmp_path, 20, snapshot(20.0))
    write_snapshot(tmp_path, 30, snapshot(30.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000010", "000000000030", "good"]
    assert read_snapshot(tmp_path).tree["seen_images"] == 30
    assert read_good_snapshot(tmp_path).tree["seen_images"] == 10
    write_snapshot(tmp_path, 40, snapshot(40.0), good=40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000040", "good"]
