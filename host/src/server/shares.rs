//! The holders of what requests take from each other.

use foundation::client_address::ClientNetwork;

/// The one that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A person, as a digest that is good in this process only.
    Person(u64),
    /// Strangers of one network; `None` for all whose address is not known.
    Network(Option<ClientNetwork>),
}

/// A number of things for all.
pub(super) type Supply = foundation::shares::Supply<Holder>;
/// What somebody holds.
pub(super) type Taken = foundation::shares::Taken<Holder>;
