"""The configuration: YAML of the reference's form, bound to the dataclasses of those who obey it.

`load` reads a file, `parse` a text; both tell everything that is wrong in one `ConfigError`.
"""

from observer.config.configuration import Configuration as Configuration
from observer.config.configuration import load as load
from observer.config.configuration import parse as parse
from observer.config.foreign import Notice as Notice
from observer.config.problems import ConfigError as ConfigError
from observer.config.problems import Problem as Problem
