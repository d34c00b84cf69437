"""Which systems model_families compares, and with which settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OURS = ("flow", "gan", "vae")
SHOWN = {"flow": "our flow", "gan": "our GAN", "vae": "our VAE", "dcgan": "DCGAN", "diffusers": "diffusers UNet2D",
         "lucidrains": "lucidrains DDPM", "pythae": "pythae VAE"}


@dataclass(frozen=True)
class Entry:
    """A system as it is measured."""

    system: str
    """Of benchmarks.timed.SYSTEMS; one of a kind in a class."""
    conditional: bool
    settings: dict[str, Any]
    drawn: int = 5_000
    """Images by each sampler."""
    variant: str = ""
    """Of a trial: what differs from the settings in the tables."""

    @property
    def name(self) -> str:
        """For cells."""
        return f"{self.system}-{self.variant}" if self.variant else self.system

    @property
    def shown(self) -> str:
        """In tables."""
        return SHOWN[self.system] + (f" ({self.variant.replace('_', ' ')})" if self.variant else "")

    @property
    def ours(self) -> bool:
        """Whether it is a family of genimg."""
        return self.system in OURS

    @property
    def library(self) -> bool:
        """Whether it needs the peers' environment."""
        return self.system in ("lucidrains", "pythae", "diffusers")

    @property
    def code(self) -> tuple[str, ...]:
        """As of cells.Recipe."""
        if self.ours:
            return ("ours_timed.py", "genimg_core.training.loop", f"genimg_core.models.{self.system}.family")
        return ("peer_models.py",) if self.library else ("peer_dcgan.py",)


PLAIN_FLOW: dict[str, Any] = {"train": {"batch": 128}, "family": {"width": 48}}
WIDE_FLOW: dict[str, Any] = {"train": PLAIN_FLOW["train"] | {"precision": "bf16", "compile": True},
                             "family": {"width": 48}}
FLOW = WIDE_FLOW | {"family": {"width": 32}}
"""The best of the trials: twice the images seen of PLAIN_FLOW."""
GAN: dict[str, Any] = {"train": {"batch": 64}, "family": {"loss": "relativistic", "width": 48}}
VAE: dict[str, Any] = {"train": {"batch": 128}, "family": {"width": 48}}
SLOW = 2_000
"""Images drawn by the diffusion peers: 10 a second."""


def _of(conditional: bool, ours: tuple[dict[str, Any], dict[str, Any], dict[str, Any]],
        dcgan: int) -> tuple[Entry, ...]:
    """Both sides of a class: settings of flow, GAN and VAE, the DCGAN's width; all others have about 0.85 M weights."""
    flow, gan, vae = ours
    flow = flow | ({"guidance": [1.25, 1.5]} if conditional else {})
    entries = [Entry("flow", conditional, flow), Entry("gan", conditional, gan), Entry("vae", conditional, vae),
               Entry("dcgan", conditional, {"width": dcgan, "batch": 128}),
               Entry("diffusers", conditional, {"width": 28, "batch": 64, "rate": 1e-3}, SLOW)]
    if not conditional:  # these two know no classes
        entries += [Entry("lucidrains", False, {"width": 18, "batch": 64, "rate": 1e-3}, SLOW),
                    Entry("pythae", False, {"latent": 16, "batch": 128, "rate": 1e-3})]
    return tuple(entries)


EQUAL_TIME = (*_of(False, (FLOW, GAN, VAE), 64), *_of(True, (FLOW, GAN, VAE), 64))
"""Ours at the size that did best, the DCGAN at its paper's."""
EQUAL_WEIGHTS = (*_of(False, (WIDE_FLOW, GAN, VAE), 50), *_of(True, (WIDE_FLOW, GAN, VAE), 49))
"""0.85 M trained weights each, all networks of a system together."""


def _trial(system: str, usual: dict[str, Any], variant: str, train: dict[str, Any] | None = None,
           **family: Any) -> Entry:
    """Our `system` with one change, told the class."""
    settings = {"train": usual["train"] | (train or {}), "family": usual["family"] | family}
    if system == "flow":
        settings["samplers"] = [["heun", 5], ["heun", 10]]
    return Entry(system, True, settings, 5_000, variant)


TRIALS = (
    _trial("gan", GAN, "usual"), _trial("gan", GAN, "bf16", {"precision": "bf16"}),
    _trial("gan", GAN, "width_32", width=32), _trial("gan", GAN, "width_64", width=64),
    _trial("gan", GAN, "batch_32", {"batch": 32}), _trial("gan", GAN, "batch_128", {"batch": 128}),
    _trial("gan", GAN, "rate_half", {"learning_rate": 2e-3}),
    _trial("gan", GAN, "rate_double", {"learning_rate": 8e-3}),
    _trial("gan", GAN, "penalties_tenth", r1=0.1, r2=0.1), _trial("gan", GAN, "penalties_tenfold", r1=10.0, r2=10.0),
    _trial("gan", GAN, "non_saturating", loss="non_saturating"), _trial("gan", GAN, "hinge", loss="hinge"),
    _trial("gan", GAN, "dcgan_averaged", loss="non_saturating", network="dcgan", width=64),
    _trial("gan", GAN, "average_short", {"ema_half_life": 3_000}),
    _trial("gan", GAN, "average_long", {"ema_half_life": 50_000, "ema_ramp": 0.1}),
    _trial("flow", PLAIN_FLOW, "usual"),
    _trial("flow", PLAIN_FLOW, "bf16_compiled", {"precision": "bf16", "compile": True}),
    _trial("flow", PLAIN_FLOW, "bf16_compiled_width_32", {"precision": "bf16", "compile": True}, width=32),
    _trial("flow", PLAIN_FLOW, "bf16_compiled_width_64", {"precision": "bf16", "compile": True}, width=64),
    _trial("flow", PLAIN_FLOW, "batch_64", {"batch": 64}),
    _trial("flow", PLAIN_FLOW, "rate_half", {"learning_rate": 2e-3}),
    _trial("flow", PLAIN_FLOW, "times_wider", time_std=1.5),
    _trial("flow", PLAIN_FLOW, "average_long", {"ema_half_life": 50_000}),
    _trial("vae", VAE, "usual"), _trial("vae", VAE, "cross_entropy", reconstruction="cross_entropy"),
    _trial("vae", VAE, "beta_quarter", beta=0.25), _trial("vae", VAE, "beta_double", beta=2.0))
"""What our settings above are chosen from: one change at a time, seed 0."""
SHORT = (Entry("flow", True, PLAIN_FLOW | {"samplers": [["euler", 1], ["heun", 5], ["heun", 10]]}, SLOW),
         Entry("gan", True, GAN, SLOW), Entry("dcgan", True, {"width": 64, "batch": 128}, SLOW))
"""With classes, 60 s each: too short to compile."""
