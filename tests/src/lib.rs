//! Tests of Tollgate that need more than one file of it: one folder beside this one for each test binary.
