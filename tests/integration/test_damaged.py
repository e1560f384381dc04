"""Files that are cut short or damaged: each is no image, and costs no decoder."""

import pytest
from pictures import noise, tiny_png
from PIL import Image

SIZE = 48
XPM = (
    "/* XPM */\nstatic char *a[] = {\n"
    + f'"{SIZE} {SIZE} 2 1",\n"a c #ff8000",\n"b c None"'
    + f',\n"{"ab" * (SIZE // 2)}"' * SIZE
    + "\n};\n"
).encode()


def written(path, **options):
    Image.fromarray(noise(SIZE, SIZE)).save(path, **options)
    return path.read_bytes()


def png(folder):
    return written(folder / "whole.png"), b"IEND"


def jpeg(folder):
    return written(folder / "whole.jpg", quality=90), b"\xff\xd9"


def progressive(folder):
    return written(folder / "whole.jpg", quality=90, progressive=True), b"\xff\xd9"


def grey(folder):
    path = folder / "whole.png"
    Image.fromarray(noise(SIZE, SIZE)[:, :, 0]).save(path)
    return path.read_bytes(), b"IEND"


def xpm(folder):
    del folder
    return XPM, b"\n}"


KINDS = [png, grey, jpeg, progressive, xpm]
STEPS = 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_is_no_image(client, tmp_path, kind):
    """At positions from its first byte to the last row of pixels."""
    data, end = kind(tmp_path)
    whole = data.rindex(end) - 16
    cut = tmp_path / "cut"
    decoders = client.stats()["decoder-restarts"]
    for step in range(STEPS):
        cut.write_bytes(data[: 1 + whole * step // STEPS])
        assert client.error("LOAD", path=str(cut), name="cut") == "not-an-image"
    cut.write_bytes(data)
    assert client.ask("LOAD", path=str(cut), name="cut")["cached"] == "no"
    assert client.stats()["decoder-restarts"] == decoders


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_no_image_or_another_picture(client, tmp_path, kind):
    """A part is overwritten. What still is an image may load; any other is no image."""
    data, _ = kind(tmp_path)
    path = tmp_path / "damaged"
    codes = set()
    decoders = client.stats()["decoder-restarts"]
    for step in range(STEPS):
        at = len(data) * step // STEPS
        path.write_bytes(data[:at] + b"\xff\x00\x80\x7f" * 4 + data[at + 16 :])
        client.send("LOAD", path=str(path), name="damaged", pin="no")
        verb, reply = client.reply()
        codes.add("OK" if verb == "OK" else reply["code"])
    assert "not-an-image" in codes
    assert codes <= {"OK", "not-an-image", "too-large"}
    assert client.ask("LOAD", path=tiny_png(tmp_path / "good.png"))["cached"] == "no"
    assert client.stats()["decoder-restarts"] == decoders
