"""The training loop of every family: plain torch, a budget in images seen, snapshots to resume from."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genimg_core.errors import TrainingError
from genimg_core.models.family import Family, Player
from genimg_core.progress import progress
from genimg_core.training.checkpoint import (
    Snapshot,
    optimiser_tensors,
    read_snapshot,
    restore_optimiser,
    write_snapshot,
)
from genimg_core.training.controllers.controls import Controls
from genimg_core.training.data import EpochOrder, TrainSet
from genimg_core.training.devices import Team, autocast, compiling
from genimg_core.training.ema import Ema
from genimg_core.training.generators import torch_generator
from genimg_core.training.health import Finding, diagnose, not_finite, suspicious
from genimg_core.training.params import TrainParams
from genimg_core.training.remedy import GO_BACK, go_back

_OF_SOME_LINES = ("variety", "coverage", "kid", "nearest_ratio", "held_out_loss")
"""Entries of the log that only lines with a look have."""


def learning_rate_at(seen_images: int, params: TrainParams) -> float:
    """Linear warm-up, then half a cosine to 0; where a controller lowers the rate, the highest.

    Args:
        seen_images: at the end of the step it is for.
        params: the run.
    """
    rising = params.warm_up * params.seen_images
    if seen_images < rising:
        return params.learning_rate * seen_images / rising
    if params.adapt.rate is not None:
        return params.learning_rate
    share = min(1.0, (seen_images - rising) / max(1.0, params.seen_images - rising))
    return params.learning_rate * (1 + math.cos(math.pi * share)) / 2


class Trainer:
    """Everything that changes in a run: networks, averages, optimisers, random state, images seen, log.

    Args:
        family: what is trained.
        networks: its networks, on the device of `data`; trained in place.
        data: the train split.
        params: the run.
        seed: of params.yaml.
        team: the processes that train together; None is this one alone.
    """

    def __init__(self, family: Family, networks: nn.ModuleDict, data: TrainSet, params: TrainParams, seed: int,
                 team: Team | None = None) -> None:
        self.family = family
        self.networks = networks.train().to(memory_format=torch.channels_last)
        self.data = data
        self.params = params
        self.device = data.device
        self.team = Team(device=data.device) if team is None else team
        self.order = EpochOrder(len(data), seed)
        self.generator = torch_generator(seed, "train/draws", self.device)
        self.ema = Ema(networks, params.ema_half_life, params.ema_ramp)
        self.optimisers = {player.name: self._optimiser(player) for player in family.players}
        self.seed = seed
        self.seen_images = 0
        self.rate_scale = 1.0
        """Of every learning rate; lowered where the run had to go back."""
        self.events: list[dict[str, Any]] = []
        """What the health watch found and did (see remedy.py), and what controllers decided, in order."""
        self.controls = Controls(params, family)
        self.log: list[dict[str, float | int]] = []
        self.strips: list[tuple[int, np.ndarray]] = []
        """Samples drawn on the way: images seen, uint8 (n, H, W, C); the same n labels and noise each time."""
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._norms: dict[str, Tensor] = {}
        if params.compile:
            # computing() leaves the compiler unloaded, and so untold.
            torch.use_deterministic_algorithms(torch.are_deterministic_algorithms_enabled())
            logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses a GPU that nobody wants
            for name, network in networks.items():
                if name not in family.uncompiled:
                    network.compile()

    def step(self) -> None:
        """Show one batch to every player; where several processes train, each sees its share of it.

        Raises:
            SetupError: this machine cannot compile.
        """
        with self.team.draws(self.generator, self.params.batch), compiling() if self.params.compile else nullcontext():
            self._step()

    def _step(self) -> None:
        indices = self.order.take(self.seen_images, self.params.batch)
        images, labels = self.data.batch(self.team.share(indices))
        if self.params.flip:
            mirrored = torch.rand(len(images), generator=self.generator, device=self.device) < 0.5
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        images = images.contiguous(memory_format=torch.channels_last)
        rate = learning_rate_at(min(self.seen_images + self.params.batch, self.params.seen_images), self.params)
        step = self.seen_images // self.params.batch
        for player in self.family.players:
            if step % player.every == 0:
                self._move(player, images, labels, rate)
        self.ema.update(self.networks, self.seen_images, self.params.batch)
        self.seen_images += self.params.batch

    def close_log_line(self) -> Finding | None:
        """Write the mean losses since the last line, and the greatest norms of gradients, into the log.

        Returns:
            What is wrong where one of them is not finite; then no line is written.
        """
        self.team.summed(list(self._sums.values()))
        means = {name: total.item() / self._counts[name] for name, total in self._sums.items()}
        means |= {f"{name}.gradient_norm": norm.item() for name, norm in self._norms.items()}
        means = self.team.agreed(means)  # all decide by the same figures
        self._sums, self._counts, self._norms = {}, {}, {}
        wrong = not_finite(means)
        if wrong is not None:
            return wrong
        if self.log:  # a player that moves seldom may not have moved since
            means = {name: value for name, value in self.log[-1].items() if name not in _OF_SOME_LINES} | means
        rate = self.controls.rate * self.rate_scale * learning_rate_at(self.seen_images, self.params)
        self.log.append({**means, **self.controls.in_force, "seen_images": self.seen_images, "learning_rate": rate})
        return None

    def snapshot(self) -> Snapshot:
        """The state at the end of a log line."""
        tensors = {f"networks.{name}": tensor for name, tensor in self.networks.state_dict().items()}
        tensors |= {f"ema.{name}": tensor for name, tensor in self.ema.networks.state_dict().items()}
        for player, optimiser in self.optimisers.items():
            tensors |= optimiser_tensors(optimiser, f"optimisers.{player}.")
        tensors["generator"] = self.generator.get_state()
        tensors |= {f"strips.{seen}": torch.from_numpy(images) for seen, images in self.strips} | self.controls.tensors
        return Snapshot(tensors, {"seen_images": self.seen_images, "log": list(self.log), "events": list(self.events),
                                  "controls": self.controls.state, "strips": [seen for seen, _ in self.strips]})

    def keep(self, resume: Path, good: int | None) -> None:
        """Write a snapshot, in the leading process; arguments as of `write_snapshot`."""
        if self.team.leads:
            write_snapshot(resume, self.seen_images, self.snapshot(), good)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of a run with the same data, params and seed."""
        tensors, tree = snapshot
        self.networks.load_state_dict(_below("networks.", tensors))
        self.ema.networks.load_state_dict(_below("ema.", tensors))
        for player, optimiser in self.optimisers.items():
            restore_optimiser(optimiser, f"optimisers.{player}.", tensors)
        self.generator.set_state(tensors["generator"])
        self.seen_images, self.log = tree["seen_images"], tree["log"]
        self.strips = [(seen, tensors[f"strips.{seen}"].numpy()) for seen in tree["strips"]]
        self._sums, self._counts, self._norms = {}, {}, {}
        self.controls.restore(tree["controls"], tensors)
        self.take_to_heart(tree["events"])

    @property
    def restarts(self) -> list[dict[str, Any]]:
        """The events that put the run back."""
        return [event for event in self.events if event["action"] == GO_BACK]

    @property
    def changed_at(self) -> int:
        """Images seen where the last one changed the settings."""
        return self.restarts[-1]["back_to"] if self.restarts else 0

    def take_to_heart(self, events: list[dict[str, Any]]) -> None:
        """Set what the watch decided: the rate, and what holds a game in balance."""
        self.events = events
        decided = self.restarts[-1] if self.restarts else {"rate_scale": 1.0, "stabilised": 0}
        self.rate_scale = decided["rate_scale"]
        self.family.stabilise(decided["stabilised"])

    def _move(self, player: Player, images: Tensor, labels: Tensor, rate: float) -> None:
        with autocast(self.device, self.params.precision):
            progress = min(1.0, self.seen_images / self.params.seen_images)
            loss = self.family.loss(self.networks, player.name, images, labels, self.generator, progress)
        weights = [weight for weight in self.networks[player.name].parameters() if weight.requires_grad]
        slopes = self.team.summed(torch.autograd.grad(self.team.mean(loss.total), weights))
        for weight, slope in zip(weights, slopes, strict=True):
            weight.grad = slope
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(slopes)))
        self._norms[player.name] = torch.maximum(self._norms.get(player.name, norm), norm)
        optimiser = self.optimisers[player.name]
        for group in optimiser.param_groups:
            group["lr"] = self.controls.rate * self.rate_scale * rate * group["rate_scale"]
        optimiser.step()
        if player is self.family.players[-1]:
            self._add("loss", loss.total)
        for part, values in loss.parts.items():
            self._add(f"{player.name}/{part}", values)
        for figure, values in loss.figures.items():
            self._add(f"{player.name}.{figure}", values)

    def _add(self, name: str, values: Tensor) -> None:
        self._sums[name] = self._sums.get(name, 0) + self.team.mean(values.detach().double())
        self._counts[name] = self._counts.get(name, 0) + 1

    def _optimiser(self, player: Player) -> torch.optim.Optimizer:
        # foreach: the fused one is wrong on the CPU where the strides of a weight and its gradient differ.
        named = {name: weight for name, weight in self.networks[player.name].named_parameters(prefix=player.name)
                 if weight.requires_grad}
        scale = player.learning_rate_scale
        groups = [
            {"params": [weight for name, weight in named.items() if name not in self.family.class_tables],
             "rate_scale": scale},
            {"params": [weight for name, weight in named.items() if name in self.family.class_tables],
             "rate_scale": scale * self.params.class_rate, "weight_decay": 0.0}]
        return torch.optim.AdamW([group for group in groups if group["params"]], lr=self.params.learning_rate,
                                 betas=player.betas, weight_decay=player.weight_decay, foreach=True)


def train(trainer: Trainer, resume: Path, what: str, draw: Callable[[], np.ndarray] | None = None,
          look: Callable[[], dict[str, float]] | None = None) -> None:
    """Run to the end of the budget, from the latest snapshot in `resume` if there is one.

    Where the health watch finds the run ill, it goes back (see remedy.py). Controllers
    (`params.adapt`) turn what is theirs at each line of the log; one of them may end the run early. Of several
    processes all read, and the leading one writes, draws and looks.

    Args:
        trainer: at the start of its run.
        resume: a folder that only runs with the same data, params, seed and code see.
        what: for the progress line.
        draw: samples of the averaged weights as they are, uint8 (n, H, W, C); called `params.strips` times, evenly
            spread, the last time at the end. None draws nothing, as it must in all processes but the leading one.
        look: figures of the averaged weights (`variety` and `coverage` of samples; `kid`, `nearest_ratio` and
            `held_out_loss`, see held_out.py); called `params.watch.looks` times. None looks at nothing.

    Raises:
        TrainingError: the run is ill and may not go back again.
    """
    params, team = trainer.params, trainer.team
    _begin(trainer, resume, what)
    kept_at = trainer.seen_images
    with progress(what, params.seen_images) if team.leads else nullcontext(_in_silence) as advance:
        if kept_at:
            advance(kept_at)
        if params.compile and team.leads:
            print(f"{what}: compiling, a minute or so", file=sys.stderr, flush=True)
        while trainer.seen_images < params.seen_images and not trainer.controls.stopped:
            trainer.step()
            advance(params.batch, note=_note(trainer.log))
            done = trainer.seen_images >= params.seen_images
            if done or trainer.seen_images % params.log_images < params.batch:
                finding = trainer.close_log_line()
                if finding is None and look is not None and _is_due(params.watch.looks, trainer):
                    trainer.log[-1] |= team.agreed(look() if team.leads else {})
                finding = finding or diagnose(trainer.log, params.watch, trainer.family.guessing_costs,
                                              trainer.changed_at)
                if finding is not None:
                    advance(-trainer.seen_images)
                    kept_at = go_back(trainer, resume, finding, what)
                    advance(kept_at)
                    continue
                trainer.events += trainer.controls.observe(trainer.log[-1], trainer.ema.networks, what)
                if draw is not None and _is_due(params.strips, trainer, trainer.strips[-1][0] if trainer.strips else 0):
                    trainer.strips.append((trainer.seen_images, draw()))
                if not done and trainer.seen_images - kept_at >= params.snapshot_images:
                    good = None if suspicious(trainer.log, params.watch, trainer.changed_at) else trainer.seen_images
                    trainer.keep(resume, good)
                    kept_at = trainer.seen_images
    trainer.events += trainer.controls.at_the_end(trainer.log[-1], trainer.ema.networks, what)


def _begin(trainer: Trainer, resume: Path, what: str) -> None:
    """Put the run where its latest snapshot was, or write the first one: the last resort of an ill run."""
    team, found = trainer.team, read_snapshot(resume)
    if found is not None:
        trainer.restore(found)
        if team.leads:
            print(f"{what}: going on at {trainer.seen_images:,} images seen", file=sys.stderr, flush=True)
    team.wait()  # what one still reads another must not replace
    if team.agreed(trainer.seen_images) != trainer.seen_images:
        raise TrainingError(f"{what}: process {team.rank} does not see the snapshots of the first",
                            "start all processes in one project folder, which all machines see")
    if found is None:
        trainer.keep(resume, trainer.seen_images)


def _is_due(times: int, trainer: Trainer, last: int | None = None) -> bool:
    """Whether another of `times` parts of the budget is over since `last` images seen, by default the line before."""
    if last is None:
        last = trainer.log[-2]["seen_images"] if len(trainer.log) > 1 else 0
    budget = trainer.params.seen_images
    return times * trainer.seen_images // budget > times * last // budget


def _in_silence(n: int = 1, note: str = "") -> None:
    """For all but the leading process."""


def _note(log: list[dict[str, Any]]) -> str:
    return f"loss {log[-1]['loss']:.3f}" if log else ""


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
