"""The repository: its top level, its two commands, and nothing in it that belongs to one machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.modules import ROOT

TOP_LEVEL = {
    "README.md",
    "benchmarks",
    "docs",
    "notebooks",
    "pyproject.toml",
    "tests",
    "xgrad",
}
HERE = {str(ROOT), str(Path.home()), sys.prefix}  # folders of the machine that runs the tests
MACHINE_PATH = re.compile("|".join(rf"{re.escape(folder)}(?=[/\\]\w)" for folder in HERE))


def tracked_files() -> list[Path]:
    """What git tracks or would track; an unpacked source archive without git has nothing to check."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_top_level_holds_the_agreed_folders_and_config_dotfiles():
    names = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_holds_a_path_of_one_machine():
    texts = [path for path in tracked_files() if path.suffix not in {".png", ".npz", ".nc"}]
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in texts
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_readme_has_one_test_command_and_ci_runs_it():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in readme if "-m pytest" in line]
    assert len(commands) == 1
    assert commands[0].startswith("python3 -m venv .venv && ")
    assert "grep -m 1 -e '-m pytest' README.md" in (ROOT / ".ci/run").read_text(encoding="utf-8")
