"""Stand-alone, run by the peers' own Python: what cleanvision says of each image of a folder, with its defaults.

`python peers_issues.py FOLDER`: the last line of its output is JSON: `issues`, file name -> names of issues; `stopped`,
what it raised when it was given every file (None if nothing); `left_out`, the files that Pillow cannot load, which a
second run did without where the first was stopped.
"""

import json
import sys
import warnings
from pathlib import Path

from PIL import Image


def loads(path: Path) -> bool:
    """Whether Pillow makes a picture of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                image.load()
    except Exception:  # whatever a decoder raises
        return False
    return True


def issues(paths: list[Path]) -> dict[str, list[str]]:
    """File name -> issues, of every file that has one."""
    from cleanvision import Imagelab

    lab = Imagelab(filepaths=[str(path) for path in paths])
    lab.find_issues(verbose=False, n_jobs=1)
    names = [name for name in lab.issues.columns if name.startswith("is_") and name.endswith("_issue")]
    told = {}
    for path, row in lab.issues[names].iterrows():
        found = [name.removeprefix("is_").removesuffix("_issue") for name in names if bool(row[name])]
        if found:
            told[Path(path).name] = found
    return told


def main() -> None:
    """All files; where that is stopped, those that can be loaded."""
    paths = sorted(Path(sys.argv[1]).iterdir())
    stopped, left_out = None, []
    try:
        told = issues(paths)
    except Exception as error:  # a crash is a finding here
        stopped = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".replace(f"{sys.argv[1]}/", "")
        left_out = [path.name for path in paths if not loads(path)]
        told = issues([path for path in paths if path.name not in left_out])
    print()
    print(json.dumps({"issues": told, "stopped": stopped, "left_out": left_out}))


if __name__ == "__main__":
    main()
