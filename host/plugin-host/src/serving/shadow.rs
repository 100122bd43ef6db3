//! Shadow traffic: before a reload is taken, the new validators are asked about the next new tokens beside
//! those that serve, and the answers are compared.
//!
//! Nobody is served by an answer of the new ones, and nobody waits for it. What is told of a difference
//! holds neither a token nor a person.

use std::{
    collections::BTreeSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    chain::{self, Chain, Decided},
    ruling::Decision,
    validator::Check,
};

/// The time after which a comparison ends, however few new tokens came.
pub(super) const LONGEST: Duration = Duration::from_secs(60);
/// The number of tokens that the new validators are asked about at the same time; others that come
/// meanwhile are not compared.
const AT_ONCE: usize = 4;

/// The comparison that is under way, if there is one.
#[derive(Debug, Default)]
pub(super) struct Shadow(Mutex<Option<Arc<Comparison>>>);

#[derive(Debug)]
struct Comparison {
    new: Arc<Chain>,
    /// The number of tokens to compare.
    wanted: usize,
    places: Arc<Semaphore>,
    state: Mutex<State>,
    ended: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    agreed: usize,
    difference: Option<Difference>,
}

/// Two chains that do not decide alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the serving validators said, and the new ones.
    said: (&'static str, &'static str),
    /// The number of tokens before about which they agreed.
    agreed: usize,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (serving, new) = self.said;
        let agreed = self.agreed;
        write!(
            f,
            "the new validators decide otherwise: {new}, where those that serve say {serving}; tokens about which they \
             agreed before: {agreed}"
        )
    }
}

impl Shadow {
    /// Asks `new` about `wanted` tokens beside the validators that serve. Returns the number about which
    /// they agreed: fewer if no more came in time.
    ///
    /// # Errors
    /// The first difference.
    pub(super) async fn compare(
        &self,
        new: &Arc<Chain>,
        wanted: usize,
        longest: Duration,
    ) -> Result<usize, Difference> {
        let comparison = Arc::new(Comparison {
            new: Arc::clone(new),
            wanted,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            state: Mutex::default(),
            ended: CancellationToken::new(),
        });
        *self.0.lock() = Some(Arc::clone(&comparison));
        // Also if the server stops meanwhile.
        let _ends = Ends(self);
        let _ = tokio::time::timeout(longest, comparison.ended.cancelled()).await;
        let state = comparison.state.lock();
        match &state.difference {
            Some(difference) => Err(difference.clone()),
            None => Ok(state.agreed),
        }
    }

    /// Lets the new validators decide about a token, too, about which the serving ones have decided.
    pub(super) fn ask(&self, check: &Check, time: Duration, serving: &Decided) {
        let Some(comparison) = self.0.lock().clone() else {
            return;
        };
        if !serving.is_decision() || !comparison.begin() {
            return;
        }
        let Ok(place) = Arc::clone(&comparison.places).try_acquire_owned() else {
            comparison.state.lock().under_way -= 1;
            return;
        };
        let check = Check {
            until: Instant::now() + time,
            ..check.clone()
        };
        let serving = serving.decision.clone();
        tokio::spawn(async move {
            let new = chain::ask(&comparison.new.validators, &check).await;
            comparison.end(difference(&serving, &new.decision));
            drop(place);
        });
    }
}

/// Ends the comparison when it is dropped.
struct Ends<'a>(&'a Shadow);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

impl Comparison {
    /// Takes one of the tokens that are wanted.
    fn begin(&self) -> bool {
        let mut state = self.state.lock();
        let more = state.agreed + state.under_way < self.wanted && state.difference.is_none();
        state.under_way += usize::from(more);
        more
    }

    fn end(&self, difference: Option<(&'static str, &'static str)>) {
        let mut state = self.state.lock();
        state.under_way -= 1;
        let outcome = match difference {
            None => {
                state.agreed += 1;
                "same"
            }
            Some(said) => {
                let agreed = state.agreed;
                state.difference.get_or_insert(Difference { said, agreed });
                "different"
            }
        };
        metrics::counter!("datahub_mcp_plugin_shadow_total", "outcome" => outcome).increment(1);
        if state.agreed >= self.wanted || state.difference.is_some() {
            self.ended.cancel();
        }
    }
}

/// What two decisions about one token say, if that is not the same for the person.
fn difference(serving: &Decision, new: &Decision) -> Option<(&'static str, &'static str)> {
    let said = |decision: &Decision| match decision {
        Decision::Accepted(..) => "accepted",
        Decision::NotRecognized | Decision::Rejected => "refused",
        Decision::Unavailable(_) => "no decision",
    };
    if let (Decision::Accepted(serving, _), Decision::Accepted(new, _)) = (serving, new) {
        let scopes = |scopes: &[String]| scopes.iter().cloned().collect::<BTreeSet<_>>();
        return if serving.subject != new.subject {
            Some(("one person", "another person"))
        } else if scopes(&serving.scopes) != scopes(&new.scopes) {
            Some(("some scopes", "other scopes"))
        } else {
            None
        };
    }
    let (serving, new) = (said(serving), said(new));
    (serving != new).then_some((serving, new))
}

#[cfg(test)]
mod tests {
    use foundation::identity::{Acceptance, TokenDigest};

    use super::*;
    use crate::serving::ruling::RETRY_AFTER;

    fn accepted(subject: &str, scopes: &[&str]) -> Decision {
        let acceptance = Acceptance {
            subject: subject.to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            expires_at: None,
            validator: "one".to_owned(),
            datahub_token: format!("{subject}-{}", rand::random::<u64>()).into(),
            token_digest: TokenDigest::of("token"),
        };
        Decision::Accepted(Box::new(acceptance), None)
    }

    #[test]
    fn decisions_are_compared_by_what_they_mean_for_the_person() {
        let ada = || accepted("ada", &["read", "write"]);
        let out = || Decision::Unavailable(RETRY_AFTER);
        for (serving, new, told) in [
            (ada(), accepted("ada", &["write", "read"]), None),
            (Decision::Rejected, Decision::NotRecognized, None),
            (
                ada(),
                accepted("eve", &["read", "write"]),
                Some(("one person", "another person")),
            ),
            (
                ada(),
                accepted("ada", &["read"]),
                Some(("some scopes", "other scopes")),
            ),
            (ada(), Decision::Rejected, Some(("accepted", "refused"))),
            (
                Decision::NotRecognized,
                ada(),
                Some(("refused", "accepted")),
            ),
            (ada(), out(), Some(("accepted", "no decision"))),
        ] {
            assert_eq!(difference(&serving, &new), told);
        }
    }

    #[tokio::test]
    async fn a_quiet_server_does_not_wait_for_ever() {
        let shadow = Shadow::default();
        let chain = Arc::new(Chain::new(Vec::new()));
        let agreed = shadow.compare(&chain, 5, Duration::from_millis(20)).await;
        assert_eq!(agreed, Ok(0));
        assert!(shadow.0.lock().is_none());
    }

    #[test]
    fn no_more_tokens_are_taken_than_wanted() {
        let comparison = Comparison {
            new: Arc::new(Chain::new(Vec::new())),
            wanted: 2,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            state: Mutex::default(),
            ended: CancellationToken::new(),
        };
        assert!(comparison.begin() && comparison.begin() && !comparison.begin());
        comparison.end(None);
        assert!(!comparison.begin() && !comparison.ended.is_cancelled());
        comparison.end(Some(("accepted", "refused")));
        assert!(comparison.ended.is_cancelled() && !comparison.begin());
        let difference = comparison.state.lock().difference.clone().unwrap();
        let told = "refused, where those that serve say accepted; tokens about which they agreed before: 1";
        assert!(difference.to_string().contains(told), "{difference}");
    }
}
