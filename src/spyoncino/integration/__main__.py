"""``python -m spyoncino.integration``: the system without the page."""

import sys

from spyoncino.integration.standalone import main

if __name__ == "__main__":
    sys.exit(main())
