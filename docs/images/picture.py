"""Draw the README's pictures of a report, light and dark: `python docs/images/picture.py`.

It trains the demo, shows parts of its report side by side in Chromium, and writes each screenshot
as a PNG with a palette of 256 colors, which keeps the file small.
"""

import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1600, 1385
PARTS = [  # section of the report, x, y, height
    ("", 0, 0, HEIGHT),
    ("columns", 800, 0, 565),
    ("training", 800, 565, HEIGHT - 565),
]
DARK = "(prefers-color-scheme:dark)"


def collage() -> str:
    """A page that shows each part of the report in a frame of its own."""
    frames = "".join(
        f'<iframe src="report.html#{part}" scrolling="no" style="border:0;position:absolute;'
        f'left:{x}px;top:{y}px;width:{WIDTH // 2}px;height:{height}px"></iframe>'
        for part, x, y, height in PARTS
    )
    return f'<!doctype html><body style="margin:0">{frames}'


def screenshot(folder: Path) -> np.ndarray:
    """The collage in a folder as pixels, (HEIGHT, WIDTH, 3)."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    size, file = f"--window-size={WIDTH},{HEIGHT}", folder / "shot.png"
    page = (folder / "collage.html").as_uri()
    command = ["chromium", *options, size, f"--screenshot={file}", page]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=120)
    return read_png(file.read_bytes())


def read_png(content: bytes) -> np.ndarray:
    """The pixels of a PNG of eight bits a channel that is not interlaced."""
    at, data = 8, b""
    while at < len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        chunk = content[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height = int.from_bytes(chunk[:4]), int.from_bytes(chunk[4:8])
            channels = {2: 3, 6: 4}[chunk[9]]
        data += chunk if kind == b"IDAT" else b""
        at += length + 12
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, -1)
    return np.stack(unfiltered(lines, channels)).reshape(height, width, channels)[..., :3]


def unfiltered(lines: np.ndarray, channels: int) -> list[np.ndarray]:
    """Undo each line's filter: 0 none, 1 left, 2 above, 3 their mean, 4 Paeth's predictor."""
    above, done = [0] * (lines.shape[1] - 1), []
    for kind, *line in lines.tolist():
        for i in range(len(line)):
            a = line[i - channels] if i >= channels else 0
            b, c = above[i], above[i - channels] if i >= channels else 0
            line[i] = (line[i] + predicted(kind, a, b, c)) & 255
        done.append(np.array(line, np.uint8))
        above = line
    return done


def predicted(kind: int, a: int, b: int, c: int) -> int:
    if kind < 4:
        return (0, a, b, (a + b) // 2)[kind]
    return min((a, b, c), key=lambda value: abs(a + b - c - value))


def write_png(file: Path, pixels: np.ndarray) -> None:
    """As a PNG with a palette: the 256 most frequent colors, the nearest of them for each pixel."""
    colors, index, counts = np.unique(
        pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    palette = colors[np.argsort(-counts)[:256]]
    gaps = ((colors[:, None].astype(int) - palette) ** 2).sum(axis=2)
    lines = gaps.argmin(axis=1)[index].astype(np.uint8).reshape(pixels.shape[:2])
    lines = np.pad(lines, ((0, 0), (1, 0)))  # each line starts with its filter, none
    height, width = pixels.shape[:2]
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 3, 0, 0, 0])
    chunks = [(b"IHDR", head), (b"PLTE", palette.tobytes())]
    chunks += [(b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content).to_bytes(4)
    return len(content).to_bytes(4) + kind + content + check


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "talweg", "demo", "--out", name]
        subprocess.run(command, check=True, timeout=300)
        report = (folder / "report.html").read_text("utf-8")
        (folder / "collage.html").write_text(collage())
        for theme in ("light", "dark"):
            rule = "(min-width:0)" if theme == "dark" else "(max-width:0)"
            (folder / "report.html").write_text(report.replace(DARK, rule), "utf-8")
            write_png(HERE / f"report-{theme}.png", screenshot(folder))


if __name__ == "__main__":
    main()
