//! The people whose calls a breaker guards: who of them fails, who has to pause, and whether so many
//! fail that it is not their own calls.

use std::{collections::HashMap, time::Duration};

/// The most people that are remembered. Faults of others count for nobody.
const MAX_PEOPLE: usize = 10_000;

/// The conditions under which faults of people count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The number of faults in a row after which one person has to pause, and of all people's after
    /// which everybody has to.
    pub(super) faults: usize,
    /// The fewest people who fail if everybody has to pause.
    pub(super) least: usize,
    /// The time for which somebody's last result counts.
    pub(super) window: Duration,
    /// The first pause of one person, and the longest.
    pub(super) pause: Duration,
    pub(super) longest_pause: Duration,
}

/// The last results of people.
#[derive(Debug, Default)]
pub(super) struct People(HashMap<u64, Person>);

#[derive(Debug, Default)]
struct Person {
    /// The time of the last result.
    at: Duration,
    /// The faults since the last success.
    faults: usize,
    /// The end of the pause, and its length.
    until: Duration,
    pause: Duration,
}

impl Person {
    fn is_recent(&self, now: Duration, window: Duration) -> bool {
        self.at + window >= now
    }
}

impl People {
    /// The rest of the pause of `who`.
    pub(super) fn pause(&self, who: u64, now: Duration) -> Option<Duration> {
        let until = self.0.get(&who)?.until;
        (now < until).then(|| until - now)
    }

    /// Returns whether the last result of `who` was a fault.
    pub(super) fn fails(&self, who: u64, now: Duration, rules: &Rules) -> bool {
        let person = self.0.get(&who);
        person.is_some_and(|person| person.faults > 0 && person.is_recent(now, rules.window))
    }

    /// Forgets all faults, and that people have to pause.
    pub(super) fn forgive(&mut self) {
        for person in self.0.values_mut() {
            *person = Person {
                at: person.at,
                ..Person::default()
            };
        }
    }

    /// Notes a success of `who`.
    pub(super) fn succeeded(&mut self, who: u64, now: Duration, rules: &Rules) {
        if let Some(person) = self.known(who, now, rules) {
            *person = Person {
                at: now,
                ..Person::default()
            };
        }
    }

    /// Notes a fault of `who`. Returns whether so many fail that everybody has to pause: more than
    /// half of those who had a result of late.
    pub(super) fn failed(&mut self, who: u64, now: Duration, rules: &Rules) -> bool {
        let Some(person) = self.known(who, now, rules) else {
            return false;
        };
        person.at = now;
        person.faults += 1;
        // Calls that began before the pause do not make it longer.
        if person.faults >= rules.faults.max(1) && now >= person.until {
            person.pause = match person.pause {
                Duration::ZERO => rules.pause,
                pause => (pause * 2).min(rules.longest_pause),
            };
            person.until = now + person.pause;
        }
        self.most_fail(now, rules)
    }

    fn most_fail(&self, now: Duration, rules: &Rules) -> bool {
        let recent = |person: &&Person| person.is_recent(now, rules.window);
        let (mut active, mut failing, mut faults) = (0, 0, 0);
        for person in self.0.values().filter(recent) {
            active += 1;
            failing += usize::from(person.faults > 0);
            faults += person.faults;
        }
        failing >= rules.least && failing * 2 > active && faults >= rules.faults
    }

    fn known(&mut self, who: u64, now: Duration, rules: &Rules) -> Option<&mut Person> {
        if self.0.len() >= MAX_PEOPLE && !self.0.contains_key(&who) {
            self.0
                .retain(|_, person| person.is_recent(now, rules.window) || now < person.until);
            if self.0.len() >= MAX_PEOPLE {
                return None;
            }
        }
        Some(self.0.entry(who).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_remembered_in_bounded_room() {
        let rules = Rules {
            faults: 3,
            least: 2,
            window: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(8),
        };
        let (mut people, at) = (People::default(), Duration::from_secs);
        for who in 0..2 * MAX_PEOPLE as u64 {
            people.succeeded(who, at(0), &rules);
        }
        assert_eq!(people.0.len(), MAX_PEOPLE);
        assert!(!people.failed(u64::MAX, at(1), &rules), "not remembered");
        assert!(!people.fails(u64::MAX, at(1), &rules));
        people.failed(u64::MAX, at(11), &rules);
        assert_eq!(people.0.len(), 1);
        assert!(people.fails(u64::MAX, at(11), &rules));
    }
}
