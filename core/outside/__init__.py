"""The door to the outside world for the adapters of domains. Knows no domain."""

from core.outside.files import files_root

__all__ = ["files_root"]
