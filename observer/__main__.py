"""``python -m observer`` is ``webrtc-observer``."""

import sys

from observer.start import main

sys.exit(main())
