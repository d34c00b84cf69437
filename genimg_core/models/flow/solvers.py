"""Fixed-step solvers of dx / dt = velocity(x, t) from t = 0 to t = 1."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from genimg_core.models.family import SolverName

Velocity = Callable[[Tensor, float], Tensor]


def integrate(velocity: Velocity, x: Tensor, steps: int, solver: SolverName) -> Tensor:
    """Where x is at t = 1.

    * `euler`: first order, `steps` evaluations.
    * `midpoint`: second order, 2 `steps` evaluations.
    * `heun`: second order, its last step Euler's (Karras et al. 2022, algorithm 1), 2 `steps` - 1 evaluations.

    Args:
        velocity: (x, t) => dx / dt, of x's shape.
        x: at t = 0.
        steps: equal ones.
        solver: see above.
    """
    dt = 1 / steps
    for step in range(steps):
        t = step / steps
        slope = velocity(x, t)
        if solver == "midpoint":
            slope = velocity(x + dt / 2 * slope, t + dt / 2)
        elif solver == "heun" and step + 1 < steps:
            x = x + dt / 2 * (slope + velocity(x + dt * slope, t + dt))
            continue
        x = x + dt * slope
    return x
