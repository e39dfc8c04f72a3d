//! Money through power cuts: the journal, its leases, its wear, and the file on a host.
