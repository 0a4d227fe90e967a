"""The process that owns the work: the ring of rules and store, the hands that touch the outside, the socket."""
