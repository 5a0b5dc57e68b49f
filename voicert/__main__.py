"""``python -m voicert`` is the command ``voicert``."""

import sys

from voicert.cli import main

if __name__ == "__main__":
    sys.exit(main())
