"""Attacks that reach for what is not theirs: files, processes, the network, the kernel."""

import pytest

pytestmark = pytest.mark.jail


def test_hidden_files_stay_hidden(attack, unchanged):
    result = attack("reach/f1_hidden_files")
    assert result.done == []
    assert result.spoiled_nothing


def test_hidden_files_can_be_read_without_the_jail(control):
    assert control("reach/f1_hidden_files") == ["open", "list", "neighbour", "spool"]
