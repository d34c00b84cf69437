"""Closed forms and directions of flow matching."""

import torch

from genimg_core.models.flow.objective import draw_times, flow_loss, guided, path_point
from genimg_core.training.generators import torch_generator


def test_the_path_starts_at_noise_and_ends_at_data():
    data, noise = torch.full((2, 1, 2, 2), 0.5), torch.full((2, 1, 2, 2), -3.0)
    assert torch.equal(path_point(data, noise, torch.zeros(2)).x, noise)
    assert torch.equal(path_point(data, noise, torch.ones(2)).x, data)


def test_the_velocity_is_the_path_s_slope_and_points_at_the_data():
    data, noise = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    t, dt = torch.tensor([0.1, 0.5, 0.8]), 1e-3
    slope = (path_point(data, noise, t + dt).x - path_point(data, noise, t).x) / dt
    point = path_point(data, noise, t)
    assert torch.allclose(slope, point.velocity, atol=1e-2)
    assert torch.allclose(point.x + (1 - t[:, None, None, None]) * point.velocity, data, atol=1e-6)


def test_the_loss_in_closed_form():
    velocity = torch.stack([torch.full((1, 2, 2), 3.0), torch.full((1, 2, 2), -1.0)])
    predicted = torch.zeros_like(velocity)
    assert flow_loss(predicted, velocity).velocity.tolist() == [9.0, 1.0]


def test_the_loss_falls_towards_the_velocity():
    velocity = torch.randn(4, 1, 4, 4)
    predicted = torch.zeros_like(velocity, requires_grad=True)
    before = flow_loss(predicted, velocity).velocity.mean()
    (slope,) = torch.autograd.grad(before, predicted)
    assert flow_loss(predicted - slope, velocity).velocity.mean() < before
    assert flow_loss(-velocity, velocity).velocity.mean() > before


def test_times_follow_the_logit_normal_law():
    t = draw_times(20_000, mean=0.7, std=1.3, generator=torch_generator(0, "times"))
    logits = torch.logit(t)
    assert t.min() > 0 and t.max() < 1
    assert abs(logits.mean() - 0.7) < 0.05 and abs(logits.std() - 1.3) < 0.05


def test_guidance():
    told, untold = torch.full((1,), 2.0), torch.full((1,), 1.0)
    assert [guided(told, untold, w).item() for w in (0.0, 1.0, 3.0)] == [1.0, 2.0, 4.0]
