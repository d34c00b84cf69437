"""Stand-alone, run by the peers' own Python: the chain cleanvision, imagededup, dataset tool over a folder of images.

`python peers_chain.py FOLDER SIZE OUT`: the last line of its output is JSON, the seconds of each part.
"""

import io
import json
import sys
import time
import zipfile
from pathlib import Path

from PIL import Image


def dataset_tool(folder: Path, size: int, out: Path) -> int:
    """What the dataset tools of the StyleGAN family do: centre crop, LANCZOS, PNG, a zip without compression."""
    made = 0
    with zipfile.ZipFile(out / "dataset.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.iterdir()):
            image = Image.open(path).convert("RGB")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)
            png = io.BytesIO()
            image.save(png, "png", compress_level=0, optimize=False)
            archive.writestr(f"{made:08d}.png", png.getvalue())
            made += 1
    return made


def main() -> None:
    """Time each part; imports are not timed."""
    folder, size, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    from cleanvision import Imagelab
    from imagededup.methods import PHash

    told = {}
    started = time.perf_counter()
    Imagelab(data_path=str(folder)).find_issues(verbose=False, n_jobs=1)
    told["cleanvision"] = time.perf_counter() - started
    started = time.perf_counter()
    PHash(verbose=False).find_duplicates(image_dir=str(folder), num_enc_workers=0, num_dist_workers=0)
    told["imagededup"] = time.perf_counter() - started
    started = time.perf_counter()
    images = dataset_tool(folder, size, out)
    told["dataset_tool"] = time.perf_counter() - started
    print()
    print(json.dumps({"images": images, "seconds": told}))


if __name__ == "__main__":
    main()
