//! The state that the endpoints share, and the lifetimes of forms, codes and consents.

use std::{sync::Arc, time::Duration};

use foundation::{
    clock::{Clock, UnixMillis},
    public_url::PublicUrl,
};
use telemetry::Sampled;

use super::{
    Settings, client_metadata::Documents, clients::Clients, keys::Keys, limits::Limits,
    redirect_uri::RedirectRules, seal::Sealer, settings::SettingsError, store::Store,
    tokens::SealedTokens, trial::Trial, upstream::Upstream,
};

/// The time in which a consent page can be answered.
pub(super) const FORM_TTL: Duration = Duration::from_secs(1_800);
/// The time that a person may take at the identity provider.
pub(super) const TRANSACTION_TTL: Duration = Duration::from_secs(600);
/// The time that a client may take to redeem a code.
pub(super) const CODE_TTL: Duration = Duration::from_secs(120);
/// The time in which a second use of a code is recognized as one.
pub(super) const SPENT_CODE_TTL: Duration = Duration::from_secs(3_600);
/// The time in which a refresh token that was used gets the same answer again.
pub(super) const REFRESH_GRACE: Duration = Duration::from_secs(60);
/// The time that a consent is remembered.
pub(super) const CONSENT_TTL: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Everything that an endpoint needs.
pub(super) struct Context {
    pub(super) settings: Settings,
    pub(super) public_url: PublicUrl,
    pub(super) clock: Clock,
    pub(super) sealer: Arc<Sealer>,
    pub(super) store: Arc<dyn Store>,
    pub(super) tokens: Arc<SealedTokens>,
    pub(super) rules: Arc<RedirectRules>,
    pub(super) clients: Clients,
    pub(super) upstream: Upstream,
    pub(super) trial: Arc<dyn Trial>,
    pub(super) register_limits: Limits,
    pub(super) authorize_limits: Limits,
    pub(super) token_limits: Limits,
    /// The log lines that strangers can cause in any number.
    pub(super) lines: Sampled,
}

impl Context {
    /// The time for which the end of a sign-in, or the use of one of its tokens, is remembered: as long as any of
    /// its tokens may be good. One that is presented may be good until `expires`, in seconds since 1970,
    /// longer than the settings say now.
    pub(super) fn remembered(&self, expires: u64) -> Duration {
        let Settings {
            access_ttl,
            refresh_ttl,
            ..
        } = self.settings;
        let left = UnixMillis::from_seconds(expires).0;
        let left = Duration::from_millis(left.saturating_sub(self.clock.unix_millis().0));
        access_ttl.max(refresh_ttl).max(left)
    }

    /// Assembles the parts. Contacts no other server.
    pub(super) fn new(
        settings: Settings,
        public_url: PublicUrl,
        clock: Clock,
        store: Arc<dyn Store>,
        documents: Arc<Documents>,
        trial: Arc<dyn Trial>,
    ) -> Result<Self, SettingsError> {
        let keys = Keys::load(&settings.keys)?;
        let sealer = Arc::new(Sealer::new(&keys, &public_url)?);
        let rules = Arc::new(RedirectRules::new(&public_url, &settings.redirect_schemes)?);
        let clients = Clients::new(
            &settings,
            Arc::clone(&sealer),
            documents,
            Arc::clone(&rules),
            Arc::clone(&store),
            clock.clone(),
        )?;
        let callback = public_url.url("/oauth/callback");
        let upstream = Upstream::new(
            &settings.upstream,
            &settings.network,
            callback,
            clock.clone(),
        )?;
        let tokens = SealedTokens::new(
            Arc::clone(&sealer),
            Arc::clone(&store),
            clock.clone(),
            settings.sealed_only,
        );
        let limits = || Limits::new(&settings.limits);
        Ok(Self {
            register_limits: limits(),
            authorize_limits: limits(),
            token_limits: limits(),
            lines: Sampled::default(),
            clock,
            sealer,
            store,
            tokens: Arc::new(tokens),
            rules,
            clients,
            upstream,
            trial,
            settings,
            public_url,
        })
    }
}
