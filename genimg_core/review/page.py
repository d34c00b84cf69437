"""The review page: one HTML file that needs no other, to be clicked through; a small file of decisions comes back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from genimg_core.review.doubts import Review

MOST_OPTIONS = 60
"""Labels that are put into every card's menu; more of them are typed, with suggestions."""
TEMPLATES = Path(__file__).parent / "templates"


def review_page(review: Review, pictures: Mapping[str, str]) -> str:
    """The page. Every text is escaped, and no script but ours runs: its hash stands in the page's own policy.

    Args:
        review: what goes out.
        pictures: image_id => `data:` address.
    """
    environment = Environment(loader=PackageLoader("genimg_core.review"), autoescape=select_autoescape(default=True),
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script, style = ((TEMPLATES / name).read_text(encoding="utf8") for name in ("review.js", "review.css"))
    policy = (f"default-src 'none'; img-src data:; script-src {_hash(script)}; style-src {_hash(style)}; "
              "base-uri 'none'; form-action 'none'")
    images = repr([(image.image_id, image.decision, image.decided_label, image.why) for image in review.images])
    return environment.get_template("review.html.j2").render(
        review=review, pictures=pictures, policy=policy, script=Markup(script), style=Markup(style),  # ours
        menu=len(review.labels) <= MOST_OPTIONS, count=len({image.image_id for image in review.images}),
        digest=hashlib.sha256(images.encode()).hexdigest()[:16])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
