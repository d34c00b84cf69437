"""`pretrain.<name>` of params.yaml, which the stages select and pretrain both read. Light to import: no torch."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, create_model, model_validator

from genimg_core.models.family import FAMILIES
from genimg_core.params import Section, nearest
from genimg_core.training.adapt import misfit
from genimg_core.training.params import TrainParams
from genimg_core.trials.params import TrialParams

AUTO = "auto"
"""`family: auto`: trials decide."""


def _known_family(name: str) -> str:
    if name not in FAMILIES:
        raise ValueError(f"there is no family of that name; {nearest(name, list(FAMILIES))}")
    return name


FamilyName = Annotated[str, AfterValidator(_known_family)]
FamilyChoice = Annotated[str, AfterValidator(lambda name: name if name == AUTO else _known_family(name))]

# One section per family (`flow: {width: 48}`), so that a new line in FAMILIES is all that params.yaml needs.
FamilySections: Any = create_model("FamilySections", __base__=Section,
                                   **{name: (entry.params, entry.params()) for name, entry in FAMILIES.items()})


class FamilyCandidate(FamilySections):
    """One of `select.candidates`: a family, and what it sets otherwise than the entry."""

    family: FamilyName
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Null takes the entry's."""

    @property
    def own(self) -> dict[str, Any]:
        """What is set here of the family's settings."""
        return getattr(self, self.family).model_dump(mode="json", exclude_unset=True)

    @property
    def label(self) -> str:
        """`gan, loss hinge`"""
        rate = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        told = [f"{name.replace('_', ' ')} {value}".replace("_", " ") for name, value in {**self.own, **rate}.items()]
        return ", ".join([self.family, *told])


def _of_name(value: Any) -> Any:
    return {"family": value} if isinstance(value, str) else value


DEFAULT_CANDIDATES: tuple[Any, ...] = (
    "flow", "gan", {"family": "gan", "gan": {"loss": "relativistic"}}, {"family": "gan", "gan": {"loss": "hinge"}},
    "vae")


class SelectParams(TrialParams):
    """`select` of an entry: what `family: auto` tries."""

    candidates: Annotated[tuple[Annotated[FamilyCandidate, BeforeValidator(_of_name)], ...],
                          Field(min_length=1, max_length=50, validate_default=True)] = DEFAULT_CANDIDATES
    """Names of families, or `{family: gan, gan: {loss: hinge}}`."""

    @model_validator(mode="after")
    def _different(self) -> SelectParams:
        labels = [candidate.label for candidate in self.candidates]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"the candidate '{twice[0]}' stands there twice")
        return self


class PretrainParams(TrainParams, FamilySections):
    """`pretrain.<name>`: the run, the family, and a section of settings for each family (the chosen one counts)."""

    NEUTRAL: ClassVar[frozenset[str]] = TrainParams.NEUTRAL | {"select", "keep_last"}

    family: FamilyChoice = "flow"
    """`flow`, `gan` or `vae`; `auto` tries several first (`select`)."""
    select: SelectParams = SelectParams()
    """What `family: auto` tries, and how long; without effect where the family is pinned."""
    keep_last: bool = False
    """Keep the last weights beside the averaged ones, for a finetune entry with `start: last`."""

    @model_validator(mode="after")
    def _candidates_fit(self) -> PretrainParams:
        if self.family != AUTO:
            if wrong := misfit(self.adapt, self.family, self.family_params, self.watch.looks):
                raise ValueError(wrong)
            return self
        for candidate in self.select.candidates:
            try:
                settings = self.settings_of(candidate)
            except ValidationError as error:
                raise ValueError(f"the candidate '{candidate.label}' does not go with this entry's "
                                 f"{candidate.family} section: {error.errors()[0]['msg']}") from None
            if wrong := misfit(self.adapt, candidate.family, settings, self.watch.looks):
                raise ValueError(f"the candidate '{candidate.label}' does not go with this entry's `adapt`: {wrong}")
        return self

    @property
    def family_params(self) -> Section:
        """The settings of the chosen family."""
        return getattr(self, self.family)

    def settings_of(self, candidate: FamilyCandidate) -> Section:
        """The family's settings of a candidate: the entry's, then its own.

        Raises:
            pydantic.ValidationError: they do not go together.
        """
        given = getattr(self, candidate.family).model_dump(mode="json", exclude_unset=True)
        return FAMILIES[candidate.family].params(**{**given, **candidate.own})
