"""`python -m worknet.verify FILE`."""

import sys

from worknet.verify.command import main

if __name__ == "__main__":
    sys.exit(main())
