"""`grade plugins`."""

from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, version_option

if TYPE_CHECKING:
    from grader.course.settings import Settings


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@course_option
@version_option
def plugins(course: "Settings") -> None:
    """List the plugins of the course: where each comes from, and which hooks it implements.

    Also lists the executors, export formats, layouts and reports that you can select by name.
    """
    from grader.course.loading import load_course

    loaded = load_course(course)
    width = max((len(plugin.name) for plugin in loaded.plugins), default=0)
    for plugin in loaded.plugins:
        click.echo(f"{plugin.name:{width}}  {', '.join(plugin.hooks)}  ({plugin.origin})")
    exporters = {name: exporter.about for name, exporter in loaded.exporters.items()}
    for title, named in (
        ("executors", {"local": "processes on this machine", **dict.fromkeys(loaded.executors, "")}),
        ("exports", exporters),
        ("layouts", dict.fromkeys(loaded.layouts, "")),
        ("reports", dict.fromkeys(loaded.reports, "")),
    ):
        click.echo(f"\n{title}")
        for name, about in sorted(named.items()):
            click.echo(f"  {name:{width}}  {about}".rstrip())
