import pytest
import torch

from genimg_core.models.classifier.network import FEATURE_DIM, ClassifierNetwork


@pytest.mark.parametrize("size", [8, 12, 16, 20, 28, 32, 48, 52, 64, 100, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_takes_every_size_and_both_kinds(size, channels):
    network = ClassifierNetwork(size, channels, 5)
    images = torch.rand(2, channels, size, size) * 2 - 1
    assert network(images).shape == (2, 5)
    features = network.features(images)
    assert features.shape == (2, FEATURE_DIM)
    assert features.min() >= 0


@pytest.mark.parametrize("classes", [2, 1000])
def test_takes_two_classes_and_a_thousand(classes):
    assert ClassifierNetwork(32, 1, classes)(torch.zeros(1, 1, 32, 32)).shape == (1, classes)


def test_stays_small_where_images_are_large():
    weights = {size: sum(p.numel() for p in ClassifierNetwork(size, 3, 10).parameters()) for size in (32, 128, 512)}
    assert max(weights.values()) < 600_000


def test_an_image_is_not_touched_by_its_neighbours_in_the_batch_not_even_in_training():
    network = ClassifierNetwork(16, 1, 3).train()
    image = torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        alone = network(torch.cat([image, torch.zeros(3, 1, 16, 16)]))[0]
        beside = network(torch.cat([image, torch.rand(3, 1, 16, 16)]))[0]
    assert torch.equal(alone, beside)
