//! tollgate-std
