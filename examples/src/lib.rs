//! tollgate-examples
