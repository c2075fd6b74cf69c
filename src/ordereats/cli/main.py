"""The program `ordereats`. It reads words and prints sentences; what it does is done elsewhere.

Each command imports what it needs when it runs: starting fast is part of its work.
"""
# ruff: noqa: PLC0415  # commands import what they need when they run

import logging
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import DatabaseError, Misconfigured
from ordereats.cli import broker as broker_commands
from ordereats.cli import city, dlq, events, story
from ordereats.cli import faults as fault_commands
from ordereats.cli.here import home
from ordereats.topology.local.wanted import Broker, Topology, Wanted

app = typer.Typer(
    help="A food-delivery platform that runs as a monolith and as microservices.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

PublicPort = Annotated[
    int, typer.Option(envvar="PORT", min=1, max=65535, help="Port to answer on.")
]
Services = Annotated[list[str], typer.Argument(help="Names of services, or all.")]
Description = Literal["openapi", "asyncapi"]
PartName = Annotated[str, typer.Argument(help="As `ordereats ps` shows it.")]


@app.command()
def up(
    *,
    topology: Annotated[
        Topology, typer.Option(help="A process for each service, or one for all.")
    ] = Topology.SERVICES,
    port: PublicPort = 3000,
    broker: Annotated[Broker, typer.Option(help="What carries the events.")] = Broker.AUTO,
    faults: Annotated[
        bool, typer.Option("--faults", help="With a proxy on every edge, for `ordereats fault`.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is up.")] = False,
) -> None:
    """Start the platform here, with all that it needs. Ctrl-C stops it."""
    from ordereats.topology.catalog import SERVICES
    from ordereats.topology.known_settings import refuse_strangers
    from ordereats.topology.local.up import up as bring_up
    from ordereats.topology.local.up import up_detached

    environment = Environment()
    refuse_strangers(environment)
    if detach:
        chosen = [f"--topology={topology}", f"--port={port}", f"--broker={broker}"]
        if faults:
            chosen.append("--faults")
        raise typer.Exit(up_detached(home(), chosen))
    wanted = Wanted(
        services=SERVICES,
        topology=topology,
        broker=broker,
        port=port,
        host=environment.text("HOST", "127.0.0.1"),
        broker_url=environment.url("BROKER_URL", ("amqp", "amqps", "postgres", "postgresql")),
        stripe_api_base=environment.url("STRIPE_API_BASE", ("http", "https")),
        faults=faults,
        restart_pause_s=environment.seconds("RESTART_PAUSE_SECONDS", 10, least=0.2, most=300),
    )
    raise typer.Exit(bring_up(home(), wanted))


@app.command()
def down() -> None:
    """Stop what runs here."""
    from ordereats.topology.local import control

    print("Stopped." if control.down(home()) else "OrderEats does not run here.")


@app.command()
def ps(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, with passwords.")] = False,
) -> None:
    """Show every part and how it is, which calls a breaker stops, and where messages wait."""
    from ordereats.cli import show

    running = home().running()
    print(show.as_json(running) if as_json else show.as_table(running))


@app.command()
def kill(name: PartName) -> None:
    """Kill a part, as a power cut would, and leave it down."""
    from ordereats.topology.local import control

    control.kill(home(), name)
    print(f"{name} is down; `ordereats start {name}` starts it again.")


@app.command()
def start(name: PartName) -> None:
    """Start a part that was killed, and wait until it works."""
    from ordereats.topology.local import control

    control.start(home(), name)
    print(f"{name} is ready.")


@app.command()
def restart(name: PartName) -> None:
    """Restart a part: a service or the gateway without a failed request, others with a gap."""
    from ordereats.cli import restarting

    raise typer.Exit(restarting.run(home(), name))


@app.command()
def serve(
    names: Services,
    *,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to answer on, instead of PORT.")
    ] = None,
    fd: Annotated[
        int | None,
        typer.Option(min=3, help="Number of an open socket to answer on, as systemd gives one: 3."),
    ] = None,
    ready_fd: Annotated[
        int | None,
        typer.Option(min=3, help="Number of an open file to write a line into once it answers."),
    ] = None,
) -> None:
    """Run services in this process, by the environment."""
    # As the first process of a container it would not even hear of it while it starts.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _draws_nothing()
    from ordereats.topology import serve as serving

    serving.run(names, port, descriptor=fd, ready_fd=ready_fd)


@app.command()
def migrate(names: Services) -> None:
    """Bring the databases of these services up to date."""
    from ordereats.topology import serve as serving

    serving.migrate(names)


@app.command()
def sandbox(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to answer on.")] = 12111,
    data: Annotated[Path, typer.Option(help="The folder of its ledger.")],
) -> None:
    """Run the payment sandbox, which stands in for Stripe."""
    _draws_nothing()
    from ordereats.sandbox import program
    from ordereats.topology.default_secrets import refuse_sandbox_defaults
    from ordereats.topology.known_settings import refuse_strangers

    environment = Environment()
    refuse_strangers(environment)
    host = environment.text("HOST", "127.0.0.1")
    refuse_sandbox_defaults(environment, host)
    program.serve(port=port, data=data, host=host)


@app.command(hidden=True)
def gateway_files(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")],
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of each service.")] = 3000,
) -> None:
    """Write what Caddy reads where each service is found by its name: the gateway's image."""
    from ordereats.topology.catalog import SERVICES
    from ordereats.topology.local import gateway

    gateway.write(folder, {name: gateway.by_name(name, port) for name in SERVICES})


@app.command(hidden=True)
def fault_proxy(
    ways: Annotated[Path, typer.Argument(help="The file of its ways.")],
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to hear commands on.")],
) -> None:
    """Run the fault proxy: a part of `up --faults`."""
    from ordereats.topology.faults import program

    program.run(ways, port)


app.command()(city.seed)
app.command()(city.simulate)
app.command()(story.order)
app.command()(story.trace)
app.add_typer(fault_commands.app, name="fault")
app.add_typer(broker_commands.app, name="broker")
app.add_typer(dlq.app, name="dlq")
app.add_typer(events.app, name="events")


@app.command()
def audit(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, and complete.")] = False,
    grace_s: Annotated[
        float, typer.Option("--grace", min=0, help="Seconds that anything may be on its way.")
    ] = 60,
) -> None:
    """Check in every database what must always hold. Exit status 1 and a list if it does not."""
    from ordereats.cli import audit as auditing

    raise typer.Exit(auditing.run(home(), as_json=as_json, grace_s=grace_s))


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is wrong with a set-up. Exit status 1 if anything is. Nothing is changed."""
    from ordereats.cli import doctor as looking

    raise typer.Exit(looking.run(home(), as_json=as_json))


@app.command()
def describe(
    what: Annotated[Description, typer.Argument(help="Requests and answers, or events.")],
    *,
    page: Annotated[bool, typer.Option("--page", help="As HTML, for people.")] = False,
) -> None:
    """Print the platform's OpenAPI or AsyncAPI document."""
    import asyncio

    from ordereats.topology import described

    print(asyncio.run(described.shown(what) if page else described.written(what)), end="")


def main() -> None:
    """Run a command. What people can mend is a sentence and exit status 2, never a traceback."""
    # It logs each refused connection as an error; the command says once what came of it.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    try:
        app()
    except Misconfigured as error:
        sys.exit(_complain(str(error), 2))
    except DatabaseError as error:
        sys.exit(_complain(str(error), 1))


def _draws_nothing() -> None:
    """Do without Rich, which structlog loads where it is installed.

    That is 4 MB of each process, and a twentieth of the time of its start.
    """
    sys.modules["rich"] = None  # type: ignore[assignment]  # so that it is not found: see `import`


def _complain(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
