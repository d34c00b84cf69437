"""The type faces and letters of the built-in data. Found where matplotlib ships them; nothing is downloaded."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from genimg_core.errors import SetupError

_DEJAVU = tuple(
    f"DejaVu{family}{style}.ttf"
    for family, styles in {
        "Sans": ("", "-Bold", "-Oblique", "-BoldOblique"),
        "SansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
        "Serif": ("", "-Bold", "-Italic", "-BoldItalic"),
    }.items()
    for style in styles
)
_STIX = tuple(f"STIXGeneral{style}.ttf" for style in ("", "Bol", "Italic", "BolIta"))

# Small letters: 14 of the 24 Greek capitals look like Latin ones. The final sigma is sigma once more, and left out.
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega"
)
_GEORGIAN = (
    "an ban gan don en vin zen tan in kan las man nar on par zhar rae san tar un phar khar ghan qar shin chin can jil "
    "cil char xan jhan hae"
)
"""The names that Unicode gives the letters."""


@dataclass(frozen=True)
class Script:
    """An alphabet, and the faces that have all of it."""

    letters: tuple[str, ...]
    names: tuple[str, ...]
    """Class labels, in ASCII; as many as letters."""
    faces: tuple[str, ...]
    """File names."""


_CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

SCRIPTS: dict[str, Script] = {
    "latin_capitals": Script(_CAPITALS, _CAPITALS, _DEJAVU + _STIX),
    "greek_small": Script(tuple("αβγδεζηθικλμνξοπρστυφχψω"), tuple(_GREEK.split()), _DEJAVU + _STIX),
    "georgian": Script(tuple(chr(code) for code in range(0x10D0, 0x10F1)), tuple(_GEORGIAN.split()), _DEJAVU),
}


def face_files(script: str) -> tuple[Path, ...]:
    """The .ttf files of a script's faces, in the order of the table.

    Raises:
        SetupError: matplotlib is installed without them.
    """
    # Every scan asks, so matplotlib is not imported, which takes half a second; where it keeps its data differently
    # (as some distributions do), it is asked after all. pyplot would start a graphics backend.
    spec = importlib.util.find_spec("matplotlib")
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" if spec and spec.origin else Path()
    if not folder.is_dir():
        import matplotlib

        folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    files = tuple(folder / face for face in SCRIPTS[script].faces)
    for file in files:
        if not file.is_file():
            raise SetupError(
                f"the type face {file.name} is not in {folder}", "install matplotlib, which ships it"
            )
    return files
