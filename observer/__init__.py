"""The program: the one place that knows all parts and wires them.

Whose fault an error is decides who hears of it::

    theirs    ingest.BadSamples            a message that cannot be taken: carries its close code and its status
              web.HttpError, web.Refusal   a request or a session that is not served: carries its answer
    yours     observer.config.ConfigError  the operator's: every problem of the file, with path and nearest key
              sinks.SinkUnavailable        a type of sink that is unknown or not installed
    afar      sinks.sink.NotDelivered      a destination that did not take all of a batch: tried again or counted
    ours      store.commands.MalformedCommand, store.records.MalformedSnapshot
                                           bytes that no registry wrote: an outcome that says so, never a crash
"""
