"""Counts test cases for tests/run-all from what the tests left behind.

Usage: tally.py junit FILE | tally.py check FOLDER
Prints "passed failed skipped" on the first line; then a line for each case that failed
("failed NAME") or was skipped ("skipped NAME: reason"), and how many faults were injected.
"""

import glob
import os
import re
import sys
import xml.etree.ElementTree

POINT = re.compile(r"^(not ok|ok) \d+(?: - | )?(.*)$", re.MULTILINE)


def junit(path):
    """Cases of a JUnit file of pytest's: a case that fails in two ways fails once."""
    results = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        result, reason = results.get(name, ("passed", ""))
        for child in case:
            if child.tag in ("failure", "error"):
                result = "failed"
            elif child.tag == "skipped" and result == "passed":
                result, reason = "skipped", child.get("message", "")
        results[name] = (result, reason)
    return results


def faults(path):
    """How many faults the cases of a JUnit file say that they have injected."""
    properties = xml.etree.ElementTree.parse(path).iter("property")
    return sum(int(each.get("value")) for each in properties if each.get("name") == "faults")


def log_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def program(trs):
    """Cases of one program of make check: its TAP lines, or the program as one case."""
    name = os.path.basename(trs)[: -len(".trs")]
    verdict = re.search(r":test-result: (\w+)", log_of(trs))[1]
    results = {}
    for state, title in POINT.findall(log_of(trs[: -len(".trs")] + ".log")):
        result = "failed" if state == "not ok" else "passed"
        if "# SKIP" in title:
            result, title = "skipped", title.replace("# SKIP", "").strip()
        results[f"{name}: {title}"] = (result, "see its log")
    failed = any(result == "failed" for result, _ in results.values())
    if verdict == "SKIP":
        results = {name: ("skipped", "see its log")}
    elif verdict not in ("PASS", "XFAIL") and not failed:
        results[name] = ("failed", verdict)
    elif not results:
        results[name] = ("passed", "")
    return results


def check(folder):
    results = {}
    for trs in sorted(glob.glob(os.path.join(folder, "**", "*.trs"), recursive=True)):
        results.update(program(trs))
    return results


def main():
    results = {"junit": junit, "check": check}[sys.argv[1]](sys.argv[2])
    states = [result for result, _ in results.values()]
    print(*(states.count(state) for state in ("passed", "failed", "skipped")))
    for name, (result, reason) in results.items():
        if result == "failed":
            print("failed", name)
        elif result == "skipped":
            print(f"skipped {name}: {reason}")
    injected = faults(sys.argv[2]) if sys.argv[1] == "junit" else 0
    if injected:
        print(f"{injected} faults injected")


main()
