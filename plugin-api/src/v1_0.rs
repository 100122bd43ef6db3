//! The frozen ABI types of rung 1.0.
