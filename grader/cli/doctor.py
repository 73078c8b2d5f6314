"""`grade doctor`."""

import os
import sys
from typing import TYPE_CHECKING

import click

from grader.cli.options import course_option, version_option

if TYPE_CHECKING:
    from grader.course.settings import Settings
    from grader.jail.host import Jail

_PROMISES = {
    "full": "Student code sees its own files only, has no network, is killed as a whole, and its memory is limited by "
    "the kernel.",
    "strong": "Student code sees its own files only, has no network, is killed as a whole, and its memory is watched.",
    "basic": "Files, network and processes are closed to student code, but it can see that files of this machine "
    "exist, and its disk use is not capped.",
    "process": "Student code can read this user's files and use the network. Grade only code you trust here.",
}
_ADVICE = {
    "basic": "use Linux 5.13 or later with Landlock, on x86-64 or aarch64 (WSL 2 works).",
    "strong": "allow namespaces: run as root outside a container, or as a user on a kernel with user namespaces "
    "(user.max_user_namespaces above 0, no AppArmor restriction on them).",
    "full": "allow a control group: run as root, or with cgroup v2 in a delegated subtree, such as "
    "`systemd-run --user --scope -p Delegate=yes grade ...`.",
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@course_option
@version_option
def doctor(course: "Settings") -> None:
    """Report the isolation this machine supports, measured on a real worker, and how to improve it.

    Also lists the installed extras, and whether the installed torch suits this machine and the course.
    """
    from grader.jail.host import Jail
    from grader.records.extras import installed_extras

    with Jail(course.packages) as jail:
        from grader.jail.isolation import measure

        planned = jail.ready()
        isolation = measure(jail)
        for name, version in _versions().items():
            click.echo(f"{name:33} {version}")
        for name, installed in installed_extras().items():
            click.echo(f"{f'extra {name}':33} {installed}")
        click.echo(f"{'processors':33} {os.cpu_count()}")
        click.echo(f"{'runs as':33} {'root' if jail.as_root else 'an ordinary user'}")
        click.echo(f"{'Landlock version':33} {planned['landlock'] or 'not available'}")
        for probe, outcome in isolation.probes.items():
            click.echo(f"{probe:33} {outcome}")
        click.echo(f"{'isolation level':33} {isolation.level}\n")
        click.echo(_PROMISES[isolation.level])
        for level, reason in isolation.missing:
            click.echo(f"For `{level}`: {reason}; {_ADVICE[level]}")
        click.echo(f"\n{_gpu(jail)}")
    for line in _torch(course):
        click.echo(f"\n{line}")
    sys.stdout.flush()


def _gpu(jail: "Jail") -> str:
    """The GPU, if any, tried on a worker."""
    from grader.jail.gpu import UNTESTED, NoGpu, find
    from grader.jail.handle import JailError
    from grader.jail.isolation import measure

    try:
        isolation = measure(jail.train_on_gpu(find()))
    except NoGpu as problem:
        found = f"No GPU can be used: {problem}."
    except JailError as problem:
        found = f"There is a GPU, but it cannot be used: {problem}"
    else:
        name, profile, level = isolation.probes["GPU"], isolation.probes["GPU profile"], isolation.level
        found = f"Models are trained on the GPU ({name}) unless `--device cpu` is given. GPU profile: {profile}; "
        found += f"isolation '{level}' with it."
    return f"{found}\n({UNTESTED})"


def _torch(course: "Settings") -> list[str]:
    """What does not fit about the installed torch."""
    import torch

    from grader.course.torch_build import advice, gpu_libraries, measured_with

    cuda = torch.version.cuda
    libraries = gpu_libraries() if cuda is not None else {}
    return advice(torch.__version__, cuda, torch.cuda.device_count(), libraries, measured_with(course.folder))


def _versions() -> dict[str, str]:
    from grader.records.versions import versions

    return versions()
