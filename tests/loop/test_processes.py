from __future__ import annotations

import os
import subprocess
import sys

from al_loop.loop.advance import process_is_dead, process_name


def name_of_a_finished_process() -> str:
    code = "from al_loop.loop.advance import process_name; print(process_name())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_living_process_is_not_dead() -> None:
    assert not process_is_dead(process_name())


def test_a_process_that_has_ended_is_dead() -> None:
    assert process_is_dead(name_of_a_finished_process())


def test_a_process_id_that_is_used_again_does_not_make_the_old_process_alive() -> None:
    host, _, born = name_of_a_finished_process().split(":")
    assert process_is_dead(f"{host}:{os.getpid()}:{born}")


def test_nothing_is_said_of_processes_of_other_hosts() -> None:
    assert not process_is_dead(f"some-other-host:{os.getpid()}:boot-1")


def test_a_process_that_ended_and_was_not_waited_for_is_dead() -> None:
    code = "from al_loop.loop.advance import process_name; print(process_name(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        child.stdout.read()  # to its end: the process is over, and a zombie until it is waited for
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_is_dead(name)
