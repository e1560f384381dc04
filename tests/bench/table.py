"""Results of the benchmark as people read them: lines of a terminal, or of a manual page."""

import datetime
import os
import platform
import re


def figure(value):
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def second_figure(result):
    """What the row says besides, in words; its key has a space."""
    return [f"{value} {key}" for key, value in result.items() if " " in key]


def figures(result):
    """The cells of a row, its name first."""
    numbers = [result[key] for key in ("ours", "base", "ours-p99", "base-p99")]
    return [result["row"], *map(figure, numbers), result["unit"], figure(result["ratio"])]


def heading():
    return f"{'row':20} {'ours':>8} {'base':>8} {'ours p99':>9} {'base p99':>9} {'':9}" + (
        f"{'ratio':>6} {'goal':>8}"
    )


def line(result):
    """One line of the table on a terminal."""
    name, ours, base, ours_p99, base_p99, unit, ratio = figures(result)
    text = f"{name:20} {ours:>8} {base:>8} {ours_p99:>9} {base_p99:>9} {unit:9}"
    text += f"{ratio:>6} {result['goal']:>8}"
    text += "" if result["reached"] else "  not reached"
    return f"{text}  {', '.join(second_figure(result))}".rstrip()


def processor():
    """What the machine says of its processors."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        text = file.read()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    name = " ".join(model[1].split()) if model else platform.machine()
    virtual = ", virtual" if re.search(r"^flags\s*:.*\bhypervisor\b", text, re.MULTILINE) else ""
    return f"{os.cpu_count()} processors ({name}{virtual})"


def roff_seconds(results):
    """The second figures, a line for each row that has one."""
    told = [(result["row"], text) for result in results for text in second_figure(result)]
    if told:
        yield '.Bl -tag -width "connections-10000" -compact'
        for name, text in told:
            yield f".It Li {name}"
            yield text
        yield ".El"


def roff(results, options):
    """The table as a manual page has it, with the machine and the day."""
    day = datetime.date.today()
    release = platform.release().partition("-")[0]
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        system = platform.system()
    yield f'.\\" What follows is what "{" ".join(["tests/bench/run", *options])}" prints.'
    yield f"Measured on {day:%B} {day.day}, {day.year}, with {processor()},"
    yield f"Linux {release} and {system}:"
    longest = max((result["row"] for result in results), key=len)
    widths = [longest, *["00000"] * 4, "images/s", "0.000", "<= 1.15 *"]
    yield ".Bl -column " + " ".join(f'"{width}"' for width in widths)
    heads = ["row", "ours", "base", "ours", "base", "unit", "ratio", "goal"]
    yield ".It " + " Ta ".join(f"Sy {word}" for word in heads)
    yield ".It Ta Ta Ta Sy p99 Ta Sy p99 Ta Ta Ta"
    for result in results:
        cells = [*figures(result), result["goal"] + ("" if result["reached"] else " *")]
        yield ".It " + " Ta ".join(cells)
    yield ".El"
    yield ".Pp"
    yield "A star marks a goal that was not reached."
    yield from roff_seconds(results)
    yield '.\\" End of what is printed.'
