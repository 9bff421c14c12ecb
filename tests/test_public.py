from __future__ import annotations

import subprocess
import sys

import al_loop


def test_the_public_surface_is_what_the_documentation_says() -> None:
    assert sorted(al_loop.__all__) == [
        "AlLoopError",
        "Campaign",
        "CampaignSpec",
        "Connection",
        "LocalServer",
        "load_campaign",
    ]
    for name in al_loop.__all__:
        assert getattr(al_loop, name).__name__ == name


def test_importing_al_loop_does_nothing_slow_or_visible() -> None:
    slow = ("pymongo", "fireworks", "ase")
    code = f"import sys, al_loop; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
