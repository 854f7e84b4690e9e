"""`python -m worknet`: the command line."""

from worknet.cli.main import run

if __name__ == "__main__":
    run()
