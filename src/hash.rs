//! Maps and sets by a hash that is much faster on short keys than the standard library's; it is
//! seeded at random as well, so that no config can choose keys that collide.

use foldhash::fast::RandomState;

/// A map, made with `default()`.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

/// A set, made with `default()`.
pub(crate) type HashSet<T> = std::collections::HashSet<T, RandomState>;
