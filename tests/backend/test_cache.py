"""Machine code kept on disk."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.backend.native import cache
from theano.backend.native.compiler import Library

TEXT = "define i64 @answer() {\n  ret i64 42\n}\n"

PROGRAM = """
import sys, theano, theano.tensor as T
from theano.backend.native.compiler import Library
compiled, compile_ = [], Library._compile
Library._compile = lambda self, *rest: compiled.append(1) or compile_(self, *rest)
x = T.dmatrix()
f = theano.function([x], T.tanh(T.dot(x, x.T)).sum())
print(float(f([[1.0, 2.0]])), len(compiled))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path):
    with theano.config.change_flags(compiledir=str(tmp_path)):
        yield tmp_path


def run(folder) -> subprocess.Popen:
    environ = {**os.environ, "THEANO_FLAGS": f"compiledir={folder}"}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environ, stdout=subprocess.PIPE, text=True)


def count_compilations(monkeypatch) -> list[str]:
    compiled: list[str] = []
    compile_ = Library._compile
    monkeypatch.setattr(Library, "_compile", lambda self, *rest: compiled.append(self.text) or compile_(self, *rest))
    return compiled


def test_a_later_process_compiles_nothing(folder):
    first = run(folder).communicate()[0].split()
    second = run(folder).communicate()[0].split()
    assert first[0] == second[0] == str(np.tanh(5.0))
    assert int(first[1]) > 1
    assert int(second[1]) == 0


def test_many_processes_at_once(folder):
    processes = [run(folder) for _ in range(4)]
    assert {p.communicate()[0].split()[0] for p in processes} == {str(np.tanh(5.0))}
    assert not list(folder.glob("*/.new-*"))


def test_equal_functions_share_an_entry(monkeypatch):
    compiled = count_compilations(monkeypatch)
    for _ in range(2):
        x = T.dvector()
        assert theano.function([x], x * 3 + 1)([1.0, 2.0]).tolist() == [4, 7]
    assert len(compiled) == len(set(compiled))


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_entry_is_compiled_again(monkeypatch, damage):
    compiled = count_compilations(monkeypatch)
    Library(TEXT)
    ((path, _, _),) = cache.entries()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 255]) if damage is None else damage)
    with pytest.warns(UserWarning, match="damaged"):
        Library(TEXT)
    assert len(compiled) == 2
    Library(TEXT)
    assert len(compiled) == 2


def test_it_can_be_off():
    with theano.config.change_flags(**{"native.cache": False}):
        Library(TEXT)
    assert cache.entries() == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    with theano.config.change_flags(compiledir=str(tmp_path / "file" / "folder")):
        assert Library(TEXT).address("answer")


def test_pruning_removes_what_was_not_used_for_longest():
    for i in range(3):
        name = cache.digest(str(i))
        cache.store(name, b"x" * 1000)
        os.utime(cache._path(name), (i, i))
    assert cache.load(cache.digest("0")) is not None  # now used last
    assert cache.prune(2500) == 1
    assert cache.load(cache.digest("1")) is None
    assert cache.load(cache.digest("0")) is not None


def test_a_full_disk_is_no_error_and_leaves_nothing_behind(folder, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert Library(TEXT).address("answer")
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_without_a_home_directory(monkeypatch):
    def nobody(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache.Path, "expanduser", nobody)
    assert Library(TEXT).address("answer")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_entries_have_the_permissions_that_the_user_wants(umask, mode):
    before = os.umask(umask)
    try:
        Library(TEXT)
    finally:
        os.umask(before)
    ((path, _, _),) = cache.entries()
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.filterwarnings("error")
def test_a_damaged_entry_is_removed_where_warnings_are_errors():
    Library(TEXT)
    ((path, _, _),) = cache.entries()
    path.write_bytes(b"")
    with pytest.raises(UserWarning, match="damaged"):
        Library(TEXT)
    assert Library(TEXT).address("answer")


def test_unfinished_files_are_removed_after_a_while():
    Library(TEXT)
    ((path, _, _),) = cache.entries()
    old, new = path.with_name(".new-1"), path.with_name(".new-2")
    for file in (old, new):
        file.write_bytes(b"x")
    os.utime(old, (1, 1))
    cache.prune(10**6)
    assert path.exists() and new.exists() and not old.exists()


def test_command(capsys):
    Library(TEXT)
    cache.main([])
    assert "1 entries" in capsys.readouterr().out
    cache.main(["size"])
    assert "1 entries, 0.0 MiB of 256 MiB" in capsys.readouterr().out
    cache.main(["unlock"])
    assert "no lock" in capsys.readouterr().out
    cache.main(["help"])
    assert "prune" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cache.main(["celar"])
    assert "choose from" in capsys.readouterr().err
    for action in ("prune", "cleanup"):
        cache.main([action])
        assert "0 entries removed" in capsys.readouterr().out
    cache.main(["clear"])
    assert "1 entries removed" in capsys.readouterr().out
    assert cache.entries() == []
