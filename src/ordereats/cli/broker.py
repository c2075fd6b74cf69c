"""The command `broker`: gives the broker what it must have, and says what it has not.

Each command imports what it needs when it runs: starting fast is part of the program's work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

import asyncio

import typer

from ordereats.cli.here import home

app = typer.Typer(
    help="Give the broker what it must have, or see what it has not.\n\n"
    "The one that runs here, or else the one that BROKER_MANAGEMENT_URL names.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def apply() -> None:
    """Make what is missing: queues, bindings, policies, users. It takes nothing away."""
    from ordereats.topology.brokers import operated

    found = operated(home())
    done = asyncio.run(found.apply())
    for line in done:
        print(line)
    print(f"{found.name} {'has' if done else 'had'} all its {found.belongings}.")


@app.command()
def check() -> None:
    """Say what is missing or different, and which queue does not work or has no consumer.

    Exit status 1 if there is anything to say.
    """
    from ordereats.topology.brokers import operated

    found = operated(home())
    lines = asyncio.run(found.check())
    for line in lines:
        print(line)
    if lines:
        raise typer.Exit(1)
    print(f"{found.name} has all that it must.")
