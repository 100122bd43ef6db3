//! The sign-ins that were refreshed, and those that have ended.

use std::{collections::VecDeque, time::Duration};

use foundation::clock::UnixMillis;

use super::expiring::Expiring;
use crate::{
    store::{MAX_FAMILIES, MAX_IN_GRACE, RefreshClaim, ended_file::Ended, used_file::Used},
    types::FamilyId,
};

/// Families that were refreshed, and those that have ended. The latter are kept apart so that
/// many of the former cannot push them out.
pub(super) struct Families {
    pub(super) live: Expiring<FamilyId, Live>,
    pub(super) ended: Expiring<FamilyId, ()>,
    /// The number of ends in this process.
    pub(super) ends: u64,
    /// Families whose answers are kept, by expiry: answers are large, families are not.
    answers: VecDeque<(UnixMillis, FamilyId, u64)>,
}

pub(super) struct Live {
    /// The number of the refresh token that is valid now.
    generation: u64,
    /// The end of the claim, while a request is asking upstream.
    claimed: Option<UnixMillis>,
    /// The newest answer.
    answer: Option<String>,
    /// Used refresh tokens, oldest first, and the end of the grace period of each.
    in_grace: VecDeque<(u64, UnixMillis)>,
}

impl Families {
    pub(super) fn new() -> Self {
        Self {
            live: Expiring::new(MAX_FAMILIES),
            ended: Expiring::new(MAX_FAMILIES),
            ends: 0,
            answers: VecDeque::new(),
        }
    }

    pub(super) fn claim_refresh(
        &mut self,
        family: &FamilyId,
        generation: u64,
        now: UnixMillis,
        lease: Duration,
        ttl: Duration,
    ) -> RefreshClaim {
        self.drop_old_answers(now);
        if self.ended.contains(family, now) {
            return RefreshClaim::Revoked;
        }
        let live = self.live.get(family, now);
        if let Some(live) = live
            && generation != live.generation
        {
            let mut in_grace = live.in_grace.iter();
            let is_in_grace = in_grace.any(|(used, until)| *used == generation && now < *until);
            match &live.answer {
                Some(answer) if is_in_grace => {
                    return RefreshClaim::Replayed {
                        generation: live.generation,
                        value: answer.clone(),
                    };
                }
                // Its answer was lost in a restart, perhaps on its way: it is good once more.
                None if is_in_grace => {}
                _ => {
                    self.end(family, now, now.after(ttl));
                    return RefreshClaim::Revoked;
                }
            }
        }
        if live
            .and_then(|live| live.claimed)
            .is_some_and(|until| now < until)
        {
            return RefreshClaim::InProgress;
        }
        // Not refreshed before, or forgotten: our seal on the token vouches for it.
        let mut live = self.live.take(family, now).unwrap_or(Live {
            generation,
            claimed: None,
            answer: None,
            in_grace: VecDeque::new(),
        });
        live.generation = generation;
        live.claimed = Some(now.after(lease));
        self.live.put(family.clone(), live, now, now.after(ttl));
        RefreshClaim::Granted
    }

    /// What became of the sign-in. `None` if it is gone or has ended by now: then there is nobody left to
    /// answer.
    pub(super) fn answer(
        &mut self,
        family: &FamilyId,
        generation: u64,
        value: String,
        until: UnixMillis,
    ) -> Option<Used> {
        let (_, expires, live) = self.live.entries.get_mut(family)?;
        let is_claimed = live.generation == generation;
        is_claimed.then(|| {
            live.generation = generation + 1;
            live.claimed = None;
            live.answer = Some(value);
            if live.in_grace.len() >= MAX_IN_GRACE {
                live.in_grace.pop_front();
            }
            live.in_grace.push_back((generation, until));
            self.answers
                .push_back((until, family.clone(), generation + 1));
            Used {
                generation: generation + 1,
                grace: until,
                expires: *expires,
            }
        })
    }

    /// Takes over what an earlier process knew of a sign-in. Its answers are lost.
    pub(super) fn remember(&mut self, family: FamilyId, used: Used, now: UnixMillis) {
        let live = Live {
            generation: used.generation,
            claimed: None,
            answer: None,
            in_grace: VecDeque::from([(used.generation.saturating_sub(1), used.grace)]),
        };
        self.live.put(family, live, now, used.expires);
    }

    /// Takes over what another process knows of a sign-in, if it is more.
    pub(super) fn learn(&mut self, family: FamilyId, used: Used, now: UnixMillis) {
        let live = self.live.get(&family, now);
        let is_known = live.is_some_and(|live| live.generation >= used.generation);
        if !is_known && !self.ended.contains(&family, now) {
            self.remember(family, used, now);
        }
    }

    pub(super) fn release(&mut self, family: &FamilyId, generation: u64) {
        if let Some((_, _, live)) = self.live.entries.get_mut(family)
            && live.generation == generation
        {
            live.claimed = None;
        }
    }

    pub(super) fn end(&mut self, family: &FamilyId, now: UnixMillis, until: UnixMillis) {
        self.live.remove(family);
        self.ended.put(family.clone(), (), now, until);
        self.ends += 1;
    }

    pub(super) fn ended(&self) -> Ended {
        let entries = self.ended.entries.iter();
        entries
            .map(|(family, (_, until, ()))| (family.clone(), *until))
            .collect()
    }

    fn drop_old_answers(&mut self, now: UnixMillis) {
        while let Some((until, _, _)) = self.answers.front()
            && *until <= now
            && let Some((_, family, generation)) = self.answers.pop_front()
        {
            if let Some((_, _, live)) = self.live.entries.get_mut(&family)
                && live.generation == generation
            {
                live.answer = None;
                live.in_grace = VecDeque::new();
            }
        }
    }
}
