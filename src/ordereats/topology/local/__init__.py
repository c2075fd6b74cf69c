"""The platform on a developer's machine: real servers as plain processes, no Docker, no root."""
