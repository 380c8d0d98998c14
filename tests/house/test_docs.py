"""The Python blocks of the README and of ``docs/`` are doctests: they run, and print what they show."""

import doctest

import pytest

from tests.house.modules import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def python_blocks(text: str) -> list[tuple[int, str]]:
    """The line number and the content of each block fenced as ```python."""
    blocks: list[tuple[int, list[str]]] = []
    inside = False
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if line.startswith("```"):
            inside = line.strip() == "```python"
            blocks += [(number, [])] if inside else []
        elif inside:
            blocks[-1][1].append(line)
    return [(number, "".join(lines)) for number, lines in blocks]


@each_page
def test_the_examples_of_a_page_print_what_it_shows(page, capsys):
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=FLAGS)
    names: dict = {}
    for line, block in python_blocks(page.read_text(encoding="utf-8")):
        example = parser.get_doctest(block, names, page.name, str(page), line)
        runner.run(example, clear_globs=False)
        names = example.globs
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out


@each_page
def test_every_python_block_is_an_example_that_runs(page):
    blocks = python_blocks(page.read_text(encoding="utf-8"))
    assert [line for line, block in blocks if ">>> " not in block or "+SKIP" in block] == []


@each_page
def test_links_between_pages_lead_somewhere(page):
    targets = [part.split(")")[0] for part in page.read_text(encoding="utf-8").split("](")[1:]]
    local = [target.split("#")[0] for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []
