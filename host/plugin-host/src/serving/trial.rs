//! The time after a reload in which it can be taken back: the validators that served before stay until
//! the new ones have decided about a token. If these only fail by faults of their own, those serve again.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::chain::{Chain, Decided};

/// The number of faults in a row after which new validators are taken back.
const FAULTS: u32 = 3;
/// The time after which new validators stay that nobody has asked.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// The trial of the serving validators, if there is one.
#[derive(Debug, Default)]
pub(super) struct Trial(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    /// The validators that served before, and have decided about tokens.
    before: Arc<Chain>,
    faults: u32,
}

/// The consequence of a decision for a trial.
#[derive(Debug)]
pub(super) enum Judgement {
    None,
    /// The new validators stay, and these can retire.
    Passed(Arc<Chain>),
    /// The new validators go, and these serve again.
    Failed(Arc<Chain>),
}

impl Trial {
    /// Keeps `before`, which a reload has replaced; returns it if it can retire at once.
    pub(super) fn begin(&self, before: Arc<Chain>) -> Option<Arc<Chain>> {
        let mut running = self.0.lock();
        if let Some(earlier) = &mut *running {
            // The reload before this one proved nothing: what served before it stays.
            earlier.faults = 0;
            return Some(before);
        }
        if !before.is_proven() {
            return Some(before);
        }
        *running = Some(Running { before, faults: 0 });
        None
    }

    /// Ends the trial: the validators that serve now stay. Returns those that can retire.
    pub(super) fn end(&self) -> Option<Arc<Chain>> {
        Some(self.0.lock().take()?.before)
    }

    /// Takes in what `chain` decided; `serves` is false for one that was replaced meanwhile.
    pub(super) fn judge(&self, chain: &Chain, serves: bool, decided: &Decided) -> Judgement {
        if chain.is_proven() {
            return Judgement::None;
        }
        if decided.is_decision() {
            chain.prove();
            let before = serves.then(|| self.end()).flatten();
            return before.map_or(Judgement::None, Judgement::Passed);
        }
        if !serves || !decided.is_fault {
            return Judgement::None;
        }
        let mut running = self.0.lock();
        let Some(trial) = &mut *running else {
            return Judgement::None;
        };
        trial.faults += 1;
        if trial.faults < FAULTS {
            return Judgement::None;
        }
        let before = running.take().map(|trial| trial.before);
        before.map_or(Judgement::None, Judgement::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::ruling::{Decision, RETRY_AFTER};

    fn decided(decision: Decision, is_fault: bool) -> Decided {
        Decided {
            decision,
            reason: String::new(),
            is_fault,
        }
    }

    fn fault() -> Decided {
        decided(Decision::Unavailable(RETRY_AFTER), true)
    }

    fn chains() -> (Arc<Chain>, Arc<Chain>) {
        let [before, new] = [(), ()].map(|()| Arc::new(Chain::new(Vec::new())));
        before.prove();
        (before, new)
    }

    #[test]
    fn faults_in_a_row_take_back() {
        let (before, new) = chains();
        let trial = Trial::default();
        assert!(trial.begin(Arc::clone(&before)).is_none());
        let outage = decided(Decision::Unavailable(RETRY_AFTER), false);
        for one in [fault(), outage, fault()] {
            assert!(matches!(trial.judge(&new, true, &one), Judgement::None));
        }
        // Calls of the chain that was replaced do not count.
        assert!(matches!(
            trial.judge(&new, false, &fault()),
            Judgement::None
        ));
        match trial.judge(&new, true, &fault()) {
            Judgement::Failed(chain) => assert!(Arc::ptr_eq(&chain, &before)),
            other => panic!("{other:?}"),
        }
        assert!(trial.end().is_none());
    }

    #[test]
    fn one_decision_ends_it() {
        let (before, new) = chains();
        let trial = Trial::default();
        assert!(trial.begin(before).is_none());
        let rejected = decided(Decision::Rejected, false);
        assert!(matches!(
            trial.judge(&new, true, &rejected),
            Judgement::Passed(_)
        ));
        for _ in 0..2 * FAULTS {
            assert!(matches!(trial.judge(&new, true, &fault()), Judgement::None));
        }
    }

    #[test]
    fn only_what_has_proved_itself_comes_back() {
        let (before, unproven) = chains();
        let trial = Trial::default();
        assert!(trial.begin(Arc::clone(&unproven)).is_some());
        assert!(trial.begin(Arc::clone(&before)).is_none());
        // A second reload before the first has proved itself.
        assert!(trial.begin(unproven).is_some());
        assert!(trial.end().is_some_and(|kept| Arc::ptr_eq(&kept, &before)));
    }
}
