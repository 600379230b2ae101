"""What the turns domain needs from outside: the npm packages of its page, by the hashes of their lock file."""

from workers.turns.adapter.packages import NotInstalled, install, installed

__all__ = ["NotInstalled", "install", "installed"]
