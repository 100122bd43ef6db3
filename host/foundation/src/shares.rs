//! Shares of what there is only so much of for all: nobody keeps the others from theirs.
//!
//! Whoever is alone may take half. From there on nobody gets more than a share, so that the other
//! half is left for those who hold little. Memory is bounded by what is held.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;

/// One part in so many is a share.
const SHARES: usize = 16;
/// The fewest things in a share.
const SMALLEST_SHARE: usize = 4;

/// The reason that nothing more is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The holder has more than a share.
    Share,
    /// There is nothing left.
    All,
}

/// A number of things for all.
#[derive(Debug)]
pub struct Supply<H: Copy + Eq + Hash> {
    total: usize,
    share: usize,
    held: Mutex<Held<H>>,
}

#[derive(Debug)]
struct Held<H> {
    all: usize,
    by: HashMap<H, usize>,
}

impl<H: Copy + Eq + Hash> Supply<H> {
    /// `total` things, of which each unit that people ask for has `unit`.
    pub fn new(total: usize, unit: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            share: (total / SHARES).max(unit.saturating_mul(SMALLEST_SHARE)),
            held: Mutex::new(Held {
                all: 0,
                by: HashMap::new(),
            }),
        })
    }

    /// Gives `amount` to `holder`, until the returned value is dropped.
    ///
    /// # Errors
    /// If it is more than is left for `holder`.
    pub fn take(self: &Arc<Self>, holder: H, amount: usize) -> Result<Taken<H>, Exhausted> {
        let mut taken = Taken {
            supply: Arc::clone(self),
            holder,
            amount: 0,
        };
        taken.grow(amount)?;
        Ok(taken)
    }

    /// Those who hold more than half of a share, and how much: the largest first, at most `most`.
    pub fn largest(&self, most: usize) -> Vec<(H, usize)> {
        let held = self.held.lock();
        let large = held.by.iter().filter(|(_, mine)| **mine > self.share / 2);
        let mut large: Vec<_> = large.map(|(holder, mine)| (*holder, *mine)).collect();
        drop(held);
        large.sort_by_key(|(_, mine)| std::cmp::Reverse(*mine));
        large.truncate(most);
        large
    }

    fn give(&self, holder: H, amount: usize) -> Result<(), Exhausted> {
        if amount == 0 {
            return Ok(());
        }
        let mut held = self.held.lock();
        let all = held.all.saturating_add(amount);
        if all > self.total {
            return Err(Exhausted::All);
        }
        let mine = held.by.get(&holder).copied().unwrap_or_default() + amount;
        if mine > self.share && all > self.total / 2 {
            return Err(Exhausted::Share);
        }
        held.all = all;
        held.by.insert(holder, mine);
        Ok(())
    }

    fn give_back(&self, holder: H, amount: usize) {
        let mut held = self.held.lock();
        held.all = held.all.saturating_sub(amount);
        if let Some(mine) = held.by.get_mut(&holder) {
            *mine = mine.saturating_sub(amount);
            if *mine == 0 {
                held.by.remove(&holder);
            }
        }
    }
}

/// What somebody holds; given back when it is dropped.
#[derive(Debug)]
pub struct Taken<H: Copy + Eq + Hash> {
    supply: Arc<Supply<H>>,
    holder: H,
    amount: usize,
}

impl<H: Copy + Eq + Hash> Taken<H> {
    /// Takes `more`.
    ///
    /// # Errors
    /// If it is more than is left for the holder.
    pub fn grow(&mut self, more: usize) -> Result<(), Exhausted> {
        self.supply.give(self.holder, more)?;
        self.amount += more;
        Ok(())
    }
}

impl<H: Copy + Eq + Hash> Drop for Taken<H> {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.supply.give_back(self.holder, self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(supply: &Arc<Supply<u64>>, person: u64, count: usize) -> Vec<Taken<u64>> {
        (0..count)
            .map_while(|_| supply.take(person, 1).ok())
            .collect()
    }

    #[test]
    fn one_alone_gets_half_and_the_others_their_shares() {
        let supply = Supply::new(160, 1);
        let greedy = take(&supply, 0, 1000);
        assert_eq!(greedy.len(), 80);
        let refused = supply.take(0, 1).unwrap_err();
        assert_eq!(refused, Exhausted::Share);
        assert_eq!(supply.largest(5), [(0, 80)]);
        let few = take(&supply, 1, 5);
        assert_eq!(supply.largest(5), [(0, 80)], "half a share is not much");
        drop(few);
        let others: Vec<_> = (1..9).map(|person| take(&supply, person, 1000)).collect();
        assert!(others.iter().all(|held| held.len() == 10), "{others:?}");
        let refused = supply.take(10, 1).unwrap_err();
        assert_eq!(refused, Exhausted::All);
        let largest = supply.largest(3);
        assert_eq!((largest.len(), largest[0]), (3, (0, 80)));
        drop(greedy);
        assert_eq!(take(&supply, 9, 5).len(), 5);
        drop(others);
        let held = supply.held.lock();
        assert_eq!((held.all, held.by.len()), (0, 0), "nothing is remembered");
    }

    #[test]
    fn a_share_is_four_units_at_least() {
        let supply = Supply::new(8, 1);
        assert_eq!(take(&supply, 0, 8).len(), 4);
        let bytes = Supply::new(1000, 100);
        let mut body = bytes.take(0, 0).unwrap();
        body.grow(500).unwrap();
        assert_eq!(body.grow(1), Err(Exhausted::Share));
        let mut other = bytes.take(1, 400).unwrap();
        assert_eq!(other.grow(1), Err(Exhausted::Share));
        assert_eq!(bytes.take(2, 101).unwrap_err(), Exhausted::All);
    }
}
