"""The gates as JUnit XML, which CI systems show as tests."""

from collections.abc import Sequence
from xml.etree import ElementTree

from edgekit.benchmarks.gate import Gate
from edgekit.benchmarks.result import Result
from edgekit.escape import line


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return a test suite with one test case for each gate; its properties name the test inputs.

    Source of the layout: https://github.com/testmoapp/junitxml.
    """
    counts = {
        "tests": str(len(gates)),
        "failures": str(sum(gate.verdict == "failed" for gate in gates)),
        "errors": "0",
        "skipped": str(sum(gate.verdict == "skipped" for gate in gates)),
    }
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "edgekit bench", **counts})
    if results and (data := results[0].dataset):
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in (
            ("dataset", data["name"]),
            ("sha256", data["sha256"]),
            ("synthetic", str(data["synthetic"]).lower()),
        ):
            about = {"name": name, "value": line(value)}
            ElementTree.SubElement(properties, "property", about)
    for gate in gates:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": "edgekit.bench", "name": line(f"{gate.subject}: {gate.name}")},
        )
        message = line(gate.message)
        match gate.verdict:
            case "failed":
                ElementTree.SubElement(case, "failure", {"message": message}).text = message
            case "skipped":
                ElementTree.SubElement(case, "skipped", {"message": message})
            case "passed":
                ElementTree.SubElement(case, "system-out").text = message
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, "unicode", xml_declaration=True) + "\n"
