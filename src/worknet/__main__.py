"""`worknet` and `python -m worknet`: the command line, which Ctrl-C ends quietly from its first moment on."""

import sys

INTERRUPTED = 130


def run() -> None:
    """The console script."""
    try:
        # Imported in here: importing takes a while, and may be interrupted too.
        from worknet.cli.main import run as command

        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    run()
