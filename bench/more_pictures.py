"""Eight pictures of each, so that mAP tells smaller differences: mirrored, and moved by a gray edge.

  .cache/bench-venv/bin/python bench/more_pictures.py ../shared/data/detection/coco-val64 many

Both are folders of images/ and labels/ (YOLO text files). Needs Pillow, as of bench/requirements.txt.
"""

import pathlib
import sys

from PIL import Image, ImageOps

EDGES = (0, 8, 17, 30)  # pixels at the left and the top: another phase of every stride
GRAY = (114, 114, 114)


def moved(line, size, edge, mirrored):
    """A line of labels, relative to the picture with its edge."""
    name, *numbers = line.split()
    x, y, width, height = map(float, numbers)
    across, down = (length / (length + edge) for length in size)
    x = 1 - (1 - x if not mirrored else x) * across
    y = 1 - (1 - y) * down
    return f"{name} {x:.6f} {y:.6f} {width * across:.6f} {height * down:.6f}"


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    for folder in ("images", "labels"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    for path in sorted((source / "images").glob("*.jpg")):
        picture = Image.open(path).convert("RGB")
        labels = source / "labels" / f"{path.stem}.txt"
        lines = labels.read_text().splitlines() if labels.exists() else []
        for edge in EDGES:
            for mirrored in (False, True):
                name = f"{path.stem}_{edge}{'m' if mirrored else ''}"
                shown = Image.new("RGB", tuple(length + edge for length in picture.size), GRAY)
                shown.paste(ImageOps.mirror(picture) if mirrored else picture, (edge, edge))
                shown.save(target / "images" / f"{name}.jpg", quality=90)
                (target / "labels" / f"{name}.txt").write_text(
                    "".join(moved(line, picture.size, edge, mirrored) + "\n" for line in lines if line.strip()))


if __name__ == "__main__":
    main()
