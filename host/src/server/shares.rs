//! The holders of what requests take from each other.

use foundation::{client_address::ClientNetwork, identity::PersonDigest};

/// The one that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A person, told apart by a digest that is good in this process only, and the digest by which
    /// logs know them.
    Person(u64, PersonDigest),
    /// Strangers of one network; `None` for all whose address is not known.
    Network(Option<ClientNetwork>),
}

/// A number of things for all.
pub(super) type Supply = foundation::shares::Supply<Holder>;
/// What somebody holds.
pub(super) type Taken = foundation::shares::Taken<Holder>;
