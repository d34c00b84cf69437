"""The network with attention against independent forms."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from genimg_core.errors import ParamsError
from genimg_core.models.family import ModelSpec
from genimg_core.models.flow import FlowParams
from genimg_core.models.flow.attention import AttentionNetwork, SelfAttention, attention_levels, heads_of
from genimg_core.models.flow.family import FlowFamily
from genimg_core.models.flow.network import preconditioning
from genimg_core.params import parse


def stirred(module, seed=0):
    """Weights that are all different from nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(std=0.2, generator=generator)
    return module


def test_levels_and_heads():
    assert attention_levels(64) == [64, 32, 16, 8]
    assert attention_levels(28) == [28, 14, 7]
    assert attention_levels(8) == [8]
    assert [heads_of(width) for width in (8, 64, 96, 128, 192, 200, 256)] == [1, 1, 1, 2, 3, 2, 4]


@pytest.mark.parametrize("width", [16, 128])
def test_attention_is_torchs_attention(width):
    """Against torch's own kernel, through the same projections."""
    layer = stirred(SelfAttention(width)).double()
    x = torch.randn(2, width, 3, 5, dtype=torch.float64)
    query, key, value = (part.unflatten(1, (layer.heads, -1)).flatten(3).transpose(2, 3)
                         for part in layer.looks(layer.norm(x)).chunk(3, dim=1))
    seen = scaled_dot_product_attention(query, key, value).transpose(2, 3).reshape(x.shape)
    assert torch.allclose(layer(x), x + layer.out(seen), atol=1e-10)


def test_attention_reaches_across_the_image_and_knows_no_order():
    """Every pixel depends on every other; and pixels in another order give the same in that order."""
    layer = stirred(SelfAttention(16)).double()
    x = torch.randn(1, 16, 4, 4, dtype=torch.float64, requires_grad=True)
    slope, = torch.autograd.grad(layer(x)[0, :, 0, 0].sum(), x)
    assert (slope.abs().sum(dim=1) > 0).all()
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    moved = x.flatten(2)[:, :, order].unflatten(2, (4, 4))
    assert torch.allclose(layer(moved), layer(x).flatten(2)[:, :, order].unflatten(2, (4, 4)))


def test_a_fresh_network_makes_the_linear_guess():
    network = AttentionNetwork(16, 3, 2, 8, 1, 8)
    x, t = torch.randn(3, 3, 16, 16), torch.tensor([0.2, 0.5, 0.9])
    assert torch.equal(network(x, t, torch.tensor([0, 1, 0])), preconditioning(t).skip_scale[:, None, None, None] * x)


def test_attention_stands_where_it_is_asked_for():
    def sides(attention_side):
        """Of the features that attention layers saw."""
        network, seen = AttentionNetwork(32, 1, 2, 8, 2, attention_side), []
        for part in network.modules():
            if isinstance(part, SelfAttention):
                part.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[2]))
        network(torch.randn(1, 1, 32, 32), torch.tensor([0.5]), torch.tensor([0]))
        return seen

    assert sides(0) == [8]  # the middle
    assert sides(8) == [8, 8, 8, 8, 8, 8]  # two on the way down, the middle, three on the way up
    assert sides(16) == [16, 16, 8, 8, 8, 8, 8, 8, 16, 16, 16]


def test_time_class_and_guidance_matter():
    family = FlowFamily(ModelSpec(16, 1, 2), FlowParams(network="attention", width=8))
    networks = stirred(family.build()).eval()
    x = torch.randn(1, 1, 16, 16)
    zero, one, half, hidden = torch.tensor([0]), torch.tensor([1]), torch.tensor([0.5]), torch.tensor([True])
    with torch.no_grad():
        network = networks["network"]
        assert not torch.equal(network(x, half, zero), network(x, half, one))
        assert not torch.allclose(network(x, half, zero) / x, network(x, torch.tensor([0.4]), zero) / x)
        assert torch.equal(network(x, half, zero, hidden), network(x, half, one, hidden))
        drawn = [family.sample(networks, zero, lambda *shape: x, 2, guidance, "heun") for guidance in (0.0, 1.0, 2.0)]
    assert not torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[1], drawn[2])


def test_width_blocks_and_size_make_it_larger():
    def weights(size, **settings):
        family = FlowFamily(ModelSpec(size, 3, 2), FlowParams(network="attention", **settings))
        return sum(weight.numel() for weight in family.build().parameters())

    usual = weights(32, width=16)
    assert weights(32, width=32) > 3 * usual and weights(32, width=16, blocks=2) > 1.3 * usual
    assert weights(64, width=16) > usual and weights(32, width=16, attention_side=32) > usual


def test_attention_of_the_small_network_is_refused():
    with pytest.raises(ParamsError, match="small network has no attention"):
        parse(FlowParams, {"attention_side": 8}, "flow")


def test_what_models_hold_of_their_settings_is_what_it_was():
    assert set(FlowParams().recorded()) == {"width", "blocks", "label_dropout", "time_mean", "time_std"}
    assert FlowParams(network="attention").recorded()["network"] == "attention"
