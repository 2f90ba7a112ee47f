"""``python -m observer`` is ``webrtc-observer``."""

import sys

from observer.main import main

sys.exit(main())
