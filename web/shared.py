"""What all connections of one server share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from web.attending import Attending
from web.bodies import ByteBudget
from web.gathering import Gathering
from web.limits import Limits
from web.routing import Routes
from web.statistics import Statistics
from web.watching import Watch


@dataclass(slots=True)
class Shared:
    """`connections` holds what ends each that speaks HTTP as soon as no request of it is in hand."""

    routes: Routes
    limits: Limits
    statistics: Statistics
    bodies: ByteBudget
    connections: set[Callable[[], None]] = field(default_factory=set)
    stopping: bool = False
    attending: Attending | None = field(default_factory=Attending.where_possible)
    gathering: Gathering | None = None
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.limits.write_timeout_in_s)
