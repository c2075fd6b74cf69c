"""Images that stand in for official ones, made of Debian's packages: no registry is asked.

Each is behind the contract of the image that it stands in for, and has its name, in the tests' own
engine alone. They are made once, and kept for as long as their recipe is the same.
"""

import asyncio
import hashlib
import platform
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

from support.containers.engine import HOST, SHELF_PORT, CommandFailed, Engine, command

ROOT = Path(__file__).parents[3]
RECIPES = ROOT / "tests/containers/stand_ins"
RELEASE = "trixie"
IMAGES = {
    "python": "python:3.13-slim",
    "postgres": "postgres:17",
    "rabbitmq": "rabbitmq:4-management",
    "caddy": "caddy:2.11",
    "mailpit": "axllent/mailpit:v1.27",
}
"""What stands in for what, by the stage of the recipe."""

_MADE = "ordereats.test/made"
_LOCKS = ("serve.lock", "build.lock")
_CATCHER = ("aiosmtpd", "atpublic", "attrs")
_PYTHON_PACKAGES = ("python3", "python3-pip", "python3-venv", "ca-certificates")
_SERVER_PACKAGES = (
    *("postgresql-17", "rabbitmq-server", "python3", "wget", "libcap2-bin", "ca-certificates"),
)
_SLIM = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("man", "doc", "locale", "info")]
_NO_CLUSTER = (
    'mkdir -p "$1/etc/postgresql-common"'
    ' && echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"'
)
_EVEN_IF_NEW = ("--no-release-info",)
"""Targets as they are configured, also where nothing was fetched yet."""
_PLUGINS = (
    'chroot "$1" sh -ec "cd /tmp; apt-get download docker-compose docker-buildx;'
    ' for each in *.deb; do dpkg-deb --extract \\$each all; done"'
)
_PLUGINS_AT = "tmp/all/usr/libexec/docker/cli-plugins"


async def shelf(cache: Path) -> Path:
    """The wheels that our image is made of, by their hashes; fetched when a lock has changed."""
    locks = [ROOT / "requirements" / name for name in _LOCKS]
    folder = cache / f"wheels-{_hash_of(locks)}"
    if _is_there(folder):
        return folder
    fresh = cache / "wheels-new"
    systems = [f"manylinux_2_{each}_{platform.machine()}" for each in (17, 28, 34)]
    await command(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"),
        *("--python-version=3.13", "--implementation=cp", f"--dest={fresh}"),
        *(f"--platform={each}" for each in [*systems, f"manylinux2014_{platform.machine()}"]),
        *(f"--requirement={lock}" for lock in locks),
    )
    _replace(cache, fresh, folder)
    return folder


async def make(engine: Engine) -> None:
    """Make those that are not there yet."""
    caddy = Path(sys.prefix) / "bin/caddy"
    bases = f"{_MADE}:bases-{_hash_of([Path(__file__)])}"
    made = f"{_MADE}:{_hash_of([Path(__file__), caddy, *sorted(RECIPES.iterdir())])}"
    if await _has(engine, made):
        return
    work = engine.cache / "stand-ins"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    if not await _has(engine, bases):
        await asyncio.gather(_python(engine, work), _servers(engine, work))
        await engine.docker("tag", "ordereats.test/python", bases)
    context = work / "context"
    shutil.copytree(RECIPES, context)
    shutil.copy(caddy, context)
    for name in _CATCHER:
        _copy_library(name, context / "python")
    told = f"SHELF={HOST}:{SHELF_PORT}"
    for stage, image in IMAGES.items():
        stage_of = ("--target", stage, "--build-arg", told)
        await engine.docker("build", "--quiet", *stage_of, "--tag", image, context)
    await engine.docker("tag", IMAGES["python"], made)
    shutil.rmtree(work)


async def _python(engine: Engine, work: Path) -> None:
    """The one that our image begins with: nothing but Python is in it."""
    tar = work / "python.tar"
    await _debian(tar, *_PYTHON_PACKAGES)
    path = "ENV PATH=/usr/local/bin:/usr/bin:/bin"
    await engine.docker("import", "--change", path, tar, "ordereats.test/python")


async def _servers(engine: Engine, work: Path) -> None:
    """All servers in one, and Compose, which Debian 12 has none of."""
    tar, plugins = work / "servers.tar", engine.cache / "docker/cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    hooks = [
        f"--setup-hook={_NO_CLUSTER}",
        f"--customize-hook={_PLUGINS}",
        *(
            f"--customize-hook=download /{_PLUGINS_AT}/{each} {plugins / each}"
            for each in ("docker-compose", "docker-buildx")
        ),
        '--customize-hook=rm -rf "$1"/tmp/*',
    ]
    await _debian(tar, *_SERVER_PACKAGES, options=hooks)
    for each in plugins.iterdir():
        each.chmod(0o755)
    await engine.docker("import", tar, "ordereats.test/servers")


async def _debian(tar: Path, *packages: str, options: list[str] | None = None) -> None:
    """A minimal Debian with these packages, from the mirror that this machine's apt uses."""
    sites = await command("apt-get", "indextargets", *_EVEN_IF_NEW, "--format", "$(REPO_URI)")
    mirrors = [each for each in sites.split() if each.rstrip("/").endswith("/debian")]
    if not mirrors:
        raise CommandFailed("apt knows no mirror of Debian's here")
    await command(
        *("mmdebstrap", "--quiet", "--variant=minbase", *_SLIM, *(options or ())),
        *(f"--include={','.join(packages)}", RELEASE, tar, mirrors[0]),
    )


async def _has(engine: Engine, image: str) -> bool:
    plugin = engine.cache / "docker/cli-plugins/docker-compose"
    return _is_there(plugin) and bool(await engine.docker("images", "--quiet", image))


def _replace(cache: Path, fresh: Path, folder: Path) -> None:
    for old in cache.glob("wheels-[0-9a-f]*"):
        shutil.rmtree(old)
    fresh.rename(folder)


def _is_there(path: Path) -> bool:
    return path.exists()


def _copy_library(name: str, to: Path) -> None:
    """A pure library, from this environment into a folder."""
    found = distribution(name)
    for file in found.files or ():
        if file.suffix == ".py":
            target = to / str(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(found.locate_file(file)), target)


def _hash_of(files: list[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]
