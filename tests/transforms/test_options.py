"""``xgrad.options``: for good, or for a block of this thread."""

import threading

import pytest

import xgrad as xg
from xgrad.errors import ArgumentError
from xgrad.options import Options, current_options


@pytest.fixture(autouse=True)
def restored():
    before = current_options()
    yield
    xg.options(**before._asdict())


def test_for_a_block():
    with xg.options(ad="jax", disable=["cast_same"]):
        with xg.options(ad="symbolic"):
            assert current_options() == Options(ad="symbolic", disable=("cast_same",))
        assert current_options().ad == "jax"
    assert current_options() == Options()


def test_for_good():
    xg.options(check_passes=True)
    assert current_options().check_passes


def test_a_block_is_of_its_thread():
    seen = []
    with xg.options(ad="jax"):
        thread = threading.Thread(target=lambda: seen.append(current_options().ad))
        thread.start()
        thread.join()
    assert seen == ["auto"]


def test_mistakes():
    with pytest.raises(ArgumentError) as error:
        xg.options(chek_passes=True)
    assert str(error.value) == (
        f"the options are {', '.join(Options._fields)}; there is none called 'chek_passes';"
        " did you mean 'check_passes'?"
    )
    with pytest.raises(ArgumentError) as error:
        xg.options(disable=("logsumexps",))
    assert str(error.value) == (
        "option 'disable' names rewrite rules, and there is none called 'logsumexps';"
        " near it are 'logsumexp', 'logsumexp_dot', 'logsumexp_shifted'. docs/rewrites.md lists them."
    )
    with pytest.raises(ArgumentError) as error:
        xg.options(ad="numeric")
    assert (
        str(error.value) == "option 'ad' must be one of ('auto', 'symbolic', 'jax'), not 'numeric'."
    )
