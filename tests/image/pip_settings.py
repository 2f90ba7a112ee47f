"""How pip reaches its index on this machine, as secrets for the build of an image."""

import subprocess
import sys
from pathlib import Path

_KEPT = ("index-url", "extra-index-url", "proxy", "trusted-host", "default-timeout")
_CA = "/run/secrets/ca"


def pip_secrets(folder: Path) -> list[str]:
    """The options for the builder. What lies in files of this machine is left out: the build does not see them."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    # One setting a line, such as global.index-url='https://packages.example.org/simple'.
    pairs = (line.partition("=") for line in told.splitlines())
    settings = {key.rpartition(".")[2]: value.strip("'") for key, _, value in pairs}
    options = []
    lines = ["[global]"]
    for key in _KEPT:
        values = [value for value in settings.get(key, "").split() if not value.startswith("file:")]
        if values:
            lines.append(f"{key} = {' '.join(values)}")
    if "cert" in settings:
        lines.append(f"cert = {_CA}")
        options += ["--secret", f"id=ca,src={settings['cert']}"]
    file = folder / "pip.conf"
    file.write_text("\n".join(lines) + "\n")
    return [*options, "--secret", f"id=pip,src={file}"]
