"""Lets ``python -m voicert_codecs`` run the command line."""

import sys

from voicert_codecs.cli import main

sys.exit(main())
