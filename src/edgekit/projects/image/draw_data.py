"""Draw pictures to start with: circles, squares and triangles in all colours, of all sizes.

They go into data/, one folder for each class; your own pictures go there in their place.
"""

import random
from pathlib import Path

from PIL import Image, ImageDraw

EACH = 150
SIDE = 48


def draw(kind: str, dice: random.Random) -> Image.Image:
    """Return a picture of one shape on a ground of another colour, with noise."""
    ground = tuple(dice.randrange(90) for _ in range(3))
    ink = tuple(dice.randrange(130, 256) for _ in range(3))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    pen = ImageDraw.Draw(picture)
    radius = dice.uniform(9, 18)
    x, y = (dice.uniform(radius, SIDE - radius) for _ in range(2))
    turn = dice.uniform(-12, 12)
    if kind == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    else:
        corners = {"square": 4, "triangle": 3}[kind]
        pen.regular_polygon((x, y, radius), corners, rotation=turn, fill=ink)
    for _ in range(SIDE):
        place = dice.randrange(SIDE), dice.randrange(SIDE)
        picture.putpixel(place, tuple(dice.randrange(256) for _ in range(3)))
    return picture


def main() -> None:
    """Write the pictures."""
    dice = random.Random(0)
    for kind in ("circle", "square", "triangle"):
        folder = Path("data", kind)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(EACH):
            draw(kind, dice).save(folder / f"{number:03}.png")


if __name__ == "__main__":
    main()
